/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Logs when the process or a service reaches its maxconn, and when that is
 * over.  At maxconn, places come and go by the thousand per second.  So control
 * checks once a second whether a listener had to wait, and regards it as over
 * when none had to for some seconds.  One gate causes at most two log lines in
 * that time.  For the control thread.
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

/* Checks one gate with the limit `limit` (0: none). */
enum fullness_change fullness_look_at(struct gate *gate, uint64_t limit,
    uint64_t now_ms, uint64_t *lasted_ms);

/* Checks all gates and logs changes. */
void fullness_look(const struct running *running, uint64_t now_ms);

#endif
