/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A backend as the running process knows it: an object of its own, named by
 * tables, conns and the prober, and living on while any of them does.  The
 * same service, name and address on reload is the same object: its health and
 * counts carry on.
 *
 * Life: made by control when a table first names it.  Every table that names
 * it and the prober hold a reference; conns do not, they are counted in
 * `active`.  Control frees it when there is no reference, `active` is 0 and a
 * grace period has passed since (table.c does).  So the turn of the loop in
 * which a worker counts the last conn down is the last that may touch it.
 */
#ifndef LB4_MODEL_BACKEND_H
#define LB4_MODEL_BACKEND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "common/addr.h"
#include "lb4/config/settings.h"

/* How the last check ended.  Named in words by health_result_name(). */
enum health_result {
	HEALTH_UNKNOWN, /* not checked yet, or no check configured */
	HEALTH_PASSED,
	HEALTH_REFUSED,	    /* connection refused */
	HEALTH_UNREACHABLE, /* no route, network or host unreachable */
	HEALTH_NO_ANSWER,   /* nothing within timeout-check */
	HEALTH_RESET,	    /* connection reset */
	HEALTH_CLOSED,	    /* closed before an answer */
	HEALTH_STATUS,	    /* an HTTP status that is no success */
	HEALTH_ERROR,	    /* says in its protocol that it cannot serve */
	HEALTH_UNEXPECTED,  /* answers, and not what is expected */
	HEALTH_GARBLED,	    /* the answer is none in its protocol */
	HEALTH_LOCAL, /* our own fault: no descriptor, no port, no memory */
	HEALTH_RESULT_COUNT,
};

/*
 * The health word: what workers need to know of a backend's health, in one
 * atomic.  Writer: prober.  Readers: all.  A flap is one store.
 *
 *	bits 0-15	detail: the HTTP status, or errno, or what the way of
 *			checking says (see check.h), or 0
 *	bits 16-23	enum health_result of the last check
 *	bit 24		down
 *	bits 25-31	enum check_kind that has found it out, or 0
 */
static inline uint32_t
health_pack(bool down, enum health_result result, uint16_t detail)
{
	return (uint32_t)down << 24 | (uint32_t)result << 16 | detail;
}

static inline uint32_t
health_of_check(uint32_t word, enum check_kind kind)
{
	return (word & 0x1ffffff) | (uint32_t)kind << 25;
}

static inline enum check_kind
health_check(uint32_t word)
{
	return (enum check_kind)(word >> 25);
}

static inline bool
health_is_down(uint32_t word)
{
	return (word >> 24 & 1) != 0;
}

static inline enum health_result
health_result(uint32_t word)
{
	return (enum health_result)(word >> 16 & 0xff);
}

static inline uint16_t
health_detail(uint32_t word)
{
	return (uint16_t)(word & 0xffff);
}

/* The administrative state.  Writer: control. */
enum admin_state {
	ADMIN_READY,
	ADMIN_DRAIN, /* no new conns, the old ones stay */
	ADMIN_MAINT, /* no new conns, no checks */
	ADMIN_STATE_COUNT,
};

/* Counts of one worker with one backend.  Writer: that worker, with relaxed
 * load and store; readers sum over the workers. */
struct backend_stats {
	_Alignas(64) _Atomic uint64_t conns; /* established, ever */
	_Atomic uint64_t connect_failures;   /* refused, timed out, ... */
	_Atomic uint64_t
	    no_ports; /* attempts for which no local port was left */
	_Atomic uint64_t bytes_to_backend;
	_Atomic uint64_t bytes_to_client;
};

/* Conns and bytes a second, as control has seen the counts grow. */
struct backend_rate {
	uint64_t at_ms; /* of the last look; 0: none yet */
	uint64_t conns; /* the counts then */
	uint64_t bytes;
	double conns_per_s; /* means of the last few seconds */
	double bytes_per_s;
};

/* The sums of a backend's counts over all workers. */
struct backend_sums {
	uint64_t conns;
	uint64_t connect_failures;
	uint64_t no_ports;
	uint64_t bytes_to_backend;
	uint64_t bytes_to_client;
};

struct backend {
	/* set before any other thread sees it */
	uint32_t id; /* unique in the process, never used again, not 0 */
	char service[CONFIG_NAME_MAX];
	char name[CONFIG_NAME_MAX];
	struct addr addr; /* port 0: the port that the client came to */
	unsigned workers;
	struct backend_stats *stats; /* owned; one per worker */

	/* control's own */
	uint64_t generation;	 /* control: of the last table that names it */
	bool retired;		 /* unused, to be freed */
	uint64_t admin_since_ms; /* 0: ever */
	uint64_t health_told_ms; /* the change that monitors were told of */
	struct backend_rate rate;

	/* Counts the changes of state of all backends; NULL: nobody counts.
	 * Set before any other thread sees it. */
	_Atomic uint64_t *changes;

	/* Its index in the current table's service.  Writer: control, when a
	 * table is published.  Readers: workers, who check it. */
	_Atomic uint32_t place;

