/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The number of CPUs that this process may use now.  It may change while the
 * process runs.
 */
#ifndef COMMON_CPUS_H
#define COMMON_CPUS_H

#include <stdint.h>

/* The CPUs that the calling thread may run on (sched_getaffinity(2)); at least
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

/* How many threads these CPUs can keep busy: the number of CPUs allowed, or the
 * quota, rounded up. */
unsigned cpus_usable(void);

#endif
