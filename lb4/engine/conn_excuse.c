/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Time that does not count: see conn_excuse.h. */
#include "lb4/engine/conn_excuse.h"

#include <stdint.h>

#include "common/slots.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/progress.h"
#include "lb4/engine/types.h"

static uint64_t
later(uint64_t time_ms, uint64_t by_ms, uint64_t most_ms)
{
	return time_ms + by_ms < most_ms ? time_ms + by_ms : most_ms;
}

/* The same for a time of which only the low bits are stored. */
static uint32_t
later_bits(uint32_t time_ms, uint64_t by_ms, uint64_t most_ms)
{
	const uint32_t most_by_ms = (uint32_t)most_ms - time_ms;

	return time_ms + (by_ms < most_by_ms ? (uint32_t)by_ms : most_by_ms);
}

static void
excuse_attempts(struct attempts *attempts, uint64_t gap_ms, uint64_t now_ms)
{
	attempts->began_ms = later(attempts->began_ms, gap_ms, now_ms);
	attempts->queued_since = later_bits(attempts->queued_since, gap_ms,
	    now_ms);
}

void
conns_excuse(struct worker *worker, uint64_t gap_ms)
{
	const uint64_t now_ms = worker->now_ms;
	struct conn *conn;
	uint32_t i = 0;

	while ((conn = slots_each(&worker->conns, &i)) != NULL) {
		conn->last_ms = later(conn->last_ms, gap_ms, now_ms);
		conn->excused_ms = (uint32_t)later(conn->excused_ms, gap_ms,
		    UINT32_MAX);
		if (conn->established)
			conn->relays.linger_since =
			    later_bits(conn->relays.linger_since, gap_ms,
				now_ms);
		else
			excuse_attempts(conn_attempts(conn), gap_ms, now_ms);
		progress_excuse(worker, conn);
	}
}
