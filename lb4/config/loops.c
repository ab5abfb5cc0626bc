/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Backends that lead back to lb4: see loops.h. */
#include "lb4/config/loops.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A listener, or the address to search for. */
struct mark {
	struct endpoint at; /* only the family is set: a unix socket */
	uint32_t scope;	    /* of a link-local address: the interface */
	const struct addr *addr;
	const struct config_service *service;
};

struct marks {
	struct mark *mark; /* owned; sorted */
	size_t count;
	const char *control; /* path of the control socket */
	loops_is_here *is_here;
	struct errors *errors;
};

/* The address that a backend or a mirror leads to. */
struct way {
	const char *key, *name; /* of the backend or mirror */
	int line;
	struct addr addr;
	bool known; /* whether `here` is set */
	bool here;
};

static int
compare_marks(const void *left, const void *right)
{
	const struct mark *a = left;
	const struct mark *b = right;
	int order = memcmp(&a->at, &b->at, sizeof(a->at));

	if (order == 0)
		order = (a->scope > b->scope) - (a->scope < b->scope);
	if (order != 0 || a->at.family != AF_UNIX)
		return order;
	if (a->addr->len != b->addr->len)
		return a->addr->len > b->addr->len ? 1 : -1;
	return memcmp(&a->addr->un, &b->addr->un, a->addr->len);
}

static struct mark
mark_of(const struct addr *addr, const struct config_service *service)
{
	struct mark mark = { .addr = addr, .service = service };

	endpoint_from_sockaddr(&mark.at, &addr->sa, addr->len);
	if (addr->sa.sa_family == AF_INET6)
		mark.scope = addr->in6.sin6_scope_id;
	return mark;
}

/* Turns the address into the wildcard of its family. */
static void
widen(struct mark *mark)
{
	const size_t prefix = mark->at.family == AF_INET ? 12 : 0;

	memset(mark->at.ip + prefix, 0, sizeof(mark->at.ip) - prefix);
	mark->scope = 0;
}

/* The wildcard of IPv4: a listener on ":80" covers it too. */
static struct mark
as_ipv4(struct mark mark)
{
	mark.at.family = AF_INET;
	mark.at.ip[10] = mark.at.ip[11] = 0xff;
	return mark;
}

static void
marks_fill(struct marks *marks, const struct config_service *service)
{
	for (size_t i = 0; i < service->listens; i++) {
		const struct addr *addr = &service->listen[i];
		struct mark mark = mark_of(addr, service);

		/* only the kernel or the service manager knows the address */
		if (addr_is_inherited(addr) ||
		    (!addr_is_unix(addr) && addr_port(addr) == 0))
			continue;
		marks->mark[marks->count++] = mark;
		if (addr->dual)
			marks->mark[marks->count++] = as_ipv4(mark);
	}
}

static int
marks_init(struct marks *marks, const struct config *config,
    loops_is_here *is_here, struct errors *errors)
{
	size_t count = 0;

	*marks = (struct marks){
		.control = config->control,
		.is_here = is_here,
		.errors = errors,
	};
	for (size_t i = 0; i < config->services; i++)
		count += config->service[i].listens;
	marks->mark = calloc(2 * count + 1, sizeof(*marks->mark));
	if (marks->mark == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < config->services; i++)
		marks_fill(marks, &config->service[i]);
	qsort(marks->mark, marks->count, sizeof(*marks->mark), compare_marks);
	return 0;
}

static const struct mark *
marks_find(const struct marks *marks, const struct mark *mark)
{
	return bsearch(mark, marks->mark, marks->count, sizeof(*mark),
	    compare_marks);
}

static bool
is_loopback(const struct endpoint *at)
{
	static const struct in6_addr loopback6 = IN6ADDR_LOOPBACK_INIT;

	return at->family == AF_INET
	    ? at->ip[12] == IN_LOOPBACKNET
	    : memcmp(at->ip, &loopback6, sizeof(loopback6)) == 0;
}

