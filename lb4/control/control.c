/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Signals, the workers' messages, timers: the loop of the main thread.
 */
#include "lb4/control/control.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/plural.h"
#include "lb4/config/errors.h"
#include "lb4/control/backlogs.h"
#include "lb4/control/closer.h"
#include "lb4/control/follow.h"
#include "lb4/control/fullness.h"
#include "lb4/control/keep.h"
#include "lb4/control/leveler.h"
#include "lb4/control/names.h"
#include "lb4/control/ports.h"
#include "lb4/control/reload.h"
#include "lb4/control/threads.h"
#include "lb4/control/upgrade.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/peers.h"
#include "lb4/log/logger.h"
#include "lb4/process/notify.h"
#include "lb4/process/options.h"
#include "lb4/process/signals.h"
#include "lb4/table/table.h"

#define SWEEP_MS 10000
#define PROGRESS_MS 5000

/* How long a conn that is cut may still deliver the bytes it has received. */
#define CUT_MS 5000

/* How long this process answers the last callers after an upgrade. */
#define HANDED_MS 100

/* How long the reset of all conns may take. */
#define KILL_MS 2000

/* At least TABLE_WORKERS_MAX: each worker posts once, or very few times. */
#define MAILBOX_MAX 1024

/* Signals, the mailbox, the closer, and each source. */
#define EVENTS_MAX (3 + CONTROL_SOURCES_MAX)

enum { TAG_SIGNAL, TAG_MAILBOX, TAG_SOURCE, TAG_CLOSER };

static_assert(MAILBOX_MAX >= TABLE_WORKERS_MAX, "room for all workers");

int
control_init(struct control *control)
{
	int error;

	memset(control, 0, sizeof(*control));
	control->running.upgrade = &control->upgrade;
	control->upgrade.replies.fd = -1;
	control->epfd = -1;
	control->signalfd = -1;
	error = mailbox_init(&control->mailbox, MAILBOX_MAX,
	    sizeof(struct control_message));
	if (error < 0)
		return error;
	error = upgrade_init(&control->upgrade);
	if (error < 0)
		goto out;
	control->signalfd = signals_open();
	if (control->signalfd < 0) {
		error = control->signalfd;
		goto out;
	}
	control->epfd = loop_open();
	if (control->epfd < 0) {
		error = control->epfd;
		goto out;
	}
	error = loop_add(control->epfd, control->signalfd, EPOLLIN,
	    loop_tag(TAG_SIGNAL, 0, 0));
	if (error == 0)
		error = loop_add(control->epfd, control->mailbox.fd, EPOLLIN,
		    loop_tag(TAG_MAILBOX, 0, 0));
out:
	if (error < 0)
		control_done(control);
	return error;
}

void
control_done(struct control *control)
{
	if (control->epfd >= 0)
		close(control->epfd);
	if (control->signalfd >= 0)
		close(control->signalfd);
	control->epfd = -1;
	control->signalfd = -1;
	names_free(control->running.names);
	control->running.names = NULL;
	follow_free(control->running.follow);
	control->running.follow = NULL;
	closer_free(control->running.closer);
	control->running.closer = NULL;
	leveler_free(control->running.leveler);
	control->running.leveler = NULL;
	threads_free(control->running.threads);
	control->running.threads = NULL;
	rulefiles_free(control->rulefiles);
	control->rulefiles = NULL;
	backlogs_free(control->running.backlogs);
	control->running.backlogs = NULL;
	fdstore_done(&control->running.kept);
	mailbox_done(&control->mailbox);
	upgrade_done(&control->upgrade);
}

static void
set_state(struct control *control, enum running_state state)
{
	assert(state > control->running.state);
	log_debug("control: %s -> %s",
	    running_state_name(control->running.state),
	    running_state_name(state));
	control->running.state = state;
	events_tell(&control->running.events,
	    &(struct event){ .kind = "state" }, "%s",
	    running_state_name(state));
}

/* Resets all remaining conns at once, unless that has happened already. */
static void
kill_conns(struct control *control, const char *why)
{
	const uint64_t conns = engine_conns(control->running.engine);

	if (control->running.state >= RUNNING_KILLING)
		return;
	if (conns > 0)
		log_warning("%s: resetting %" PRIu64 " conn%s", why, conns,
		    plural(conns));
	set_state(control, RUNNING_KILLING);
	engine_kill(control->running.engine);
	timer_disarm(&control->wheel, &control->progress);
	timer_arm(&control->wheel, &control->deadline,
	    timer_now_ms() + KILL_MS);
}

