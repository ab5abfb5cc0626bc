/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * What a run cost: CPU time of the proxy, of the load and of the whole
 * machine, and the proxy's memory. load.c takes it before and after.
 */

#ifndef TEST_BENCH_USAGE_H
#define TEST_BENCH_USAGE_H

#include <stdint.h>
#include <sys/types.h>

#define USAGE_PIDS 64

/* A list of processes. */
struct usage_pids {
	pid_t pid[USAGE_PIDS];
	int count;
};

/*
 * Times in nanoseconds since some moment, so that only differences tell.
 *
 * proxy and load are user and system time of all threads, those that ended
 * too. machine is all that was not idle, from /proc/stat: its resolution is a
 * hundredth of a second. What a hypervisor took away is stolen and in no other
 * figure but wall. sleeps counts how often threads of the proxy went to sleep.
 */
struct usage {
	int64_t wall, proxy, load, machine, stolen;
	int64_t sleeps;
};

/* Parses "17,23"; "" is no process. Ends the program on nonsense. */
struct usage_pids usage_pids_arg(const char *text);

/*
 * The usage now. load counts this process, its children that ended, and the
 * processes of `load`. Ends the program if a process is gone.
 */
struct usage usage_now(const struct usage_pids *proxy,
    const struct usage_pids *load);

/* What was used between two moments. */
struct usage usage_between(const struct usage *from, const struct usage *to);

/* Forgets the peaks of memory so far: usage_peak_kb() is what comes. */
void usage_peak_reset(const struct usage_pids *pids);

/* The sum of the peaks of resident memory, in KiB. */
uint64_t usage_peak_kb(const struct usage_pids *pids);

/* The sum of resident memory in KiB, what is shared divided among the sharers
 * (Pss of /proc/PID/smaps_rollup). */
uint64_t usage_pss_kb(const struct usage_pids *pids);

#endif
