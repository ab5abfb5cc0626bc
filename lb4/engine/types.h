/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The structs that the modules of the engine share: a conn, a worker, and their
 * parts.  Each part is documented by its own module.  This header declares no
 * functions, so every module of the engine can include it.
 */
#ifndef LB4_ENGINE_TYPES_H
#define LB4_ENGINE_TYPES_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/addr.h"
#include "common/limiter.h"
#include "common/mailbox.h"
#include "common/slots.h"
#include "common/sources.h"
#include "common/timer.h"
#include "lb4/config/settings.h"
#include "lb4/engine/origins.h"
#include "lb4/engine/ownconns.h"
#include "lb4/engine/peers.h"
#include "lb4/engine/relay.h"
#include "lb4/engine/tap.h"
#include "lb4/model/gate.h"
#include "lb4/model/histogram.h"
#include "lb4/model/waitqueue.h"

struct backend;
struct conn;
struct listener;
struct service_state;
struct sources;
struct table;
struct tables;
struct terms;
struct worker;

/* ---- a conn: conn.h ------------------------------------------------------ */

enum conn_state {
	CONN_CONNECTING,
	CONN_QUEUED,
	CONN_RELAYING,
	CONN_RESETTING,
	CONN_CLOSED,
	CONN_PREREAD,
	CONN_STATE_COUNT,
};

/* Whether the clock, not epoll, tells when to look for input, and which of the
 * worker's lists the conn is in: see gather.h. */
enum gathering {
	GATHER_NOT,
	GATHER_WAITS, /* for the next round */
	GATHER_DUE,   /* in this one */
};

/* The most retries that a conn counts. */
#define CONN_RETRIES_MAX 15

enum conn_side {
	CLIENT,
	BACKEND,
	SIDES,
};

/* What progress.h knows of one conn as of the last look; [CLIENT] is what the
 * client takes.  Whether a side is owed bytes is in struct conn, next to the
 * fields that traffic touches. */
struct progress {
	uint32_t taken[2];   /* bytes: low bits */
	uint32_t since[2];   /* it has taken nothing since: ms, low bits */
	uint32_t stalled_kb; /* counted in struct stalled; 0: not stalled */
};

/* What a conn needs until a backend answers: conn_connect.h, waiting.h. */
struct attempts {
	uint64_t ticket;   /* its place in the service's queue; 0: none yet */
	uint64_t began_ms; /* the present attempt to connect; PREREAD: the wait
			    * for the first bytes */
	uint32_t queued_since; /* QUEUED: it waits since then: ms, low bits */
	uint8_t tries;
	bool waited;	    /* for all of wait-for-backend: the last try */
	uint8_t send_proxy; /* enum send_proxy: of the present attempt */
	uint8_t preread;    /* PREREAD: bits of conn_preread.h */
	uint32_t tried[CONFIG_RETRIES_MAX + 1]; /* backends, by id */
};

/* What it needs from then on: conn_relay.h, conn_end.h. */
struct relays {
	struct relay from[SIDES];
	uint32_t lost;	       /* bytes received, but the other side failed */
	uint32_t linger_since; /* RESETTING: since the reset began or, if lb4
				* cuts the conn, a side took bytes: ms, low
				* bits */
};

