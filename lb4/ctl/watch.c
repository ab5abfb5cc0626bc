/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * lb4ctl watch: see watch.h.  One connection to the control socket is held and
 * asked every INTERVAL_MS.  Its end says that lb4 has gone, at once; an answer
 * that is overdue, that lb4 hangs.  What is not known is not ready: so it is
 * before the first answer, and so it is left behind at the end.
 *
 * Other programs may change what the engine is told by: systemd-networkd, say,
 * takes addresses off that it does not know.  So all of it is looked at again,
 * and put right.  When that happens again within CALM_MS, the node is not ready
 * for so long: that much is true, and two programs do not race.
 */
#include "lb4/ctl/watch.h"

#include <assert.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/escape.h"
#include "common/loop.h"
#include "common/timer.h"
#include "lb4/ctl/drive.h"
#include "lb4/ctl/loopback.h"
#include "lb4/ctl/talk.h"

/* As in lb4ctl(8). */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define INTERVAL_MS 100
#define OVERDUE_MS 300
#define LOOK_MS 1000 /* at lo, without an event */
#define CALM_MS 1000
#define AGAIN_MS 50
#define WHY_MAX 256

struct watch {
	const char *path;
	struct drive drive;
	unsigned overdue_ms;

	int signalfd;
	int events; /* of addresses; -1: there are none to look at */
	int fd;	    /* -1: not connected */
	struct loop_clock clock;
	uint64_t next_ms;  /* when to connect, or to ask */
	uint64_t asked_ms; /* by its own time; 0: no answer is awaited */
	uint64_t again_ms; /* not before: connect again at once */
	char in[1024];
	size_t in_len;

	enum drive_state state;
	char why[WHY_MAX]; /* it is not ready */
	bool failed;	   /* the engine could not be driven */

	uint64_t look_ms; /* when to look at lo */
	uint64_t calm_ms; /* until then a change is one too many */
	bool disturbed;	  /* there was one: not ready until calm_ms */
};

static const char *const state_names[] = {
	[DRIVE_NOT_READY] = "not ready",
	[DRIVE_DRAINING] = "draining",
	[DRIVE_READY] = "ready",
};

/* ---- the state ----------------------------------------------------------- */

/* `why` is "" when the node is ready. */
static void
set_state(struct watch *watch, enum drive_state state, const char *why)
{
	if (state == watch->state && strcmp(why, watch->why) == 0)
		return;
	if (state != watch->state && drive_set(&watch->drive, state) < 0)
		watch->failed = true;
	watch->state = state;
	strlcpy(watch->why, why, sizeof(watch->why));
	escape_line(stderr, "lb4ctl watch: %s%s%s", state_names[state],
	    why[0] != '\0' ? ": " : "", why);
}

/* Follows what lb4 says, unless the engine was disturbed. */
static void
follow(struct watch *watch, enum drive_state state, const char *why)
{
	if (watch->disturbed && timer_now_ms() < watch->calm_ms)
		return;
	watch->disturbed = false;
	set_state(watch, state, why);
}

/* ---- what others change -------------------------------------------------- */

static void
on_change(struct watch *watch, const char *change, uint64_t now_ms)
{
	char why[WHY_MAX];

	if (now_ms < watch->calm_ms) {
		if (watch->state == DRIVE_NOT_READY)
			return;
		(void)snprintf(why, sizeof(why), "%s again", change);
		set_state(watch, DRIVE_NOT_READY, why);
		watch->disturbed = true;
	} else if (drive_set(&watch->drive, watch->state) < 0) {
		watch->failed = true;
	} else {
		escape_line(stderr,
		    "lb4ctl watch: %s by another program: restored", change);
	}
	watch->calm_ms = now_ms + CALM_MS;
}

/* A state that cannot be checked counts as wrong. */
static void
look(struct watch *watch, int found, const char *change, uint64_t now_ms)
{
	char why[WHY_MAX];

	if (found > 0) {
		on_change(watch, change, now_ms);
	} else if (found < 0 && found != -EAGAIN) {
		(void)snprintf(why, sizeof(why),
		    "cannot look at what it has set: %s", strerror(-found));
		set_state(watch, DRIVE_NOT_READY, why);
		watch->disturbed = true;
		watch->calm_ms = now_ms + CALM_MS;
	}
}

static void
look_addresses(struct watch *watch, uint64_t now_ms)
{
	char change[DRIVE_CHANGE_MAX];
	int found = drive_look_addresses(&watch->drive, watch->state, change);

	watch->look_ms = found == -EAGAIN ? now_ms : now_ms + LOOK_MS;
	look(watch, found, change, now_ms);
}

static void
look_file(struct watch *watch, uint64_t now_ms)
{
	char change[DRIVE_CHANGE_MAX];

	look(watch, drive_look_file(&watch->drive, watch->state, change),
	    change, now_ms);
}

