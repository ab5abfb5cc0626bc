/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Configurations as values, made without a file.
 */
#include "table_config.h"

#include <arpa/inet.h>
#include <bsd/string.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/hash.h"

struct config *
table_config_new(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config == NULL)
		err(2, "calloc");
	return config;
}

void
table_config_free(struct config *config)
{
	for (size_t i = 0; i < config->services; i++)
		free(config->service[i].backend);
	free(config->service);
	free(config);
}

struct config_service *
table_config_service(struct config *config, const char *name,
    enum balance balance)
{
	struct config_service *service;

	config->service = reallocarray(config->service, config->services + 1,
	    sizeof(*config->service));
	if (config->service == NULL)
		err(2, "reallocarray");
	service = &config->service[config->services++];
	*service = (struct config_service){
		.settings.balance = balance,
		.settings.pin_clients = 100000,
		.settings.source_prefix4 = 32,
		.settings.source_prefix6 = 64,
		.settings.retries = 2,
		.settings.conn.timeout_connect_ms = 1000,
	};
	strlcpy(service->name, name, sizeof(service->name));
	return service;
}

struct config_backend *
table_config_backend(struct config_service *service, const char *name,
    unsigned weight, uint16_t port)
{
	struct config_backend *backend;

	service->backend = reallocarray(service->backend, service->backends + 1,
	    sizeof(*service->backend));
	if (service->backend == NULL)
		err(2, "reallocarray");
	backend = &service->backend[service->backends++];
	*backend = (struct config_backend){
		.weight = weight,
		.order = (unsigned)service->backends - 1,
	};
	strlcpy(backend->name, name, sizeof(backend->name));
	backend->addr.len = sizeof(backend->addr.in);
	backend->addr.in.sin_family = AF_INET;
	backend->addr.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	backend->addr.in.sin_port = htons(port);
	return backend;
}

void
table_config_backends(struct config_service *service, size_t count,
    const unsigned *weights)
{
	char name[CONFIG_NAME_MAX];

	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "app%04zu", i);
		table_config_backend(service, name,
		    weights != NULL ? weights[i] : 1, (uint16_t)(1000 + i));
	}
}

void
table_config_shuffle(struct config_service *service, unsigned seed)
{
	uint64_t random = seed;

	for (size_t i = service->backends; i > 1; i--) {
		struct config_backend *last = &service->backend[i - 1];
		struct config_backend keep = *last;
		struct config_backend *other;

		random = hash_mix(random + 1);
		other = &service->backend[random % i];
		*last = *other;
		*other = keep;
	}
}
