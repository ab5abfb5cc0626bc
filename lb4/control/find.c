/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Services and backends by name: see find.h. */
#include "lb4/control/find.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/settings.h"
#include "lb4/table/table.h"

const struct service *
find_service(const struct tables *tables, const char *name)
{
	const struct service_state *state = tables_state(tables, name);

	return state != NULL ? table_service_of(table_current(tables), state)
			     : NULL;
}

struct backend *
find_backend(const struct service *service, const char *name)
{
	for (size_t i = 0; service != NULL && i < service->backends; i++)
		if (strcmp(service->backend[i].backend->name, name) == 0)
			return service->backend[i].backend;
	return NULL;
}

struct backend *
find_backend_id(const struct tables *tables, uint32_t id)
{
	for (size_t i = 0; i < tables->backends_count; i++)
		if (tables->backends[i]->id == id)
			return tables->backends[i];
	return NULL;
}

const struct config_service *
find_config_service(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->services; i++)
		if (strcmp(config->service[i].name, name) == 0)
			return &config->service[i];
	return NULL;
}

static int
compare_names(const void *name, const void *backend)
{
	return strcmp(name, ((const struct config_backend *)backend)->name);
}

const struct config_backend *
find_config_backend(const struct config_service *service, const char *name)
{
	return service == NULL
	    ? NULL
	    : bsearch(name, service->backend, service->backends,
		  sizeof(service->backend[0]), compare_names);
}
