/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * lb4ctl top: see top.h.  One connection to the control socket is held and
 * asked once per interval.  When it ends, or cannot be made, lb4 is away: the
 * last figures stay, and each interval tries again.  An answer that is overdue
 * says the same, but the connection is kept: lb4 may only be slow.
 */
#include "lb4/ctl/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "common/escape.h"
#include "common/loop.h"
#include "common/timer.h"
#include "lb4/ctl/talk.h"
#include "lb4/ctl/top_data.h"
#include "lb4/ctl/top_link.h"
#include "lb4/ctl/top_screen.h"
#include "lb4/ctl/top_text.h"
#include "lb4/ctl/top_view.h"

/* As in lb4ctl(8). */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONNECT = 3 };

#define INTERVAL_MS 1000
#define INTERVAL_LEAST_MS 100
#define INTERVAL_MOST_MS 60000
#define OVERDUE_MS 2000 /* an answer, besides the interval */
#define CLOCK_MS 1000	/* the screen shows the time of day */

struct top {
	unsigned interval_ms;
	struct top_link link;
	struct top_data data;
	struct top_view view;
	struct top_screen screen;
	int signalfd;

	struct loop_clock clock;
	uint64_t ask_ms;   /* when to ask */
	uint64_t draw_ms;  /* when to draw */
	uint64_t asked_ms; /* by its own time */

	bool away;
	time_t away_since;
	uint64_t away_ms;
	char why[TOP_LONG_MAX];
};

/* ---- the state of lb4 ---------------------------------------------------- */

static void
set_away(struct top *top, const char *why)
{
	if (!top->away) {
		top->away = true;
		top->away_ms = top->clock.now_ms;
		top->away_since = time(NULL);
	}
	(void)snprintf(top->why, sizeof(top->why), "%s", why);
	top->draw_ms = top->clock.now_ms;
}

static void
set_here(struct top *top)
{
	top->away = false;
	top->draw_ms = top->clock.now_ms;
}

/* "lb4 is away since 10:14:22 (12s), retrying: connection refused" */
static const char *
describe_away(const struct top *top, char *buf, size_t size)
{
	char since[16] = "?", time[TOP_TEXT_MAX];
	struct tm tm;

	if (!top->away)
		return NULL;
	if (localtime_r(&top->away_since, &tm) != NULL)
		(void)strftime(since, sizeof(since), "%H:%M:%S", &tm);
	(void)snprintf(buf, size, "lb4 is away since %s (%s), retrying: %s",
	    since, top_text_time(top->clock.now_ms - top->away_ms, time),
	    top->why);
	return buf;
}

/* ---- asking -------------------------------------------------------------- */

static void
on_time_to_ask(struct top *top)
{
	int error;

	top->asked_ms = top->clock.own_ms;
	error = top_link_ask(&top->link);
	if (error < 0)
		set_away(top, strerror(-error));
}

static void
on_answers(struct top *top, const struct top_answers *answers)
{
	int error = top_data_take(&top->data, answers->info, answers->status,
	    top->clock.now_ms / 1000);

	if (error == 0)
		error = top_view_order(&top->view, &top->data);
	if (error == 0) {
		set_here(top);
		return;
	}
	top_link_close(&top->link);
	set_away(top,
	    error == -EPROTO ? "it does not answer as lb4 does"
			     : strerror(-error));
}

static void
on_readable(struct top *top)
{
	const bool asked = top->link.asked;
	char why[TOP_LONG_MAX];
	struct top_answers answers;
	const int result = top_link_read(&top->link, &answers);

	if (result == 1) {
		on_answers(top, &answers);
	} else if (result == -EPROTO) {
		top_data_error(answers.info, why);
		set_away(top, why);
	} else if (result < 0 && (asked || !top->view.paused)) {
		set_away(top,
		    result == -ENODATA ? "it has closed the connection"
				       : strerror(-result));
	}
}

static void
look_overdue(struct top *top)
{
	const uint64_t silent_ms = top->clock.own_ms - top->asked_ms;

	if (top->link.asked && silent_ms >= OVERDUE_MS + top->interval_ms)
		set_away(top, "it does not answer");
}

/* ---- the loop ------------------------------------------------------------ */

static void
draw(struct top *top)
{
	char away[TOP_LONG_MAX + 64];
	const struct top_picture picture = {
		.data = &top->data,
		.view = &top->view,
		.interval_ms = top->interval_ms,
		.away = describe_away(top, away, sizeof(away)),
	};

	top_screen_draw(&top->screen, &picture);
	top->draw_ms = top->clock.now_ms + CLOCK_MS;
}

static void
on_keys(struct top *top)
{
	int key;

	while ((key = top_screen_key()) >= 0)
		top_view_key(&top->view, key);
	if (top_view_order(&top->view, &top->data) < 0)
		top->view.rows = 0;
	top->draw_ms = top->clock.now_ms;
}

