/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What is checked of a backend: see checked.h.  Called by prober.c. */
#include "lb4/health/checked.h"

#include "lb4/model/backend.h"
#include "lb4/model/service.h"

struct addr
checked_address(const struct service *service, size_t index)
{
	const struct addr *own = &service->backend[index].backend->addr;
	struct addr addr = service->check[index].addr;

	if (addr.len == 0)
		return *own;
	if (addr_port(&addr) == 0)
		addr_set_port(&addr, addr_port(own));
	return addr;
}

struct config_check
checked_how(const struct service *service, size_t index,
    const struct addr *addr)
{
	const struct config_source *source = &service->settings.source;
	struct config_check check = service->settings.check;

	check.proxy = check.send_proxy ? service->backend[index].send_proxy
				       : SEND_PROXY_NO;
	check.mark = service->settings.tuning.mark;
	for (unsigned i = source->count; i-- > 0;)
		if (source->address[i].family == addr->sa.sa_family)
			check.source = source->address[i];
	return check;
}
