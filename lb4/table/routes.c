/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Routes of a service: see routes.h. */
#include "lb4/table/routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/settings.h"
#include "lb4/model/service.h"
#include "lb4/table/states.h"

int
routes_build(struct states *states, struct service *service,
    const struct config_service *config)
{
	if (config->routes == 0)
		return 0;
	service->route = calloc(config->routes, sizeof(*service->route));
	if (service->route == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < config->routes; i++) {
		const struct config_route *from = &config->route[i];
		struct service_route *to = &service->route[service->routes++];

		memcpy(to->match, from->match, sizeof(to->match));
		if (strcmp(from->service, CONFIG_ROUTE_REFUSE) == 0)
			continue;
		to->state = states_get(states, from->service);
		if (to->state == NULL)
			return -ENOMEM;
	}
	return 0;
}

void
routes_drop(struct service *service)
{
	for (size_t i = 0; i < service->routes; i++)
		service_state_unref(service->route[i].state);
	free(service->route);
	service->route = NULL;
	service->routes = 0;
}
