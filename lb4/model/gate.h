/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A gate: how many are inside, at most how many may be, and which workers wait
 * outside.  maxconn is one, for the process and for each service.
 *
 * A worker that is refused marks itself as waiting and then tries once more;
 * one that leaves counts down and then looks for waiters.  Both orders are
 * sequentially consistent, so either the second try gets in or the one that
 * leaves sees the mark: nobody waits before an open gate (Dekker's argument).
 */
#ifndef LB4_MODEL_GATE_H
#define LB4_MODEL_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define GATE_WORKERS_MAX 256

struct gate {
	/* Writers: workers, compare-and-swap up, fetch-and-sub down. */
	_Alignas(64) _Atomic uint64_t inside;
	/* One bit per waiting worker.  Set by that worker, cleared by whoever
	 * wakes it. */
	_Alignas(64) _Atomic uint64_t waiting[GATE_WORKERS_MAX / 64];
};

/* Goes in if fewer than `limit` are inside; 0 is no limit. */
static inline bool
gate_enter(struct gate *gate, uint64_t limit)
{
	uint64_t inside = atomic_load(&gate->inside);

	do {
		if (limit != 0 && inside >= limit)
			return false;
	} while (!atomic_compare_exchange_weak(&gate->inside, &inside,
	    inside + 1));
	return true;
}

/* Leaves.  True when somebody may be waiting: gate_waiters_take() then. */
static inline bool
gate_leave(struct gate *gate)
{
	(void)atomic_fetch_sub(&gate->inside, 1);
	for (int i = 0; i < GATE_WORKERS_MAX / 64; i++)
		if (atomic_load(&gate->waiting[i]) != 0)
			return true;
	return false;
}

static inline void
gate_wait(struct gate *gate, unsigned worker)
{
	(void)atomic_fetch_or(&gate->waiting[worker / 64],
	    UINT64_C(1) << (worker % 64));
}

static inline void
gate_wait_no_more(struct gate *gate, unsigned worker)
{
	(void)atomic_fetch_and(&gate->waiting[worker / 64],
	    ~(UINT64_C(1) << (worker % 64)));
}

/* Takes 64 waiting marks, those of workers from 64 x `group` on. */
static inline uint64_t
gate_waiters_take(struct gate *gate, unsigned group)
{
	if (atomic_load(&gate->waiting[group]) == 0)
		return 0;
	return atomic_exchange(&gate->waiting[group], 0);
}

#endif
