/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A backend in the running process: an object that tables, conns and the prober
 * share, and that lives as long as any of them uses it.  If a reload keeps its
 * service, name and address, it remains the same object: its health and counts
 * continue.
 *
 * Life: control makes it when a table first names it.  Every table that names
 * it holds a reference, and so does the prober; conns hold none and are counted
 * in `active`.  Control frees it (table.c) when there is no reference, `active`
 * is 0 and a grace period has passed since.  So a worker that counts the last
 * conn down must not touch the backend after that turn of its loop.
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
#include "lb4/model/histogram.h"
#include "lb4/model/remark.h"

/* The addresses of all pools to connect from that are counted. */
#define BACKEND_SOURCES_MAX 64

/* How the last check ended.  Named in words by health_result_name(). */
enum health_result {
	HEALTH_UNKNOWN, /* not checked yet, or checks are off */
	HEALTH_PASSED,
	HEALTH_REFUSED,	    /* connection refused */
	HEALTH_UNREACHABLE, /* no route, network or host unreachable */
	HEALTH_NO_ANSWER,   /* no answer within timeout-check */
	HEALTH_RESET,	    /* connection reset */
	HEALTH_CLOSED,	    /* closed before an answer */
	HEALTH_STATUS,	    /* a status that means failure */
	HEALTH_ERROR,	    /* an error answer in its protocol */
	HEALTH_UNEXPECTED,  /* not the expected answer */
	HEALTH_GARBLED,	    /* the answer is not in its protocol */
	HEALTH_LOCAL,	    /* a local failure: no descriptor, port or memory */
	HEALTH_TLS,	    /* no TLS, or a certificate that is not valid */
	HEALTH_EXIT,	    /* a program ended with a status or a signal */
	HEALTH_RESULT_COUNT,
};

/*
 * The health word: the health of a backend in one atomic.  Writer: prober.
 * Readers: all threads.  A change of health is one store.
 *
 *	bits 0-15	detail: the HTTP status, an errno, a value of the kind
 *			of check (see check.h), or 0
 *	bits 16-23	enum health_result of the last check
 *	bit 24		down
 *	bits 25-31	enum check_kind of the last check, or 0
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
	ADMIN_DRAIN, /* no new conns; existing ones continue */
	ADMIN_MAINT, /* no new conns and no checks */
	ADMIN_STATE_COUNT,
};

/* Who set the administrative state.  Named by admin_cause_text(). */
enum admin_cause {
	ADMIN_CAUSE_CONFIG, /* nobody: it is as configured */
	ADMIN_CAUSE_OPERATOR,
	ADMIN_CAUSE_RELOAD,
	ADMIN_CAUSE_COUNT,
};

/* What real traffic says: the passive word has the layout of the health word,
 * without a kind of check.  Down means ejected; the result says how the last
 * conns failed, the detail how many in a row.  Writer: prober. */

/* What the backend's agent says.  Writer: prober. */
enum agent_state {
	AGENT_NONE, /* there is no agent, or it has not answered yet */
	AGENT_UP,
	AGENT_DRAIN,
	AGENT_MAINT,
	AGENT_DOWN,
	AGENT_STATE_COUNT,
};

/* The states of a backend, each on its own.  None of them changes another one:
 * a backend that comes out of maintenance may still be ejected. */
struct backend_parts {
	enum admin_state admin; /* operators */
	enum agent_state agent;
	uint32_t health;  /* active checks: the health word */
	uint32_t passive; /* real traffic: the passive word */
	bool joining;	  /* the first check has not ended yet */
	bool unresolved;  /* its host name has no address yet */
};

/* The effective state: the AND of the parts. */
enum backend_state {
	BACKEND_UP,
	BACKEND_DOWN,
	BACKEND_JOINING,
	BACKEND_DRAIN,
	BACKEND_MAINT,
	BACKEND_EJECTED,
	BACKEND_STATE_COUNT,
};

/* Counts of one worker with one backend.  Writer: that worker, with relaxed
 * load and store; readers sum over the workers. */