/* Lets a program that removes several addresses finish: one look for all of
 * them. */
static void
on_events(struct watch *watch)
{
	const uint64_t soon_ms = timer_now_ms() + INTERVAL_MS;

	loopback_events_take(watch->events);
	if (soon_ms < watch->look_ms)
		watch->look_ms = soon_ms;
}

/* ---- the connection ------------------------------------------------------ */

static void
lose(struct watch *watch, const char *why)
{
	if (watch->fd >= 0)
		(void)close(watch->fd);
	watch->fd = -1;
	watch->asked_ms = 0;
	watch->in_len = 0;
	set_state(watch, DRIVE_NOT_READY, why);
}

static void
on_time_to_connect(struct watch *watch)
{
	char why[WHY_MAX];
	int fd = talk_connect(watch->path, SOCK_NONBLOCK);

	if (fd >= 0) {
		watch->fd = fd;
		return;
	}
	(void)snprintf(why, sizeof(why), "%s: %s", watch->path, strerror(-fd));
	set_state(watch, DRIVE_NOT_READY, why);
}

static void
on_time_to_ask(struct watch *watch)
{
	static const char question[] = "node\n";

	watch->asked_ms = watch->clock.own_ms;
	if (send(watch->fd, question, strlen(question),
		MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)strlen(question))
		lose(watch, "the control socket takes no question");
}

/* "ready", or another state with its reason.  Any other answer, such as an
 * error, is not ready. */
static void
on_answer(struct watch *watch, const char *line)
{
	const char *colon = strstr(line, ": ");
	size_t len;

	watch->asked_ms = 0;
	if (strcmp(line, state_names[DRIVE_READY]) == 0) {
		follow(watch, DRIVE_READY, "");
		return;
	}
	for (int state = DRIVE_NOT_READY; state < DRIVE_READY; state++) {
		len = strlen(state_names[state]);
		if (colon != NULL && (size_t)(colon - line) == len &&
		    strncmp(line, state_names[state], len) == 0) {
			follow(watch, (enum drive_state)state, colon + 2);
			return;
		}
	}
	follow(watch, DRIVE_NOT_READY, line);
}

/* Handles the complete answers: each is a line and an empty one. */
static void
take_answers(struct watch *watch)
{
	char *end, *at = watch->in;

	watch->in[watch->in_len] = '\0';
	while ((end = strstr(at, "\n\n")) != NULL) {
		*end = '\0';
		on_answer(watch, at);
		at = end + 2;
	}
	watch->in_len -= (size_t)(at - watch->in);
	memmove(watch->in, at, watch->in_len);
}

/* After an upgrade another process listens, and must answer in time.  After a
 * crash nobody does.  Returns whether somebody listens; false if that one has
 * closed at once. */
static bool
connect_again(struct watch *watch)
{
	const uint64_t now_ms = timer_now_ms();
	int fd;

	if (now_ms < watch->again_ms)
		return false;
	watch->again_ms = now_ms + AGAIN_MS;
	fd = talk_connect(watch->path, SOCK_NONBLOCK);
	if (fd < 0)
		return false;
	(void)close(watch->fd);
	watch->fd = fd;
	watch->in_len = 0;
	on_time_to_ask(watch);
	return true;
}

static void
on_readable(struct watch *watch)
{
	const size_t room = sizeof(watch->in) - 1 - watch->in_len;
	ssize_t len = recv(watch->fd, watch->in + watch->in_len, room,
	    MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len == 0 && connect_again(watch))
		return;
	if (len <= 0 || (size_t)len == room) {
		lose(watch, "lb4 has closed the connection");
		return;
	}
	watch->in_len += (size_t)len;
	take_answers(watch);
}

/* ---- the loop ------------------------------------------------------------ */

static void
on_time(struct watch *watch)
{
	const uint64_t now_ms = watch->clock.now_ms;
	char why[64];

	if (watch->asked_ms != 0 &&
	    watch->clock.own_ms - watch->asked_ms >= watch->overdue_ms) {
		(void)snprintf(why, sizeof(why), "no answer within %u ms",
		    watch->overdue_ms);
		set_state(watch, DRIVE_NOT_READY, why);
	}
	if (now_ms < watch->next_ms)
		return;
	watch->next_ms = now_ms + INTERVAL_MS;
	look_file(watch, now_ms);
	if (now_ms >= watch->look_ms)
		look_addresses(watch, now_ms);
	if (watch->fd < 0)
		on_time_to_connect(watch);
	if (watch->fd >= 0 && watch->asked_ms == 0)
		on_time_to_ask(watch);
}

static int
sleep_ms(const struct watch *watch)
{
	const uint64_t now_ms = timer_now_ms();
	uint64_t until_ms = watch->next_ms, silent_ms;

	if (watch->asked_ms != 0 && watch->state != DRIVE_NOT_READY) {
		silent_ms = watch->clock.own_ms - watch->asked_ms;
		if (silent_ms >= watch->overdue_ms)
			until_ms = now_ms;
		else if (now_ms + watch->overdue_ms - silent_ms < until_ms)
			until_ms = now_ms + watch->overdue_ms - silent_ms;
	}
	return until_ms > now_ms ? (int)(until_ms - now_ms) : 0;
}

