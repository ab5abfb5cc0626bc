/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Services that panic: see alarm.h. */
#include "lb4/health/alarm.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "common/log.h"
#include "lb4/balance/panic.h"
#include "lb4/model/service.h"
#include "lb4/table/table.h"

static void
tell(const struct service *service, bool on, uint64_t since_ms, uint64_t now_ms)
{
	struct panic_share share;

	panic_count(service, &share);
	if (on)
		log_error("service %s panics: %zu of %zu backends available, "
			  "less than panic = %u%%: new conns go to all that "
			  "are not taken out",
		    service->state->name, share.available, share.backends,
		    service->settings.panic);
	else
		log_notice("service %s no longer panics, after %" PRIu64
			   " s: %zu of %zu backends available",
		    service->state->name, (now_ms - since_ms) / 1000,
		    share.available, share.backends);
}

void
alarm_look(const struct table *table, uint64_t now_ms,
    void (*news)(void *owner, uint32_t backend), void *owner)
{
	for (size_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];
		uint64_t since_ms;
		bool on;

		if (service == NULL)
			continue;
		on = panic_is_on(service);
		since_ms = atomic_load_explicit(&service->state->panic_ms,
		    memory_order_relaxed);
		if (on == (since_ms != 0))
			continue;
		tell(service, on, since_ms, now_ms);
		atomic_store_explicit(&service->state->panic_ms,
		    on ? now_ms : 0, memory_order_relaxed);
		if (news != NULL)
			news(owner, service->backend[0].backend->id);
	}
}
