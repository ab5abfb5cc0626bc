/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Reading /proc and /sys: see host.h.  Nothing here fails: a file that is not
 * there is a limit that is not known.
 */
#include "lb4/host/host.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cpus.h"

/* Longest directory of a control group, with its end. */
#define GROUP_MAX 2048

#define CAP_SYS_ADMIN_BIT 21
#define CAP_SYS_RESOURCE_BIT 24

static_assert(CPUS_NO_QUOTA == HOST_UNLIMITED, "one word for no quota");

/* A cgroup of version 1 without a limit says a number near 2^63. */
#define CGROUP_NO_LIMIT (INT64_C(1) << 62)

static FILE *
open_below(const char *root, const char *path)
{
	char full[PATH_MAX];

	if (snprintf(full, sizeof(full), "%s%s", root, path) >=
	    (int)sizeof(full))
		return NULL;
	return fopen(full, "re");
}

/* The n-th number (from 0) of a file's first line; "max" is no limit. */
static int64_t
read_number(const char *root, const char *path, unsigned n)
{
	FILE *file = open_below(root, path);
	char line[256];
	char *word, *rest, *end;
	int64_t value;

	if (file == NULL)
		return HOST_UNKNOWN;
	rest = fgets(line, sizeof(line), file);
	(void)fclose(file);
	if (rest == NULL)
		return HOST_UNKNOWN;
	do
		word = strtok_r(rest, " \t\n", &rest);
	while (word != NULL && n-- > 0);
	if (word == NULL)
		return HOST_UNKNOWN;
	if (strcmp(word, "max") == 0)
		return HOST_UNLIMITED;
	value = strtoll(word, &end, 10);
	return end == word || value < 0 ? HOST_UNKNOWN : value;
}

static int64_t
sysctl_number(const char *root, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/proc/sys/%s", name);
	return read_number(root, path, 0);
}

/* The text behind `name` on the line of a file that begins with it, in `line`;
 * NULL: there is none. */
static char *
read_field(const char *root, const char *path, const char *name, char *line,
    int size)
{
	FILE *file = open_below(root, path);
	const size_t len = strlen(name);
	char *found = NULL;

	if (file == NULL)
		return NULL;
	while (found == NULL && fgets(line, size, file) != NULL)
		if (strncmp(line, name, len) == 0)
			found = line + len;
	(void)fclose(file);
	return found;
}

static int64_t
limit_value(const char *word)
{
	return strcmp(word, "unlimited") == 0 ? HOST_UNLIMITED
					      : strtoll(word, NULL, 10);
}

static void
read_limit(const char *root, const char *name, int64_t *soft, int64_t *hard)
{
	char line[256], soft_word[32], hard_word[32];
	const char *text = read_field(root, "/proc/self/limits", name, line,
	    sizeof(line));

	*soft = *hard = HOST_UNKNOWN;
	if (text == NULL ||
	    sscanf(text, "%31s %31s", soft_word, hard_word) != 2)
		return;
	*soft = limit_value(soft_word);
	*hard = limit_value(hard_word);
}

static void
read_self(struct host *host, const char *root)
{
	char line[256], mine[64], first[64], path[PATH_MAX];
	const char *text;
	int64_t hard;
	ssize_t n, m;

	read_limit(root, "Max open files", &host->nofile_soft,
	    &host->nofile_hard);
	read_limit(root, "Max processes", &host->nproc, &hard);
	text = read_field(root, "/proc/self/status", "Uid:", line,
	    sizeof(line));
	if (text != NULL)
		host->is_root = sscanf(text, "%*u %63s", mine) == 1 &&
		    strcmp(mine, "0") == 0;
	text = read_field(root, "/proc/self/status", "CapEff:", line,
	    sizeof(line));
	if (text != NULL) {
		const uint64_t caps = strtoull(text, NULL, 16);

		host->privileged = (caps >> CAP_SYS_ADMIN_BIT & 1) != 0 ||
		    (caps >> CAP_SYS_RESOURCE_BIT & 1) != 0;
	}
	(void)snprintf(path, sizeof(path), "%s/proc/self/ns/net", root);
	n = readlink(path, mine, sizeof(mine));
	(void)snprintf(path, sizeof(path), "%s/proc/1/ns/net", root);
	m = readlink(path, first, sizeof(first));
	host->own_netns = n > 0 && m > 0 &&
	    (n != m || memcmp(mine, first, (size_t)n) != 0);
}

