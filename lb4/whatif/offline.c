/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What explain and simulate share: the tables of a configuration, and the
 * backends that are down.
 */
#include "lb4/whatif/offline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "common/nearest.h"
#include "lb4/balance/policy.h"
#include "lb4/config/access_rules.h"

/* No check will end: a backend is up unless it is set down. */
static void
let_all_join(const struct offline *offline)
{
	const struct table *table = table_current(&offline->tables);

	for (size_t i = 0; i < table->ids; i++) {
		const struct service *service = table->service[i];

		for (size_t j = 0; service != NULL && j < service->backends;
		     j++)
			backend_set_joining(service->backend[j].backend, false);
	}
}

int
offline_init(struct offline *offline, const struct config *config,
    const struct hash_key *seed)
{
	int error;

	offline->config = config;
	tables_init(&offline->tables, 1);
	error = tables_publish(&offline->tables, config,
	    config->hash_seed_set ? &config->hash_seed : seed);
	if (error < 0)
		tables_done(&offline->tables);
	else
		let_all_join(offline);
	return error;
}

void
offline_done(struct offline *offline)
{
	tables_done(&offline->tables);
}

const struct service *
offline_service(const struct offline *offline, const char *name)
{
	const struct service_state *state = tables_state(&offline->tables,
	    name);

	if (state == NULL)
		return NULL;
	return table_service(table_current(&offline->tables), state->id);
}

bool
offline_refuses(const struct service *service, const struct endpoint *client)
{
	return access_rules_refuse(service->access,
	    access_rules_judge(service->access, client));
}

int
offline_set_down(struct offline *offline, const char *name)
{
	const char *slash = strchr(name, '/');
	const struct service *service;
	char service_name[CONFIG_NAME_MAX];
	size_t len = slash != NULL ? (size_t)(slash - name) : 0;

	if (slash == NULL || len >= sizeof(service_name))
		return -ENOENT;
	memcpy(service_name, name, len);
	service_name[len] = '\0';
	service = offline_service(offline, service_name);
	for (size_t i = 0; service != NULL && i < service->backends; i++) {
		struct backend *backend = service->backend[i].backend;

		if (strcmp(backend->name, slash + 1) != 0)
			continue;
		backend_set_health(backend,
		    health_pack(true, HEALTH_UNKNOWN, 0), 0);
		return 0;
	}
	return -ENOENT;
}

/* `full` holds the names of backends, and the best one at the end. */
static const char *
nearest_name(const struct config *config, const char *name, char *full,
    size_t size)
{
	const bool backend = strchr(name, '/') != NULL;
	size_t best = SIZE_MAX;
	char one[2 * CONFIG_NAME_MAX];

	full[0] = '\0';
	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];
		const size_t count = backend ? service->backends : 1;

		for (size_t j = 0; j < count; j++) {
			struct nearest nearest;

			(void)snprintf(one, sizeof(one), "%s%s%s",
			    service->name, backend ? "/" : "",
			    backend ? service->backend[j].name : "");
			nearest_begin(&nearest, name);
			nearest_try(&nearest, one);
			if (nearest.best == NULL || nearest.distance >= best)
				continue;
			best = nearest.distance;
			(void)snprintf(full, size, "%s", one);
		}
	}
	return full;
}

const char *
offline_meant(const struct config *config, const char *name, char *buf,
    size_t size)
{
	char full[2 * CONFIG_NAME_MAX];

	buf[0] = '\0';
	if (nearest_name(config, name, full, sizeof(full))[0] != '\0')
		(void)snprintf(buf, size, ": did you mean %s?", full);
	return buf;
}

int
offline_client_parse(struct endpoint *out, const char *text, const char **why)
{
	const char *colon = strchr(text, ':');
	char brackets[ENDPOINT_TEXT_MAX];
	struct addr addr;

	/* IPv6 without a port needs no brackets here. */
	if (colon != NULL && text[0] != '[' && strchr(colon + 1, ':') != NULL &&
	    strlen(text) + sizeof("[]") <= sizeof(brackets)) {
		snprintf(brackets, sizeof(brackets), "[%s]", text);
		text = brackets;
	}
	if (addr_parse(&addr, text, ADDR_PORT_OPTIONAL, why) < 0)
		return -EINVAL;
	if (addr.dual || addr_is_unix(&addr)) {
		*why = "not the address of one client";
		return -EINVAL;
	}
	endpoint_from_sockaddr(out, &addr.sa, addr.len);
	return 0;
}

int
offline_checksums(const struct config *config, FILE *out)
{
	struct offline offline;
	int error = offline_init(&offline, config, &config->hash_seed);

	if (error < 0)
		return error;
	fputc('\n', out);
	for (size_t i = 0; i < config->services; i++) {
		const char *name = config->service[i].name;
		const struct service *service = offline_service(&offline, name);

		if (!config->hash_seed_set &&
		    policy_of(service->settings.balance)->by_client)
			fprintf(out,
			    "; checksum of %s: none, as hash-seed is "
			    "random\n",
			    name);
		else
			fprintf(out, "; checksum of %s: %016" PRIx64 "\n", name,
			    service->checksum);
	}
	offline_done(&offline);
	return 0;
}
