/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Says in the log when the process or a service is at its maxconn, and when it
 * is not any more.  At maxconn places come and go by the thousand a second, so
 * control looks once a second whether listeners had to wait, and takes it for
 * over when none had to for some seconds: a gate causes two lines in that time
 * at most.  The control thread's.
 */
#ifndef LB4_CONTROL_FULLNESS_H
#define LB4_CONTROL_FULLNESS_H

#include <stdint.h>

#include "lb4/model/gate.h"

struct running;

#define FULLNESS_LOOK_MS 1000
#define FULLNESS_OVER_MS 5000

enum fullness_change {
	FULLNESS_SAME,
	FULLNESS_BEGAN,
	FULLNESS_ENDED, /* *lasted_ms says how long it was full */
};

/* Looks at one gate, whose limit is `limit` (0: none). */
enum fullness_change fullness_look_at(struct gate *gate, uint64_t limit,
    uint64_t now_ms, uint64_t *lasted_ms);

/* Looks at all gates, and logs what has changed. */
void fullness_look(const struct running *running, uint64_t now_ms);

#endif
