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
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cpus.h"
#include "common/proc.h"
#include "lb4/process/capabilities.h"

#define CAP_SYS_ADMIN_BIT 21
#define CAP_SYS_RESOURCE_BIT 24

static_assert(CPUS_NO_QUOTA == HOST_UNLIMITED &&
	PROC_UNLIMITED == HOST_UNLIMITED,
    "one number for no limit");
/* NOLINTNEXTLINE(misc-redundant-expression): two names of one number */
static_assert(PROC_UNKNOWN == HOST_UNKNOWN, "one number for an unknown one");

/* A cgroup of version 1 without a limit has a number near 2^63. */
#define CGROUP_NO_LIMIT (INT64_C(1) << 62)

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
	const char *text = proc_field(root, "/proc/self/limits", name, line,
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
	text = proc_field(root, "/proc/self/status", "Uid:", line,
	    sizeof(line));
	if (text != NULL)
		host->is_root = sscanf(text, "%*u %63s", mine) == 1 &&
		    strcmp(mine, "0") == 0;
	text = proc_field(root, "/proc/self/status", "CapEff:", line,
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
	const char *text = proc_field(root, path, name, line, sizeof(line));

	return text == NULL ? HOST_UNKNOWN : strtoll(text, NULL, 10) * 1024;
}

/* ---- the control group -------------------------------------------------- */

/* What is left below a limit if `reclaimable` of the used part can be
 * reclaimed. */
static int64_t
left_below(const char *root, const char *dir, const char *limit_name,
    const char *used_name, int64_t reclaimable)
{
	char path[PROC_GROUP_MAX + 32];
	int64_t limit, used;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, limit_name);
	limit = proc_number(root, path, 0);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, used_name);
	used = proc_number(root, path, 0);
	if (limit == HOST_UNKNOWN || used == HOST_UNKNOWN ||
	    limit >= CGROUP_NO_LIMIT)
		return HOST_UNLIMITED;
	used -= reclaimable < used ? reclaimable : used;
	return limit > used ? limit - used : 0;
}