struct conn {
	/* The first two cache lines are what traffic touches.
	 *
	 * `established` says whose the union is: conn_attempts() and
	 * conn_relays() check it.  It is set when the conn becomes RELAYING,
	 * and stays. */
	union {
		struct attempts attempts; /* PREREAD to QUEUED */
		struct relays relays;	  /* RELAYING, RESETTING */
	};
	struct side side[SIDES];
	uint64_t last_ms;	       /* when bytes last moved */
	struct service_state *service; /* counted inside its gate */
	struct backend *backend; /* counted as active there; NULL: none yet */
	struct terms *terms; /* counted there: settings, as of its beginning */
	uint8_t state;	     /* enum conn_state; conn_set_state() only */
	uint8_t last_from;   /* the side that the last bytes came from */
	uint8_t gathering;   /* enum gathering */
	uint8_t owed;	     /* progress.h: one bit for each side */
	uint8_t reason;	     /* enum reason, once it is known */
	uint8_t failed_side : 4; /* RESETTING: the one that met the error, or
				  * SIDES: none has, lb4 cuts the conn */
	uint8_t retries : 4;	 /* CONN_RETRIES_MAX: so many, or more */
	bool ready : 1;		 /* in the worker's ready list */
	bool established : 1;	 /* a backend has answered */
	bool unwatched : 1;	 /* no look is scheduled: nothing was owed */
	bool sampled : 1;	 /* access_lines.h: logged if it ends well */
	bool told : 1;		 /* ... its entry in lines.told is valid */
	bool seen : 1;		 /* its entry in worker->seen is valid */
	bool held : 1;	  /* it had to wait because no backend was available */
	bool preface : 1; /* its entry in worker->prefaces is valid */
	bool throttled : 1;	 /* QUEUED, over a limit: throttle.h */
	bool counted : 1;	 /* its entry in worker->source is valid */
	bool sourced : 1;	 /* counted as from one of a pool: origins.h */
	bool probed : 1;	 /* stuck.h: keepalives go to the backend */
	bool mirrored : 1;	 /* its entry in worker->mirrors is valid */
	TAILQ_ENTRY(conn) entry; /* ready or dead list, or line */

	/* Lists and timers, a few times a second at most. */
	TAILQ_ENTRY(conn) gather_entry; /* gather.h */
	struct timer timer;
	struct progress progress;
	uint32_t own; /* ownconns.h: the backend socket's entry; 0: none */

	/* The beginning and the end. */
	uint64_t id;
	uint64_t accepted_us;
	uint64_t step_us; /* the attempt began; then: it was established */
	struct endpoint client;
	uint16_t port;	     /* that the client connected to; 0: unix */
	uint16_t error;	     /* errno behind the reason */
	uint32_t queue_ms;   /* spent in the queue, in earlier waits */
	uint32_t excused_ms; /* the worker did not run: max-lifetime waits */
};

/* What an idle conn costs in user memory: its slot. */
#define CONN_BYTES_MAX 256
static_assert(sizeof(struct conn) + sizeof(struct slots_header) <=
	CONN_BYTES_MAX,
    "a conn and the header of its slot fit into four cache lines");

/* What the access log was last told of a conn: access_lines.h. */
struct told {
	uint64_t at_ms;
	uint64_t delivered[SIDES]; /* bytes; [CLIENT]: to the client */
};

/* Segments of the connection to a conn's backend, as of the last sample:
 * tcpinfo.h.  Low bits, as the kernel counts them. */
struct tcpinfo {
	uint32_t sent;
	uint32_t retransmitted;
	uint32_t received;
	uint32_t disordered;
};

/* How much work the conn in a slot is: weigh.h. */
struct weighed {
	uint32_t runs; /* of the relays of all conns in this slot: low bits */
	uint32_t id;   /* low bits of the conn's */
	uint32_t work; /* that it had done when it was weighed: low bits */
};

/* What lb4 itself sends to the backend of a conn before the client's bytes, and
 * what it needs to know for that: preface.h. */
struct preface {
	struct endpoint dst; /* named by the client's PROXY header; family 0:
			      * it named none */
	uint8_t send_proxy;  /* established: enum send_proxy */
	bool hello : 1;	     /* the client's ClientHello has been seen */
	bool request : 1;    /* an SSLRequest belongs to it */
	bool awaits : 1;     /* all is sent; the answer to the SSLRequest is
			      * not here yet */
	uint16_t sent;	     /* bytes */
	uint32_t sum;	     /* crc32c of all bytes; if sent > 0 */
};