/* shutdown-timeout has passed: each conn delivers the bytes it has received and
 * is then reset.  After CUT_MS the rest is reset at once. */
static void
cut_conns(struct control *control)
{
	const uint64_t conns = engine_conns(control->running.engine);

	if (control->cutting) {
		kill_conns(control, "no time is left");
		return;
	}
	if (conns > 0)
		log_warning("shutdown-timeout has passed: resetting %" PRIu64
			    " conn%s",
		    conns, plural(conns));
	control->cutting = true;
	engine_cut(control->running.engine);
	timer_arm(&control->wheel, &control->deadline, timer_now_ms() + CUT_MS);
}

/* Sets the deadline of draining.  Until then the closer ends idle conns one
 * after another, so that their clients do not all reconnect at the same
 * moment. */
static void
limit_drain(struct control *control)
{
	const unsigned limit_ms = control->running.shutdown_timeout_ms;

	control->drain_deadline_ms = timer_now_ms() + limit_ms;
	timer_arm(&control->wheel, &control->deadline,
	    control->drain_deadline_ms);
	if (!closer_stop(control->running.closer, limit_ms))
		log_warning("no memory to close idle conns gracefully");
}

static void
drain(struct control *control, const char *signal_name, bool limited)
{
	const uint64_t conns = engine_conns(control->running.engine);

	set_state(control, RUNNING_DRAINING);
	if (limited)
		log_notice("SIG%s: stopping, %" PRIu64
			   " conn%s may go on for at most %g s",
		    signal_name, conns, plural(conns),
		    control->running.shutdown_timeout_ms / 1000.0);
	else
		log_notice("SIG%s: stopping when the last of %" PRIu64
			   " conn%s has ended",
		    signal_name, conns, plural(conns));
	(void)notify_send("STOPPING=1\nSTATUS=Draining, %" PRIu64
			  " conn%s left\nEXTEND_TIMEOUT_USEC=%u",
	    conns, plural(conns), 3 * PROGRESS_MS * 1000U);
	manager_stop_status(&control->manager, &control->wheel);
	keep_nothing(&control->running);
	engine_drain(control->running.engine);
	timer_arm(&control->wheel, &control->progress,
	    timer_now_ms() + PROGRESS_MS);
	if (limited)
		limit_drain(control);
}

/* TERM and INT: the first one starts to drain, or sets a deadline for a drain
 * that has none.  The next one resets the remaining conns. */
static void
on_stop_signal(struct control *control, const char *signal_name)
{
	if (control->running.state == RUNNING_SERVING) {
		drain(control, signal_name, true);
	} else if (control->running.state == RUNNING_DRAINING &&
	    control->drain_deadline_ms == 0) {
		log_notice("SIG%s: conns may go on for at most %g s now",
		    signal_name, control->running.shutdown_timeout_ms / 1000.0);
		limit_drain(control);
	} else if (control->running.state == RUNNING_DRAINING) {
		kill_conns(control, "stopped by a second signal");
	}
}

static void
on_reload_signal(struct control *control)
{
	struct config_errors errors = { .count = 0 };

	log_notice("SIGHUP: reloading %s",
	    options_source(control->running.options));
	(void)reload_file(&control->running, false, &errors);
	config_errors_done(&errors);
}

static void
on_upgrade_signal(struct control *control)
{
	struct why why;

	if (upgrade_begin(&control->running, NULL, &why) < 0)
		log_error("SIGUSR2: cannot upgrade: %s", why.text);
}

static void
on_signal(struct control *control, uint32_t number)
{
	if (upgrade_holds_signal(&control->upgrade, number))
		return;
	switch (number) {
	case SIGTERM:
	case SIGINT:
		on_stop_signal(control, number == SIGTERM ? "TERM" : "INT");
		break;
	case SIGQUIT:
		if (control->running.state == RUNNING_SERVING)
			drain(control, "QUIT", false);
		break;
	case SIGUSR1:
		logger_reopen(control->running.logger);
		break;
	case SIGHUP:
		on_reload_signal(control);
		break;
	case SIGCHLD:
		signals_reap();
		break;
	case SIGUSR2:
		on_upgrade_signal(control);
		break;
	default:
		break;
	}
}

