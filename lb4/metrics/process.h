/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What /proc says of this process and of its network namespace. */
#ifndef LB4_METRICS_PROCESS_H
#define LB4_METRICS_PROCESS_H

#include <stdint.h>

struct process_facts {
	/* of the network namespace */
	uint64_t listen_overflows, listen_drops;
	double cpu_seconds;   /* used by all threads */
	double start_seconds; /* since 1970 */
	uint64_t open_fds, max_fds;
	uint64_t resident_bytes, virtual_bytes;
};

/* What cannot be read is 0. */
void process_read(struct process_facts *facts);

/*
 * The value of `name` in the section of that prefix ("TcpExt:") of a text like
 * /proc/net/netstat, which has a line of names and a line of values for each;
 * 0 when it is not there.  The text is changed.
 */
uint64_t process_netstat(char *text, const char *section, const char *name);

#endif
