/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Copying and freeing settings.
 */
#include "lb4/config/settings.h"

#include <stdlib.h>
#include <string.h>

#include "lb4/config/access_rules.h"

/* A copy of `count` elements, not NULL even when there are none; NULL without
 * memory. */
static void *
copy_array(const void *array, size_t count, size_t size)
{
	void *copy = calloc(count > 0 ? count : 1, size);

	if (copy != NULL && count > 0)
		memcpy(copy, array, count * size);
	return copy;
}

struct config *
config_copy(const struct config *config)
{
	struct config *copy = copy_array(config, 1, sizeof(*config));

	if (copy == NULL)
		return NULL;
	copy->services = 0;
	copy->service = copy_array(config->service, config->services,
	    sizeof(*config->service));
	if (copy->service == NULL) {
		config_free(copy);
		return NULL;
	}
	while (copy->services < config->services) {
		const struct config_service *from =
		    &config->service[copy->services];
		struct config_service *to = &copy->service[copy->services++];

		to->access = access_rules_ref(from->access);
		to->listen = copy_array(from->listen, from->listens,
		    sizeof(*from->listen));
		to->backend = copy_array(from->backend, from->backends,
		    sizeof(*from->backend));
		to->route = copy_array(from->route, from->routes,
		    sizeof(*from->route));
		to->host = copy_array(from->host, from->hosts,
		    sizeof(*from->host));
		if (to->listen == NULL || to->backend == NULL ||
		    to->route == NULL || to->host == NULL) {
			config_free(copy);
			return NULL;
		}
	}
	return copy;
}

enum send_proxy
config_send_proxy(const struct config_service *service,
    const struct config_backend *backend)
{
	return backend->send_proxy != 0
	    ? (enum send_proxy)(backend->send_proxy - 1)
	    : service->settings.send_proxy;
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->services; i++) {
		free(config->service[i].listen);
		free(config->service[i].backend);
		access_rules_unref(config->service[i].access);
		free(config->service[i].route);
		free(config->service[i].host);
	}
	free(config->service);
	free(config);
}
