/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A thread's heartbeat, and how another thread judges it.
 *
 * The thread says when it is due: in a turn of its loop, when that turn began;
 * asleep, when it is to wake up; 0, if only an event is to wake it.  It is
 * stuck when it is overdue for longer than it may be, by the time that it had,
 * not by the clock alone: it ran, or it waited for something in the kernel.
 * Time in which it was ready to run and got no CPU (busy neighbours, a CPU
 * quota) is the machine's fault and does not count.
 *
 * What a thread had is told by /proc/self/task/TID: "stat" whether it is ready
 * to run, "schedstat" how long it has run and has waited for a CPU, which the
 * kernel adds up when the waiting is over (kernel/sched/stats.h).
 */
#ifndef COMMON_PULSE_H
#define COMMON_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Writer: the thread.  Readers: who judges.  All zero: there is no thread. */
struct pulse {
	_Atomic uint64_t due_ms; /* CLOCK_MONOTONIC; see above */
	_Atomic pid_t tid;
};

/* For the thread itself: it has begun. */
void pulse_start(struct pulse *pulse);

/* ... is in a turn since `now_ms`, or is to wake up then; 0: by an event. */
static inline void
pulse_due(struct pulse *pulse, uint64_t due_ms)
{
	atomic_store_explicit(&pulse->due_ms, due_ms, memory_order_relaxed);
}

/* What a thread had up to now. */
struct pulse_times {
	uint64_t ran_ms;    /* on a CPU */
	uint64_t waited_ms; /* for one */
	bool ready;	    /* runs or waits for a CPU, now */
};

/* Reads them; false when they are not to be had, or the thread is gone. */
bool pulse_read(pid_t tid, struct pulse_times *times);

/* What one judge remembers of one thread.  All zero at the start. */
struct pulse_sight {
	uint64_t due_ms; /* overdue since then, when last seen; 0: it was not */
	uint64_t at_ms;	 /* first seen so, then */
	uint64_t before_ms; /* ... after so much that counts */
	struct pulse_times times;
};

/*
 * How long a thread, overdue since `due_ms` (0: it sleeps), has been so at
 * `now_ms` by the time that it had; `times` NULL: by the clock.  Pure.  Of one
 * that is ready to run, and was not seen overdue before, nothing is known: 0.
 */
uint64_t pulse_age(struct pulse_sight *sight, uint64_t due_ms, uint64_t now_ms,
    const struct pulse_times *times);

/* The same of a thread that lives: `due` is where it writes that. */
uint64_t pulse_judge(struct pulse_sight *sight, const _Atomic uint64_t *due,
    pid_t tid, uint64_t now_ms);

#endif
