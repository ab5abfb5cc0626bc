/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * An event source of the control thread's loop: something that control serves
 * without knowing what it is, such as the control socket.  main.c plugs it in
 * (control_plug()).
 */
#ifndef LB4_CONTROL_SOURCE_H
#define LB4_CONTROL_SOURCE_H

#include <stdint.h>

struct source {
	void *owner; /* of these functions; outlives the loop */
	int fd;	     /* readable when there is something to do */

	/* How many milliseconds until something is due; -1: nothing is. */
	int (*sleep_ms)(const void *owner, uint64_t now_ms);

	/* Adds so much time to the deadlines of others: the control thread did
	 * not look for that long. */
	void (*give_time)(void *owner, uint64_t gap_ms);

	/* Does what there is to do. */
	void (*turn)(void *owner, uint64_t now_ms);
};

#endif
