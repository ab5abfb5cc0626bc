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

/* A copy of `count` things, which are some; NULL without memory. */
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

		to->listen = copy_array(from->listen, from->listens,
		    sizeof(*from->listen));
		to->backend = copy_array(from->backend, from->backends,
		    sizeof(*from->backend));
		if (to->listen == NULL || to->backend == NULL) {
			config_free(copy);
			return NULL;
		}
	}
	return copy;
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->services; i++) {
		free(config->service[i].listen);
		free(config->service[i].backend);
	}
	free(config->service);
	free(config);
}