/* The kernel first reclaims file pages that were not read twice. */
static int64_t
read_reclaimable(const char *root, const char *dir, const char *name)
{
	char path[PROC_GROUP_MAX + 32], line[256];
	const char *text;

	(void)snprintf(path, sizeof(path), "%s/memory.stat", dir);
	text = proc_field(root, path, name, line, sizeof(line));
	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

static void
lower(int64_t *limit, int64_t value)
{
	if (value < *limit)
		*limit = value;
}

struct search {
	struct host *host;
	const char *root;
};

static void
look_at_memory(void *owner, const char *dir, bool v2)
{
	const struct search *search = owner;
	const int64_t reclaimable = read_reclaimable(search->root, dir,
	    v2 ? "inactive_file " : "total_inactive_file ");

	lower(&search->host->cgroup_mem_left,
	    left_below(search->root, dir,
		v2 ? "memory.max" : "memory.limit_in_bytes",
		v2 ? "memory.current" : "memory.usage_in_bytes", reclaimable));
}

static void
look_at_pids(void *owner, const char *dir, bool v2)
{
	const struct search *search = owner;

	(void)v2;
	lower(&search->host->cgroup_pids_left,
	    left_below(search->root, dir, "pids.max", "pids.current", 0));
}

static void
read_cgroup(struct host *host, const char *root)
{
	struct search search = { host, root };

	host->cgroup_mem_left = host->cgroup_pids_left = HOST_UNLIMITED;
	proc_groups(root, "memory", look_at_memory, &search);
	proc_groups(root, "pids", look_at_pids, &search);
}

/* ---- ports ------------------------------------------------------------- */

/* "8080,9000-9100" */
static void
read_reserved(struct host *host, const char *root)
{
	char path[PATH_MAX];
	FILE *file;
	unsigned low, high;
	int got;

	(void)snprintf(path, sizeof(path),
	    "%s/proc/sys/net/ipv4/ip_local_reserved_ports", root);
	file = fopen(path, "re");
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

void
host_read_ports(struct host *host, const char *root)
{
	static const char name[] = "net/ipv4/ip_local_port_range";
	const int64_t low = proc_sysctl(root, name, 0);
	const int64_t high = proc_sysctl(root, name, 1);

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

/* Whole words of 64 ports at once: a range is asked for once for each backend.
 */
unsigned
host_count_ports_in(const struct host *host, uint16_t low, uint16_t high)
{
	uint32_t port = low > host->port_low ? low : host->port_low;
	const uint32_t last = high < host->port_high ? high : host->port_high;
	unsigned count = 0;
	uint64_t reserved;

	if (host->port_low == 0)
		return 0;
	while (port <= last) {
		if (port % 64 != 0 || port + 63 > last) {
			count += host_port_is_local(host, (uint16_t)port++);
			continue;
		}
		memcpy(&reserved, &host->reserved[port / 8], sizeof(reserved));
		count += 64 - (unsigned)__builtin_popcountll(reserved);
		port += 64;
	}
	return count;
}

unsigned
host_count_ports(const struct host *host)
{
	return host_count_ports_in(host, host->port_low, host->port_high);
}

static void
read_network(struct host *host, const char *root)
{
	host->somaxconn = proc_sysctl(root, "net/core/somaxconn", 0);
	host->syn_backlog = proc_sysctl(root, "net/ipv4/tcp_max_syn_backlog",
	    0);
	host->syncookies = proc_sysctl(root, "net/ipv4/tcp_syncookies", 0);
	host->tw_reuse = proc_sysctl(root, "net/ipv4/tcp_tw_reuse", 0);
	host->tw_reuse_delay_ms = proc_sysctl(root,
	    "net/ipv4/tcp_tw_reuse_delay", 0);
	host->migrate_req = proc_sysctl(root, "net/ipv4/tcp_migrate_req", 0);
	host->mptcp = proc_sysctl(root, "net/mptcp/enabled", 0);
	host->conntrack_max = proc_sysctl(root,
	    "net/netfilter/nf_conntrack_max", 0);
	host->conntrack_used = proc_sysctl(root,
	    "net/netfilter/nf_conntrack_count", 0);
	host->max_orphans = proc_sysctl(root, "net/ipv4/tcp_max_orphans", 0);
	host->tcp_mem_pages = proc_sysctl(root, "net/ipv4/tcp_mem", 2);
	host->tcp_mem_low = proc_sysctl(root, "net/ipv4/tcp_mem", 0);
	host->tcp_wmem_most = proc_sysctl(root, "net/ipv4/tcp_wmem", 2);
	host->tcp_rmem_most = proc_sysctl(root, "net/ipv4/tcp_rmem", 2);
	host_read_ports(host, root);
}

/* A made-up machine has none. */
static void
read_routes(struct host *host, const char *root)
{
	host->route4.found = host->route6.found = HOST_UNKNOWN;
	if (root[0] != '\0')
		return;
	host->transparent = capabilities_have(UINT64_C(1) << CAP_NET_RAW);
	if (localroute_read(AF_INET, &host->route4) < 0)
		host->route4.found = HOST_UNKNOWN;
	if (localroute_read(AF_INET6, &host->route6) < 0)
		host->route6.found = HOST_UNKNOWN;
}

void
host_read(struct host *host, const char *root)
{
	memset(host, 0, sizeof(*host));
	read_self(host, root);
	host->nr_open = proc_sysctl(root, "fs/nr_open", 0);
	host->file_max = proc_sysctl(root, "fs/file-max", 0);
	host->files_used = proc_sysctl(root, "fs/file-nr", 0);
	host->threads_max = proc_sysctl(root, "kernel/threads-max", 0);
	host->pipe_pages_soft = proc_sysctl(root, "fs/pipe-user-pages-soft", 0);
	host->pipe_pages_hard = proc_sysctl(root, "fs/pipe-user-pages-hard", 0);
	host->pipe_max_size = proc_sysctl(root, "fs/pipe-max-size", 0);
	host->mem_available = read_kilobytes(root, "/proc/meminfo",
	    "MemAvailable:");
	read_cgroup(host, root);
	host->cpu_quota = cpus_quota(root);
	read_network(host, root);
	read_routes(host, root);
}
