/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The conns with the most bytes: see leaders.h. */
#include "lb4/command/leaders.h"

#include <assert.h>
#include <stdbool.h>

static uint64_t
bytes(const struct sweep_row *row)
{
	return row->bytes_to_backend + row->bytes_to_client;
}

static bool
is_before(const struct sweep_row *row, const struct sweep_row *other)
{
	return bytes(row) > bytes(other) ||
	    (bytes(row) == bytes(other) && row->id < other->id);
}

void
leaders_add(struct leaders *leaders, const struct sweep_row *row)
{
	unsigned at = leaders->count;

	assert(leaders->wanted > 0 && leaders->wanted <= LEADERS_MAX);
	if (leaders->count < leaders->wanted)
		leaders->count++;
	else if (is_before(row, &leaders->row[at - 1]))
		at--;
	else
		return;
	for (; at > 0 && is_before(row, &leaders->row[at - 1]); at--)
		leaders->row[at] = leaders->row[at - 1];
	leaders->row[at] = *row;
}

uint64_t
leaders_entry(const struct leaders *leaders)
{
	return leaders->count < leaders->wanted
	    ? 0
	    : bytes(&leaders->row[leaders->count - 1]);
}