static void
on_handed(struct control *control)
{
	uint64_t held;

	if (upgrade_ended(&control->running, &held)) {
		manager_stop(&control->manager, &control->wheel);
		timer_arm(&control->wheel, &control->handed,
		    timer_now_ms() + HANDED_MS);
		return;
	}
	for (uint32_t number = 1; number < 64; number++)
		if ((held >> number & 1) != 0)
			on_signal(control, number);
}

static void
on_message(struct control *control, const struct control_message *message)
{
	switch (message->kind) {
	case CONTROL_DRAINED:
		log_debug("worker %" PRIu32 " has drained", message->worker);
		if (control->running.state < RUNNING_ENDED &&
		    engine_drained(control->running.engine)) {
			log_notice("all conns have ended");
			set_state(control, RUNNING_ENDED);
		}
		break;
	case CONTROL_HANDED:
		on_handed(control);
		break;
	}
}

static void
on_progress(struct control *control)
{
	const uint64_t conns = engine_conns(control->running.engine);
	const uint64_t now_ms = timer_now_ms();

	if (control->drain_deadline_ms == 0)
		log_notice("stopping: %" PRIu64 " conn%s left", conns,
		    plural(conns));
	else
		log_notice("stopping: %" PRIu64 " conn%s left, %" PRIu64
			   " s to go",
		    conns, plural(conns),
		    control->drain_deadline_ms > now_ms
			? (control->drain_deadline_ms - now_ms) / 1000
			: 0);
	(void)notify_send("STATUS=Draining, %" PRIu64
			  " conn%s left\nEXTEND_TIMEOUT_USEC=%u",
	    conns, plural(conns), 3 * PROGRESS_MS * 1000U);
	timer_arm(&control->wheel, &control->progress, now_ms + PROGRESS_MS);
}

/* Once a second. */
static void
on_time_to_look(struct control *control)
{
	struct running *running = &control->running;
	const uint64_t now_ms = timer_now_ms();

	fullness_look(running, now_ms);
	ports_look(running);
	backlogs_look(running->backlogs, engine_places(running->engine),
	    now_ms);
	timer_arm(&control->wheel, &control->fullness,
	    now_ms + FULLNESS_LOOK_MS);
}

static void
on_timer(struct control *control, const struct timer *timer)
{
	uint64_t conns;

	if (manager_on_timer(&control->manager, &control->wheel, timer))
		return;
	if (timer == &control->sweep) {
		/* an upgrade reads what would be freed */
		if (!upgrade_is_under_way(&control->upgrade))
			(void)tables_sweep(control->running.tables);
		timer_arm(&control->wheel, &control->sweep,
		    timer_now_ms() + SWEEP_MS);
	} else if (timer == &control->fullness) {
		on_time_to_look(control);
	} else if (timer == &control->handed) {
		control->over = true;
	} else if (timer == &control->progress) {
		on_progress(control);
	} else if (control->running.state == RUNNING_DRAINING) {
		cut_conns(control);
	} else {
		conns = engine_conns(control->running.engine);
		log_warning("%" PRIu64 " conn%s did not end", conns,
		    plural(conns));
		set_state(control, RUNNING_ENDED);
	}
}

static void
on_event(struct control *control, uint64_t tag)
{
	struct control_message message;
	struct signalfd_siginfo info;

	if (loop_tag_kind(tag) == TAG_SOURCE ||
	    loop_tag_kind(tag) == TAG_CLOSER)
		return; /* control_turn() serves it */
	if (loop_tag_kind(tag) == TAG_MAILBOX) {
		mailbox_open(&control->mailbox);
		while (mailbox_take(&control->mailbox, &message))
			on_message(control, &message);
		return;
	}
	while (read(control->signalfd, &info, sizeof(info)) ==
	    (ssize_t)sizeof(info))
		on_signal(control, info.ssi_signo);
}

static int
start_closer(struct control *control)
{
	control->running.closer = closer_new(&control->running);
	if (control->running.closer == NULL)
		return -ENOMEM;
	return loop_add(control->epfd, closer_fd(control->running.closer),
	    EPOLLIN, loop_tag(TAG_CLOSER, 0, 0));
}

