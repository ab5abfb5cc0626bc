/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The SRV records of one name, and the addresses of their targets.  names.h
 * keeps one for each name that a line with srv= has.
 *
 * Each target is looked up as a host is, and has one address at a time.
 * Addresses that come with the records save the first of these questions.  A
 * target whose address changes keeps its backend's name, and so its clients.
 * What DNS has said is applied when the targets of an answer have addresses, or
 * after a moment.
 *
 * The last answer stays when there is none, when it is empty, or wrong.  A
 * target "." says that there is no service: the backends are removed.
 */
#ifndef LB4_CONTROL_NAMES_SRV_H
#define LB4_CONTROL_NAMES_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct asker;
struct running;
struct srv_name;
struct why;

/* NULL without memory. */
struct srv_name *srv_name_new(struct running *running, struct asker *asker,
    const char *name);

/* Not while srv_name_is_asking(). */
void srv_name_free(struct srv_name *srv);
bool srv_name_is_asking(const struct srv_name *srv);

/* A line with the name has no backends yet: apply what is known. */
void srv_name_hurry(struct srv_name *srv);

/* Asks and applies what is due. */
void srv_name_turn(struct srv_name *srv, uint64_t now_ms);
int srv_name_sleep_ms(const struct srv_name *srv, uint64_t now_ms);

/* Whether the backends may not be what DNS says, and why. */
bool srv_name_is_ill(const struct srv_name *srv, struct why *why);

/* The number of records in the last good answer; 0 before the first.  *none:
 * there is no service. */
size_t srv_name_records(const struct srv_name *srv, bool *none);

#endif
