/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Warnings of a worker: see worker_warn.h. */
#include "lb4/engine/worker_warn.h"

#include <inttypes.h>

#include "common/log.h"
#include "lb4/engine/types.h"

bool
worker_may_warn(struct worker *worker)
{
	uint64_t left_out;

	if (!limiter_pass(&worker->warnings, worker->now_ms))
		return false;
	left_out = limiter_left_out(&worker->warnings, worker->now_ms);
	if (left_out > 0)
		log_warning("worker %u: %" PRIu64 " more warnings about "
			    "lacking resources were suppressed",
		    worker->index, left_out);
	return true;
}
