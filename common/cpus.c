/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* CPUs allowed, and their quota: see cpus.h. */
#include "common/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned
cpus_allowed(void)
{
	cpu_set_t set;
	int cpus = 0;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cpus = CPU_COUNT(&set);
	return cpus > 0 ? (unsigned)cpus : 1;
}

/* The file's first line; false when there is none. */
static bool
read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	bool found;

	if (file == NULL)
		return false;
	found = fgets(line, size, file) != NULL;
	(void)fclose(file);
	return found;
}

static int64_t
thousandths(int64_t quota, int64_t period)
{
	return quota > 0 && period > 0 ? quota * 1000 / period : CPUS_NO_QUOTA;
}

/* Of one group: "200000 100000" or "max 100000". */
static int64_t
read_v2(const char *dir)
{
	char path[PATH_MAX], line[64];
	long long quota, period;

	if (snprintf(path, sizeof(path), "%s/cpu.max", dir) >=
		(int)sizeof(path) ||
	    !read_line(path, line, sizeof(line)) ||
	    sscanf(line, "%lld %lld", &quota, &period) != 2)
		return CPUS_NO_QUOTA;
	return thousandths(quota, period);
}

/* Two files; a quota of -1 is none. */
static int64_t
read_v1(const char *dir)
{
	char path[PATH_MAX], quota[64], period[64];

	if (snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", dir) >=
		(int)sizeof(path) ||
	    !read_line(path, quota, sizeof(quota)))
		return CPUS_NO_QUOTA;
	(void)snprintf(strrchr(path, '/'), sizeof("/cpu.cfs_period_us"),
	    "/cpu.cfs_period_us");
	if (!read_line(path, period, sizeof(period)))
		return CPUS_NO_QUOTA;
	return thousandths(strtoll(quota, NULL, 10), strtoll(period, NULL, 10));
}

/* Whether "cpu" is one of the words between commas. */
static bool
has_cpu(const char *controllers)
{
	for (const char *at = controllers; (at = strstr(at, "cpu")) != NULL;
	     at += 3)
		if ((at == controllers || at[-1] == ',') &&
		    (at[3] == '\0' || at[3] == ','))
			return true;
	return false;
}

/* From the group of a line "4:cpu,cpuacct:/a/b" up to the root of its
 * hierarchy. */
static int64_t
read_groups(const char *root, const char *controllers, char *group)
{
	const bool v2 = controllers[0] == '\0';
	int64_t narrowest = CPUS_NO_QUOTA;
	char dir[PATH_MAX - 32];
	char *slash;

	if (!v2 && !has_cpu(controllers))
		return narrowest;
	group[strcspn(group, "\n")] = '\0';
	if (strcmp(group, "/") == 0)
		group[0] = '\0';
	do {
		int64_t quota;

		if (snprintf(dir, sizeof(dir), "%s/sys/fs/cgroup%s%s", root,
			v2 ? "" : "/cpu", group) >= (int)sizeof(dir))
			break;
		quota = v2 ? read_v2(dir) : read_v1(dir);
		narrowest = quota < narrowest ? quota : narrowest;
		slash = strrchr(group, '/');
		if (slash != NULL)
			*slash = '\0';
	} while (slash != NULL);
	return narrowest;
}

int64_t
cpus_quota(const char *root)
{
	int64_t narrowest = CPUS_NO_QUOTA;
	char path[PATH_MAX], line[PATH_MAX];
	FILE *file = NULL;

	if (snprintf(path, sizeof(path), "%s/proc/self/cgroup", root) <
	    (int)sizeof(path))
		file = fopen(path, "re");
	if (file == NULL)
		return narrowest;
	while (fgets(line, sizeof(line), file) != NULL) {
		char *controllers = strchr(line, ':');
		char *group = controllers != NULL ? strchr(controllers + 1, ':')
						  : NULL;
		int64_t quota;

		if (group == NULL)
			continue;
		*group++ = '\0';
		quota = read_groups(root, controllers + 1, group);
		narrowest = quota < narrowest ? quota : narrowest;
	}
	(void)fclose(file);
	return narrowest;
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