/* The copy of what the client of a conn sends: mirror.h. */
struct mirror {
	struct tap tap;
	struct service_state *service; /* referenced */
	struct conn *conn;	       /* NULL: it has ended */
	TAILQ_ENTRY(mirror) entry;     /* of the ready list */
	struct timer timer;
	uint64_t deadline_ms;  /* to connect; later: to end after the conn */
	uint64_t counted;      /* of the tap's bytes */
	uint64_t looked;       /* the tap's bytes when the timer was armed */
	uint32_t own;	       /* ownconns.h: the socket's entry; 0: none */
	bool ready : 1;	       /* in the ready list */
	bool up : 1;	       /* it is connected */
	bool local_port : 1;   /* it may be connected to itself: to be looked */
	bool in_ready : 1;     /* reading may find something */
	bool answered_all : 1; /* a read has returned 0 */
	bool owes_fin : 1;     /* it gets a FIN after the rest */
	bool owes_reset : 1;   /* ... a reset */
	bool fin_sent : 1;
};

/* A conn between two workers, which pass it on by the address of `conn`. */
struct detached {
	struct conn conn;
	struct told told;
	struct tcpinfo seen;
	struct preface preface;
	struct mirror mirror; /* valid if conn.mirrored */
	sources_entry source; /* 0: none */
};
static_assert(offsetof(struct detached, conn) == 0,
    "a detached conn's address is that of the whole");

/* ---- a worker: worker.h -------------------------------------------------- */

/* What an event's tag names. */
enum worker_tag {
	TAG_MAILBOX,
	TAG_LISTENER,
	TAG_CLIENT,  /* a conn's socket towards its client */
	TAG_BACKEND, /* ... towards its backend */
	TAG_MIRROR,
};

/* The conns of a worker that wait for a backend: waiting.h. */
TAILQ_HEAD(waiting_parts, waitqueue_part);
TAILQ_HEAD(throttled_conns, conn);

struct waiting {
	struct waiting_parts parts;	  /* that are not empty */
	struct timer look;		  /* armed while there are any */
	struct throttled_conns throttled; /* throttle.h: oldest first */
	struct timer retry;		  /* armed while there are any */
};

/* When the conns of a worker get lines while they go on: access_lines.h. */
struct access_lines {
	struct told *told;  /* owned; one for each slot of a conn */
	uint64_t every_ms;  /* the interval; 0: none */
	uint64_t since_ms;  /* it is in force since then; 0: the start */
	uint32_t next_slot; /* conns from here on have timers for an earlier
			     * interval; UINT32_MAX: none */
	unsigned written;   /* such lines in the turn `turn` */
	uint64_t turn;
};

/* The stalled conns of all workers: progress.h.  Writers: workers.  Readers:
 * workers. */
struct stalled {
	_Alignas(64) _Atomic uint64_t conns;
	_Atomic uint64_t kb;
	/* The bound of kb.  Writer: control.  Readers: workers. */
	_Atomic uint64_t most_kb;
};

/* What all workers share. */
struct worker_shared {
	/* set before start */
	struct tables *tables;
	struct engine_peers peers;
	struct worker *workers; /* room for all that may ever exist */
	uint64_t room;		/* slots for conns in each; at least maxconn */
	bool no_splice;		/* splice(2) is refused here */
	uint64_t last_conn;	/* conns get numbers above it */

	/* Workers that exist, with or without a thread now.  Writer: control
	 * (release).  Readers: workers (acquire). */
	_Atomic unsigned count;
	/* Writer: control.  Readers: workers. */
	_Atomic uint64_t maxconn;
	_Atomic bool silent;	  /* no access log: no records */
	_Atomic bool weighs;	  /* worker-rebalance is set */
	_Atomic unsigned spin_us; /* spin.h; 0: off */
	/* access_lines.h: access-log-start, access-log-every (0: off), and
	 * access-log-sample. */
	_Atomic bool access_start;
	_Atomic unsigned access_every_ms;
	_Atomic unsigned access_sample;
	/* ip_local_port_range.  Writer: control, at a reload.  Readers:
	 * workers. */
	_Atomic uint16_t port_low, port_high;
	/* Listeners told to leave that have not left yet.  Writers: control up,
	 * workers down (release).  Reader: control (acquire). */
	_Atomic unsigned leaving;

