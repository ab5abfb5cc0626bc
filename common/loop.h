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

/* A turn of a loop may take so long. */
#define LOOP_LOOK_MS 25

/*
 * How late a loop wakes up: it looked at the clock at `before_ms`, waited for at
 * most `wait_ms` (-1: without a limit, which is never late), and looks again at
 * `now_ms`.  During such a gap the loop did not run: its process was stopped,
 * its machine slept, or others had the CPU.  A turn of LOOP_LOOK_MS is no gap.
 * A wait that an event could have ended hides a gap that is no longer than the
 * wait.
 */
static inline uint64_t
loop_gap(uint64_t before_ms, int wait_ms, uint64_t now_ms)
{
	const uint64_t due_ms = before_ms +
	    (uint64_t)(wait_ms > LOOP_LOOK_MS ? wait_ms : LOOP_LOOK_MS);

	return wait_ms >= 0 && now_ms > due_ms ? now_ms - due_ms : 0;
}

/*
 * After a longer gap, a loop that waits for long excuses everybody for all the
 * time since its last look: nobody knows which part of it was the wait.
 */
#define LOOP_GAP_MS 500

/*
 * The clock of a loop that judges others by their silence: its own time is that
 * of CLOCK_MONOTONIC without the gaps.  Since a wait may hide a gap, such a loop
 * waits for at most LOOP_LOOK_MS while somebody owes it an answer.
 */
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
