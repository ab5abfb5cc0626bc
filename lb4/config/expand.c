/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The backends of names: see expand.h. */
#include "lb4/config/expand.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
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

static const struct config_backend *
find_name(const struct config_service *service, size_t index, const char *name)
{
	for (size_t i = 0; i < service->backends; i++)
		if (is_of(&service->backend[i], index) &&
		    strcmp(service->backend[i].name, name) == 0)
			return &service->backend[i];
	return NULL;
}

/* The backend of that address. */
static struct config_backend
make(const struct config_service *service, size_t index,
    const struct addr *addr)
{
	const struct config_name *name = &service->host[index];
	const struct config_backend *before = find(service, index, addr);
	struct config_backend backend = before != NULL ? *before : name->line;
	char ip[INET6_ADDRSTRLEN];

	if (before == NULL && name->line.resolve != RESOLVE_ALL)
		before = find_name(service, index, name->line.name);
	if (before != NULL)
		backend = *before; /* with the weight that an operator set */
	backend.of_name = (unsigned)index + 1;
	if (backend.addr.len > 0 && same_ip(&backend.addr, addr))
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

/* Whether the line has these backends, and no others. */
static bool
is_same(const struct config_service *service, size_t index,
    const struct config_backend *made, size_t count)
{
	size_t have = 0;

	for (size_t i = 0; i < service->backends; i++)
		have += is_of(&service->backend[i], index);
	if (have != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct config_backend *now = find_name(service, index,
		    made[i].name);

		if (now == NULL || !addr_equal(&now->addr, &made[i].addr) ||
		    now->weight != made[i].weight ||
		    now->srv_weight != made[i].srv_weight ||
		    now->backup != made[i].backup)
			return false;
	}
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

/* Puts these in the place of the line's backends; without any, the one that
 * says that the name is not resolved. */
static int
replace(struct config_service *service, size_t index,
    const struct config_backend *made, size_t count, bool *changed)
{
	struct config_backend none = service->host[index].line, *next;
	size_t others;
	unsigned gap;

	if (count == 0) {
		none.of_name = (unsigned)index + 1;
		made = &none;
		count = 1;
	}
	if (is_same(service, index, made, count))
		return 0;
	next = calloc(service->backends + count, sizeof(*next));
	if (next == NULL)
		return -ENOMEM;
	others = copy_others(service, index, count, next, &gap);
	if (others + count > CONFIG_BACKENDS_MAX) {
		free(next);
		return -E2BIG;
	}
	for (size_t i = 0; i < count; i++) {
		next[others + i] = made[i];
		next[others + i].order = gap + (unsigned)i;
	}
	free(service->backend);
	service->backend = next;
	service->backends = others + count;
	*changed = true;
	return 0;
}

int
expand_set(struct config_service *service, size_t index,
    const struct addr *addr, size_t count, bool *changed)
{
	struct config_backend *made = calloc(count + 1, sizeof(*made));
	int error;

	*changed = false;
	if (made == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		made[i] = make(service, index, &addr[i]);
	error = replace(service, index, made, count, changed);
	free(made);
	return error;
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

/* ---- SRV records --------------------------------------------------------- */

/* The sum of a line's weights: a table takes 20,000 (lb4/balance/maglev.h), and
 * the service may have more lines. */
#define WEIGHTS_MAX 10000

unsigned
expand_weight(unsigned weight, unsigned largest, size_t count, bool zero)
{
	unsigned most = CONFIG_WEIGHT_MAX;
	uint64_t scaled = weight;

	if (count > 0 && WEIGHTS_MAX / count < most)
		most = (unsigned)(WEIGHTS_MAX / count);
	if (largest > most)
		scaled = ((uint64_t)weight * most + largest / 2) / largest;
	else if (zero && largest > 0)
		scaled *= most / largest;
	return scaled > 0 ? (unsigned)scaled : 1;
}

/* The weight of the record among those of its rank: the lowest priority, or all
 * others. */
static unsigned
weigh(const struct expand_record *record, size_t count, size_t index,
    unsigned lowest)
{
	const bool backup = record[index].priority > lowest;
	unsigned largest = 0;
	bool zero = false;
	size_t rank = 0;

	for (size_t i = 0; i < count; i++) {
		if ((record[i].priority > lowest) != backup)
			continue;
		rank++;
		zero |= record[i].weight == 0;
		if (record[i].weight > largest)
			largest = record[i].weight;
	}
	return expand_weight(record[index].weight, largest, rank, zero);
}

/* "NAME/TARGET:PORT"; a target that is too long for a name ends in its
 * checksum. */
static void
print_target(const struct config_name *name, const char *target, uint16_t port,
    char *buf)
{
	static const struct hash_key key = { 0, 0 }; /* the same everywhere */
	const int len = snprintf(buf, CONFIG_NAME_MAX, "%.*s/%s:%u",
	    EXPAND_NAME_MAX, name->line.name, target, port);
	char end[sizeof("~01234567:65535")];
	int room;

	if (len < CONFIG_NAME_MAX)
		return;
	room = CONFIG_NAME_MAX -
	    snprintf(end, sizeof(end), "~%08x:%u",
		(uint32_t)hash_sip(&key, target, strlen(target)), port);
	(void)snprintf(buf + room - 1, sizeof(end), "%s", end);
}

const struct config_backend *
expand_find(const struct config_service *service, size_t index,
    const char *target, uint16_t port)
{
	char name[CONFIG_NAME_MAX];

	print_target(&service->host[index], target, port, name);
	return find_name(service, index, name);
}

/* The backend of that record; without an address: it has none. */
static struct config_backend
make_of(const struct config_service *service, size_t index,
    const struct expand_record *record, unsigned weight)
{
	const struct config_name *name = &service->host[index];
	struct config_backend backend = name->line;
	const struct config_backend *before;

	backend.of_name = (unsigned)index + 1;
	print_target(name, record->target, record->port, backend.name);
	before = find_name(service, index, backend.name);
	backend.addr = record->addr;
	if (backend.addr.len == 0 && before != NULL)
		backend.addr = before->addr;
	addr_set_port(&backend.addr, record->port);
	backend.weight = before != NULL && before->srv_weight == weight
	    ? before->weight
	    : weight;
	backend.srv_weight = weight;
	return backend;
}

int
expand_set_records(struct config_service *service, size_t index,
    const struct expand_record *record, size_t count, bool *changed)
{
	struct config_backend *made = calloc(count + 1, sizeof(*made));
	unsigned lowest = UINT_MAX;
	size_t known = 0;
	int error = 0;

	*changed = false;
	if (made == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (record[i].priority < lowest)
			lowest = record[i].priority;
	for (size_t i = 0; i < count; i++) {
		struct config_backend *one = &made[known];

		*one = make_of(service, index, &record[i],
		    weigh(record, count, i, lowest));
		one->backup |= record[i].priority > lowest;
		known += one->addr.len > 0;
	}
	if (known > 0 || count == 0)
		error = replace(service, index, made, known, changed);
	free(made);
	return error;
}

/* ---- from another configuration ------------------------------------------ */

static int
add(struct config_service *service, size_t index, const struct addr *addr)
{
	struct addr all[CONFIG_BACKENDS_MAX];
	size_t count = expand_get(service, index, all, CONFIG_BACKENDS_MAX - 1);
	bool changed;

	if (service->host[index].line.resolve != RESOLVE_ALL && count > 0)
		return 0;
	all[count++] = *addr;
	return expand_set(service, index, all, count, &changed);
}

/* The same with a backend of an SRV record. */
static int
add_of(struct config_service *service, size_t index,
    const struct config_backend *was)
{
	struct config_backend *made = calloc(service->backends + 1,
	    sizeof(*made));
	size_t count = 0;
	bool changed;
	int error;

	if (made == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < service->backends; i++)
		if (is_of(&service->backend[i], index) &&
		    service->backend[i].addr.len > 0)
			made[count++] = service->backend[i];
	made[count] = service->host[index].line;
	made[count].of_name = (unsigned)index + 1;
	made[count].addr = was->addr;
	made[count].weight = made[count].srv_weight = was->srv_weight;
	made[count].backup |= was->backup;
	memcpy(made[count].name, was->name, sizeof(was->name));
	error = replace(service, index, made, count + 1, &changed);
	free(made);
	return error;
}

int
expand_restore(struct config_service *service, const struct config_backend *was,
    const char *host)
{
	int error = 0;

	if (was->addr.sa.sa_family != AF_INET &&
	    was->addr.sa.sa_family != AF_INET6)
		return 0;
	for (size_t i = 0; i < service->hosts; i++) {
		const struct config_backend *line = &service->host[i].line;
		const size_t len = strlen(line->name);
		const bool many = line->of_srv || line->resolve == RESOLVE_ALL;

		if (strncmp(was->name, line->name, len) != 0 ||
		    was->name[len] != (many ? '/' : '\0') ||
		    was->of_srv != line->of_srv)
			continue;
		if (host == NULL || strcmp(service->host[i].host, host) == 0)
			error = line->of_srv ? add_of(service, i, was)
					     : add(service, i, &was->addr);
		break;
	}
	return error == -E2BIG ? 0 : error;
}

/* What the backend's line asks for; "": it has an address. */
static const char *
asked(const struct config_service *service,
    const struct config_backend *backend)
{
	return backend->of_name == 0 ? ""
				     : service->host[backend->of_name - 1].host;
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
				    &was->backend[j],
				    asked(was, &was->backend[j]));
	}
	return error;
}
