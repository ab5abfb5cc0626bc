/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A walk over the conns of a worker: see walk.h.  For sweep.c and closing.c. */
#include "lb4/engine/walk.h"

#include <assert.h>
#include <stddef.h>

#include "common/mailbox.h"
#include "lb4/engine/types.h"

void
walk_begin(struct walk *walk)
{
	walk->looks = 0;
}

struct conn *
walk_next(const struct worker *worker, struct walk *walk)
{
	while (worker != NULL && walk->cursor < worker->conns.fresh &&
	    walk->looks < WALK_LOOKS) {
		struct conn *conn = slots_at(&worker->conns, walk->cursor++);

		walk->looks++;
		if (conn != NULL)
			return conn;
	}
	return NULL;
}

void
walk_end(const struct worker *worker, struct walk *walk)
{
	bool posted;

	walk->at_end = worker == NULL || walk->cursor >= worker->conns.fresh;
	posted = mailbox_post(walk->reply, &walk);
	assert(posted);
}
