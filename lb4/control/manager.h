/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Notifies the service manager (notify.h): lb4 is ready, a status line from
 * time to time, and WATCHDOG=1 while every thread turns its loop.  While a
 * thread is stuck (threads.h), no WATCHDOG=1 is sent; it resumes as soon as no
 * thread is stuck.  A part of the control thread.
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
	uint64_t beat_ms; /* between two WATCHDOG=1; 0: no watchdog */
	bool withheld;	  /* the last one was not sent: a thread is stuck */
	char said[128];	  /* the last status sent */
};

/* Arms the timers that the environment asks for ($NOTIFY_SOCKET,
 * $WATCHDOG_USEC).  `manager` must be all zero; the other arguments must
 * outlive it. */
void manager_start(struct manager *manager, struct timer_wheel *wheel,
    const struct engine *engine, const struct tables *tables,
    struct threads *threads);

/* Handles a timer and returns true if it is one of the manager's. */
bool manager_on_timer(struct manager *manager, struct timer_wheel *wheel,
    const struct timer *timer);

/* Stops sending the status, which the caller sends from now on.  The watchdog
 * continues. */
void manager_stop_status(struct manager *manager, struct timer_wheel *wheel);

/* Sends nothing more: another process is the main process now. */
void manager_stop(struct manager *manager, struct timer_wheel *wheel);

/* Sends READY=1 with the status, at the start and at the end of a reload.
 * Returns as notify_send(). */
int manager_ready(const struct engine *engine, const struct tables *tables);

/* Sends RELOADING=1 with the time that Type=notify-reload requires.  Returns as
 * notify_send(). */
int manager_reloading(void);

#endif
