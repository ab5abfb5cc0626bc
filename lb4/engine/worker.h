/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A worker: one thread, one epoll, its own listeners and conns.  It shares
 * nothing that it writes per packet; other threads reach it by its mailbox.
 *
 * A turn of the loop: wait, look at the clock and the table, serve the events,
 * the conns that had more to do than their budget, the timers; then bury what
 * died in this turn, and say that nothing of the table is held any more.
 */
#ifndef LB4_ENGINE_WORKER_H
#define LB4_ENGINE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/loop.h"
#include "common/mailbox.h"
#include "common/slots.h"
#include "common/timer.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/relay.h"
#include "lb4/engine/waiting.h"
#include "lb4/table/gate.h"
#include "lb4/table/table.h"

struct conn;
struct listener;
struct sweep;

/* What an event's tag names. */
enum worker_tag {
	TAG_MAILBOX,
	TAG_LISTENER,
	TAG_CLIENT,  /* a conn's socket towards its client */
	TAG_BACKEND, /* ... towards its backend */
};

enum worker_message_kind {
	WORKER_RESUME, /* a gate has room again: try your listeners */
	WORKER_ATTACH, /* `conn` is yours now; you free the memory */
	WORKER_MOVE,   /* give conn `id` (0: all of them) to worker `to` */
	WORKER_SWEEP,  /* do the next piece of `sweep` and post it back */
	WORKER_DRAIN,
	WORKER_KILL,
	WORKER_STOP,
};

struct worker_message {
	enum worker_message_kind kind;
	uint32_t to;
	uint64_t id;
	struct conn *conn;
	struct sweep *sweep;
};

/* What all workers share. */
struct worker_shared {
	/* set before start */
	struct tables *tables;
	struct engine_peers peers;
	struct worker *workers; /* all of them */
	unsigned count;
	uint64_t maxconn;
	uint16_t port_low, port_high; /* ip_local_port_range */

	struct gate gate; /* conns of the process */
};

TAILQ_HEAD(conn_list, conn);

struct worker {
	/* set before start */
	struct worker_shared *shared;
	unsigned index;
	int cpu; /* to be pinned to; -1: none */
	pthread_t thread;
	struct mailbox mailbox; /* struct worker_message */

	/* owned by the worker */
	int epfd;
	struct slots conns;	/* struct conn */
	struct slots listeners; /* struct listener */
	struct timer_wheel timers;
	struct relay_env relays;
	const struct table *table; /* of this turn; NULL between turns */
	uint64_t now_us, now_ms;   /* of this turn */
	uint64_t turn;
	uint64_t last_conn;	/* number of the last conn begun here */
	uint64_t warned_ms;	/* when a lack of resources was last logged */
	struct conn_list ready; /* had more to do than their budget */
	struct conn_list dead;	/* closed in this turn */
	/* gather.h: to be looked at from gather_us on, and now */
	struct conn_list gathering;
	struct conn_list to_look;
	uint64_t gather_us;
	struct waiting waiting; /* conns for which no backend has room */
	bool draining;
	bool drained; /* control has been told */
	bool stopping;

	/* Writer: this worker.  Reader: control. */
	_Alignas(64) _Atomic uint64_t open; /* conns */
	_Atomic uint64_t turn_ms; /* the present turn began; 0: asleep */
};

/* Prepares worker `index`; no thread yet.  0 or -errno. */
int worker_init(struct worker *worker, struct worker_shared *shared,
    unsigned index, const struct config *config,
    const struct engine_limits *limits);
void worker_done(struct worker *worker);

/* The thread's main function; `argument` is the worker. */
void *worker_main(void *argument);

/* Ends the conns of a worker, those on their way to it too, when the threads of
 * all workers have ended.  For control. */
void worker_end(struct worker *worker);

/* From any thread.  Waits, in small sleeps, while the mailbox is full. */
void worker_post(struct worker *worker, const struct worker_message *message);

/* From a worker to another, which must not wait.  False: mailbox full. */
bool worker_try_post(struct worker *worker,
    const struct worker_message *message);

/* For the worker itself: whether a lack of resources may be logged again
 * (once a second). */
bool worker_may_warn(struct worker *worker);

/* Wakes the workers that wait before a gate. */
void worker_wake_waiters(struct worker_shared *shared, struct gate *gate);

#endif
