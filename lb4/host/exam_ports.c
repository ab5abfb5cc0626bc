/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Ports to connect from: see exam.h. */
#include "lb4/host/exam.h"

#include <inttypes.h>

#include "common/plural.h"
#include "lb4/host/host.h"

/* TCP_TIMEWAIT_LEN of the kernel, a constant. */
#define TIME_WAIT_MS 60000

#define TW_REUSE_DELAY_MS 1000

/* The ports that a connecting socket may get: not those that a service listens
 * on. */
static uint64_t
ports_free(const struct exam *exam)
{
	struct host host = *exam->host;

	for (size_t i = 0; i < exam->config->services; i++) {
		const struct config_service *service =
		    &exam->config->service[i];

		for (size_t j = 0; j < service->listens; j++) {
			const uint16_t port = addr_port(&service->listen[j]);

			host.reserved[port / 8] |= (uint8_t)(1U << port % 8);
		}
	}
	return host_count_ports(&host);
}

/* The number of different addresses to connect to; 0: some need no port. */
static uint64_t
addresses(const struct config_service *service)
{
	uint64_t count = 0;

	for (size_t i = 0; i < service->backends; i++) {
		const struct config_backend *backend = &service->backend[i];
		bool seen = backend->weight == 0;

		if (addr_is_unix(&backend->addr) && !seen)
			return 0;
		for (size_t j = 0; j < i && !seen; j++)
			seen = service->backend[j].weight != 0 &&
			    addr_equal(&backend->addr,
				&service->backend[j].addr);
		count += !seen;
	}
	return count;
}

/* How many conns a service may ask for. */
static uint64_t
service_wanted(const struct exam *exam, const struct config_service *service)
{
	const uint64_t all = exam->report->wanted;

	return service->settings.maxconn != 0 && service->settings.maxconn < all
	    ? service->settings.maxconn
	    : all;
}

/* The service that runs out of ports first, by the conns that it may ask
 * for. */
static const struct config_service *
tightest(const struct exam *exam, uint64_t ports, uint64_t *many)
{
	const struct config_service *found = NULL;
	double best = 0;

	for (size_t i = 0; i < exam->config->services; i++) {
		const struct config_service *service =
		    &exam->config->service[i];
		const uint64_t count = addresses(service);
		const double share = (double)(ports * count) /
		    (double)service_wanted(exam, service);

		if (count == 0 || (found != NULL && share >= best))
			continue;
		found = service;
		best = share;
		*many = count;
	}
	return found;
}

static bool
is_loopback(const struct addr *addr)
{
	if (addr->sa.sa_family == AF_INET)
		return ntohl(addr->in.sin_addr.s_addr) >> 24 == 127;
	return addr->sa.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
}

/* How long a port stays in TIME_WAIT after its conn, unless it may be
 * reused. */
static uint64_t
port_rest_ms(const struct exam *exam, const struct config_service *service)
{
	const struct host *host = exam->host;
	bool reuse = host->tw_reuse == 1;

	if (host->tw_reuse == 2) {
		reuse = true;
		for (size_t i = 0; i < service->backends; i++)
			reuse &= is_loopback(&service->backend[i].addr);
	}
	if (!reuse)
		return TIME_WAIT_MS;
	return host->tw_reuse_delay_ms > 0 ? (uint64_t)host->tw_reuse_delay_ms
					   : TW_REUSE_DELAY_MS;
}

static void
check_time_wait(struct exam *exam, const struct config_service *service,
    uint64_t ports, uint64_t many)
{
	const uint64_t rest_ms = port_rest_ms(exam, service);
	const bool reuse = rest_ms != TIME_WAIT_MS;
	struct doctor_finding *finding;

	if (exam->host->tw_reuse == HOST_UNKNOWN)
		return;
	finding = exam_add(exam, reuse ? DOCTOR_FINE : DOCTOR_NOTE,
	    "net.ipv4.tcp_tw_reuse");
	finding->rate = ports * many * 1000 / rest_ms;
	exam_say(finding->value, "%" PRId64, exam->host->tw_reuse);
	exam_say(finding->needs,
	    "a port for each new conn, which after a conn to service %s "
	    "stays in TIME_WAIT for %g s",
	    service->name, (double)rest_ms / 1000);
	exam_say(finding->wall, "%" PRIu64 " new conns/s", finding->rate);
	if (!reuse)
		exam_say(finding->set, "net.ipv4.tcp_tw_reuse=1");
}

static void
check_ports(struct exam *exam)
{
	const struct host *host = exam->host;
	const struct config_service *service;
	struct doctor_finding *finding;
	uint64_t ports, many = 0, wanted, wall;

	if (host->port_low == 0)
		return;
	ports = ports_free(exam);
	service = tightest(exam, ports, &many);
	if (service == NULL)
		return;
	wanted = service_wanted(exam, service);
	wall = ports * many;
	finding = exam_add(exam, exam_judge(exam, wall, wanted),
	    "net.ipv4.ip_local_port_range");
	/* A service's own maxconn may be the lower wall. */
	finding->conns = wall < wanted ? wall : DOCTOR_NO_WALL;
	exam_say(finding->value,
	    "%u to %u, %" PRIu64 " of them free to connect from",
	    host->port_low, host->port_high, ports);
	exam_say(finding->needs,
	    "%" PRIu64 " conn%s of service %s over %" PRIu64
	    " backend address%s",
	    wanted, plural(wanted), service->name, many, many == 1 ? "" : "es");
	exam_say(finding->wall, "%" PRIu64 " conn%s at once", wall,
	    plural(wall));
	if (finding->severity != DOCTOR_FINE)
		exam_say(finding->set, "%s",
		    host->port_low > 1024 && host->port_high < 65535
			? "net.ipv4.ip_local_port_range='1024 65535', or more "
			  "backend addresses"
			: "more backend addresses");
	check_time_wait(exam, service, ports, many);
}

/* While such a backend is down, the kernel may give its port to the socket that
 * is connecting to it. */
static void
check_own_backends(struct exam *exam)
{
	const struct config *config = exam->config;

	for (size_t i = 0; i < config->services; i++) {
		for (size_t j = 0; j < config->service[i].backends; j++) {
			const struct config_backend *backend =
			    &config->service[i].backend[j];
			const uint16_t port = addr_port(&backend->addr);
			struct doctor_finding *finding;

			if (!is_loopback(&backend->addr) || port == 0 ||
			    !host_port_is_local(exam->host, port))
				continue;
			finding = exam_add(exam, DOCTOR_NOTE,
			    "net.ipv4.ip_local_reserved_ports");
			exam_say(finding->value, "without port %u", port);
			exam_say(finding->needs,
			    "backend %s of service %s listens there, on this "
			    "machine, in the range to connect from",
			    backend->name, config->service[i].name);
			exam_say(finding->wall,
			    "a conn may take the port while it is down");
			exam_say(finding->set,
			    "net.ipv4.ip_local_reserved_ports=%u", port);
			return; /* one finding is enough */
		}
	}
}

void
exam_ports(struct exam *exam)
{
	check_ports(exam);
	check_own_backends(exam);
}
