/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How many CPUs the machine grants this process, now: both may change while it
 * runs.
 */
#ifndef COMMON_CPUS_H
#define COMMON_CPUS_H

#include <stdint.h>

/* Those that the calling thread may run on (sched_getaffinity(2)); at least
 * 1. */
unsigned cpus_allowed(void);

#define CPUS_NO_QUOTA INT64_MAX

/*
 * The narrowest CPU quota of the control groups that the process is in, in
 * thousandths of a CPU: cpu.max of version 2, cpu.cfs_quota_us of version 1.
 * `root` stands before each path: "", or a directory with a made-up /proc and
 * /sys for a test.
 */
int64_t cpus_quota(const char *root);

/* How many threads are kept busy by that: the CPUs allowed, or the quota, a
 * part of a CPU counting as one. */
unsigned cpus_usable(void);

#endif
