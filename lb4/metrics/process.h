/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What /proc says of this process and of its network namespace. */
#ifndef LB4_METRICS_PROCESS_H
#define LB4_METRICS_PROCESS_H

#include <stdint.h>

struct report_process;

/*
 * Fills the members that come from proc(5): CPU time, start, memory,
 * descriptors, and the counts of listen queues.  What cannot be read is 0.
 */
void process_read(struct report_process *process);

/*
 * The value of `name` in the section of that prefix ("TcpExt:") of a text like
 * /proc/net/netstat, which has a line of names and a line of values for each;
 * 0 when it is not there.  The text is changed.
 */
uint64_t process_netstat(char *text, const char *section, const char *name);

#endif