struct backend_stats {
	_Alignas(64) _Atomic uint64_t conns; /* established since the start */
	_Atomic uint64_t answered; /* ... and sent a byte, or ended well */
	_Atomic uint64_t connect_failures; /* refused, timed out, ... */
	_Atomic uint64_t no_ports; /* attempts without a free local port */
	_Atomic uint64_t bytes_to_backend;
	_Atomic uint64_t bytes_to_client;
	uint64_t sampled_ms;	  /* the last sample of TCP; the worker's own */
	_Atomic uint64_t refused; /* of the failed attempts: by the backend */
	_Atomic uint64_t timeouts; /* ... no answer in time */
	/* The backend reset the conn before it had sent a byte, without a
	 * client that had left first. */
	_Atomic uint64_t early_resets;
	struct histogram connect;    /* time of each successful attempt */
	struct histogram queue;	     /* of established conns that had to wait */
	struct histogram first_byte; /* established until its first byte */
	struct histogram session;    /* of established conns: accept to end */

	/* lb4/engine/tcpinfo.h: of samples of its TCP connections. */
	struct histogram rtt;
	struct histogram retransmitted; /* share of the sent segments */
	struct histogram disordered;	/* share of the received segments */
	struct histogram delivery;	/* rate */
};

/* Results and durations of its checks.  Writer: prober, with relaxed load and
 * store. */
struct backend_checks {
	_Atomic uint64_t results[HEALTH_RESULT_COUNT];
	struct histogram took;
	struct histogram lag; /* how late the checks began */
};

/* Conns and bytes per second, which control computes from the growth of the
 * counts. */
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
	uint64_t answered;
	uint64_t connect_failures;
	uint64_t refused, timeouts, early_resets;
	uint64_t no_ports;
	uint64_t bytes_to_backend;
	uint64_t bytes_to_client;
};

/* What else is known of its agent, for display.  Writer: prober, with relaxed
 * stores, but a release store of `failure`. */
struct backend_agent {
	struct remark remark;	  /* its last line; by agent_remark_word() */
	_Atomic uint32_t failure; /* health word of the last attempt to ask it,
				    * if that failed; else 0 */
	_Atomic uint64_t failing_ms;	    /* the first of these in a row */
	struct remark failure_remark;	    /* in words; by `failure` */
	_Atomic uint64_t answers, failures; /* since the start */
	_Atomic uint64_t earlier_answers;   /* of earlier processes; control, */
	_Atomic uint64_t earlier_failures;  /* before anybody reads them */
};

struct backend {
	/* set before any other thread sees it */
	uint32_t id; /* unique in the process, never reused, not 0 */
	char service[CONFIG_NAME_MAX];
	char name[CONFIG_NAME_MAX];
	struct addr addr; /* port 0: the port that the client came to; len 0:
			   * its host name is not resolved yet */
	unsigned workers;
	/* Owned; one per worker, and one, written by control before anybody
	 * reads it, with the counts of earlier processes (lb4/handover). */
	struct backend_stats *stats;

	/* control's own */
	uint64_t generation;	 /* of the last table that names it */
	bool retired;		 /* unused, to be freed */
	uint64_t admin_since_ms; /* 0: since the start */
	/* the changes that monitors were last told of */
	uint64_t health_told_ms, passive_told_ms;
	uint64_t agent_told; /* agent_said */
	struct backend_rate rate;
	bool ports_low; /* the log was told that local ports run out */

	/* Counts the state changes of all backends; may be NULL.  Set before
	 * any other thread sees the backend. */
	_Atomic uint64_t *changes;

	/* Its index in the current table's service.  Writer: control, when a
	 * table is published.  Readers: workers, which verify it. */
	_Atomic uint32_t place;

	_Atomic uint32_t refs; /* tables and prober; atomic read-modify-write */

	/* Writer: prober (release).  Readers: workers, control (acquire). */
	_Alignas(64) _Atomic uint32_t health;
	/* Writer: control (release).  Readers: workers, prober. */
	_Atomic uint32_t admin;
	/* Writer: prober (release).  Readers: workers, control (acquire). */
	_Atomic uint32_t passive;
	_Atomic uint32_t agent; /* enum agent_state */
	/* All that its agent has said: agent.h.  Writer: prober (release). */
	_Atomic uint64_t agent_said;
	/* It has joined a running service, and its first check has not ended
	 * yet: other backends are preferred.  Control sets this before a table
	 * names the backend or the backend becomes ready.  The prober clears
	 * it, or control if there are no checks.  Readers: all threads. */
	_Atomic bool joining;

