/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Timers: a hierarchical timing wheel with ticks of one millisecond (Varghese
 * and Lauck, "Hashed and hierarchical timing wheels", 1987; levels of 64 with
 * a bitmap each).
 *
 * Adding, moving and removing are O(1).  A timer far away costs nothing until
 * the wheel comes near it: an idle process sleeps.  Timers are meant to be
 * lazy: traffic does not move them, it stamps a time; when the timer fires its
 * owner looks whether the deadline has moved on and arms it again.
 *
 * Embedded in their owner, linked by pointers: a timer's memory must not move
 * while it is armed.  Owned by one thread.  All times are milliseconds on
 * CLOCK_MONOTONIC.
 */
#ifndef COMMON_TIMER_H
#define COMMON_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

#define TIMER_LEVELS 6
#define TIMER_SLOTS 64

struct timer {
	struct timer *next;
	struct timer **link; /* what points at this one; NULL: not armed */
	uint64_t deadline_ms;
};

struct timer_wheel {
	uint64_t now_ms; /* all timers up to here have been given out */
	uint64_t used[TIMER_LEVELS]; /* one bit per slot that holds timers */
	struct timer *slot[TIMER_LEVELS][TIMER_SLOTS];
	struct timer *due;  /* fired, not yet given out */
	struct timer *late; /* armed for the past: due in the next round */
	bool in_round;	    /* timer_wheel_next() has not returned NULL yet */
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms);

/* Arms `timer` for `deadline_ms`, or moves it there.  A deadline that has
 * passed fires in the next round of timer_wheel_next(). */
void timer_arm(struct timer_wheel *wheel, struct timer *timer,
    uint64_t deadline_ms);

/* Disarms it; nothing happens if it is not armed. */
void timer_disarm(struct timer_wheel *wheel, struct timer *timer);

static inline bool
timer_armed(const struct timer *timer)
{
	return timer->link != NULL;
}

/* Turns the wheel to `now_ms` and gives out one timer that is due, disarmed,
 * or NULL when there are no more, which ends a round.  Call it until NULL.
 * They come in the order of their deadlines, those armed too late first; in
 * between, any timer may be armed or disarmed.  One that is armed for the past
 * meanwhile is for the next round, so that a timer that always is cannot keep
 * the owner here.  A clock that goes back counts as standing still. */
struct timer *timer_wheel_next(struct timer_wheel *wheel, uint64_t now_ms);

/* How many milliseconds the owner may sleep from `now_ms`: 0 when a timer is
 * due or late, -1 when none is armed, at most INT_MAX.  May be earlier than the
 * first deadline, but never later. */
must_check int timer_wheel_sleep(const struct timer_wheel *wheel,
    uint64_t now_ms);

/* The deadline `ms` after `now_ms`; UINT64_MAX, which is never, when it would
 * overflow. */
static inline uint64_t
timer_after(uint64_t now_ms, uint64_t ms)
{
	return ms < UINT64_MAX - now_ms ? now_ms + ms : UINT64_MAX;
}

/* CLOCK_MONOTONIC in milliseconds. */
uint64_t timer_now_ms(void);

/* The same clock, in microseconds. */
uint64_t timer_now_us(void);

#endif