static void
on_time(struct top *top)
{
	const uint64_t now_ms = top->clock.now_ms;

	if (now_ms >= top->ask_ms) {
		top->ask_ms += top->interval_ms;
		if (top->ask_ms <= now_ms)
			top->ask_ms = now_ms + top->interval_ms;
		look_overdue(top);
		if (!top->link.asked && !top->view.paused)
			on_time_to_ask(top);
	}
	if (now_ms >= top->draw_ms)
		draw(top);
}

static int
sleep_ms(const struct top *top)
{
	const uint64_t now_ms = timer_now_ms();
	uint64_t until_ms = top->ask_ms < top->draw_ms ? top->ask_ms
						       : top->draw_ms;
	uint64_t wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;

	if (top->link.asked && wait_ms > LOOP_LOOK_MS)
		wait_ms = LOOP_LOOK_MS;
	return (int)wait_ms;
}

/* The shell gets its terminal back while this process is stopped.  The next
 * draw takes it over again. */
static void
stop(struct top *top)
{
	top_screen_leave(&top->screen);
	(void)kill(getpid(), SIGSTOP);
}

/* False when a signal asks for the end.  Only the size has changed after
 * SIGWINCH: who draws looks at it. */
static bool
on_signals(struct top *top)
{
	struct signalfd_siginfo info;

	while (read(top->signalfd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTSTP)
			stop(top);
		else if (info.ssi_signo != SIGWINCH)
			return false;
	}
	top->draw_ms = top->clock.now_ms;
	return true;
}

/* Runs until a key or a signal, or until the terminal has gone. */
static int
top_run(struct top *top)
{
	struct pollfd polled[3];
	int wait_ms;

	while (!top->view.quit) {
		wait_ms = sleep_ms(top);
		polled[0] = (struct pollfd){ top->signalfd, POLLIN, 0 };
		polled[1] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
		polled[2] = (struct pollfd){ top->link.fd, POLLIN, 0 };
		if (poll(polled, 3, wait_ms) < 0 && errno != EINTR)
			return -errno;
		(void)loop_clock_look(&top->clock, timer_now_ms(), wait_ms);
		if (polled[0].revents != 0 && !on_signals(top))
			return 0;
		if ((polled[1].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
			return 0;
		if (polled[1].revents != 0)
			on_keys(top);
		if (polled[2].revents != 0)
			on_readable(top);
		on_time(top);
	}
	return 0;
}

/* ---- the command --------------------------------------------------------- */

static void
on_tstp(int number)
{
	(void)number; /* never called: the signal is blocked */
}

/* ncurses ignores SIGTSTP while it draws, and a signal that waits is lost when
 * it is ignored (sigaction(2)); it leaves a SIGTSTP alone that has a handler
 * when the screen is opened (_nc_signal_handler in lib_tstp.c). */
static int
signals_open(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT,
		SIGWINCH, SIGTSTP };
	const struct sigaction action = { .sa_handler = on_tstp };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 ||
	    sigaction(SIGTSTP, &action, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Says why the screen could not be opened. */
static void
say_no_screen(int error)
{
	const char *term = getenv("TERM");

	if (error == -ENOTTY)
		fputs("lb4ctl top: standard input and output must be a "
		      "terminal; lb4ctl status needs none\n",
		    stderr);
	else if (error == -ENXIO)
		escape_line(stderr,
		    "lb4ctl top: the type of the terminal, TERM=%s, is "
		    "unknown",
		    term != NULL ? term : "");
	else
		escape_line(stderr, "lb4ctl top: %s", strerror(-error));
}

/* From here to the end the terminal is taken over. */
static int
show(struct top *top, bool color)
{
	int error = top_screen_open(&top->screen, color);

	if (error == 0) {
		error = top_run(top);
		top_screen_close(&top->screen);
	}
	if (error < 0)
		say_no_screen(error);
	return error < 0 ? EXIT_FAILED : EXIT_OK;
}

int
top_main(const char *path, const char *interval, bool color)
{
	struct top top = { .interval_ms = INTERVAL_MS };
	int error, status = EXIT_FAILED;

	if (interval != NULL)
		top.interval_ms = top_text_parse_time(interval);
	if (top.interval_ms < INTERVAL_LEAST_MS ||
	    top.interval_ms > INTERVAL_MOST_MS) {
		escape_line(stderr,
		    "lb4ctl top: --interval %s: write a time of 100ms to 1m",
		    interval);
		return EXIT_USAGE;
	}
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		say_no_screen(-ENOTTY);
		return EXIT_FAILED;
	}
	loop_clock_start(&top.clock, timer_now_ms());
	top.ask_ms = top.clock.now_ms + top.interval_ms;
	top_link_init(&top.link, path);
	error = top_link_ask(&top.link);
	top.asked_ms = top.clock.own_ms;
	if (error < 0) {
		escape_line(stderr, "lb4ctl: %s: %s%s", path, strerror(-error),
		    talk_advice(error));
		status = EXIT_CONNECT;
	} else if ((top.signalfd = signals_open()) < 0) {
		say_no_screen(top.signalfd);
	} else {
		status = show(&top, color);
	}
	top_link_done(&top.link);
	top_data_done(&top.data);
	top_view_done(&top.view);
	return status;
}
