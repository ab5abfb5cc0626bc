/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The heartbeat of a thread, and how another thread judges it.
 *
 * A thread stores when it is due: the start of the turn while it runs a turn of
 * its loop, the time to wake up while it sleeps, or 0 if only an event will
 * wake it.  A thread is stuck when it is overdue for too long.  What counts is
 * not the clock alone but the time that the thread could use: it ran, or it
 * waited for something in the kernel.  Time in which it was ready to run but
 * got no CPU (busy neighbours, a CPU quota) is the machine's fault and does not
 * count.
 *
 * /proc/self/task/TID has the numbers: "stat" says whether the thread is ready
 * to run; "schedstat" says how long it has run and has waited for a CPU, which
 * the kernel adds up when the wait ends (kernel/sched/stats.h).
 */
#ifndef COMMON_PULSE_H
#define COMMON_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Writer: the thread.  Readers: the judges.  All zero: there is no thread. */
struct pulse {
	_Atomic uint64_t due_ms; /* CLOCK_MONOTONIC; see above */
	_Atomic pid_t tid;
};

/* Called by the thread when it starts. */
void pulse_start(struct pulse *pulse);

/* Called by the thread: it has been in a turn since `due_ms`, or will wake up
 * then; 0: only an event will wake it. */
static inline void
pulse_due(struct pulse *pulse, uint64_t due_ms)
{
	atomic_store_explicit(&pulse->due_ms, due_ms, memory_order_relaxed);
}

/* The time that a thread has had so far. */
struct pulse_times {
	uint64_t ran_ms;    /* on a CPU */
	uint64_t waited_ms; /* for one */
	bool ready;	    /* runs or waits for a CPU, now */
};

/* Reads them; false when they are unavailable or the thread no longer
 * exists. */
bool pulse_read(pid_t tid, struct pulse_times *times);

/* The same for the first thread of another process. */
bool pulse_read_process(pid_t pid, struct pulse_times *times);

/* What a judge remembers about a thread.  All zero at the start. */
struct pulse_sight {
	uint64_t due_ms; /* overdue since then, when last seen; 0: it was not */
	uint64_t at_ms;	 /* first seen so, then */
	uint64_t before_ms; /* ... after so much that counts */
	struct pulse_times times;
};

/*
 * How long a thread that is overdue since `due_ms` (0: it sleeps) has been so
 * at `now_ms`, in time that it could use; `times` NULL: by the clock.  Pure.
 * Returns 0 for a thread that is ready to run and was not seen overdue before:
 * nothing is known about it yet.
 */
uint64_t pulse_age(struct pulse_sight *sight, uint64_t due_ms, uint64_t now_ms,
    const struct pulse_times *times);

/* The same for a running thread, which writes its due time to `due`. */
uint64_t pulse_judge(struct pulse_sight *sight, const _Atomic uint64_t *due,
    pid_t tid, uint64_t now_ms);

#endif