static int64_t
read_kilobytes(const char *root, const char *path, const char *name)
{
	char line[256];
	const char *text = read_field(root, path, name, line, sizeof(line));

	return text == NULL ? HOST_UNKNOWN : strtoll(text, NULL, 10) * 1024;
}

/* ---- the control group -------------------------------------------------- */

/* What is left under a limit, seen that `reclaimable` of it can be had back. */
static int64_t
left_below(const char *root, const char *dir, const char *limit_name,
    const char *used_name, int64_t reclaimable)
{
	char path[GROUP_MAX + 32];
	int64_t limit, used;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, limit_name);
	limit = read_number(root, path, 0);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, used_name);
	used = read_number(root, path, 0);
	if (limit == HOST_UNKNOWN || used == HOST_UNKNOWN ||
	    limit >= CGROUP_NO_LIMIT)
		return HOST_UNLIMITED;
	used -= reclaimable < used ? reclaimable : used;
	return limit > used ? limit - used : 0;
}

/* Pages of files that nobody has read twice go first when memory is short. */
static int64_t
read_reclaimable(const char *root, const char *dir, const char *name)
{
	char path[GROUP_MAX + 32], line[256];
	const char *text;

	(void)snprintf(path, sizeof(path), "%s/memory.stat", dir);
	text = read_field(root, path, name, line, sizeof(line));
	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

static void
lower(int64_t *limit, int64_t value)
{
	if (value < *limit)
		*limit = value;
}

/* One directory of the hierarchy `v2`, or of a controller of version 1. */
static void
read_group(struct host *host, const char *root, const char *dir, bool v2,
    bool memory, bool pids)
{
	if (memory)
		lower(&host->cgroup_mem_left,
		    left_below(root, dir,
			v2 ? "memory.max" : "memory.limit_in_bytes",
			v2 ? "memory.current" : "memory.usage_in_bytes",
			read_reclaimable(root, dir,
			    v2 ? "inactive_file " : "total_inactive_file ")));
	if (pids)
		lower(&host->cgroup_pids_left,
		    left_below(root, dir, "pids.max", "pids.current", 0));
}

/* From the group of a line "4:memory:/a/b" up to the root of its hierarchy. */
static void
read_groups(struct host *host, const char *root, const char *controller,
    char *group)
{
	const bool v2 = controller[0] == '\0';
	const bool memory = v2 || strcmp(controller, "memory") == 0;
	const bool pids = v2 || strcmp(controller, "pids") == 0;
	char dir[GROUP_MAX];
	char *slash;

	if (!memory && !pids)
		return;
	group[strcspn(group, "\n")] = '\0';
	if (strcmp(group, "/") == 0)
		group[0] = '\0';
	for (;;) {
		if (snprintf(dir, sizeof(dir), "/sys/fs/cgroup%s%s%s",
			v2 ? "" : "/", controller, group) >= (int)sizeof(dir))
			return;
		read_group(host, root, dir, v2, memory, pids);
		slash = strrchr(group, '/');
		if (slash == NULL)
			return;
		*slash = '\0';
	}
}

static void
read_cgroup(struct host *host, const char *root)
{
	FILE *file = open_below(root, "/proc/self/cgroup");
	char line[PATH_MAX];

	host->cgroup_mem_left = host->cgroup_pids_left = HOST_UNLIMITED;
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		char *controller = strchr(line, ':');
		char *group = controller != NULL ? strchr(controller + 1, ':')
						 : NULL;

		if (group == NULL)
			continue;
		*group++ = '\0';
		read_groups(host, root, controller + 1, group);
	}
	(void)fclose(file);
}