	/* When it last became available, CLOCK_MONOTONIC in ms; 0: available
	 * since the start.  Readers: workers (relaxed: the weight of slowstart
	 * may lag a little). */
	_Atomic uint64_t up_ms;	   /* its health recovered; writer: prober */
	_Atomic uint64_t ready_ms; /* control made it ready, or a reload added
				    * it; writer: control */

	/* The last check that has ended, for display.  Writer: prober (release
	 * on `checked_ms`, which it writes last).  Reader: control. */
	_Alignas(64) _Atomic uint64_t check_began_ms;
	_Atomic uint64_t checked_ms; /* when it ended; 0: never checked */
	_Atomic uint32_t check_us;   /* its duration */
	_Atomic uint64_t
	    health_since_ms; /* when up or down began; 0: at the start */
	_Atomic uint64_t passive_since_ms; /* the same of the passive state */
	_Atomic uint64_t agent_since_ms;   /* ... and of the agent's */
	_Atomic uint32_t admin_cause; /* enum admin_cause; writer: control */
	/* Of the last ejection, and how many there were one after the other. */
	_Atomic uint64_t ejected_until_ms;
	_Atomic uint32_t ejections;
	_Atomic uint64_t held_until_ms; /* it flaps: held down; 0: it is not */
	/* When the certificate that a check has seen last expires, in seconds
	 * since 1970; 0: none was seen. */
	_Atomic uint64_t certificate_s;
	struct remark remark; /* the last result in words; see
			       * backend_health_text() */
	struct backend_agent agent_display;
	/* The effective state, plus 1, that the program of on-change was told
	 * of last; 0: of none. */
	_Atomic uint32_t told_state;
	struct backend_checks checks;
	struct backend_checks earlier; /* those of earlier processes; control,
					* before anybody reads them */

	/* The number of its conns from each address of a pool: see
	 * lb4/engine/origins.h.  Writers: workers (atomic read-modify-write).
	 * Readers: all threads. */
	_Alignas(64) _Atomic uint32_t from[BACKEND_SOURCES_MAX];

	/* Conns that have chosen this backend and have not ended yet.  Writers:
	 * workers, by backend_reserve() and backend_release(). */
	_Alignas(64) _Atomic uint32_t active;
};

/* Makes a backend with one reference; NULL without memory.  The caller
 * (table.c) keeps the id unique. */
struct backend *backend_new(uint32_t id, const char *service, const char *name,
    const struct addr *addr, unsigned workers);

void backend_ref(struct backend *backend);

/* Drops a reference.  Never frees: control's sweep does (table.h). */
void backend_unref(struct backend *backend);

/* Frees at once; for control's sweep and for tests.  NULL is allowed. */
void backend_free(struct backend *backend);

/* Whether nothing holds it: no reference and no conn (acquire). */
bool backend_is_unused(const struct backend *backend);

/*
 * Counts one more conn if fewer than `limit` are active; returns false
 * otherwise.  UINT32_MAX means no limit.  Sequentially consistent, as
 * backend_release() is: waitqueue.h explains why.
 */
bool backend_reserve(struct backend *backend, uint32_t limit);

/* Counts a conn down.  The caller must not touch the backend afterwards:
 * control may free it. */
void backend_release(struct backend *backend);

/* The number of its conns; it may be outdated at once. */
static inline uint32_t
backend_active(const struct backend *backend)
{
	return atomic_load_explicit(&backend->active, memory_order_relaxed);
}

/* Whether it is at its maxconn; 0 means no limit. */
static inline bool
backend_is_full(const struct backend *backend, uint32_t maxconn)
{
	return maxconn != 0 && atomic_load(&backend->active) >= maxconn;
}

/* Set one part of the state, and record when it made the backend available.
 * Only control sets the administrative state, and only the prober the others.
 */
void backend_set_health(struct backend *backend, uint32_t word,
    uint64_t now_ms);
void backend_set_passive(struct backend *backend, uint32_t word,
    uint64_t now_ms);
void backend_set_agent(struct backend *backend, enum agent_state state,
    uint64_t now_ms);
void backend_set_agent_said(struct backend *backend, uint64_t said);
void backend_set_admin(struct backend *backend, enum admin_state state,
    uint64_t now_ms);

/* Copies all parts from another backend, and what its agent has said, for a
 * pick with the states of one moment. */
void backend_copy_parts(struct backend *backend,
    const struct backend_parts *parts, uint64_t agent_said);

