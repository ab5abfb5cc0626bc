/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Messages to workers: see worker_post.h. */
#include "lb4/engine/worker_post.h"

#include <stddef.h>
#include <time.h>

#include "lb4/engine/listen_socket.h"
#include "lb4/engine/types.h"
#include "lb4/engine/walk.h"
#include "lb4/model/service.h"

bool
worker_try_post(struct worker *worker, const struct worker_message *message)
{
	return mailbox_post(&worker->mailbox, message);
}

void
worker_post(struct worker *worker, const struct worker_message *message)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	while (!worker_try_post(worker, message))
		(void)nanosleep(&pause, NULL);
}

bool
worker_take_undelivered(struct worker *worker, struct worker_message *message)
{
	while (mailbox_take(&worker->mailbox, message)) {
		if (message->kind == WORKER_ATTACH ||
		    message->kind == WORKER_ADOPT)
			return true;
		if (message->kind == WORKER_WALK) {
			message->walk->run(NULL, message->walk);
		} else if (message->kind == WORKER_LISTEN) {
			listen_socket_unref(message->socket);
			service_state_unref(message->state);
		}
	}
	return false;
}

void
worker_call_oldest(struct worker_shared *shared, struct gate *gate)
{
	const int oldest = gate_oldest(gate);

	if (oldest >= 0)
		mailbox_ring(&shared->workers[oldest].mailbox);
}

void
worker_leave(struct worker_shared *shared, struct gate *gate)
{
	if (gate_leave(gate))
		worker_call_oldest(shared, gate);
}
