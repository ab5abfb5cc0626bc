/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A caller's turn: its lines are run, its job is given room and news, and it is
 * closed when it does nothing, or does not read, for too long.
 */
#ifndef LB4_COMMAND_TURN_H
#define LB4_COMMAND_TURN_H

#include <stdint.h>

struct caller;

/* Does what there is to do for a caller that is not lent; it may be GONE then.
 * What does not fit one turn sets `again` of its callers. */
void turn_caller(struct caller *caller, uint64_t now_ms);

#endif
