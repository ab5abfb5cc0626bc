/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Warnings about a configuration: see advice.h. */
#include "lb4/config/advice.h"

#include <stdio.h>
#include <string.h>

#include "common/sock.h"
#include "lb4/config/errors.h"

#define MYSQL_PORT 3306

static bool
is_checked_at(const struct config_backend *backend, uint16_t port)
{
	const struct addr *own = &backend->check_addr;

	if (backend->check_port != 0)
		return backend->check_port == port;
	return addr_port(own->len != 0 && (addr_is_unix(own) || addr_port(own))
		       ? own
		       : &backend->addr) == port;
}

/*
 * MySQL and MariaDB count a connection that ends before the login as a failed
 * one, and refuse a host after max_connect_errors of these in a row until FLUSH
 * HOSTS.  A check still connects, so it still passes.
 */
static void
warn_mysql_service(const struct config_service *service, struct errors *errors)
{
	if (service->settings.check.kind != CHECK_TCP)
		return;
	errors_service(errors, service->name);
	for (size_t i = 0; i < service->backends; i++) {
		if (!is_checked_at(&service->backend[i], MYSQL_PORT))
			continue;
		errors_add(errors, service->line, "check",
		    "MySQL and MariaDB (port %d of %s) block this "
		    "host after 100 checks without a login, and then refuse "
		    "its clients: give check = mysql USER",
		    MYSQL_PORT, service->backend[i].name);
		return; /* one warning per service is enough */
	}
}

static void
warn_mysql(const struct config *config, struct errors *errors)
{
	for (size_t i = 0; i < config->services; i++)
		warn_mysql_service(&config->service[i], errors);
}

static void
warn_seed(const struct config *config, struct errors *errors)
{
	if (!config->hash_seed_exposed)
		return;
	errors_section(errors, "global");
	errors_add(errors, 0, "hash-seed",
	    "every user of this machine can read the seed: chmod o-r the file, "
	    "or move the seed to a hash-seed-file");
}

/* What is served there is for everybody who reaches it. */
static void
warn_metrics(const struct config *config, struct errors *errors)
{
	const struct addr *addr = &config->metrics;
	char text[ADDR_TEXT_MAX];

	if (addr->len == 0 || addr_is_local(addr))
		return;
	errors_section(errors, "global");
	errors_add(errors, 0, "metrics",
	    "%s is not a loopback address: everybody who reaches it may read "
	    "the names and the load of all backends: give one such as "
	    "127.0.0.1:9404, or let a firewall guard it",
	    addr_format(addr, text, sizeof(text)));
}

static void
warn_mptcp(const struct config *config, struct errors *errors)
{
	const int error = sock_has_mptcp();

	for (size_t i = 0; error < 0 && i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		if (service->settings.mptcp == MPTCP_NO)
			continue;
		errors_service(errors, service->name);
		errors_add(errors, service->line, "mptcp",
		    "this kernel gives no MPTCP (%s): all connections use "
		    "TCP: set net.mptcp.enabled=1",
		    strerror(-error));
		return; /* one warning for the machine is enough */
	}
}

static const struct {
	void (*warn)(const struct config *config, struct errors *errors);
	bool logged;
} advice[] = {
	{ warn_seed, true }, { warn_metrics, true }, { warn_mptcp, true },
	{ warn_mysql, false }, /* the servers may be set up for it */
};

void
advice_give(const struct config *config, const char *file, enum advice_for whom,
    struct config_errors *list)
{
	struct errors errors;

	errors_init(&errors, file, list);
	errors.are_warnings = whom == ADVICE_FOR_CHECK;
	for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++)
		if (advice[i].logged || whom == ADVICE_FOR_CHECK)
			advice[i].warn(config, &errors);
	errors_done(&errors);
}
