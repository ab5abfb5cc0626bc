/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Counts rise and fall: see verdict.h.
 */
#include "lb4/health/verdict.h"

#include <limits.h>

static void
count_up(unsigned *count)
{
	if (*count < UINT_MAX)
		(*count)++;
}

enum verdict_change
verdict_note(struct verdict *verdict, bool passed, unsigned rise, unsigned fall)
{
	bool first = !verdict->decided;

	verdict->decided = true;
	if (passed) {
		count_up(&verdict->passed);
		verdict->failed = 0;
		if (!first && (!verdict->down || verdict->passed < rise))
			return VERDICT_SAME;
		verdict->down = false;
		return VERDICT_UP;
	}
	count_up(&verdict->failed);
	verdict->passed = 0;
	if (!first && (verdict->down || verdict->failed < fall))
		return VERDICT_SAME;
	verdict->down = true;
	return VERDICT_DOWN;
}
