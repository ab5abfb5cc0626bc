/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Counts of copies: see mirrored.h. */
#include "lb4/model/mirrored.h"

#include <assert.h>

static_assert(MIRROR_DROP_COUNT <= MIRROR_DROPS_MAX, "a count for each reason");

static const struct {
	const char *name, *text;
} drops[] = {
	[MIRROR_SLOW] = { "slow",
	    "the mirror does not take the bytes fast enough" },
	[MIRROR_CONNECT] = { "connect", "the mirror cannot be connected to" },
	[MIRROR_TIMEOUT] = { "timeout", "the mirror does not answer" },
	[MIRROR_RESET] = { "reset", "the mirror has reset it" },
	[MIRROR_RESOURCE] = { "resource",
	    "descriptors, pipes or memory are short" },
	[MIRROR_LATE] = { "late",
	    "the mirror has not taken the rest after the end of the conn" },
	[MIRROR_UPGRADE] = { "upgrade", "the conn has moved to a new process" },
};
static_assert(sizeof(drops) / sizeof(drops[0]) == MIRROR_DROP_COUNT,
    "every reason has a name");

const char *
mirror_drop_name(enum mirror_drop drop)
{
	return drops[drop].name;
}

const char *
mirror_drop_text(enum mirror_drop drop)
{
	return drops[drop].text;
}

static uint64_t
load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void
mirror_add(struct mirror_sums *sums, const struct mirror_stats *stats)
{
	sums->conns += load(&stats->conns);
	sums->bytes += load(&stats->bytes);
	for (int i = 0; i < MIRROR_DROPS_MAX; i++)
		sums->dropped[i] += load(&stats->dropped[i]);
}

uint64_t
mirror_dropped(const struct mirror_sums *sums)
{
	uint64_t dropped = 0;

	for (int i = 0; i < MIRROR_DROPS_MAX; i++)
		dropped += sums->dropped[i];
	return dropped;
}