	_Atomic uint32_t refs; /* tables and prober; atomic read-modify-write */

	/* Writer: prober (release).  Readers: workers, control (acquire). */
	_Alignas(64) _Atomic uint32_t health;
	/* Writer: control (release).  Readers: workers, prober. */
	_Atomic uint32_t admin;
	/* It has joined a service that is served already, and no check of it
	 * has ended yet: others come first.  Set by control, before a table
	 * names it or it becomes ready; cleared by the prober, and by control
	 * when it is not to be checked.  Readers: all. */
	_Atomic bool joining;

	/* When it last became available, CLOCK_MONOTONIC in ms; 0: it has been
	 * since the start.  Readers: workers (relaxed: slowstart's weight may
	 * be a moment late). */
	_Atomic uint64_t up_ms;	   /* its health recovered; writer: prober */
	_Atomic uint64_t ready_ms; /* control made it ready, or a reload added
				    * it; writer: control */

	/* The last check that has ended, for those who show it.  Writer: prober
	 * (release on `checked_ms`, the last to be written).  Reader: control.
	 */
	_Alignas(64) _Atomic uint64_t check_began_ms;
	_Atomic uint64_t checked_ms;	  /* when it ended; 0: there was none */
	_Atomic uint32_t check_us;	  /* how long it took */
	_Atomic uint64_t health_since_ms; /* up or down since; 0: ever */

	/* Conns that have chosen this backend and not yet ended.  Writers:
	 * workers, by backend_reserve() and backend_release(). */
	_Alignas(64) _Atomic uint32_t active;
};

/* A new backend with one reference, or NULL.  The id is the caller's to keep
 * unique (table.c). */
struct backend *backend_new(uint32_t id, const char *service, const char *name,
    const struct addr *addr, unsigned workers);

void backend_ref(struct backend *backend);

/* Gives a reference up.  Never frees: control's sweep does (table.h). */
void backend_unref(struct backend *backend);

/* Frees at once; for control's sweep and for tests.  NULL is fine. */
void backend_free(struct backend *backend);

/* Whether nothing holds it: no reference and no conn (acquire). */
bool backend_is_unused(const struct backend *backend);

/*
 * Counts one more conn if fewer than `limit` are active; else says false.
 * UINT32_MAX is no limit.  Sequentially consistent, as the release is:
 * waitqueue.h says why.
 */
bool backend_reserve(struct backend *backend, uint32_t limit);

/* Counts it down: the caller's last touch of the backend, which control may
 * free from then on. */
void backend_release(struct backend *backend);

/* How many conns it has, more or less: they come and go meanwhile. */
static inline uint32_t
backend_active(const struct backend *backend)
{
	return atomic_load_explicit(&backend->active, memory_order_relaxed);
}

/* Whether it is at its maxconn; 0 is none. */
static inline bool
backend_is_full(const struct backend *backend, uint32_t maxconn)
{
	return maxconn != 0 && atomic_load(&backend->active) >= maxconn;
}

/* Set a word, and note when the backend became available by it.  For the one
 * writer of each: prober, control. */
void backend_set_health(struct backend *backend, uint32_t word,
    uint64_t now_ms);
void backend_set_admin(struct backend *backend, enum admin_state state,
    uint64_t now_ms);

/* It joins, and is to be checked first. */
void backend_set_joining(struct backend *backend, bool joining);

/* The first check of it has ended, with `word` as its health.  For the prober;
 * does nothing unless it was joining. */
void backend_joined(struct backend *backend, uint32_t word, uint64_t now_ms);

static inline bool
backend_is_joining(const struct backend *backend)
{
	return atomic_load_explicit(&backend->joining, memory_order_acquire);
}

/* When new conns could last begin to come; 0: since the start. */
static inline uint64_t
backend_since_ms(const struct backend *backend)
{
	uint64_t up = atomic_load_explicit(&backend->up_ms,
	    memory_order_relaxed);
	uint64_t ready = atomic_load_explicit(&backend->ready_ms,
	    memory_order_relaxed);

	return up > ready ? up : ready;
}

/* The AND of its parts: whether new conns may be sent to it. */
static inline bool
backend_is_available(const struct backend *backend)
{
	uint32_t health = atomic_load_explicit(&backend->health,
	    memory_order_acquire);

	return !health_is_down(health) && !backend_is_joining(backend) &&
	    atomic_load_explicit(&backend->admin, memory_order_acquire) ==
	    ADMIN_READY;
}

/* Adds up the counts of all workers; from any thread. */
void backend_sum(const struct backend *backend, struct backend_sums *sums);

/* Looks how far the counts have grown since the last look; for control, about
 * once a second. */
void backend_rate_look(struct backend *backend, uint64_t now_ms);

/* A health word's result in words, with its detail: "status 503", "no answer",
 * "unreachable: No route to host".  Returns `buf`. */
#define HEALTH_TEXT_MAX 128
const char *health_text(uint32_t word, char *buf, size_t size);

/* "connection refused", "no answer", ...; for any value of the enum. */
const char *health_result_name(enum health_result result);
const char *admin_state_name(enum admin_state state);

#endif
