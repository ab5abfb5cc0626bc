/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A target: a backend that is checked.  It runs one check at a time and has one
 * timer.  The prober (prober.c) owns the targets and calls the handlers.
 *
 * What the timer means depends on the phase of the probe:
 *
 *	idle		the next check is due
 *	busy		the check has timed out, or knocks again
 *	goodbye		the peer has not closed, or the next check is due
 *
 * Timeouts use the loop's own clock (loop.h), which leaves out gaps.  Check
 * intervals use CLOCK_MONOTONIC.
 *
 * An event names the id of the backend, which is never reused, and the serial
 * number of the check, so that events of old checks are recognised and dropped.
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
#include "lb4/health/certificate.h"
#include "lb4/health/circle.h"
#include "lb4/health/damping.h"
#include "lb4/health/probe.h"
#include "lb4/health/schedule.h"
#include "lb4/health/tls.h"
#include "lb4/health/tracks.h"
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
	size_t busy; /* checks without a result yet */
	uint64_t random;
	uint32_t serial;       /* of the last check begun */
	uint64_t local_log_ms; /* last log of HEALTH_LOCAL; 0: never */
	struct tls_contexts tls_contexts;
	int programs; /* the socket of programs.h; -1: there is none */
	struct tracks tracks;

	/* Called when a backend goes up or down, and when a check that was
	 * asked for has ended; must not wait.  May be NULL. */
	void (*news)(void *owner, uint32_t backend);
	void *news_owner;

	/* Called when its checks have brought a backend up.  May be NULL. */
	void (*up)(void *owner, uint32_t backend);
	void *up_owner;
};

/* Whether a backend that has failed often enough stays up for now. */
enum trial {
	TRIAL_NONE,
	TRIAL_OPEN, /* the circle's others are asked first */
	TRIAL_HELD, /* lb4's network may be at fault: for one more round */
};

struct target {
	struct timer timer; /* first: the timer's address is the target's */
	struct backend *backend; /* referenced */
	struct verdict verdict;
	struct damping damping;
	struct circle *circle; /* shared by the service's targets */
	TAILQ_ENTRY(target) in_circle;
	enum trial trial;
	uint64_t trial_ms; /* OPEN: its failed check began; HELD: since */
	uint32_t accused;  /* OPEN: the health word of that check */
	bool told_of_hold; /* logged that it is held down */
	struct probe probe;
	struct certificate certificate; /* that TLS checks have seen */
	uint32_t serial;
	bool asked; /* somebody waits for the result: call news() */
	bool busy;  /* counted in env->busy */
	uint64_t started_us;
	uint64_t since_ms; /* when the check, or its goodbye, began; by the
			    * loop's own clock */
	struct schedule_last last;
	uint64_t began_ms; /* when the last check began */
	unsigned inter_ms; /* from there to the next check */
	uint64_t next_ms;  /* when the next check is due */
};

/* A target with a reference to `backend`, in the circle of `other`, which is of
 * the same service; NULL: in a circle of its own.  NULL without memory.
 * target_set() next. */
struct target *target_new(struct backend *backend, struct target *other);

/* Frees the target.  The health of its backend becomes unknown. */
void target_free(struct target_env *env, struct target *target);

/* Sets what to check: `addr`, as `check` says.  If that changes, the verdict
 * stays, but a running check is dropped and a new one is planned.  The first
 * check of a joining backend comes soon.  0, or -ENOMEM with no change. */
must_check int target_set(struct target_env *env, struct target *target,
    const struct config_check *check, const struct addr *addr);

/* The target's timer is due.  All waiting events have been served. */
void target_on_timer(struct target_env *env, struct target *target);

/* The socket of the check `target->serial` is ready. */
void target_on_event(struct target_env *env, struct target *target,
    uint32_t events);

/* A program of this target has ended, maybe that of an old check. */
void target_on_program(struct target_env *env, struct target *target,
    const struct program_answer *answer);

/* A worker could not reach the backend.  Checks it now, unless a check is
 * running, has just ended, or has failed less than an interval ago. */
void target_on_suspect(struct target_env *env, struct target *target);

/* Somebody asks for a check: begins one now, and drops one that is running. */
void target_on_asked(struct target_env *env, struct target *target);

#endif
