/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What control carries over an upgrade, besides what lb4/handover describes by
 * itself: the start of the first process, the node's state, and the orders of
 * the closer.  Control's own data, so control describes them when an upgrade
 * begins, and nothing changes them until its end.
 */
#ifndef LB4_CONTROL_CARRY_H
#define LB4_CONTROL_CARRY_H

struct receive;
struct running;
struct send_setup;

/* The old process: adds all that to the setup.  The closer must pause.  Without
 * memory, orders are left out. */
void carry_give(const struct running *running, struct send_setup *setup);

/* The new one: goes on where the old one stood.  After control_start(); NULL:
 * there is no old process. */
void carry_take(struct running *running, const struct receive *receive);

#endif
