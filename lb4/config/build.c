/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The life of a struct config.
 */
#include "lb4/config/build.h"

#include <stdlib.h>
#include <string.h>

#include "lb4/config/keys.h"

struct config *
build_new(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config != NULL)
		keys_preset(KEY_GLOBAL, config);
	return config;
}

struct config_service *
build_add_service(struct config *config, const char *name, int line)
{
	struct config_service *service;

	service = reallocarray(config->service, config->services + 1,
	    sizeof(*service));
	if (service == NULL)
		return NULL;
	config->service = service;
	service += config->services++;
	memset(service, 0, sizeof(*service));
	memcpy(service->name, name, strlen(name) + 1);
	service->line = line;
	keys_preset(KEY_SERVICE, service);
	return service;
}

struct config_service *
build_find_service(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->services; i++) {
		if (strcmp(config->service[i].name, name) == 0)
			return &config->service[i];
	}
	return NULL;
}
