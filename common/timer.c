/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The timing wheel of each worker and of the prober.
 *
 * Time is read as digits of base 64.  A timer lies in the level of the highest
 * digit in which its deadline differs from the wheel's now, in the slot of its
 * deadline's digit there.  So all timers of a level agree with now in the
 * digits above, and their slots lie ahead of now's digit.  From this follows
 * everything else:
 *
 *	- The lowest level with a bit set holds the first timers, in its lowest
 *	  slot: the next event is found with two bit scans.
 *	- The event's time is the slot's beginning.  Turning the wheel goes
 *	  from event to event: a jump of hours costs no more than the timers
 *	  in it.
 *	- At an event, the slot's timers are placed again: on the due list, or in
 *	  a lower level.  A timer is moved at most once per level in its life.
 *
 * The last level goes round: its slots lie 1 to 64 ahead of now's digit, modulo
 * 64.  A deadline further away than that (2 years) is met whenever the wheel
 * passes its slot, and placed again.
 */
#include "common/timer.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#define TIMER_BITS 6 /* TIMER_SLOTS is 2 to this */
#define TIMER_LAST (TIMER_LEVELS - 1)

_Static_assert(1 << TIMER_BITS == TIMER_SLOTS, "digits fit the slots");
_Static_assert(TIMER_SLOTS == 64, "a level's bitmap is one word");

/* A time as a count of the level's slots. */
static inline uint64_t
digits_from(uint64_t time_ms, int level)
{
	return time_ms >> level * TIMER_BITS;
}

static void
timer_link(struct timer *timer, struct timer **head)
{
	timer->next = *head;
	if (timer->next != NULL)
		timer->next->link = &timer->next;
	timer->link = head;
	*head = timer;
}

static void
timer_place(struct timer_wheel *wheel, struct timer *timer)
{
	uint64_t deadline = timer->deadline_ms;
	int level;
	int slot;

	if (deadline <= wheel->now_ms) {
		timer_link(timer, &wheel->due);
		return;
	}
	level = (63 - __builtin_clzll(deadline ^ wheel->now_ms)) / TIMER_BITS;
	if (level > TIMER_LAST)
		level = TIMER_LAST;
	slot = (int)(digits_from(deadline, level) % TIMER_SLOTS);
	timer_link(timer, &wheel->slot[level][slot]);
	wheel->used[level] |= (uint64_t)1 << slot;
}

void
timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->now_ms = now_ms;
}

void
timer_arm(struct timer_wheel *wheel, struct timer *timer, uint64_t deadline_ms)
{
	timer_disarm(wheel, timer);
	timer->deadline_ms = deadline_ms;
	if (deadline_ms <= wheel->now_ms)
		timer_link(timer, &wheel->late);
	else
		timer_place(wheel, timer);
}

void
timer_disarm(struct timer_wheel *wheel, struct timer *timer)
{
	struct timer **link = timer->link;
	uintptr_t first = (uintptr_t)&wheel->slot[0][0];
	uintptr_t offset = (uintptr_t)link - first;

	if (link == NULL)
		return;
	*link = timer->next;
	if (timer->next != NULL)
		timer->next->link = link;
	else if (offset < sizeof(wheel->slot)) {
		/* It was its slot's only timer. */
		size_t index = offset / sizeof(wheel->slot[0][0]);
		uint64_t bit = (uint64_t)1 << index % TIMER_SLOTS;

		wheel->used[index / TIMER_SLOTS] &= ~bit;
	}
	timer->next = NULL;
	timer->link = NULL;
}

/*
 * Where and when the wheel has to stop next.  Returns the level, or -1 when it
 * is empty.
 */
static int
wheel_event(const struct timer_wheel *wheel, int *slot, uint64_t *time_ms)
{
	for (int level = 0; level < TIMER_LEVELS; level++) {
		uint64_t used = wheel->used[level];
		uint64_t now = digits_from(wheel->now_ms, level);
		unsigned turn = (unsigned)(now + 1) % TIMER_SLOTS;

		if (used == 0)
			continue;
		/* Bit 0 becomes the slot after now's. */
		if (turn != 0)
			used = used >> turn | used << (TIMER_SLOTS - turn);
		now += 1 + (uint64_t)__builtin_ctzll(used);
		*slot = (int)(now % TIMER_SLOTS);
		*time_ms = now << level * TIMER_BITS;
		return level;
	}
	return -1;
}

/* Turns the wheel up to `now_ms` or until something is due, so that timers come
 * out in the order of their deadlines. */
static void
wheel_turn(struct timer_wheel *wheel, uint64_t now_ms)
{
	while (wheel->due == NULL) {
		struct timer *timer;
		struct timer *next;
		uint64_t time_ms;
		int slot;
		int level = wheel_event(wheel, &slot, &time_ms);

		if (level < 0 || time_ms > now_ms) {
			if (now_ms > wheel->now_ms)
				wheel->now_ms = now_ms;
			return;
		}
		wheel->now_ms = time_ms;
		timer = wheel->slot[level][slot];
		wheel->slot[level][slot] = NULL;
		wheel->used[level] &= ~((uint64_t)1 << slot);
		for (; timer != NULL; timer = next) {
			next = timer->next;
			timer_place(wheel, timer);
		}
	}
}

/* What was armed for the past is due now.  The due list is empty: the last
 * round has given out all of it. */
static void
begin_round(struct timer_wheel *wheel)
{
	wheel->due = wheel->late;
	wheel->late = NULL;
	if (wheel->due != NULL)
		wheel->due->link = &wheel->due;
}

struct timer *
timer_wheel_next(struct timer_wheel *wheel, uint64_t now_ms)
{
	struct timer *timer;

	if (!wheel->in_round)
		begin_round(wheel);
	wheel_turn(wheel, now_ms);
	timer = wheel->due;
	if (timer != NULL)
		timer_disarm(wheel, timer);
	wheel->in_round = timer != NULL;
	return timer;
}

int
timer_wheel_sleep(const struct timer_wheel *wheel, uint64_t now_ms)
{
	uint64_t time_ms;
	int slot;

	if (wheel->due != NULL || wheel->late != NULL)
		return 0;
	if (wheel_event(wheel, &slot, &time_ms) < 0)
		return -1;
	if (time_ms <= now_ms)
		return 0;
	if (time_ms - now_ms > INT_MAX)
		return INT_MAX;
	return (int)(time_ms - now_ms);
}

uint64_t
timer_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t
timer_now_ms(void)
{
	return timer_now_us() / 1000;
}
