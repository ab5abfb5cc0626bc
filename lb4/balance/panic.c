/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Too few backends are available: see panic.h. */
#include "lb4/balance/panic.h"

#include <stdatomic.h>
#include <stdint.h>

#include "lb4/model/service.h"

void
panic_count(const struct service *service, struct panic_share *share)
{
	*share = (struct panic_share){ .backends = 0 };
	for (size_t i = 0; i < service->backends; i++) {
		const struct service_backend *one = &service->backend[i];
		const enum backend_state state = backend_state(one->backend);

		if (one->set == SET_BACKUP ||
		    service_backend_weight(one) == 0 ||
		    state == BACKEND_JOINING || backend_is_taken_out(state))
			continue;
		share->backends++;
		share->available += state == BACKEND_UP;
	}
}

static bool
has_backup(const struct service *service)
{
	for (size_t i = 0; i < service->backends; i++)
		if (service->backend[i].set == SET_BACKUP &&
		    service_backend_takes(&service->backend[i]))
			return true;
	return false;
}

static bool
judge(const struct service *service)
{
	struct panic_share share;

	panic_count(service, &share);
	if (share.available * 100 >= share.backends * service->settings.panic)
		return false;
	/* if none is, clients may wait for one, or go to the backups */
	return share.available > 0 ||
	    (service->settings.conn.wait_for_backend_ms == 0 &&
		!has_backup(service));
}

bool
panic_is_on(const struct service *service)
{
	uint64_t changes, judged;
	bool on;

	if (service->settings.panic == 0 || service->backends < PANIC_MIN)
		return false;
	/* first: a change while it counts makes it count again */
	changes = atomic_load(service->changes) << 1;
	judged = atomic_load_explicit(&service->state->judged,
	    memory_order_relaxed);
	if ((judged & ~UINT64_C(1)) == changes && judged != 0)
		return (judged & 1) != 0;
	on = judge(service);
	atomic_store_explicit(&service->state->judged, changes | on,
	    memory_order_relaxed);
	return on;
}