/* ---- ports ------------------------------------------------------------- */

/* "8080,9000-9100" */
static void
read_reserved(struct host *host, const char *root)
{
	FILE *file = open_below(root,
	    "/proc/sys/net/ipv4/ip_local_reserved_ports");
	unsigned low, high;
	int got;

	if (file == NULL)
		return;
	while (fscanf(file, "%u", &low) == 1) {
		high = low;
		got = fgetc(file);
		if (got == '-') {
			if (fscanf(file, "%u", &high) != 1)
				break;
			got = fgetc(file);
		}
		for (; low <= high && high <= 65535; low++)
			host->reserved[low / 8] |= (uint8_t)(1U << low % 8);
		if (got != ',')
			break;
	}
	(void)fclose(file);
}

static void
read_ports(struct host *host, const char *root)
{
	static const char path[] = "/proc/sys/net/ipv4/ip_local_port_range";
	const int64_t low = read_number(root, path, 0);
	const int64_t high = read_number(root, path, 1);

	if (low <= 0 || high < low || high > 65535)
		return;
	host->port_low = (uint16_t)low;
	host->port_high = (uint16_t)high;
	read_reserved(host, root);
}

bool
host_port_is_local(const struct host *host, uint16_t port)
{
	return host->port_low != 0 && port >= host->port_low &&
	    port <= host->port_high &&
	    (host->reserved[port / 8] >> port % 8 & 1) == 0;
}

static void
read_network(struct host *host, const char *root)
{
	host->somaxconn = sysctl_number(root, "net/core/somaxconn");
	host->syn_backlog = sysctl_number(root, "net/ipv4/tcp_max_syn_backlog");
	host->syncookies = sysctl_number(root, "net/ipv4/tcp_syncookies");
	host->tw_reuse = sysctl_number(root, "net/ipv4/tcp_tw_reuse");
	host->tw_reuse_delay_ms = sysctl_number(root,
	    "net/ipv4/tcp_tw_reuse_delay");
	host->migrate_req = sysctl_number(root, "net/ipv4/tcp_migrate_req");
	host->conntrack_max = sysctl_number(root,
	    "net/netfilter/nf_conntrack_max");
	host->conntrack_used = sysctl_number(root,
	    "net/netfilter/nf_conntrack_count");
	host->max_orphans = sysctl_number(root, "net/ipv4/tcp_max_orphans");
	host->tcp_mem_pages = read_number(root, "/proc/sys/net/ipv4/tcp_mem",
	    2);
	host->tcp_mem_low = read_number(root, "/proc/sys/net/ipv4/tcp_mem", 0);
	host->tcp_wmem_most = read_number(root, "/proc/sys/net/ipv4/tcp_wmem",
	    2);
	host->tcp_rmem_most = read_number(root, "/proc/sys/net/ipv4/tcp_rmem",
	    2);
	read_ports(host, root);
}

void
host_read(struct host *host, const char *root)
{
	memset(host, 0, sizeof(*host));
	read_self(host, root);
	host->nr_open = sysctl_number(root, "fs/nr_open");
	host->file_max = sysctl_number(root, "fs/file-max");
	host->files_used = sysctl_number(root, "fs/file-nr");
	host->threads_max = sysctl_number(root, "kernel/threads-max");
	host->pipe_pages_soft = sysctl_number(root, "fs/pipe-user-pages-soft");
	host->pipe_pages_hard = sysctl_number(root, "fs/pipe-user-pages-hard");
	host->pipe_max_size = sysctl_number(root, "fs/pipe-max-size");
	host->mem_available = read_kilobytes(root, "/proc/meminfo",
	    "MemAvailable:");
	read_cgroup(host, root);
	host->cpu_quota = cpus_quota(root);
	read_network(host, root);
}
