/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The set of checked backends: see targets.h. */
#include "lb4/health/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "lb4/health/checked.h"
#include "lb4/health/target.h"
#include "lb4/table/table.h"

static int
target_compare(const void *a, const void *b)
{
	const struct target *x = *(struct target *const *)a;
	const struct target *y = *(struct target *const *)b;

	return (x->backend->id > y->backend->id) -
	    (x->backend->id < y->backend->id);
}

struct target *
targets_find(const struct targets *targets, uint32_t id)
{
	size_t low = 0;
	size_t high = targets->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct target *target = targets->target[middle];

		if (target->backend->id == id)
			return target;
		if (target->backend->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int
list_grow(struct targets *list)
{
	size_t room = 2 * list->room + 16;
	struct target **grown;

	if (list->count < list->room)
		return 0;
	grown = reallocarray(list->target, room, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	list->target = grown;
	list->room = room;
	return 0;
}

/* A target of the same service, or NULL. */
static struct target *
find_other(const struct targets *before, const struct targets *list,
    const struct service *service)
{
	struct target *other = list->count > 0 ? list->target[list->count - 1]
					       : NULL;

	if (other != NULL &&
	    strcmp(other->backend->service, service->state->name) == 0)
		return other;
	for (size_t i = 0; i < service->backends; i++) {
		other = targets_find(before, service->backend[i].backend->id);
		if (other != NULL)
			return other;
	}
	return NULL;
}

/* What targets_list() works with. */
struct listing {
	struct target_env *env;
	const struct targets *before;
	struct targets *list;
};

static int
list_add(const struct listing *listing, const struct service *service,
    size_t index)
{
	struct backend *backend = service->backend[index].backend;
	struct addr addr = checked_address(service, index);
	struct config_check check = checked_how(service, index, &addr);
	const struct targets *before = listing->before;
	struct targets *list = listing->list;
	struct target *target = targets_find(before, backend->id);
	const bool is_new = target == NULL;

	if (!backend_is_resolved(backend)) {
		backend_set_joining(backend, false);
		return 0;
	}
	if (!addr_is_unix(&addr) && addr_port(&addr) == 0) {
		log_warning("%s/%s is not checked: it needs a check address "
			    "with a port",
		    backend->service, backend->name);
		backend_set_joining(backend, false);
		return 0;
	}
	if (list_grow(list) < 0)
		return -ENOMEM;
	if (is_new) {
		target = target_new(backend, find_other(before, list, service));
		if (target == NULL)
			return -ENOMEM;
	}
	if (target_set(listing->env, target, &check, &addr) < 0) {
		if (is_new)
			target_free(listing->env, target);
		return -ENOMEM;
	}
	list->target[list->count++] = target;
	return 0;
}

int
targets_list(struct target_env *env, const struct targets *before,
    const struct table *table, struct targets *out)
{
	const struct listing listing = { env, before, out };
	int error = 0;

	for (size_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];

		if (service == NULL ||
		    service->settings.check.kind == CHECK_NONE)
			continue;
		for (size_t i = 0; i < service->backends && error == 0; i++)
			if (service->check[i].track[0] == '\0')
				error = list_add(&listing, service, i);
	}
	if (out->count > 0)
		qsort(out->target, out->count, sizeof(*out->target),
		    target_compare);
	return error;
}

void
targets_done(struct target_env *env, struct targets *targets,
    const struct targets *kept)
{
	size_t at = 0;

	for (size_t i = 0; i < targets->count; i++) {
		while (at < kept->count &&
		    target_compare(&kept->target[at], &targets->target[i]) < 0)
			at++;
		if (at == kept->count || kept->target[at] != targets->target[i])
			target_free(env, targets->target[i]);
	}
	free(targets->target);
	*targets = (struct targets){ .target = NULL };
}
