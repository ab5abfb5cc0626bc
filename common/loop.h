/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * epoll(7) with tagged events.  What epoll hands back is never a pointer but a
 * tag of kind, index and generation: an event that was queued for something
 * that has since gone is recognised and dropped by its owner.
 *
 * The rule of every loop that has deadlines for others: events first, deadlines
 * after.  A turn waits, looks at the clock, serves all events that waited, and
 * only then judges who is late, by that look.  And time in which the loop did
 * not look (a SIGSTOP, a frozen cgroup, no CPU, a slow disk) is no silence of
 * others: struct loop_clock leaves it out.
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

/* kind: what the owner makes of it, 0 to 15.  index: below 2^28. */
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
int loop_open(void);

/* Each returns 0 or -errno.  `events` is EPOLLIN and so on, with EPOLLET if
 * wanted. */
int loop_add(int epfd, int fd, uint32_t events, uint64_t tag);
int loop_modify(int epfd, int fd, uint32_t events, uint64_t tag);
int loop_remove(int epfd, int fd);

/* A loop that wakes up so much later than it wanted has not run meanwhile: its
 * process was stopped, its machine slept, or others had the CPU. */
#define LOOP_GAP_MS 500

/*
 * How long a loop did not run that looked at the clock at `before_ms`, then was
 * to wait for at most `timeout_ms` (-1: for ever), and looks again at `now_ms`:
 * all that time, since no one knows which part of it; 0: there was no gap.
 * Silence meanwhile is nobody's: events first, deadlines after, and those so
 * much later.
 */
static inline uint64_t
loop_gap(uint64_t before_ms, int timeout_ms, uint64_t now_ms)
{
	return timeout_ms >= 0 &&
		now_ms > before_ms + (uint64_t)timeout_ms + LOOP_GAP_MS
	    ? now_ms - before_ms
	    : 0;
}

/* Waits for at most `timeout_ms` (-1: for ever).  Returns how many events were
 * written, 0 also when a signal came in between, or -errno. */
int loop_wait(int epfd, struct epoll_event *events, int count, int timeout_ms);

/* Whether loop_wait_us() can wait for less than a millisecond.  0, or -errno
 * of the call that is lacking or not allowed: then it waits for whole ones. */
int loop_has_us(void);

/* The same for at most `timeout_us` microseconds, or a little more; rounded up
 * to milliseconds by kernels before 5.11. */
int loop_wait_us(int epfd, struct epoll_event *events, int count,
    unsigned timeout_us);

/*
 * The clock of a loop that judges others by their silence.  Between two looks
 * the loop's own time advances by the wait that was asked for, or by
 * LOOP_LOOK_MS if that is more; the rest is a gap.  A wait that an event could
 * have ended tells no gap up to its length, so a loop to which somebody owes an
 * answer waits for at most LOOP_LOOK_MS.
 */
#define LOOP_LOOK_MS 25

struct loop_clock {
	uint64_t now_ms; /* CLOCK_MONOTONIC at the last look */
	uint64_t own_ms; /* the same without the gaps */
};

void loop_clock_start(struct loop_clock *clock, uint64_t now_ms);

/* Looks at the clock after a wait for which `wait_ms` was asked (-1: for ever,
 * which has no gaps).  Returns the length of the gap, in milliseconds. */
uint64_t loop_clock_look(struct loop_clock *clock, uint64_t now_ms,
    int wait_ms);

/* The shorter one of two waits; -1: for ever. */
int loop_sooner(int a_ms, int b_ms);

#endif
