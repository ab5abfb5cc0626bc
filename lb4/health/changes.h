/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * on-change: runs a program at each change of a backend's effective state, with
 * five arguments: the service, the backend, the state before, the state now,
 * and the reason in words.  The process of lb4/process/programs.h runs it, so
 * it delays nothing.
 *
 * The changes of a backend are told one after the other; RUNS_MAX programs run
 * at a time.  A program that does not end in time is killed.  A backend for
 * which many changes wait is told the last of them as one.
 *
 * A change counts as told when its program has ended, and that is kept over an
 * upgrade, which kills the programs: the next process tells the difference.
 *
 * A part of the prober's thread.
 */
#ifndef LB4_HEALTH_CHANGES_H
#define LB4_HEALTH_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/attr.h"
#include "common/timer.h"
#include "lb4/config/settings.h"
#include "lb4/model/backend.h"

struct change;
struct program_answer;
struct table;
struct target_env;
struct watched;

/* The kind of the programs' numbers: see loop_tag(). */
#define CHANGES_TAG 4

#define CHANGES_RUNS_MAX 8

/* What control sets. */
struct changes_settings {
	char program[CONFIG_PATH_MAX]; /* "": none */
	unsigned timeout_ms;
};

/* A program that runs. */
struct changes_run {
	struct timer timer; /* first: the timer's address is the run's */
	uint64_t number;    /* 0: none */
	uint32_t backend;   /* by id */
	enum backend_state before, after;
	unsigned timeout_ms;
	char name[2 * CONFIG_NAME_MAX]; /* SERVICE/BACKEND, for the log */
};

struct changes {
	struct target_env *env; /* of the prober */
	struct changes_settings settings;
	struct watched **watched; /* owned; sorted by the backend's id */
	size_t count;
	STAILQ_HEAD(, change) queue;
	struct changes_run run[CHANGES_RUNS_MAX];
	struct timer_wheel timers;
	struct timer retry; /* armed if a program could not be started */
	uint64_t seen;	    /* the count of all changes of states */
	bool is_new;	    /* settings: not logged yet */
	uint32_t serial;    /* of the last program */
	uint64_t told_ms;   /* of the last failure in the log; 0: never */
	unsigned untold;    /* failures since then */
};

void changes_init(struct changes *changes, struct target_env *env,
    uint64_t now_ms);
void changes_done(struct changes *changes);

/* Another program, or none; changes_follow() next. */
void changes_set(struct changes *changes,
    const struct changes_settings *settings);

/* Watches the backends of `table`.  0, or -ENOMEM with no change. */
must_check int changes_follow(struct changes *changes,
    const struct table *table);

/* At the end of a turn of the loop: finds the changes, of which there were
 * `count` so far, and starts programs. */
void changes_turn(struct changes *changes, uint64_t count);

/* A program with a number of CHANGES_TAG has ended. */
void changes_on_program(struct changes *changes,
    const struct program_answer *answer);

/* The process that runs programs has ended, and the programs with it. */
void changes_on_lost(struct changes *changes);

/* For how long the thread may sleep, in milliseconds; -1: nothing is due. */
must_check int changes_sleep(const struct changes *changes, uint64_t now_ms);

#endif
