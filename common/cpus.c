/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* CPUs allowed, and their quota: see cpus.h. */
#include "common/cpus.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/proc.h"

unsigned
cpus_allowed(void)
{
	cpu_set_t set;
	int cpus = 0;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cpus = CPU_COUNT(&set);
	return cpus > 0 ? (unsigned)cpus : 1;
}

static int64_t
thousandths(int64_t quota, int64_t period)
{
	return quota > 0 && quota != PROC_UNLIMITED && period > 0
	    ? quota * 1000 / period
	    : CPUS_NO_QUOTA;
}

struct search {
	const char *root;
	int64_t narrowest;
};

static int64_t
read_number(const struct search *search, const char *dir, const char *name,
    unsigned n)
{
	char path[PROC_GROUP_MAX + 32];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return proc_number(search->root, path, n);
}

/* Version 2 says "200000 100000" or "max 100000"; version 1 has two files, and
 * a quota of -1 is none. */
static void
look_at_group(void *owner, const char *dir, bool v2)
{
	struct search *search = owner;
	const int64_t quota = v2
	    ? thousandths(read_number(search, dir, "cpu.max", 0),
		  read_number(search, dir, "cpu.max", 1))
	    : thousandths(read_number(search, dir, "cpu.cfs_quota_us", 0),
		  read_number(search, dir, "cpu.cfs_period_us", 0));

	if (quota < search->narrowest)
		search->narrowest = quota;
}

int64_t
cpus_quota(const char *root)
{
	struct search search = { root, CPUS_NO_QUOTA };

	proc_groups(root, "cpu", look_at_group, &search);
	return search.narrowest;
}

unsigned
cpus_usable(void)
{
	const unsigned allowed = cpus_allowed();
	const int64_t quota = cpus_quota("");

	if (quota >= (int64_t)allowed * 1000)
		return allowed;
	return quota <= 1000 ? 1 : (unsigned)((quota + 999) / 1000);
}