	/* mirror.h: how many there may be.  Writer: control.  Readers:
	 * workers. */
	_Atomic uint64_t mirrors_max;
	/* ... and are.  Writers: workers. */
	_Alignas(64) _Atomic uint64_t mirrors;

	struct gate gate; /* conns of the process */
	struct stalled stalled;
	struct ownconns own;
	struct sources *sources; /* owned */
	/* throttle.h: the rate of [global].  Writer: control.  Readers:
	 * workers. */
	_Atomic uint64_t rate_interval_ns, rate_slack_ns;
	/* ... its arrival time.  Writers: workers, compare-and-swap. */
	_Alignas(64) _Atomic uint64_t paced_ns;
	struct origins origins;
	/* Drawn by listeners that wait before any gate.  Writers: workers,
	 * fetch-and-add. */
	_Atomic uint64_t tickets;
};

TAILQ_HEAD(conn_list, conn);
TAILQ_HEAD(listener_line, listener);
TAILQ_HEAD(mirror_list, mirror);

/* The mirrors of a worker. */
struct mirrors {
	struct slots slots;	  /* struct mirror */
	struct mirror **of;	  /* owned; one for each slot of a conn */
	struct mirror_list ready; /* with something to do */
	struct limiter warnings;  /* in the log, about dropped copies */
};

/* What the metrics show of a worker.  Writer: that worker, at the end of each
 * turn, with relaxed stores.  Reader: the metrics thread. */
struct worker_stats {
	_Alignas(64) _Atomic uint64_t spliced_bytes;
	_Atomic uint64_t copied_bytes;
	_Atomic uint64_t pipes; /* in stock or in use */
	_Atomic uint64_t pipes_max;
	_Atomic uint64_t pipes_refused;
	_Atomic uint64_t moved_conns; /* given to other workers */
	_Atomic uint64_t work;	      /* weigh.h */
	struct histogram turn;	      /* from an event to the next wait */
};

struct worker {
	/* set before start */
	struct worker_shared *shared;
	unsigned index;
	int cpu; /* the worker is pinned to; -1: none */
	pthread_t thread;
	struct mailbox mailbox; /* struct worker_message */

	/* owned by the worker */
	int epfd;
	struct slots conns;	   /* struct conn */
	struct slots listeners;	   /* struct listener */
	struct listener_line line; /* listeners before a gate; oldest first */
	unsigned without_service;  /* listeners that wait for their service */
	struct timer_wheel timers;
	struct relay_env relays;
	const struct table *table; /* of this turn; NULL between turns */
	uint64_t now_us, now_ms;   /* of this turn */
	uint64_t turn;
	uint64_t last_conn;	 /* number of the latest conn begun here */
	struct limiter warnings; /* in the log, about lacking resources */
	struct conn_list ready;	 /* used up their budget */
	struct conn_list dead;	 /* closed in this turn */
	/* gather.h: conns to look at from gather_us on, and now */
	struct conn_list gathering;
	struct conn_list to_look;
	uint64_t gather_us;
	struct mirrors mirrors;
	struct waiting waiting; /* conns that wait for room at a backend */
	uint64_t shed_turn;	/* the last in which stalled conns were shed */
	struct access_lines lines;
	struct tcpinfo *seen;	  /* owned; one for each slot of a conn */
	struct weighed *weighed;  /* the same */
	uint64_t runs;		  /* of relays, while it weighs */
	uint64_t moved;		  /* conns given to other workers */
	struct preface *prefaces; /* owned; one for each slot of a conn */
	/* owned; for each slot of a conn the entry of its source */
	sources_entry *source;
	bool behind; /* events from before a gap may still be pending */
	bool draining;
	bool stopping;
	unsigned retiring; /* to the first so many workers; 0: it stays */

	/* Writer: this worker.  Reader: control. */
	_Alignas(64) _Atomic uint64_t open; /* conns */
	/* Everything that was to be drained has gone (release). */
	_Atomic bool drained;
	_Atomic uint64_t turn_ms; /* start of the present turn; 0: asleep */
	_Atomic pid_t tid;	  /* of its thread */

	struct worker_stats stats;
};

#endif