/* Asked only once per backend: it may cost system calls. */
static bool
is_of_host(const struct marks *marks, struct way *way,
    const struct endpoint *at)
{
	if (!way->known)
		way->here = is_loopback(at) ||
		    (marks->is_here != NULL && marks->is_here(&way->addr));
	way->known = true;
	return way->here;
}

/* The listener that a connect to that address and port reaches, or NULL. */
static const struct mark *
reached(const struct marks *marks, struct way *way)
{
	struct mark mark = mark_of(&way->addr, NULL);
	const struct endpoint at = mark.at;
	const struct mark *found = marks_find(marks, &mark);

	if (found != NULL || at.family == AF_UNIX)
		return found;
	widen(&mark);
	found = marks_find(marks, &mark);
	return found != NULL && is_of_host(marks, way, &at) ? found : NULL;
}

static void
complain(const struct marks *marks, const struct config_service *service,
    const struct way *way, const struct mark *found)
{
	char text[ADDR_TEXT_MAX], listen[ADDR_TEXT_MAX];

	errors_service(marks->errors, service->name);
	(void)addr_format(&way->addr, text, sizeof(text));
	if (found == NULL)
		errors_add(marks->errors, way->line, way->key,
		    "%s leads back to lb4: %s is its control socket: give the "
		    "address of a server",
		    way->name, text);
	else
		errors_add(marks->errors, way->line, way->key,
		    "%s leads back to lb4: %s is where [service %s] listens "
		    "(%s): give the address of a server",
		    way->name, text, found->service->name,
		    addr_format(found->addr, listen, sizeof(listen)));
}

static void
check_way(const struct marks *marks, const struct config_service *service,
    struct way *way)
{
	const struct mark *found = NULL;

	if (way->addr.len == 0)
		return; /* not resolved yet, or no mirror */
	if (addr_is_unix(&way->addr) &&
	    strcmp(way->addr.un.sun_path, marks->control) == 0 &&
	    marks->control[0] != '\0') {
		complain(marks, service, way, NULL);
		return;
	}
	if (addr_is_unix(&way->addr) || addr_port(&way->addr) != 0)
		found = reached(marks, way);
	else
		for (size_t i = 0; found == NULL && i < service->listens; i++) {
			addr_set_port(&way->addr,
			    addr_port(&service->listen[i]));
			if (addr_port(&way->addr) != 0)
				found = reached(marks, way);
		}
	if (found != NULL)
		complain(marks, service, way, found);
}

static void
check_backend(const struct marks *marks, const struct config_service *service,
    const struct config_backend *backend)
{
	struct way way = {
		.key = "backend",
		.name = backend->name,
		.line = backend->line,
		.addr = backend->addr,
	};

	check_way(marks, service, &way);
}

static void
check_mirror(const struct marks *marks, const struct config_service *service)
{
	const struct config_mirror *mirror = &service->settings.mirror;
	struct way way = {
		.key = "mirror",
		.name = mirror->name,
		.line = service->line,
		.addr = mirror->addr,
	};

	check_way(marks, service, &way);
}

int
loops_check(const struct config *config, const struct rules_source *sources,
    loops_is_here *is_here, struct errors *errors)
{
	struct marks marks;
	int error = marks_init(&marks, config, is_here, errors);

	if (error < 0)
		return error;
	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		if (sources != NULL && sources[i].broken)
			continue;
		for (size_t j = 0; j < service->backends; j++)
			check_backend(&marks, service, &service->backend[j]);
		check_mirror(&marks, service);
	}
	free(marks.mark);
	return 0;
}

int
loops_check_backend(const struct config *config,
    const struct config_service *service, const struct config_backend *backend,
    loops_is_here *is_here, struct errors *errors)
{
	struct marks marks;
	int error = marks_init(&marks, config, is_here, errors);

	if (error < 0)
		return error;
	check_backend(&marks, service, backend);
	free(marks.mark);
	return 0;
}

int
loops_check_mirror(const struct config *config,
    const struct config_service *service, loops_is_here *is_here,
    struct errors *errors)
{
	struct marks marks;
	int error = marks_init(&marks, config, is_here, errors);

	if (error < 0)
		return error;
	check_mirror(&marks, service);
	free(marks.mark);
	return 0;
}
