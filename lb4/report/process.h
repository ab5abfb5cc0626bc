/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Reads /proc for this process and its network namespace. */
#ifndef LB4_REPORT_PROCESS_H
#define LB4_REPORT_PROCESS_H

#include <stdint.h>

struct process_facts {
	/* in the network namespace */
	uint64_t listen_overflows, listen_drops;
	double cpu_seconds;   /* used by all threads */
	double start_seconds; /* since 1970 */
	uint64_t open_fds, max_fds;
	uint64_t resident_bytes, virtual_bytes;
};

/* A value that cannot be read is 0. */
void process_read(struct process_facts *facts);

#endif
