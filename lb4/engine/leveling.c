/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The workers' side of leveling: see leveling.h. */
#include "lb4/engine/leveling.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "lb4/engine/conn_give.h"
#include "lb4/engine/types.h"
#include "lb4/engine/weigh.h"

/* Notes the conn, if it fits, in front of those that have done less. */
static void
look_at(const struct worker *worker, struct leveling *leveling,
    const struct conn *conn)
{
	struct leveling_conn found = {
		.slot = slots_index(&worker->conns, conn),
		.id = conn->id,
	};
	unsigned at = leveling->conns;

	if (!weigh_end(worker, conn, &found.work) || found.work == 0 ||
	    found.work > leveling->each)
		return;
	while (at > 0 && leveling->conn[at - 1].work < found.work)
		at--;
	if (at == LEVELING_CONNS)
		return;
	if (leveling->conns < LEVELING_CONNS)
		leveling->conns++;
	memmove(&leveling->conn[at + 1], &leveling->conn[at],
	    (leveling->conns - at - 1) * sizeof(found));
	leveling->conn[at] = found;
}

/* Gives away what fits together.  The first conn may exceed the sum: it goes
 * alone then. */
static void
give(struct worker *worker, struct leveling *leveling)
{
	struct worker *to = &worker->shared->workers[leveling->to];
	unsigned given = 0;

	for (unsigned i = 0; i < leveling->conns; i++) {
		const struct leveling_conn *found = &leveling->conn[i];
		struct conn *conn = slots_at(&worker->conns, found->slot);

		if (conn == NULL || conn->id != found->id ||
		    conn->state != CONN_RELAYING)
			continue; /* it has ended since */
		if (given > 0 && leveling->given + found->work > leveling->sum)
			continue;
		if (!conn_give(worker, conn, to))
			break;
		leveling->given += found->work;
		given++;
	}
	leveling->conns = given;
}

static_assert(offsetof(struct leveling, walk) == 0,
    "a walk's address is its leveling's");

void
leveling_run(struct worker *worker, struct walk *walk)
{
	struct leveling *leveling = (struct leveling *)walk;
	struct conn *conn;

	walk_begin(walk);
	while ((conn = walk_next(worker, walk)) != NULL) {
		if (conn->state != CONN_RELAYING)
			continue;
		if (leveling->step == LEVELING_WEIGH)
			weigh_begin(worker, conn);
		else
			look_at(worker, leveling, conn);
	}
	if (worker == NULL)
		leveling->conns = 0;
	else if (leveling->step == LEVELING_GIVE &&
	    walk->cursor >= worker->conns.fresh)
		give(worker, leveling);
	walk_end(worker, walk);
}
