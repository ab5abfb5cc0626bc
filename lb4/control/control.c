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
#include "lb4/command/socket.h"
#include "lb4/config/config.h"
#include "lb4/control/closer.h"
#include "lb4/control/fullness.h"
#include "lb4/control/reload.h"
#include "lb4/control/threads.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/peers.h"
#include "lb4/log/logger.h"
#include "lb4/process/notify.h"
#include "lb4/process/options.h"
#include "lb4/process/signals.h"
#include "lb4/table/table.h"

#define SWEEP_MS 10000
#define PROGRESS_MS 5000

/* How long conns that are cut may go on delivering what they have received. */
#define CUT_MS 5000

/* How long the reset of all conns may take. */
#define KILL_MS 2000

/* At least TABLE_WORKERS_MAX: each worker posts once, or very few times. */
#define MAILBOX_MAX 1024

enum { TAG_SIGNAL, TAG_MAILBOX, TAG_SOCKET, TAG_CLOSER, TAG_COUNT };

static const char *const state_names[] = {
	[CONTROL_RUNNING] = "running",
	[CONTROL_DRAINING] = "draining",
	[CONTROL_KILLING] = "killing",
	[CONTROL_ENDED] = "ended",
};

static_assert(sizeof(state_names) / sizeof(state_names[0]) ==
	CONTROL_STATE_COUNT,
    "a name for each state");
static_assert(MAILBOX_MAX >= TABLE_WORKERS_MAX, "room for all workers");

const char *
control_state_name(enum control_state state)
{
	return (unsigned)state < CONTROL_STATE_COUNT ? state_names[state] : "?";
}

int
control_init(struct control *control)
{
	int error;

	memset(control, 0, sizeof(*control));
	control->epfd = -1;
	control->signalfd = -1;
	error = mailbox_init(&control->mailbox, MAILBOX_MAX,
	    sizeof(struct control_message));
	if (error < 0)
		return error;
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
	closer_free(control->closer);
	control->closer = NULL;
	mailbox_done(&control->mailbox);
}

static void
set_state(struct control *control, enum control_state state)
{
	assert(state > control->state);
	log_debug("control: %s -> %s", control_state_name(control->state),
	    control_state_name(state));
	control->state = state;
	control_socket_event(control->parts.socket, "state", NULL, NULL, "%s",
	    control_state_name(state));
}

/* Ends what is left, at once.  Does nothing when it is too late for that. */
static void
kill_conns(struct control *control, const char *why)
{
	const uint64_t conns = engine_conns(control->parts.engine);

	if (control->state >= CONTROL_KILLING)
		return;
	if (conns > 0)
		log_warning("%s: resetting %" PRIu64 " conn%s", why, conns,
		    plural(conns));
	set_state(control, CONTROL_KILLING);
	engine_kill(control->parts.engine);
	timer_disarm(&control->wheel, &control->progress);
	timer_arm(&control->wheel, &control->deadline,
	    timer_now_ms() + KILL_MS);
}

/* shutdown-timeout has passed.  What conns have received is delivered as long
 * as somebody takes it, then they are reset; but that has an end, too. */
static void
cut_conns(struct control *control)
{
	const uint64_t conns = engine_conns(control->parts.engine);

	if (control->cutting) {
		kill_conns(control, "no time is left");
		return;
	}
	if (conns > 0)
		log_warning("shutdown-timeout has passed: resetting %" PRIu64
			    " conn%s",
		    conns, plural(conns));
	control->cutting = true;
	engine_cut(control->parts.engine);
	timer_arm(&control->wheel, &control->deadline, timer_now_ms() + CUT_MS);
}

/* Sets the time limit of draining, or the one to come if there is none yet.
 * Until then idle conns end in good order, spread over that time: their clients
 * do not all come back in the same moment. */
static void
limit_drain(struct control *control)
{
	const unsigned limit_ms = control->parts.shutdown_timeout_ms;

	control->drain_deadline_ms = timer_now_ms() + limit_ms;
	timer_arm(&control->wheel, &control->deadline,
	    control->drain_deadline_ms);
	if (!closer_stop(control->closer, limit_ms))
		log_warning("no memory to close idle conns in good order");
}

