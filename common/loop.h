/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * epoll(7) with tagged events.  epoll never returns a pointer, but a tag that
 * consists of kind, index and generation.  If an event was queued for an object
 * that no longer exists, the owner recognises the tag and drops the event.
 *
 * Every loop with deadlines for others handles events first and deadlines
 * second.  A turn waits, reads the clock, serves all waiting events, and only
 * then checks the deadlines against that time.  Time in which the loop did not
 * run (SIGSTOP, a frozen cgroup, no CPU, a slow disk) does not count as silence
 * of others: struct loop_clock leaves it out.
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "common/attr.h"

/* kind: 0 to 15, defined by the owner.  index: below 2^28. */
static inline uint64_t
loop_tag(unsigned kind, uint32_t index, uint32_t generation)
{
	return (uint64_t)generation << 32 | (uint64_t)kind << 28 | index;
}

static inline unsigned
loop_tag_kind(uint64_t tag)
{
	return (unsigned)(tag >> 28 & 0xf);
}

static inline uint32_t
loop_tag_index(uint64_t tag)
{
	return (uint32_t)(tag & 0xfffffff);
}

static inline uint32_t
loop_tag_generation(uint64_t tag)
{
	return (uint32_t)(tag >> 32);
}

/* An epoll descriptor or -errno. */
must_check int loop_open(void);

/* Each returns 0 or -errno.  `events` is EPOLLIN and so on, with EPOLLET if
 * wanted. */
must_check int loop_add(int epfd, int fd, uint32_t events, uint64_t tag);
int loop_modify(int epfd, int fd, uint32_t events, uint64_t tag);
int loop_remove(int epfd, int fd);

/* Waits for at most `timeout_ms` (-1: without a limit).  Returns the number of
 * events written, which is 0 also after a signal, or -errno. */
must_check int loop_wait(int epfd, struct epoll_event *events, int count,
    int timeout_ms);

/* Whether loop_wait_us() can wait for less than a millisecond.  0, or -errno if
 * the system call is missing or not allowed: then it waits for whole
 * milliseconds. */
must_check int loop_has_us(void);

/* Waits for at most `timeout_us` microseconds, or a little longer; kernels
 * before 5.11 round up to milliseconds. */
must_check int loop_wait_us(int epfd, struct epoll_event *events, int count,
    unsigned timeout_us);

/* Has the kernel poll the receive queues of the descriptor's sockets for so many
 * microseconds before a wait sleeps (EPIOCSPARAMS, ioctl_eventpoll(2)); 0: not.
 * Returns 0, or -errno: -ENOTTY before Linux 6.9. */
int loop_busy_poll(int epfd, unsigned usecs);

/* A turn of a loop may take so long. */
#define LOOP_LOOK_MS 25

/*
 * How late a loop wakes up.  It read the clock at `before_ms`, waited for at
 * most `wait_ms` (-1: without a limit, which is never late), and reads it again
 * at `now_ms`.  During such a gap the loop did not run: its process was
 * stopped, its machine slept, or others had the CPU.  A turn of LOOP_LOOK_MS is
 * no gap.  A wait that an event could have ended hides a gap that is no longer
 * than the wait.
 */
static inline uint64_t
loop_gap(uint64_t before_ms, int wait_ms, uint64_t now_ms)
{
	const uint64_t due_ms = before_ms +
	    (uint64_t)(wait_ms > LOOP_LOOK_MS ? wait_ms : LOOP_LOOK_MS);

	return wait_ms >= 0 && now_ms > due_ms ? now_ms - due_ms : 0;
}

/*
 * After a longer gap, a loop that waits for long excuses everybody for all of
 * the time since its last look: nobody knows which part of it was the wait.
 */
#define LOOP_GAP_MS 500

/*
 * The clock of a loop that judges others by their silence.  Its own time is
 * that of CLOCK_MONOTONIC without the gaps.  Since a wait may hide a gap, such
 * a loop waits for at most LOOP_LOOK_MS while somebody owes it an answer.
 */
struct loop_clock {
	uint64_t now_ms; /* CLOCK_MONOTONIC at the last look */
	uint64_t own_ms; /* the same without the gaps */
};

void loop_clock_start(struct loop_clock *clock, uint64_t now_ms);

/* Reads the clock after a wait of at most `wait_ms` (-1: without a limit; there
 * is no gap then).  Returns the length of the gap in milliseconds. */
uint64_t loop_clock_look(struct loop_clock *clock, uint64_t now_ms,
    int wait_ms);

/* Waits in poll(2) until one of the descriptors has an event or the clock's own
 * time is `until_ms`: a process that was stopped does not take the others for
 * silent.  Returns the number of descriptors with events, 0 when the time is
 * over, or -errno. */
must_check int loop_poll(struct loop_clock *clock, struct pollfd *polled,
    unsigned count, uint64_t until_ms);

/* The shorter of two waits; -1 is a wait without a limit. */
must_check int loop_sooner(int a_ms, int b_ms);

#endif
