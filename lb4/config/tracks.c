/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Rules of the option `track`: see tracks.h.
 */
#include "lb4/config/tracks.h"

#include <string.h>

#define CHAIN_MAX 16 /* backends */

/* A backend and its service; NULL: none. */
struct place {
	const struct config_service *service;
	const struct config_backend *backend;
};

/* The backend of that name, "SERVICE/BACKEND". */
static struct place
find(const struct config *config, const char *track)
{
	const char *name = strchr(track, '/') + 1;
	const size_t len = (size_t)(name - track) - 1;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		if (strncmp(service->name, track, len) != 0 ||
		    service->name[len] != '\0')
			continue;
		for (size_t j = 0; j < service->backends; j++)
			if (strcmp(service->backend[j].name, name) == 0)
				return (struct place){ service,
					&service->backend[j] };
	}
	return (struct place){ NULL, NULL };
}

/* Whether DNS decides how many backends its line makes, and their names. */
static bool
is_of_many(const struct config_service *service,
    const struct config_backend *backend)
{
	const struct config_backend *line;

	if (backend->of_name == 0)
		return false;
	line = &service->host[backend->of_name - 1].line;
	return line->of_srv || line->resolve == RESOLVE_ALL;
}

static void
check_chain(const struct config *config, const struct config_backend *backend,
    struct errors *errors)
{
	struct place at = { NULL, backend };
	const char *track;

	for (int steps = 0; steps < CHAIN_MAX; steps++) {
		track = at.backend->track;
		at = find(config, track);
		if (at.backend == NULL) {
			errors_add(errors, backend->line, "backend",
			    "%s tracks %s, which does not exist: correct the "
			    "name",
			    backend->name, track);
			return;
		}
		if (is_of_many(at.service, at.backend)) {
			errors_add(errors, backend->line, "backend",
			    "%s tracks %s, whose names come from DNS: track a "
			    "backend without resolve=all and srv=",
			    backend->name, track);
			return;
		}
		if (at.backend == backend) {
			errors_add(errors, backend->line, "backend",
			    "%s tracks itself, by way of %s: remove a track",
			    backend->name, backend->track);
			return;
		}
		if (at.backend->track[0] != '\0')
			continue;
		if (at.service->settings.check.kind == CHECK_NONE)
			errors_add(errors, backend->line, "backend",
			    "%s tracks %s, which is not checked: give [service "
			    "%s] a check",
			    backend->name, track, at.service->name);
		return;
	}
	errors_add(errors, backend->line, "backend",
	    "%s tracks others in a circle, or in a chain of more than %d: "
	    "track the one that is checked",
	    backend->name, CHAIN_MAX);
}

static void
check_backend(const struct config *config, const struct config_backend *backend,
    struct errors *errors)
{
	if (backend->track[0] == '\0')
		return;
	if (backend->check_addr.len != 0 || backend->check_port != 0)
		errors_add(errors, backend->line, "backend",
		    "%s tracks another backend and is not checked itself: "
		    "remove its check-addr and check-port",
		    backend->name);
	check_chain(config, backend, errors);
}

void
tracks_check(const struct config *config, const struct rules_source *sources,
    struct errors *errors)
{
	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		if (sources != NULL && sources[i].broken)
			continue;
		errors_service(errors, service->name);
		for (size_t j = 0; j < service->backends; j++)
			check_backend(config, &service->backend[j], errors);
	}
}
