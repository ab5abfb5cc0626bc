/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The process that runs programs (lb4/process/programs.h), which is started
 * when a configuration first needs it.
 */
#ifndef LB4_CONTROL_HELPER_H
#define LB4_CONTROL_HELPER_H

struct config;
struct guard;
struct prober;

/* Has the guard start that process and gives it to the prober, if `config` has
 * checks that are programs, or on-change, and the prober has no such process.
 * A failure is logged; these checks fail then. */
void helper_start(const struct config *config, struct guard *guard,
    struct prober *prober);

/* Also tells the prober what on-change says.  Not while another process serves,
 * whose prober tells the changes. */
void helper_follow(const struct config *config, struct guard *guard,
    struct prober *prober);

#endif
