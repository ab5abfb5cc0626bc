/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The backends of host names: see expand.h. */
#include "lb4/config/expand.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/build.h"
#include "lb4/config/settings.h"

int
expand_append(struct config_service *service,
    const struct config_backend *backend)
{
	struct config_backend *grown;
	unsigned order = 0;

	if (service->backends == CONFIG_BACKENDS_MAX)
		return -E2BIG;
	grown = reallocarray(service->backend, service->backends + 1,
	    sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	service->backend = grown;
	for (size_t i = 0; i < service->backends; i++)
		if (grown[i].in_file)
			grown[i].order++;
		else
			order++;
	grown[service->backends] = *backend;
	grown[service->backends++].order = order;
	return 0;
}

int
expand_add(struct config_service *service, const struct config_name *name)
{
	struct config_backend backend = name->line;
	struct config_name *grown = reallocarray(service->host,
	    service->hosts + 1, sizeof(*grown));
	int error;

	if (grown == NULL)
		return -ENOMEM;
	service->host = grown;
	backend.of_name = (unsigned)service->hosts + 1;
	error = expand_append(service, &backend);
	if (error == 0)
		grown[service->hosts++] = *name;
	return error;
}

/* ---- one line ------------------------------------------------------------ */

static bool
is_of(const struct config_backend *backend, size_t index)
{
	return backend->of_name == index + 1;
}

static bool
same_ip(const struct addr *a, const struct addr *b)
{
	struct addr x = *a, y = *b;

	addr_set_port(&x, 0);
	addr_set_port(&y, 0);
	return addr_equal(&x, &y);
}

static const struct config_backend *
find(const struct config_service *service, size_t index,
    const struct addr *addr)
{
	for (size_t i = 0; i < service->backends; i++)
		if (is_of(&service->backend[i], index) &&
		    service->backend[i].addr.len > 0 &&
		    same_ip(&service->backend[i].addr, addr))
			return &service->backend[i];
	return NULL;
}

static void
print_ip(const struct addr *addr, char *buf, size_t size)
{
	const void *ip = addr->sa.sa_family == AF_INET6
	    ? (const void *)&addr->in6.sin6_addr
	    : &addr->in.sin_addr;

	(void)inet_ntop(addr->sa.sa_family, ip, buf, (socklen_t)size);
}

/* The backend of that address; NULL: of none. */
static struct config_backend
make(const struct config_service *service, size_t index,
    const struct addr *addr)
{
	const struct config_name *name = &service->host[index];
	const struct config_backend *before = addr != NULL
	    ? find(service, index, addr)
	    : NULL;
	struct config_backend backend = before != NULL ? *before : name->line;
	char ip[INET6_ADDRSTRLEN];

	backend.of_name = (unsigned)index + 1;
	if (addr == NULL || before != NULL)
		return backend;
	backend.addr = *addr;
	addr_set_port(&backend.addr, name->port);
	if (name->line.resolve == RESOLVE_ALL) {
		print_ip(addr, ip, sizeof(ip));
		(void)snprintf(backend.name, sizeof(backend.name), "%.*s/%.*s",
		    EXPAND_NAME_MAX, name->line.name,
		    CONFIG_NAME_MAX - EXPAND_NAME_MAX - 2, ip);
	}
	return backend;
}

static bool
is_same(const struct config_service *service, size_t index,
    const struct addr *addr, size_t count)
{
	size_t have = 0;

	for (size_t i = 0; i < service->backends; i++)
		have += is_of(&service->backend[i], index) &&
		    service->backend[i].addr.len > 0;
	if (have != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (find(service, index, &addr[i]) == NULL)
			return false;
	return true;
}

/* Copies all backends but those of the line, and closes the gap that these
 * leave in the order.  Returns how many there are, and where the gap is. */
static size_t
copy_others(const struct config_service *service, size_t index, size_t count,
    struct config_backend *to, unsigned *gap)
{
	size_t others = 0, own;

	*gap = UINT_MAX;
	for (size_t i = 0; i < service->backends; i++)
		if (!is_of(&service->backend[i], index))
			to[others++] = service->backend[i];
		else if (service->backend[i].order < *gap)
			*gap = service->backend[i].order;
	own = service->backends - others;
	for (size_t i = 0; i < others; i++)
		if (to[i].order > *gap)
			to[i].order += (unsigned)(count - own);
	return others;
}

int
expand_set(struct config_service *service, size_t index,
    const struct addr *addr, size_t count, bool *changed)
{
	const size_t made = count > 0 ? count : 1;
	struct config_backend *next;
	size_t others;
	unsigned gap;

	*changed = false;
	if (is_same(service, index, addr, count))
		return 0;
	next = calloc(service->backends + made, sizeof(*next));
	if (next == NULL)
		return -ENOMEM;
	others = copy_others(service, index, made, next, &gap);
	if (others + made > CONFIG_BACKENDS_MAX) {
		free(next);
		return -E2BIG;
	}
	for (size_t i = 0; i < made; i++) {
		next[others + i] = make(service, index,
		    count > 0 ? &addr[i] : NULL);
		next[others + i].order = gap + (unsigned)i;
	}
	free(service->backend);
	service->backend = next;
	service->backends = others + made;
	*changed = true;
	return 0;
}

size_t
expand_get(const struct config_service *service, size_t index,
    struct addr *addr, size_t most)
{
	size_t count = 0;

	for (size_t i = 0; i < service->backends && count < most; i++)
		if (is_of(&service->backend[i], index) &&
		    service->backend[i].addr.len > 0)
			addr[count++] = service->backend[i].addr;
	return count;
}

/* ---- from another configuration ------------------------------------------ */

static int
add(struct config_service *service, size_t index, const struct addr *addr)
{
	struct addr all[CONFIG_BACKENDS_MAX];
	size_t count = expand_get(service, index, all, CONFIG_BACKENDS_MAX - 1);
	bool changed;
	int error;

	if (service->host[index].line.resolve != RESOLVE_ALL && count > 0)
		return 0;
	all[count++] = *addr;
	error = expand_set(service, index, all, count, &changed);
	return error == -E2BIG ? 0 : error;
}

int
expand_restore(struct config_service *service, const char *backend,
    const struct addr *addr)
{
	if (addr->sa.sa_family != AF_INET && addr->sa.sa_family != AF_INET6)
		return 0;
	for (size_t i = 0; i < service->hosts; i++) {
		const char *name = service->host[i].line.name;
		const size_t len = strlen(name);
		const bool all = service->host[i].line.resolve == RESOLVE_ALL;

		if (strncmp(backend, name, len) == 0 &&
		    backend[len] == (all ? '/' : '\0'))
			return add(service, i, addr);
	}
	return 0;
}

int
expand_carry(struct config *config, const struct config *before)
{
	int error = 0;

	for (size_t i = 0; i < config->services; i++) {
		struct config_service *service = &config->service[i];
		const struct config_service *was = service->hosts == 0
		    ? NULL
		    : build_find_service(before, service->name);

		for (size_t j = 0;
		     was != NULL && j < was->backends && error == 0; j++)
			if (was->backend[j].addr.len > 0)
				error = expand_restore(service,
				    was->backend[j].name,
				    &was->backend[j].addr);
	}
	return error;
}
