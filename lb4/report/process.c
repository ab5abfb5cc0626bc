/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Reads proc(5) for a report: see process.h. */
#include "lb4/report/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/proc.h"

#define TEXT_MAX 16384 /* bytes of a file; /proc/net/netstat has about 4000 */

/* The line of `text` that begins with the section's prefix, or NULL. */
static const char *
find_line(const char *text, const char *section)
{
	const size_t len = strlen(section);

	while (text != NULL && strncmp(text, section, len) != 0) {
		text = strchr(text, '\n');
		if (text != NULL)
			text++;
	}
	return text;
}

/*
 * The value of `name` in a section of a text like /proc/net/netstat, or 0 if it
 * is missing.  A section is a line of names and a line of values, which both
 * begin with its prefix.
 */
static uint64_t
netstat_value(const char *text, const char *section, const char *name)
{
	const char *names = find_line(text, section);
	const char *values = names != NULL ? strchr(names, '\n') : NULL;
	size_t len;

	values = values != NULL ? find_line(values + 1, section) : NULL;
	while (values != NULL) {
		len = strcspn(names, " \n");
		if (len == strlen(name) && memcmp(names, name, len) == 0)
			return strtoull(values, NULL, 10);
		names += len;
		values += strcspn(values, " \n");
		if (*names++ != ' ' || *values++ != ' ')
			break;
	}
	return 0;
}

static void
read_netstat(struct process_facts *facts)
{
	char text[TEXT_MAX];

	(void)proc_text("", "/proc/self/net/netstat", text, sizeof(text));
	facts->listen_overflows = netstat_value(text,
	    "TcpExt:", "ListenOverflows");
	facts->listen_drops = netstat_value(text, "TcpExt:", "ListenDrops");
}

/* When the machine started, in seconds since 1970. */
static double
boot_seconds(void)
{
	struct timespec real, boot;

	(void)clock_gettime(CLOCK_REALTIME, &real);
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	return (double)(real.tv_sec - boot.tv_sec) +
	    (double)(real.tv_nsec - boot.tv_nsec) / 1e9;
}

/* Counts the fields of /proc/self/stat from the end of the name, because the
 * name may have spaces. */
static void
read_stat(struct process_facts *facts)
{
	const double tick = (double)sysconf(_SC_CLK_TCK);
	uint64_t user, system, start, size;
	int64_t pages;
	char text[1024];
	const char *at;

	(void)proc_text("", "/proc/self/stat", text, sizeof(text));
	at = strrchr(text, ')');
	if (at == NULL ||
	    sscanf(at,
		") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64
		" %" SCNu64 " %*d %*d %*d %*d %*d %*d %" SCNu64 " %" SCNu64
		" %" SCNd64,
		&user, &system, &start, &size, &pages) != 5)
		return;
	facts->cpu_seconds = (double)(user + system) / tick;
	facts->start_seconds = boot_seconds() + (double)start / tick;
	facts->virtual_bytes = size;
	facts->resident_bytes = (uint64_t)pages *
	    (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Since Linux 6.2 the size of the directory is the number of descriptors
 * (fs/proc/fd.c); before, it is 0. */
static uint64_t
count_fds(void)
{
	struct stat st;
	uint64_t count = 0;
	DIR *dir;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return (uint64_t)st.st_size;
	dir = opendir("/proc/self/fd");
	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		(void)closedir(dir);
	return count > 3 ? count - 3 : 0; /* ".", ".." and dir's own */
}

void
process_read(struct process_facts *facts)
{
	struct rlimit limit;

	read_netstat(facts);
	read_stat(facts);
	facts->open_fds = count_fds();
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		facts->max_fds = limit.rlim_cur;
}
