/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What a worker does before it sleeps: see spin.h. */
#include "lb4/engine/spin.h"

#include <stdatomic.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/timer.h"
#include "lb4/config/settings.h"
#include "lb4/engine/types.h"

void
spin_set(struct worker_shared *shared, const struct config *config)
{
	const unsigned workers = atomic_load_explicit(&shared->count,
	    memory_order_relaxed);
	int failed = 0;

	atomic_store_explicit(&shared->spin_us, config->spin_us,
	    memory_order_relaxed);
	for (unsigned i = 0; i < workers; i++) {
		int error = loop_busy_poll(shared->workers[i].epfd,
		    config->busy_poll_us);

		failed = error < 0 ? error : failed;
	}
	if (failed < 0 && config->busy_poll_us > 0)
		log_warning("busy-poll: the kernel does not poll network "
			    "devices for lb4: %s",
		    strerror(-failed));
}

int
spin_wait(const struct worker *worker, struct epoll_event *events, int count,
    int *left_us)
{
	unsigned spin_us = atomic_load_explicit(&worker->shared->spin_us,
	    memory_order_relaxed);
	uint64_t begin_us, spun_us = 0;
	int n = 0;

	if (*left_us >= 0 && spin_us > (unsigned)*left_us)
		spin_us = (unsigned)*left_us;
	if (spin_us == 0)
		return 0;
	begin_us = timer_now_us();
	while (n == 0 && spun_us < spin_us) {
		n = loop_wait(worker->epfd, events, count, 0);
		spun_us = timer_now_us() - begin_us;
	}
	if (*left_us >= 0)
		*left_us -= spun_us < (unsigned)*left_us ? (int)spun_us
							 : *left_us;
	return n;
}