/* Says whether it joins a running service and must be checked first. */
void backend_set_joining(struct backend *backend, bool joining);

/* Its first check has ended, with `word` as its health.  For the prober;
 * does nothing unless the backend was joining. */
void backend_joined(struct backend *backend, uint32_t word, uint64_t now_ms);

static inline bool
backend_is_joining(const struct backend *backend)
{
	return atomic_load_explicit(&backend->joining, memory_order_acquire);
}

/* When it last became available for new conns; 0: at the start. */
static inline uint64_t
backend_since_ms(const struct backend *backend)
{
	uint64_t up = atomic_load_explicit(&backend->up_ms,
	    memory_order_relaxed);
	uint64_t ready = atomic_load_explicit(&backend->ready_ms,
	    memory_order_relaxed);

	return up > ready ? up : ready;
}

/* Whether it has an address: its host name may not be resolved yet. */
static inline bool
backend_is_resolved(const struct backend *backend)
{
	return backend->addr.len > 0;
}

/* Reads the parts; from any thread. */
static inline struct backend_parts
backend_parts(const struct backend *backend)
{
	return (struct backend_parts){
		.admin = (enum admin_state)atomic_load_explicit(&backend->admin,
		    memory_order_acquire),
		.agent = (enum agent_state)atomic_load_explicit(&backend->agent,
		    memory_order_acquire),
		.health = atomic_load_explicit(&backend->health,
		    memory_order_acquire),
		.passive = atomic_load_explicit(&backend->passive,
		    memory_order_acquire),
		.joining = backend_is_joining(backend),
		.unresolved = !backend_is_resolved(backend),
	};
}

/*
 * The effective state.  Everything that chooses or shows a backend asks this
 * function.  Where several parts keep the backend from new conns, the first one
 * in this order names the state: maintenance, drain, joining, down, ejected.
 */
static inline enum backend_state
backend_state_of(const struct backend_parts *parts)
{
	if (parts->admin == ADMIN_MAINT || parts->agent == AGENT_MAINT)
		return BACKEND_MAINT;
	if (parts->admin == ADMIN_DRAIN || parts->agent == AGENT_DRAIN)
		return BACKEND_DRAIN;
	if (parts->unresolved)
		return BACKEND_DOWN;
	if (parts->joining)
		return BACKEND_JOINING;
	if (health_is_down(parts->health) || parts->agent == AGENT_DOWN)
		return BACKEND_DOWN;
	return health_is_down(parts->passive) ? BACKEND_EJECTED : BACKEND_UP;
}

static inline enum backend_state
backend_state(const struct backend *backend)
{
	const struct backend_parts parts = backend_parts(backend);

	return backend_state_of(&parts);
}

/* Whether it can take new conns. */
static inline bool
backend_is_available(const struct backend *backend)
{
	return backend_state(backend) == BACKEND_UP;
}

/* Whether somebody has taken it out: an operator, or its own agent.  Such a
 * backend gets no new conns even if no other one is left. */
static inline bool
backend_is_taken_out(enum backend_state state)
{
	return state == BACKEND_DRAIN || state == BACKEND_MAINT;
}

/* Sums the counts of all workers; from any thread. */
void backend_sum(const struct backend *backend, struct backend_sums *sums);

/* Updates the rates from the growth of the counts; control calls it about once
 * a second. */
void backend_rate_look(struct backend *backend, uint64_t now_ms);

/* A health word's result in words, with its detail: "status 503", "no answer",
 * "unreachable: No route to host".  Returns `buf`. */
#define HEALTH_TEXT_MAX REMARK_MAX
const char *health_text(uint32_t word, char *buf, size_t size);

/* The same for the health of a backend, which may have a remark that says more
 * than the word: "HTTP status 503, expected 200-399".  From any thread. */
const char *backend_health_text(const struct backend *backend, uint32_t word,
    char *buf, size_t size);

/* "connection refused", "no answer", ...; for any value of the enum. */
const char *health_result_name(enum health_result result);
const char *admin_state_name(enum admin_state state);
const char *agent_state_name(enum agent_state state);
const char *backend_state_name(enum backend_state state);

/* "set with lb4ctl", "added by a reload", "as configured". */
const char *admin_cause_text(enum admin_cause cause);

/* The passive word in words: "5 failures in a row, the last: no answer". */
const char *passive_text(uint32_t word, char *buf, size_t size);

#endif
