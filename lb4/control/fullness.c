/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Logs when maxconn is reached: see fullness.h.  Called by control.c. */
#include "lb4/control/fullness.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>

#include "common/log.h"
#include "lb4/control/running.h"
#include "lb4/engine/engine.h"
#include "lb4/table/table.h"

enum fullness_change
fullness_look_at(struct gate *gate, uint64_t limit, uint64_t now_ms,
    uint64_t *lasted_ms)
{
	struct gate_told *told = &gate->told;
	const uint64_t waits = atomic_load_explicit(&gate->waits,
	    memory_order_relaxed);
	const bool waited = waits != told->waits || gate_has_waiters(gate);

	told->waits = waits;
	if (waited)
		told->last_ms = now_ms;
	if (waited && told->since_ms == 0) {
		told->since_ms = now_ms;
		return FULLNESS_BEGAN;
	}
	/* a raised limit also ends it: nobody waits then */
	if (told->since_ms == 0 || waited ||
	    (now_ms - told->last_ms < FULLNESS_OVER_MS && limit != 0))
		return FULLNESS_SAME;
	*lasted_ms = told->last_ms - told->since_ms;
	told->since_ms = 0;
	return FULLNESS_ENDED;
}

/* `service` NULL: the process. */
static void
look(const char *service, struct gate *gate, uint64_t limit, uint64_t now_ms)
{
	const char *kind = service != NULL ? "service " : "";
	uint64_t lasted_ms = 0;

	if (service == NULL)
		service = "lb4";
	switch (fullness_look_at(gate, limit, now_ms, &lasted_ms)) {
	case FULLNESS_BEGAN:
		log_warning("%s%s is at its maxconn of %" PRIu64
			    ": new clients wait in the listeners' queues",
		    kind, service, limit);
		break;
	case FULLNESS_ENDED:
		log_notice("%s%s is below its maxconn again, after %" PRIu64
			   " s",
		    kind, service, lasted_ms / 1000);
		break;
	case FULLNESS_SAME:
		break;
	}
}

void
fullness_look(const struct running *running, uint64_t now_ms)
{
	const struct table *table = table_current(running->tables);
	struct engine *engine = running->engine;

	look(NULL, engine_gate(engine), engine_maxconn(engine), now_ms);
	for (size_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];

		if (service == NULL)
			continue;
		assert(service->state != NULL);
		look(service->state->name, &service->state->gate,
		    service->settings.maxconn, now_ms);
	}
}
