/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What real traffic says of one backend: see observe.h. */
#include "lb4/health/observe.h"

#include <limits.h>

static unsigned
in_a_row(unsigned before, uint64_t good, uint64_t bad)
{
	const uint64_t sum = (good > 0 ? 0 : before) + bad;

	/* The order of the two is unknown.  A good one in between ends the
	 * row: a look follows each failure, so little is lost. */
	if (good > 0)
		return 0;
	return sum < UINT16_MAX ? (unsigned)sum : UINT16_MAX;
}

/* How the last failure came about, as far as the counts tell. */
static enum health_result
result_of(const struct backend_sums *before, const struct backend_sums *now)
{
	if (now->early_resets > before->early_resets)
		return HEALTH_RESET;
	if (now->refused > before->refused)
		return HEALTH_REFUSED;
	return now->timeouts > before->timeouts ? HEALTH_NO_ANSWER
						: HEALTH_UNREACHABLE;
}

void
observe_begin(struct observe *observe, const struct backend_sums *sums)
{
	*observe = (struct observe){ .seen = *sums };
}

static unsigned
longer_row(const struct observe *observe)
{
	return observe->failed_connects > observe->early_resets
	    ? observe->failed_connects
	    : observe->early_resets;
}

unsigned
observe_look(struct observe *observe, const struct backend_sums *sums,
    uint64_t now_ms)
{
	const struct backend_sums *seen = &observe->seen;
	const uint64_t connect_failures = sums->connect_failures -
	    seen->connect_failures;
	const uint64_t early_resets = sums->early_resets - seen->early_resets;

	observe->failed_connects = in_a_row(observe->failed_connects,
	    sums->conns - seen->conns, connect_failures);
	observe->early_resets = in_a_row(observe->early_resets,
	    sums->answered - seen->answered, early_resets);
	if (connect_failures + early_resets > 0) {
		observe->last = result_of(seen, sums);
		observe->failed_ms = now_ms;
	}
	observe->seen = *sums;
	return longer_row(observe);
}

uint64_t
observe_eject(struct observe *observe, unsigned time_ms, uint64_t now_ms)
{
	const uint64_t longest_ms = (uint64_t)OBSERVE_LONGEST * time_ms;
	uint64_t for_ms = time_ms;

	if (now_ms >= observe->until_ms + longest_ms)
		observe->ejections = 0;
	for (unsigned i = 0; i < observe->ejections && for_ms < longest_ms; i++)
		for_ms *= 2;
	if (observe->ejections < UINT_MAX)
		observe->ejections++;
	observe->ejected = true;
	observe->until_ms = now_ms + for_ms;
	return for_ms;
}

void
observe_return(struct observe *observe, uint64_t now_ms)
{
	observe->ejected = false;
	observe->failed_connects = 0;
	observe->early_resets = 0;
	if (now_ms < observe->until_ms)
		observe->until_ms = now_ms;
}

uint32_t
observe_word(const struct observe *observe)
{
	const unsigned row = longer_row(observe);

	return health_pack(observe->ejected,
	    row > 0 || observe->ejected ? observe->last : HEALTH_UNKNOWN,
	    (uint16_t)row);
}
