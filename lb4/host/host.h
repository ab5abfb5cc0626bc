/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The limits of the machine that lb4 runs on, read from /proc and /sys: what
 * the doctor judges (doctor.h).
 */
#ifndef LB4_HOST_HOST_H
#define LB4_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/host/localroute.h"

#define HOST_UNKNOWN (-1)
#define HOST_UNLIMITED INT64_MAX

/* Each number may be HOST_UNKNOWN (there is no such file, or it cannot be
 * read), and a limit HOST_UNLIMITED.  Sizes are bytes unless they say pages
 * (of 4 KiB). */
struct host {
	/* of this process */
	bool is_root;	  /* the effective user */
	bool privileged;  /* CAP_SYS_RESOURCE or CAP_SYS_ADMIN */
	bool transparent; /* CAP_NET_RAW, in effect */
	bool own_netns;	  /* not the network namespace of process 1 */
	int64_t nofile_soft, nofile_hard;
	int64_t nproc; /* soft limit: threads of the user */

	/* of the machine */
	int64_t nr_open;
	int64_t file_max, files_used;
	int64_t threads_max;
	int64_t pipe_pages_soft, pipe_pages_hard, pipe_max_size;
	int64_t mem_available;
	int64_t tcp_mem_pages; /* the third of tcp_mem */
	int64_t tcp_mem_low;   /* the first one */
	int64_t max_orphans;

	/* of the control group, the narrowest on the way up */
	int64_t cgroup_mem_left;
	int64_t cgroup_pids_left;
	int64_t cpu_quota; /* thousandths of a CPU */

	/* of the network namespace */
	int64_t somaxconn, syn_backlog, syncookies;
	int64_t tw_reuse, tw_reuse_delay_ms;
	int64_t migrate_req;
	int64_t mptcp;			      /* net.mptcp.enabled */
	int64_t tcp_wmem_most, tcp_rmem_most; /* the third of each */
	int64_t conntrack_max, conntrack_used;
	struct localroute route4, route6; /* found -1: unknown */
	uint16_t port_low, port_high;	  /* ip_local_port_range; 0: unknown */
	uint8_t reserved[65536 / 8];	  /* ip_local_reserved_ports: bits */
};

/* Reads all of it; `root` stands before each path: "" for the machine itself,
 * a directory with a made-up /proc and /sys for a test. */
void host_read(struct host *host, const char *root);

/* Only the local ports, and leaves the rest as it is: all zero, say. */
void host_read_ports(struct host *host, const char *root);

/* Whether the kernel may choose that port for a socket that connects. */
bool host_port_is_local(const struct host *host, uint16_t port);

/* How many such ports there are; and how many of them from `low` to `high`. */
unsigned host_count_ports(const struct host *host);
unsigned host_count_ports_in(const struct host *host, uint16_t low,
    uint16_t high);

#endif
