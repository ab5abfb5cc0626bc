/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A circle: the checked backends of one service, as witnesses for each other.
 * When one of them is about to go down, the others tell whether lb4's own
 * network is at fault: then most of their checks that have ended since its
 * failed check began have failed, too.  Pure.
 */
#ifndef LB4_HEALTH_CIRCLE_H
#define LB4_HEALTH_CIRCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define CIRCLE_WITNESSES 4 /* so many are heard, if there are as many */
#define CIRCLE_MIN 3	   /* backends that are up; fewer cannot tell */
#define CIRCLE_RECENT 16   /* results that are remembered */

struct target;

enum circle_says {
	CIRCLE_FINE,	/* the network works: it is the backend */
	CIRCLE_TROUBLE, /* most fail: it may be lb4's network */
	CIRCLE_UNSURE,	/* too few have been heard yet */
};

struct circle {
	TAILQ_HEAD(, target) targets;
	unsigned tried; /* targets whose trial is open: target.h */
	uint64_t told_ms;

	/* checks of backends that were up, a ring */
	struct circle_result {
		uint32_t backend; /* by id; 0: none */
		bool failed;
		uint64_t ended_ms;
	} recent[CIRCLE_RECENT];
	unsigned next;
};

/* A check of a backend that was up has ended. */
void circle_note(struct circle *circle, uint32_t backend, bool failed,
    uint64_t now_ms);

/* Judges a backend whose failed check began at that time.  `up`: how many
 * backends are up and checked, itself included. */
enum circle_says circle_judge(const struct circle *circle, size_t up,
    uint32_t backend, uint64_t began_ms);

#endif