static int
start_leveler(struct control *control)
{
	struct source source;

	control->running.leveler = leveler_new(&control->running);
	if (control->running.leveler == NULL)
		return -ENOMEM;
	source = leveler_source(control->running.leveler);
	return control_plug(control, &source);
}

/* Returns how long to wait for events; -1: without a limit. */
static int
sleep_ms(const struct control *control)
{
	const uint64_t now_ms = timer_now_ms();
	int sleep = loop_sooner(timer_wheel_sleep(&control->wheel, now_ms),
	    closer_sleep(control->running.closer, now_ms));

	for (size_t i = 0; i < control->sources; i++) {
		const struct source *source = &control->source[i];

		sleep = loop_sooner(sleep,
		    source->sleep_ms(source->owner, now_ms));
	}
	return sleep;
}

/* Waits for events, and handles events, timers and sources in that order.
 * shutdown-timeout is a promise to whoever stops lb4 and goes by the clock.
 * The deadlines of others are extended by the time that this thread did not
 * run.  Returns 0 or -errno. */
static int
control_turn(struct control *control, struct loop_clock *clock)
{
	struct epoll_event events[EVENTS_MAX];
	struct timer *timer;
	const int wait_ms = sleep_ms(control);
	int count = loop_wait(control->epfd, events, EVENTS_MAX, wait_ms);
	uint64_t gap_ms;

	if (count < 0)
		return count;
	gap_ms = loop_clock_look(clock, timer_now_ms(), wait_ms);
	for (size_t i = 0; i < control->sources; i++)
		if (control->source[i].give_time != NULL)
			control->source[i].give_time(control->source[i].owner,
			    gap_ms);
	closer_give_time(control->running.closer, gap_ms);
	for (int i = 0; i < count; i++)
		on_event(control, events[i].data.u64);
	while (control->running.state != RUNNING_ENDED &&
	    (timer = timer_wheel_next(&control->wheel, timer_now_ms())) != NULL)
		on_timer(control, timer);
	for (size_t i = 0; i < control->sources; i++)
		control->source[i].turn(control->source[i].owner,
		    timer_now_ms());
	closer_turn(control->running.closer, timer_now_ms());
	return 0;
}

static int
start_follow(struct control *control)
{
	struct source source;
	int error = follow_new(&control->running.follow, &control->running,
	    &source);

	if (error == 0)
		error = control_plug(control, &source);
	if (error == 0)
		error = names_new(&control->running.names, &control->running,
		    &source);
	return error == 0 ? control_plug(control, &source) : error;
}

static int
start_rulefiles(struct control *control)
{
	struct source source;
	int error = rulefiles_new(&control->rulefiles, &control->running,
	    &source);

	return error == 0 ? control_plug(control, &source) : error;
}

int
control_start(struct control *control)
{
	struct running *running = &control->running;
	int error;

	running->began_ms = timer_now_ms();
	timer_wheel_init(&control->wheel, running->began_ms);
	running->threads = threads_new(running->engine, running->prober,
	    running->logger);
	running->backlogs = backlogs_new();
	if (running->threads == NULL || running->backlogs == NULL)
		return -ENOMEM;
	backlogs_look(running->backlogs, engine_places(running->engine),
	    running->began_ms);
	error = start_closer(control);
	if (error == 0)
		error = start_leveler(control);
	if (error == 0)
		error = start_rulefiles(control);
	return error == 0 ? start_follow(control) : error;
}

int
control_plug(struct control *control, const struct source *source)
{
	assert(control->sources < CONTROL_SOURCES_MAX);
	control->source[control->sources++] = *source;
	return loop_add(control->epfd, source->fd, EPOLLIN,
	    loop_tag(TAG_SOURCE, 0, 0));
}

int
control_run(struct control *control)
{
	const struct running *running = &control->running;
	struct loop_clock clock;
	int error = 0;

	signals_reap(); /* children that ended before this loop */
	timer_arm(&control->wheel, &control->sweep, timer_now_ms() + SWEEP_MS);
	timer_arm(&control->wheel, &control->fullness,
	    timer_now_ms() + FULLNESS_LOOK_MS);
	manager_start(&control->manager, &control->wheel, running->engine,
	    running->tables, running->threads);
	loop_clock_start(&clock, timer_now_ms());
	while (running->state != RUNNING_ENDED && !control->over && error == 0)
		error = control_turn(control, &clock);
	return error;
}
