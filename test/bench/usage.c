/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * Reads the usage from the processes' CPU clocks and from /proc.
 */

#include "test/bench/usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "test/tools/tool.h"

#define SECOND 1000000000

struct usage_pids
usage_pids_arg(const char *text)
{
	struct usage_pids pids = { .count = 0 };
	char *end;
	long pid;

	while (*text != '\0') {
		pid = strtol(text, &end, 10);
		if (end == text || pid <= 0 || (*end != ',' && *end != '\0'))
			tool_die("%s: not a list of process ids", text);
		if (pids.count == USAGE_PIDS)
			tool_die("more than %d processes", USAGE_PIDS);
		pids.pid[pids.count++] = (pid_t)pid;
		text = *end == ',' ? end + 1 : end;
	}
	return pids;
}

/* The number behind KEY in a file of /proc. */
static uint64_t
file_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	uint64_t number = 0;
	char line[256];

	if (file == NULL)
		tool_die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			number = strtoull(line + strlen(key), NULL, 10);
	fclose(file);
	return number;
}

/* The sum of that over the processes' files of the name. */
static uint64_t
sum_number(const struct usage_pids *pids, const char *name, const char *key)
{
	char path[64];
	uint64_t sum = 0;
	int i;

	for (i = 0; i < pids->count; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pids->pid[i],
		    name);
		sum += file_number(path, key);
	}
	return sum;
}

static int64_t
pids_sleeps(const struct usage_pids *pids)
{
	char path[320];
	struct dirent *task;
	uint64_t sum = 0;
	DIR *tasks;
	int i;

	for (i = 0; i < pids->count; i++) {
		snprintf(path, sizeof(path), "/proc/%d/task",
		    (int)pids->pid[i]);
		tasks = opendir(path);
		if (tasks == NULL)
			tool_die("%s: %s", path, strerror(errno));
		while ((task = readdir(tasks)) != NULL) {
			if (task->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "/proc/%d/task/%s/status",
			    (int)pids->pid[i], task->d_name);
			sum += file_number(path, "voluntary_ctxt_switches:");
		}
		closedir(tasks);
	}
	return (int64_t)sum;
}

static int64_t
clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) != 0)
		tool_die("a process is gone: %s", strerror(errno));
	return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec;
}

static int64_t
pids_ns(const struct usage_pids *pids)
{
	int64_t sum = 0;
	clockid_t clock;
	int i;

	for (i = 0; i < pids->count; i++) {
		if (clock_getcpuclockid(pids->pid[i], &clock) != 0)
			tool_die("process %d is gone", (int)pids->pid[i]);
		sum += clock_ns(clock);
	}
	return sum;
}

static int64_t
children_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND +
	    (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/*
 * All CPUs' time but idle, iowait and steal. The kernel counts the idle time
 * exactly and only samples what the rest went to: so it is taken from what is
 * left of the wall's time.
 */
static void
machine_ns(struct usage *usage)
{
	unsigned long long idle, iowait, steal;
	int64_t tick = SECOND / sysconf(_SC_CLK_TCK);
	FILE *file = fopen("/proc/stat", "re");

	if (file == NULL ||
	    fscanf(file, "cpu %*u %*u %*u %llu %llu %*u %*u %llu", &idle,
		&iowait, &steal) != 3)
		tool_die("/proc/stat: no CPU times there");
	fclose(file);
	usage->wall = clock_ns(CLOCK_MONOTONIC);
	usage->stolen = (int64_t)steal * tick;
	usage->machine = usage->wall * sysconf(_SC_NPROCESSORS_ONLN) -
	    (int64_t)(idle + iowait + steal) * tick;
}

struct usage
usage_now(const struct usage_pids *proxy, const struct usage_pids *load)
{
	struct usage usage;

	machine_ns(&usage);
	usage.sleeps = pids_sleeps(proxy);
	usage.proxy = pids_ns(proxy);
	usage.load = pids_ns(load) + clock_ns(CLOCK_PROCESS_CPUTIME_ID) +
	    children_ns();
	return usage;
}

struct usage
usage_between(const struct usage *from, const struct usage *to)
{
	return (struct usage){
		.wall = to->wall - from->wall,
		.proxy = to->proxy - from->proxy,
		.load = to->load - from->load,
		.machine = to->machine - from->machine,
		.stolen = to->stolen - from->stolen,
		.sleeps = to->sleeps - from->sleeps,
	};
}

void
usage_peak_reset(const struct usage_pids *pids)
{
	char path[64];
	int i, fd;

	for (i = 0; i < pids->count; i++) {
		snprintf(path, sizeof(path), "/proc/%d/clear_refs",
		    (int)pids->pid[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "5", 1) != 1)
			tool_die("%s: %s", path, strerror(errno));
		close(fd);
	}
}

uint64_t
usage_peak_kb(const struct usage_pids *pids)
{
	return sum_number(pids, "status", "VmHWM:");
}

uint64_t
usage_pss_kb(const struct usage_pids *pids)
{
	return sum_number(pids, "smaps_rollup", "Pss:");
}
