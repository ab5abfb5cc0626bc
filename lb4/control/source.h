/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * An event source of the control thread's loop, such as the control socket.
 * The loop serves it without knowing what it is; serve.c plugs it in
 * (control_plug()).
 */
#ifndef LB4_CONTROL_SOURCE_H
#define LB4_CONTROL_SOURCE_H

#include <stdint.h>

struct source {
	void *owner; /* argument of these functions; outlives the loop */
	int fd;	     /* readable when there is something to do */

	/* Returns the milliseconds until something is due, or -1. */
	int (*sleep_ms)(const void *owner, uint64_t now_ms);

	/* Extends the deadlines of others by `gap_ms`, the time that the
	 * control thread did not run.  NULL: nobody waits for this source. */
	void (*give_time)(void *owner, uint64_t gap_ms);

	/* Handles what is ready or due. */
	void (*turn)(void *owner, uint64_t now_ms);
};

#endif
