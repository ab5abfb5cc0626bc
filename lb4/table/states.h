/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The service states of the process, by id: those of the services in the
 * table, and those that conns still use.  Called by table.c and routes.c, in
 * the control thread.
 */
#ifndef LB4_TABLE_STATES_H
#define LB4_TABLE_STATES_H

#include <stddef.h>

struct service_state;

struct states {
	struct service_state **state; /* owned; every one not freed yet; by id,
				       * NULL where there is none */
	size_t count;
	unsigned workers; /* that a state has room for */
};

void states_init(struct states *states, unsigned workers);

/* Frees all of them. */
void states_done(struct states *states);

/* The state of the service of that name, made with the smallest free id if
 * there is none.  The caller has a reference.  NULL without memory. */
struct service_state *states_get(struct states *states, const char *name);

/* Marks the states and their terms that nothing uses; returns how many there
 * are.  states_bury() frees them after a grace period. */
size_t states_retire(struct states *states);
void states_bury(struct states *states);

#endif
