/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Rules of the agents of backends: see agents.h.
 */
#include "lb4/config/agents.h"

static void
check_backend(const struct config_service *service,
    const struct config_backend *backend, struct errors *errors)
{
	const bool has_addr = backend->agent_addr.len != 0;
	const bool is_unix = addr_is_unix(&backend->addr);

	if (has_addr && backend->agent_port != 0)
		errors_add(errors, backend->line, "backend",
		    "%s has an agent-addr with a port, and an agent-port: "
		    "remove the latter",
		    backend->name);
	else if (is_unix && backend->agent_port != 0)
		errors_add(errors, backend->line, "backend",
		    "%s has the address of a unix socket, where agent-port "
		    "means nothing: give agent-addr=ADDRESS:PORT instead",
		    backend->name);
	else if (is_unix && service->settings.agent.port != 0 && !has_addr)
		errors_add(errors, backend->line, "backend",
		    "%s has the address of a unix socket, where agent = %u "
		    "means nothing: add agent-addr=ADDRESS:PORT",
		    backend->name, service->settings.agent.port);
}

void
agents_check(const struct config_service *service, struct errors *errors)
{
	const struct config_agent *agent = &service->settings.agent;
	bool used = agent->port != 0 || service->backends_file[0] != '\0';

	for (size_t i = 0; i < service->backends; i++) {
		const struct config_backend *backend = &service->backend[i];

		check_backend(service, backend, errors);
		used |= backend->agent_port != 0 ||
		    backend->agent_addr.len != 0;
	}
	if (used)
		return;
	if (agent->inter_ms != 0)
		errors_add(errors, service->line, "agent-inter",
		    "has no effect without an agent: remove it, or set agent "
		    "= PORT");
	if (agent->send.len != 0)
		errors_add(errors, service->line, "agent-send",
		    "has no effect without an agent: remove it, or set agent "
		    "= PORT");
}