/* Runs until a signal.  Answers are read before the clock: if this process did
 * not run for a while, the answer has arrived all the same.  If lb4 did not run
 * either, for example in a frozen cgroup, it still has its full time. */
static int
watch_run(struct watch *watch)
{
	struct pollfd polled[3];
	int wait_ms;

	loop_clock_start(&watch->clock, timer_now_ms());
	while (!watch->failed) {
		wait_ms = sleep_ms(watch);
		polled[0] = (struct pollfd){ watch->signalfd, POLLIN, 0 };
		polled[1] = (struct pollfd){ watch->fd, POLLIN, 0 };
		polled[2] = (struct pollfd){ watch->events, POLLIN, 0 };
		if (poll(polled, 3, wait_ms) < 0 && errno != EINTR)
			return -errno;
		if (polled[0].revents != 0)
			return 0;
		(void)loop_clock_look(&watch->clock, timer_now_ms(), wait_ms);
		if (polled[1].revents != 0)
			on_readable(watch);
		if (polled[2].revents != 0)
			on_events(watch);
		on_time(watch);
	}
	return -EIO;
}

/* ---- the command --------------------------------------------------------- */

static int
usage(void)
{
	fputs("usage: lb4ctl [-s SOCKET] watch [--track-file FILE] "
	      "[--address ADDRESS]...\n"
	      "           [--drain-address ADDRESS]... [--overdue MS] "
	      "[--withdraw]\n",
	    stderr);
	return EXIT_USAGE;
}

static_assert(DRIVE_ADDRESSES_MAX == 16, "the usage says how many");

static int
misused(const char *argument, const char *why)
{
	escape_line(stderr, "lb4ctl watch: %s: %s", argument, why);
	return EXIT_USAGE;
}

/* Returns EXIT_OK, or EXIT_USAGE after writing why. */
static int
parse(struct watch *watch, int argc, char **argv, bool *withdraw)
{
	static const struct option longs[] = {
		{ "track-file", required_argument, NULL, 't' },
		{ "address", required_argument, NULL, 'a' },
		{ "drain-address", required_argument, NULL, 'd' },
		{ "overdue", required_argument, NULL, 'o' },
		{ "withdraw", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	struct drive *drive = &watch->drive;
	const char *why = NULL;
	int option;

	optind = 0; /* start again, with these arguments */
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 't':
			drive->track_file = optarg;
			break;
		case 'a':
		case 'd':
			if (!drive_add_address(option == 'a' ? &drive->clients
							     : &drive->drain,
				optarg))
				return misused(optarg,
				    "write 192.0.2.1/32 or 2001:db8::1/128, "
				    "at most 16 times");
			break;
		case 'o':
			watch->overdue_ms = (unsigned)strtonum(optarg,
			    INTERVAL_MS, 60000, &why);
			if (why != NULL)
				return misused("--overdue", why);
			break;
		case 'w':
			*withdraw = true;
			break;
		default:
			return usage();
		}
	}
	if (drive->drain.count > 0 && drive->clients.count == 0)
		return misused("--drain-address", "goes with --address");
	if (optind != argc ||
	    (drive->track_file == NULL && drive->clients.count == 0))
		return usage();
	return EXIT_OK;
}

static int
signals_open(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int
watch_main(const char *path, int argc, char **argv)
{
	struct watch watch = { .path = path,
		.overdue_ms = OVERDUE_MS,
		.events = -1,
		.fd = -1,
		.state = DRIVE_NOT_READY,
		.why = "not asked yet" };
	bool withdraw = false;
	int error = parse(&watch, argc, argv, &withdraw);

	if (error != EXIT_OK)
		return error;
	if (withdraw)
		return drive_set(&watch.drive, DRIVE_NOT_READY) < 0
		    ? EXIT_FAILED
		    : EXIT_OK;
	watch.signalfd = signals_open();
	error = watch.signalfd;
	if (error >= 0 && watch.drive.clients.count > 0)
		error = watch.events = loopback_events_open();
	/* first remove what an earlier process left behind */
	if (error >= 0)
		error = drive_set(&watch.drive, DRIVE_NOT_READY);
	if (error >= 0)
		error = watch_run(&watch);
	if (drive_set(&watch.drive, DRIVE_NOT_READY) < 0 && error >= 0)
		error = -EIO;
	if (error < 0) {
		escape_line(stderr, "lb4ctl watch: ended: %s",
		    strerror(-error));
		return EXIT_FAILED;
	}
	fputs("lb4ctl watch: ended by a signal: not ready\n", stderr);
	return EXIT_OK;
}