static void
drain(struct control *control, const char *signal_name, bool limited)
{
	const uint64_t conns = engine_conns(control->parts.engine);

	set_state(control, CONTROL_DRAINING);
	if (limited)
		log_notice("SIG%s: stopping, %" PRIu64
			   " conn%s may go on for at most %g s",
		    signal_name, conns, plural(conns),
		    control->parts.shutdown_timeout_ms / 1000.0);
	else
		log_notice("SIG%s: stopping when the last of %" PRIu64
			   " conn%s has ended",
		    signal_name, conns, plural(conns));
	(void)notify_send("STOPPING=1\nSTATUS=Draining, %" PRIu64
			  " conn%s left\nEXTEND_TIMEOUT_USEC=%u",
	    conns, plural(conns), 3 * PROGRESS_MS * 1000U);
	manager_stop_status(&control->manager, &control->wheel);
	engine_drain(control->parts.engine);
	timer_arm(&control->wheel, &control->progress,
	    timer_now_ms() + PROGRESS_MS);
	if (limited)
		limit_drain(control);
}

/* TERM and INT: the first begins to drain, or sets a limit to a drain without
 * one; the next ends what is left. */
static void
on_stop_signal(struct control *control, const char *signal_name)
{
	if (control->state == CONTROL_RUNNING) {
		drain(control, signal_name, true);
	} else if (control->state == CONTROL_DRAINING &&
	    control->drain_deadline_ms == 0) {
		log_notice("SIG%s: conns may go on for at most %g s now",
		    signal_name, control->parts.shutdown_timeout_ms / 1000.0);
		limit_drain(control);
	} else if (control->state == CONTROL_DRAINING) {
		kill_conns(control, "stopped by a second signal");
	}
}

static void
on_reload_signal(struct control *control)
{
	struct config_errors errors = { .count = 0 };

	log_notice("SIGHUP: reloading %s",
	    options_source(control->parts.options));
	(void)control_reload(control, false, &errors);
	config_errors_done(&errors);
}

static void
on_signal(struct control *control, uint32_t number)
{
	switch (number) {
	case SIGTERM:
	case SIGINT:
		on_stop_signal(control, number == SIGTERM ? "TERM" : "INT");
		break;
	case SIGQUIT:
		if (control->state == CONTROL_RUNNING)
			drain(control, "QUIT", false);
		break;
	case SIGUSR1:
		logger_reopen(control->parts.logger);
		break;
	case SIGHUP:
		on_reload_signal(control);
		break;
	case SIGCHLD:
		signals_reap();
		break;
	case SIGUSR2:
		log_warning("SIGUSR2 has no meaning: nothing has changed");
		break;
	default:
		break;
	}
}

static void
on_message(struct control *control, const struct control_message *message)
{
	switch (message->kind) {
	case CONTROL_DRAINED:
		log_debug("worker %" PRIu32 " has drained", message->worker);
		if (control->state < CONTROL_ENDED &&
		    engine_drained(control->parts.engine)) {
			log_notice("all conns have ended");
			set_state(control, CONTROL_ENDED);
		}
		break;
	}
}

