/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Entry in the order of tickets: see gate.h.  Called by the workers. */
#include "lb4/model/gate.h"

/* The number of workers that show a ticket older than this. */
static uint64_t
count_older(struct gate *gate, uint64_t ticket)
{
	uint64_t older = 0;

	for (unsigned group = 0; group < GATE_GROUPS; group++) {
		uint64_t bits = atomic_load(&gate->waiting[group]);

		for (; bits != 0; bits &= bits - 1) {
			unsigned worker = group * 64 +
			    (unsigned)__builtin_ctzll(bits);

			older += atomic_load(&gate->oldest[worker]) < ticket;
		}
	}
	return older;
}

bool
gate_enter(struct gate *gate, uint64_t limit, uint64_t ticket)
{
	uint64_t inside = atomic_load(&gate->inside);

	do {
		if (limit != 0 &&
		    (inside >= limit ||
			count_older(gate, ticket) >= limit - inside))
			return false;
	} while (!atomic_compare_exchange_weak(&gate->inside, &inside,
	    inside + 1));
	return true;
}

void
gate_show(struct gate *gate, unsigned worker, uint64_t ticket)
{
	atomic_store(&gate->oldest[worker], ticket);
	(void)atomic_fetch_or(&gate->waiting[worker / 64],
	    UINT64_C(1) << (worker % 64));
}

void
gate_withdraw(struct gate *gate, unsigned worker)
{
	(void)atomic_fetch_and(&gate->waiting[worker / 64],
	    ~(UINT64_C(1) << (worker % 64)));
}

int
gate_oldest(struct gate *gate)
{
	uint64_t least = GATE_NO_TICKET;
	int oldest = -1;

	for (unsigned group = 0; group < GATE_GROUPS; group++) {
		uint64_t bits = atomic_load(&gate->waiting[group]);

		for (; bits != 0; bits &= bits - 1) {
			unsigned worker = group * 64 +
			    (unsigned)__builtin_ctzll(bits);
			uint64_t ticket = atomic_load(&gate->oldest[worker]);

			if (ticket < least) {
				least = ticket;
				oldest = (int)worker;
			}
		}
	}
	return oldest;
}
