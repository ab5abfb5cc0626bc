/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * epoll(7) with tagged events, for the workers, the prober and the control
 * thread.
 */
#include "common/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/timer.h"

int
loop_open(void)
{
	int epfd = epoll_create1(EPOLL_CLOEXEC);

	return epfd < 0 ? -errno : epfd;
}

static int
loop_control(int epfd, int op, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event event = { .events = events, .data.u64 = tag };

	return epoll_ctl(epfd, op, fd, &event) < 0 ? -errno : 0;
}

int
loop_add(int epfd, int fd, uint32_t events, uint64_t tag)
{
	return loop_control(epfd, EPOLL_CTL_ADD, fd, events, tag);
}

int
loop_modify(int epfd, int fd, uint32_t events, uint64_t tag)
{
	return loop_control(epfd, EPOLL_CTL_MOD, fd, events, tag);
}

int
loop_remove(int epfd, int fd)
{
	return epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
}

int
loop_wait(int epfd, struct epoll_event *events, int count, int timeout_ms)
{
	int got = epoll_wait(epfd, events, count, timeout_ms);

	if (got < 0)
		return errno == EINTR ? 0 : -errno;
	return got;
}

/* An old kernel lacks the call; a container may refuse it, usually with
 * EPERM. */
static bool
is_refused(int error)
{
	return error == ENOSYS || error == EPERM;
}

int
loop_has_us(void)
{
	const struct timespec none = { .tv_sec = 0 };
	struct epoll_event event;
	int epfd = loop_open();
	int error = 0;

	if (epfd < 0)
		return epfd;
	if (epoll_pwait2(epfd, &event, 1, &none, NULL) < 0)
		error = -errno;
	(void)close(epfd);
	return error;
}

int
loop_wait_us(int epfd, struct epoll_event *events, int count,
    unsigned timeout_us)
{
	const struct timespec timeout = {
		.tv_sec = timeout_us / 1000000,
		.tv_nsec = timeout_us % 1000000 * 1000L,
	};
	int got = epoll_pwait2(epfd, events, count, &timeout, NULL);

	if (got < 0 && is_refused(errno))
		return loop_wait(epfd, events, count,
		    (int)((timeout_us + 999) / 1000));
	if (got < 0)
		return errno == EINTR ? 0 : -errno;
	return got;
}

/* struct epoll_params and EPIOCSPARAMS of linux/eventpoll.h, which older
 * headers lack. */
struct busy_poll {
	uint32_t usecs;
	uint16_t budget; /* packets in one poll; 0: the kernel's default */
	uint8_t prefer;
	uint8_t pad;
};

#define SET_BUSY_POLL _IOW(0x8a, 0x01, struct busy_poll)

int
loop_busy_poll(int epfd, unsigned usecs)
{
	const struct busy_poll params = { .usecs = usecs };

	return ioctl(epfd, SET_BUSY_POLL, &params) < 0 ? -errno : 0;
}

void
loop_clock_start(struct loop_clock *clock, uint64_t now_ms)
{
	clock->now_ms = now_ms;
	clock->own_ms = now_ms;
}

uint64_t
loop_clock_look(struct loop_clock *clock, uint64_t now_ms, int wait_ms)
{
	const uint64_t gap_ms = loop_gap(clock->now_ms, wait_ms, now_ms);

	if (now_ms <= clock->now_ms)
		return 0;
	clock->own_ms += now_ms - clock->now_ms - gap_ms;
	clock->now_ms = now_ms;
	return gap_ms;
}

int
loop_poll(struct loop_clock *clock, struct pollfd *polled, unsigned count,
    uint64_t until_ms)
{
	int n, error;

	do {
		const uint64_t left_ms = until_ms > clock->own_ms
		    ? until_ms - clock->own_ms
		    : 0;
		const int wait_ms = left_ms < LOOP_LOOK_MS ? (int)left_ms
							   : LOOP_LOOK_MS;

		n = poll(polled, count, wait_ms);
		error = n < 0 ? -errno : 0;
		(void)loop_clock_look(clock, timer_now_ms(), wait_ms);
		if (error < 0 && error != -EINTR)
			return error;
	} while (n <= 0 && clock->own_ms < until_ms);
	return n < 0 ? 0 : n;
}

int
loop_sooner(int a_ms, int b_ms)
{
	if (a_ms < 0 || b_ms < 0)
		return a_ms > b_ms ? a_ms : b_ms;
	return a_ms < b_ms ? a_ms : b_ms;
}
