/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A worker: one thread, one epoll, its own listeners and conns.  It shares
 * nothing that it writes per packet; other threads reach it by its mailbox.
 *
 * A turn of the loop: wait, look at the clock and the table, serve the events,
 * the conns that had more to do than their budget, the timers; then bury what
 * died in this turn, and say that nothing of the table is held any more.
 *
 * Events first, deadlines after.  When the worker itself did not run for a
 * while (the process was stopped, the machine slept, others had the CPU), the
 * gap is added to the deadlines of its conns, and timers wait until all events
 * that came meanwhile are served.
 */
#ifndef LB4_ENGINE_WORKER_H
#define LB4_ENGINE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/limiter.h"
#include "common/loop.h"
#include "common/mailbox.h"
#include "common/slots.h"
#include "common/timer.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/ownconns.h"
#include "lb4/engine/progress.h"
#include "lb4/engine/relay.h"
#include "lb4/engine/waiting.h"
#include "lb4/model/gate.h"
#include "lb4/table/table.h"

/* Listeners of a worker.  With fewer workers than there were each has more of
 * them. */
#define WORKER_LISTENERS_MAX 65536

struct closing;
struct conn;
struct engine_limits;
struct listen_socket;
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
	WORKER_ATTACH,	 /* `conn` is yours now; you free the memory */
	WORKER_MOVE,	 /* give conn `id` (0: all of them) to worker `to` */
	WORKER_LISTEN,	 /* accept from `socket` for `state`: both referenced
			  * by the message */
	WORKER_UNLISTEN, /* no more from `socket`: others go on with it */
	WORKER_LEAVE,	 /* take what waits in `socket`, then let go of it */
	WORKER_PIPES,	 /* at most `pipes` from now on, so many of them big */
	WORKER_RETIRE,	 /* give all you have to the first `to` workers and end
			  * your thread */
	WORKER_SWEEP,	 /* do the next piece of `sweep` and post it back */
	WORKER_CLOSE,	 /* do the next piece of `closing`, likewise */
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
	struct sweep *sweep;
	struct closing *closing;
	struct listen_socket *socket;
	struct service_state *state;
	bool exclusive; /* other workers accept from `socket`, too */
	uint32_t pipes;
	uint64_t big_pipes;
};

/* What all workers share. */
struct worker_shared {
	/* set before start */
	struct tables *tables;
	struct engine_peers peers;
	struct worker *workers; /* room for all that there may ever be */
	uint64_t room;	/* conns for which each has slots; maxconn at least */
	bool no_splice; /* splice(2) is refused here; set before start */

	/* How many workers have been made, with a thread now or without.
	 * Writer: control (release).  Readers: workers (acquire). */
	_Atomic unsigned count;
	/* Writer: control.  Readers: workers. */
	_Atomic uint64_t maxconn;
	_Atomic bool silent; /* no access log: no records */
	/* ip_local_port_range.  Writer: control, at a reload.  Readers:
	 * workers. */
	_Atomic uint16_t port_low, port_high;
	/* Listeners that are to be left and are not yet.  Writers: control up,
	 * workers down (release).  Reader: control (acquire). */
	_Atomic unsigned leaving;

	struct gate gate; /* conns of the process */
	struct stalled stalled;
	struct ownconns own;
	/* Drawn by listeners that wait, before whatever gate.  Writers:
	 * workers, fetch-and-add. */
	_Atomic uint64_t tickets;
};

TAILQ_HEAD(conn_list, conn);
TAILQ_HEAD(listener_line, listener);

struct worker {
	/* set before start */
	struct worker_shared *shared;
	unsigned index;
	int cpu; /* to be pinned to; -1: none */
	pthread_t thread;
	struct mailbox mailbox; /* struct worker_message */

	/* owned by the worker */
	int epfd;
	struct slots conns;	   /* struct conn */
	struct slots listeners;	   /* struct listener */
	struct listener_line line; /* listeners before a gate; oldest first */
	unsigned without_service;  /* listeners whose service is to come */
	struct timer_wheel timers;
	struct relay_env relays;
	const struct table *table; /* of this turn; NULL between turns */
	uint64_t now_us, now_ms;   /* of this turn */
	uint64_t turn;
	uint64_t last_conn;	 /* number of the last conn begun here */
	struct limiter warnings; /* of a lack of resources, in the log */
	struct conn_list ready;	 /* had more to do than their budget */
	struct conn_list dead;	 /* closed in this turn */
	/* gather.h: to be looked at from gather_us on, and now */
	struct conn_list gathering;
	struct conn_list to_look;
	uint64_t gather_us;
	struct waiting waiting; /* conns for which no backend has room */
	uint64_t shed_turn;	/* the last in which it shed stalled conns */
	bool behind; /* events from before a gap may still be waiting */
	bool draining;
	bool stopping;
	unsigned retiring; /* to the first so many workers; 0: not */

	/* Writer: this worker.  Reader: control. */
	_Alignas(64) _Atomic uint64_t open; /* conns */
	/* Nothing is left here of what is to be drained (release). */
	_Atomic bool drained;
	_Atomic uint64_t turn_ms; /* the present turn began; 0: asleep */
	_Atomic pid_t tid;	  /* of its thread */
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
 * (once a second).  Logs how often it was not since then. */
bool worker_may_warn(struct worker *worker);

/* Goes out of a gate, and calls the worker that has waited there longest. */
void worker_leave(struct worker_shared *shared, struct gate *gate);

/* Calls that worker: there may be room. */
void worker_call_oldest(struct worker_shared *shared, struct gate *gate);

#endif