static void
on_progress(struct control *control)
{
	const uint64_t conns = engine_conns(control->parts.engine);
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

static void
on_timer(struct control *control, const struct timer *timer)
{
	uint64_t conns;

	if (manager_on_timer(&control->manager, &control->wheel, timer))
		return;
	if (timer == &control->sweep) {
		(void)tables_sweep(control->parts.tables);
		timer_arm(&control->wheel, &control->sweep,
		    timer_now_ms() + SWEEP_MS);
	} else if (timer == &control->fullness) {
		fullness_look(control, timer_now_ms());
		timer_arm(&control->wheel, &control->fullness,
		    timer_now_ms() + FULLNESS_LOOK_MS);
	} else if (timer == &control->progress) {
		on_progress(control);
	} else if (control->state == CONTROL_DRAINING) {
		cut_conns(control);
	} else {
		conns = engine_conns(control->parts.engine);
		log_warning("%" PRIu64 " conn%s would not end", conns,
		    plural(conns));
		set_state(control, CONTROL_ENDED);
	}
}

static void
on_event(struct control *control, uint64_t tag)
{
	struct control_message message;
	struct signalfd_siginfo info;

	if (loop_tag_kind(tag) == TAG_SOCKET ||
	    loop_tag_kind(tag) == TAG_CLOSER)
		return; /* control_run() does what there is */
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
start_socket(struct control *control)
{
	int error;

	if (control->parts.socket == NULL)
		return 0;
	error = control_socket_start(control->parts.socket, control);
	if (error < 0)
		return error;
	return loop_add(control->epfd, control_socket_fd(control->parts.socket),
	    EPOLLIN, loop_tag(TAG_SOCKET, 0, 0));
}

static int
start_closer(struct control *control)
{
	control->closer = closer_new(control);
	if (control->closer == NULL)
		return -ENOMEM;
	return loop_add(control->epfd, closer_fd(control->closer), EPOLLIN,
	    loop_tag(TAG_CLOSER, 0, 0));
}

/* How long there is nothing to do but for events; -1: for ever. */
static int
sleep_ms(const struct control *control)
{
	uint64_t now_ms = timer_now_ms();
	int timers = timer_wheel_sleep(&control->wheel, now_ms);
	int callers = control->parts.socket != NULL
	    ? control_socket_sleep(control->parts.socket, now_ms)
	    : -1;

	return loop_sooner(loop_sooner(timers, callers),
	    closer_sleep(control->closer, now_ms));
}

/* Waits, and does what there is to do: events first.  shutdown-timeout is a
 * promise to whoever stops lb4, and goes by the clock; what is awaited of
 * others is not, for the time that this thread did not look.  0 or -errno. */
static int
control_turn(struct control *control, struct loop_clock *clock)
{
	struct control_socket *socket = control->parts.socket;
	struct epoll_event events[TAG_COUNT];
	struct timer *timer;
	const int wait_ms = sleep_ms(control);
	int count = loop_wait(control->epfd, events, TAG_COUNT, wait_ms);
	uint64_t gap_ms;

	if (count < 0)
		return count;
	gap_ms = loop_clock_look(clock, timer_now_ms(), wait_ms);
	if (socket != NULL)
		control_socket_give_time(socket, gap_ms);
	closer_give_time(control->closer, gap_ms);
	for (int i = 0; i < count; i++)
		on_event(control, events[i].data.u64);
	while (control->state != CONTROL_ENDED &&
	    (timer = timer_wheel_next(&control->wheel, timer_now_ms())) != NULL)
		on_timer(control, timer);
	if (socket != NULL)
		control_socket_turn(socket, timer_now_ms());
	closer_turn(control->closer, timer_now_ms());
	return 0;
}

int
control_start(struct control *control, const struct control_parts *parts)
{
	int error;

	control->parts = *parts;
	control->began_ms = timer_now_ms();
	timer_wheel_init(&control->wheel, control->began_ms);
	control->threads = threads_new(parts);
	error = control->threads != NULL ? start_closer(control) : -ENOMEM;
	if (error == 0)
		error = start_socket(control);
	if (error < 0) {
		control_socket_stop(control->parts.socket);
		threads_free(control->threads);
		control->threads = NULL;
	}
	return error;
}

int
control_run(struct control *control)
{
	const struct control_parts *parts = &control->parts;
	struct loop_clock clock;
	int error = 0;

	signals_reap(); /* who ended before there was anybody to be told */
	timer_arm(&control->wheel, &control->sweep, timer_now_ms() + SWEEP_MS);
	timer_arm(&control->wheel, &control->fullness,
	    timer_now_ms() + FULLNESS_LOOK_MS);
	manager_start(&control->manager, &control->wheel, parts->engine,
	    parts->tables, control->threads);
	loop_clock_start(&clock, timer_now_ms());
	while (control->state != CONTROL_ENDED && error == 0)
		error = control_turn(control, &clock);
	control_socket_stop(control->parts.socket);
	threads_free(control->threads);
	return error;
}
