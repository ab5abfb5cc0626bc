/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A caller's turn: runs its lines and its job, and closes the caller when it is
 * idle, or does not read, for too long.
 */
#ifndef LB4_COMMAND_TURN_H
#define LB4_COMMAND_TURN_H

#include <stdint.h>

struct caller;

/* Runs the turn of a caller that is not lent; the caller may be GONE
 * afterwards.  If work is left, sets `again` in struct callers. */
void turn_caller(struct caller *caller, uint64_t now_ms);

#endif
