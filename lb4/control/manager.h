/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the service manager hears of us, and when (notify.h is how): that we
 * are ready, a line of status now and then, and for its watchdog that every
 * thread turns its loop.  A part of the control thread.
 *
 * While one is stuck (threads.h) the watchdog hears nothing, and it is told
 * again as soon as there is none.
 */
#ifndef LB4_CONTROL_MANAGER_H
#define LB4_CONTROL_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/timer.h"

struct engine;
struct tables;
struct threads;

struct manager {
	const struct engine *engine;
	const struct tables *tables;
	struct threads *threads;
	struct timer status;
	struct timer watchdog;
	uint64_t beat_ms; /* from one WATCHDOG=1 to the next; 0: not wanted */
	bool withheld;	  /* the last one was not sent, since one is stuck */
	char said[128];	  /* the last status */
};

/* Arms what the environment asks for ($NOTIFY_SOCKET, $WATCHDOG_USEC).  The
 * struct is all zero before; the others outlive it. */
void manager_start(struct manager *manager, struct timer_wheel *wheel,
    const struct engine *engine, const struct tables *tables,
    struct threads *threads);

/* Does what that timer is for and returns true, if it is one of ours. */
bool manager_on_timer(struct manager *manager, struct timer_wheel *wheel,
    const struct timer *timer);

/* From here on the status is the caller's; the watchdog goes on. */
void manager_stop_status(struct manager *manager, struct timer_wheel *wheel);

/* READY=1 with the status: at the start, and at the end of a reload.  As
 * notify_send(). */
int manager_ready(const struct engine *engine, const struct tables *tables);

/* RELOADING=1, with the time that Type=notify-reload asks for.  As
 * notify_send(). */
int manager_reloading(void);

#endif
