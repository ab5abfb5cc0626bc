/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What source = client and mark need of the machine: see exam.h. */
#include "lb4/host/exam.h"

#include <stddef.h>
#include <sys/socket.h>

#include "lb4/host/host.h"
#include "lb4/host/localroute.h"
#include "lb4/process/capabilities.h"

/* The first service that marks its connections. */
static const struct config_service *
find_marking(const struct config *config)
{
	for (size_t i = 0; i < config->services; i++)
		if (config->service[i].settings.tuning.mark != 0)
			return &config->service[i];
	return NULL;
}

/* The first service that connects from its clients' addresses to a backend of
 * that family. */
static const struct config_service *
find_service(const struct config *config, int family)
{
	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		for (size_t j = 0; j < service->backends; j++)
			if (service->settings.source.client &&
			    service->backend[j].addr.sa.sa_family == family)
				return service;
	}
	return NULL;
}

static void
check_capability(struct exam *exam, const struct config_service *service)
{
	const bool has = exam->host->transparent ||
	    (exam->host->is_root && !exam->running);
	struct doctor_finding *finding = exam_add(exam,
	    has ? DOCTOR_FINE : DOCTOR_BITES, "CAP_NET_RAW");

	exam_say(finding->value, "%s", has ? "there" : "missing");
	exam_say(finding->needs, "%s of service %s",
	    service->settings.source.client ? "source = client" : "mark",
	    service->name);
	exam_say(finding->wall, "%s",
	    has ? "no wall" : "lb4 does not start with that service");
	if (!has)
		exam_say(finding->set,
		    "AmbientCapabilities=CAP_NET_RAW in the unit, or start "
		    "lb4 as root");
}

static void
check_route(struct exam *exam, int family, const struct localroute *route)
{
	const struct config_service *service = find_service(exam->config,
	    family);
	const char *ip = family == AF_INET ? "ip" : "ip -6";
	struct doctor_finding *finding;

	if (service == NULL || route->found < 0)
		return;
	finding = exam_add(exam, route->found ? DOCTOR_FINE : DOCTOR_BITES,
	    family == AF_INET ? "local route for IPv4"
			      : "local route for IPv6");
	exam_say(finding->needs,
	    "a rule for marked packets and a local route in its table, for "
	    "source = client of service %s",
	    service->name);
	exam_say(finding->wall, "%s",
	    route->found ? "no wall"
			 : "backends' answers to clients do not reach lb4");
	if (route->table == 0) {
		exam_say(finding->value, "no rule for a mark");
		exam_say(finding->set,
		    "%s rule add fwmark 1 lookup 100; %s route add local %s "
		    "dev lo table 100",
		    ip, ip, family == AF_INET ? "0.0.0.0/0" : "::/0");
	} else if (!route->found) {
		exam_say(finding->value,
		    "mark %#x looks up table %u, which has none", route->mark,
		    route->table);
		exam_say(finding->set, "%s route add local %s dev lo table %u",
		    ip, family == AF_INET ? "0.0.0.0/0" : "::/0", route->table);
	} else {
		exam_say(finding->value, "mark %#x, table %u", route->mark,
		    route->table);
	}
}

void
exam_source(struct exam *exam)
{
	const struct config_service *service = find_service(exam->config,
	    AF_INET);

	if (service == NULL)
		service = find_service(exam->config, AF_INET6);
	if (service == NULL)
		service = find_marking(exam->config);
	if (service == NULL)
		return;
	check_capability(exam, service);
	check_route(exam, AF_INET, &exam->host->route4);
	check_route(exam, AF_INET6, &exam->host->route6);
}
