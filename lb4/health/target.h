/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A target: one backend that is checked, one check at a time, with one timer.
 * The prober (prober.c) has one for each and calls the handlers.
 *
 * The timer means, by the probe's phase:
 *
 *	idle		the next check is due
 *	busy		the check has timed out
 *	goodbye		the peer has not closed, or the next check is due
 *
 * How long a peer is silent is judged by the loop's own clock (loop.h); when
 * the next check is due, by CLOCK_MONOTONIC.
 *
 * An event names the backend's id, which is never used again, and the serial
 * number of its check: what is left of an old check finds nothing.
 */
#ifndef LB4_HEALTH_TARGET_H
#define LB4_HEALTH_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"
#include "common/loop.h"
#include "common/timer.h"
#include "lb4/config/settings.h"
#include "lb4/health/probe.h"
#include "lb4/health/schedule.h"
#include "lb4/health/verdict.h"

struct backend;

/* The kind of the events' tags; their index is the check's serial number,
 * their generation the backend's id. */
#define TARGET_TAG 1

/* What all targets of a prober share. */
struct target_env {
	int epfd;
	struct timer_wheel timers;
	struct loop_clock clock;
	size_t busy; /* checks whose result is awaited */
	uint64_t random;
	uint32_t serial;       /* of the last check begun */
	uint64_t local_log_ms; /* 0: never */

	/* Told when a backend goes up or down, and when a check that was asked
	 * for has ended; must not wait.  NULL: nobody is. */
	void (*news)(void *owner, uint32_t backend);
	void *news_owner;
};

struct target {
	struct timer timer;	 /* first: so the timer's owner is found */
	struct backend *backend; /* referenced */
	struct verdict verdict;
	struct probe probe;
	uint32_t serial;
	bool asked; /* for the check under way */
	bool busy;  /* counted in the env's */
	uint64_t started_us;
	uint64_t since_ms; /* of the loop's own clock: the check, or the
			    * goodbye behind it, has begun */
	struct schedule_last last;
	uint64_t began_ms; /* the check */
	unsigned inter_ms; /* from there to the next one */
	uint64_t next_ms;  /* when the next check is due */
};

/* A target with a reference to `backend`, or NULL; target_set() next. */
struct target *target_new(struct backend *backend);

/* Gives it up; of its backend nothing is known any more. */
void target_free(struct target_env *env, struct target *target);

/* Has the target check `addr` as `check` says.  If that changes, what was found
 * out so far stays, but a check under way is begun anew.  The first check of a
 * backend that joins comes soon.  0; or -ENOMEM, and it is as before. */
must_check int target_set(struct target_env *env, struct target *target,
    const struct config_check *check, const struct addr *addr);

/* The target's timer is due.  All events that waited have been served before. */
void target_on_timer(struct target_env *env, struct target *target);

/* The socket of the check `target->serial` is ready. */
void target_on_event(struct target_env *env, struct target *target,
    uint32_t events);

/* A worker could not reach the backend: checks it now, unless that is under
 * way, has just been done, or has failed less than `inter` ago. */
void target_on_suspect(struct target_env *env, struct target *target);

/* Somebody wants to know now: begins a check, instead of one under way. */
void target_on_asked(struct target_env *env, struct target *target);

#endif
