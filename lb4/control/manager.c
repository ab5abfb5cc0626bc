/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Status and watchdog: see manager.h.
 */
#include "lb4/control/manager.h"

#include <bsd/string.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/plural.h"
#include "lb4/control/figures.h"
#include "lb4/control/threads.h"
#include "lb4/engine/engine.h"
#include "lb4/process/notify.h"
#include "lb4/table/table.h"

#define STATUS_MS 2000

/* While a thread is stuck or overdue, check again after this part of a beat. */
#define LOOKS_PER_BEAT 8

/* The status as text: "12 services, 34 of 36 backends up, 1234 conns". */
static void
describe(char *text, size_t size, const struct engine *engine,
    const struct tables *tables)
{
	const uint64_t conns = engine_conns(engine);
	struct figures_counts counts;

	figures_count(table_current(tables), &counts);
	(void)snprintf(text, size,
	    "%zu service%s, %zu of %zu backends up, %" PRIu64 " conn%s",
	    counts.services, plural(counts.services), counts.available,
	    counts.backends, conns, plural(conns));
}

/* Half the watchdog's timeout; 0: there is no watchdog, or it watches another
 * process. */
static uint64_t
watchdog_beat_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	uint64_t beat_ms;

	if (usec == NULL ||
	    (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid()))
		return 0;
	beat_ms = strtoull(usec, NULL, 10) / 2000;
	return beat_ms > 0 || strtoull(usec, NULL, 10) == 0 ? beat_ms : 1;
}

void
manager_start(struct manager *manager, struct timer_wheel *wheel,
    const struct engine *engine, const struct tables *tables,
    struct threads *threads)
{
	const char *socket = getenv("NOTIFY_SOCKET");

	manager->engine = engine;
	manager->tables = tables;
	manager->threads = threads;
	if (socket == NULL || socket[0] == '\0')
		return;
	timer_arm(wheel, &manager->status, timer_now_ms() + STATUS_MS);
	manager->beat_ms = watchdog_beat_ms();
	if (manager->beat_ms != 0)
		timer_arm(wheel, &manager->watchdog, timer_now_ms());
}

static void
on_status(struct manager *manager, struct timer_wheel *wheel)
{
	char text[sizeof(manager->said)];

	describe(text, sizeof(text), manager->engine, manager->tables);
	/* a failed notification is retried next time */
	if (strcmp(text, manager->said) != 0 &&
	    notify_send("STATUS=%s", text) >= 0)
		strlcpy(manager->said, text, sizeof(manager->said));
	timer_arm(wheel, &manager->status, timer_now_ms() + STATUS_MS);
}

static void
on_watchdog(struct manager *manager, struct timer_wheel *wheel)
{
	const uint64_t now_ms = timer_now_ms();
	uint64_t next_ms = manager->beat_ms;
	struct threads_verdict verdict;
	const bool withheld = threads_stuck(manager->threads, THREADS_SERVICE,
	    &verdict);

	if (withheld && !manager->withheld)
		log_warning("%s has been in one turn of its loop for %" PRIu64
			    " ms: no WATCHDOG=1 is sent",
		    verdict.name, verdict.ms);
	else if (!withheld && manager->withheld)
		log_notice("every thread turns its loop again");
	manager->withheld = withheld;
	if (withheld || verdict.overdue)
		next_ms = manager->beat_ms / LOOKS_PER_BEAT + 1;
	if (!withheld)
		(void)notify_send("WATCHDOG=1");
	timer_arm(wheel, &manager->watchdog, now_ms + next_ms);
}

bool
manager_on_timer(struct manager *manager, struct timer_wheel *wheel,
    const struct timer *timer)
{
	if (timer == &manager->status)
		on_status(manager, wheel);
	else if (timer == &manager->watchdog)
		on_watchdog(manager, wheel);
	else
		return false;
	return true;
}

void
manager_stop_status(struct manager *manager, struct timer_wheel *wheel)
{
	timer_disarm(wheel, &manager->status);
}

void
manager_stop(struct manager *manager, struct timer_wheel *wheel)
{
	timer_disarm(wheel, &manager->status);
	timer_disarm(wheel, &manager->watchdog);
}

int
manager_ready(const struct engine *engine, const struct tables *tables)
{
	char text[128];

	describe(text, sizeof(text), engine, tables);
	return notify_send("READY=1\nSTATUS=%s", text);
}

int
manager_reloading(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return notify_send("RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	    (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}
