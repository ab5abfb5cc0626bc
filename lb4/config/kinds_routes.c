/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kind of route: what it matches, and the service that it leads to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/inifile.h"
#include "lb4/config/kinds.h"
#include "lb4/config/route.h"
#include "lb4/config/settings.h"
#include "lb4/config/values.h"

static int
read_route(struct config_route *route, const char *text, struct why *why)
{
	char match[INIFILE_LINE_MAX + 1], service[INIFILE_LINE_MAX + 1];
	int error = value_word(&text, match, sizeof(match), why);

	if (error == 0)
		error = route_check(match, why);
	if (error == 0)
		error = value_only_word(text, service, sizeof(service), why);
	if (error == 0 && !kinds_is_name(service))
		error = why_set(why,
		    "\"%.64s\" is not the name of a service: write "
		    "route = %.64s SERVICE, or refuse",
		    service, match);
	if (error == 0 && strlen(match) >= sizeof(route->match))
		error = why_set(why, "more than %zu characters: shorten it",
		    sizeof(route->match) - 1);
	if (error != 0)
		return error;
	memset(route, 0, sizeof(*route));
	memcpy(route->match, match, strlen(match));
	memcpy(route->service, service, strlen(service));
	return 0;
}

static int
parse_route(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_service *service = object;
	struct config_route route, *grown;
	int error = read_route(&route, text, why);

	(void)key;
	if (error != 0)
		return error;
	if (service->routes == CONFIG_ROUTES_MAX)
		return kinds_too_many(CONFIG_ROUTES_MAX, why);
	grown = reallocarray(service->route, service->routes + 1,
	    sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	grown[service->routes++] = route;
	service->route = grown;
	return 0;
}

static size_t
count_route(const struct key *key, const void *object)
{
	const struct config_service *service = object;

	(void)key;
	return service->routes;
}

static void
print_route(const struct key *key, const void *object, size_t index, FILE *out)
{
	const struct config_service *service = object;

	(void)key;
	value_print_word(service->route[index].match, out);
	fprintf(out, " %s", service->route[index].service);
}

const struct kind kind_route = {
	.parse = parse_route,
	.count = count_route,
	.print = print_route,
};
