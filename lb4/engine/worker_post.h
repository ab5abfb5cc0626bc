/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Messages to workers: the only way to touch what another thread owns.  Control
 * and other workers post them; worker.c takes them.
 */
#ifndef LB4_ENGINE_WORKER_POST_H
#define LB4_ENGINE_WORKER_POST_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct gate;
struct listen_socket;
struct service_state;
struct walk;
struct worker;
struct worker_shared;

enum worker_message_kind {
	WORKER_ATTACH,	 /* `conn` is yours now; you free the memory */
	WORKER_ADOPT,	 /* the same; it comes from another process */
	WORKER_MOVE,	 /* give conn `id` (0: all of them) to worker `to` */
	WORKER_LISTEN,	 /* accept from `socket` for `state`: both referenced
			  * by the message */
	WORKER_UNLISTEN, /* drop `socket` at once */
	WORKER_LEAVE,	 /* accept what waits in `socket`, then drop it */
	WORKER_PIPES,	 /* at most `pipes`, `big_pipes` of them big; the keys
			  * of the access log may have changed, too */
	WORKER_RETIRE,	 /* give your conns to the first `to` workers and end
			  * your thread */
	WORKER_WALK,	 /* do the next piece of `walk` and post it back */
	WORKER_DRAIN,
	WORKER_CUT, /* reset the conns after what they have received */
	WORKER_KILL,
	WORKER_STOP,
};

struct worker_message {
	enum worker_message_kind kind;
	uint32_t to;
	uint64_t id;
	struct conn *conn;
	struct walk *walk;
	struct listen_socket *socket;
	struct service_state *state;
	bool exclusive; /* other workers accept from `socket` too */
	uint32_t pipes;
	uint64_t big_pipes;
};

/* From any thread.  Sleeps briefly and retries while the mailbox is full. */
void worker_post(struct worker *worker, const struct worker_message *message);

/* From one worker to another, without waiting.  False: the mailbox is full. */
bool worker_try_post(struct worker *worker,
    const struct worker_message *message);

/* Takes the next message left in the mailbox of a worker whose thread has
 * ended.  Returns only messages that carry a conn, which is then the caller's.
 * Undoes all others: a walk goes back to control, references are dropped.
 * False: no message is left. */
bool worker_take_undelivered(struct worker *worker,
    struct worker_message *message);

/* Leaves a gate and calls the worker that has waited there longest. */
void worker_leave(struct worker_shared *shared, struct gate *gate);

/* Calls that worker: the gate may have room. */
void worker_call_oldest(struct worker_shared *shared, struct gate *gate);

#endif
