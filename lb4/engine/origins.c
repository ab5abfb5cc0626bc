/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Where conns to backends come from: see origins.h. */
#include "lb4/engine/origins.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "common/sock.h"
#include "lb4/config/settings.h"

#define NO_NUMBER BACKEND_SOURCES_MAX

/* Held by whoever gives an address a number: once for each address. */
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;

static bool
same_ip(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family &&
	    memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* The number of an address that has one, from `first` on; or NO_NUMBER. */
static unsigned
find(const struct origins *origins, const struct endpoint *ip, unsigned first)
{
	const unsigned count = atomic_load_explicit(&origins->count,
	    memory_order_acquire);

	for (unsigned i = first; i < count; i++)
		if (same_ip(&origins->address[i], ip))
			return i;
	return NO_NUMBER;
}

static unsigned
number_of(struct origins *origins, const struct endpoint *ip)
{
	unsigned number = find(origins, ip, 0), count;

	if (number != NO_NUMBER)
		return number;
	pthread_mutex_lock(&adding);
	number = find(origins, ip, 0);
	count = atomic_load_explicit(&origins->count, memory_order_relaxed);
	if (number == NO_NUMBER && count < BACKEND_SOURCES_MAX) {
		number = count;
		origins->address[number] = *ip;
		atomic_store_explicit(&origins->count, count + 1,
		    memory_order_release);
	}
	pthread_mutex_unlock(&adding);
	return number;
}

static unsigned
conns_from(const struct backend *backend, unsigned number)
{
	if (number == NO_NUMBER)
		return 0;
	return atomic_load_explicit(&backend->from[number],
	    memory_order_relaxed);
}

/* An address of the pool. */
struct choice {
	unsigned place;	 /* in the pool */
	unsigned number; /* or NO_NUMBER */
	unsigned conns;	 /* as they were seen */
};

/* Finds the address with the fewest conns of those not in `tried`.  Equal ones
 * take turns by the conn's number.  False: there is none. */
static bool
find_fewest(struct origins *origins, const struct origins_way *way,
    uint32_t tried, struct choice *choice)
{
	const struct config_source *pool = way->source;
	bool found = false;

	for (unsigned i = 0; i < pool->count; i++) {
		const unsigned place = (unsigned)((way->conn + i) %
		    pool->count);
		const struct endpoint *ip = &pool->address[place];
		unsigned number, conns;

		if (ip->family != way->to->sa.sa_family ||
		    (tried >> place & 1) != 0)
			continue;
		number = number_of(origins, ip);
		conns = conns_from(way->backend, number);
		if (found && conns >= choice->conns)
			continue;
		*choice = (struct choice){ place, number, conns };
		found = true;
	}
	return found;
}

/* Chooses an address and counts a conn there, before it connects: another
 * worker may be choosing, too. */
static bool
reserve(struct origins *origins, const struct origins_way *way, uint32_t tried,
    struct choice *choice)
{
	while (find_fewest(origins, way, tried, choice))
		if (choice->number == NO_NUMBER ||
		    atomic_compare_exchange_strong_explicit(
			&way->backend->from[choice->number], &choice->conns,
			choice->conns + 1, memory_order_relaxed,
			memory_order_relaxed))
			return true;
	return false;
}

static void
count_down(struct backend *backend, unsigned number)
{
	if (number != NO_NUMBER)
		(void)atomic_fetch_sub_explicit(&backend->from[number], 1,
		    memory_order_relaxed);
}

static int
connect_from(const struct endpoint *ip, const struct origins_way *way,
    bool *pending)
{
	struct addr from;

	endpoint_to_addr(ip, &from);
	addr_set_port(&from, 0);
	way->options->source = &from;
	return sock_connect(way->to, way->options, pending);
}

static int
connect_from_pool(struct origins *origins, const struct origins_way *way,
    bool *pending, bool *counted)
{
	struct choice choice;
	uint32_t tried = 0;
	int fd = -EADDRNOTAVAIL;

	while (fd == -EADDRNOTAVAIL && reserve(origins, way, tried, &choice)) {
		tried |= UINT32_C(1) << choice.place;
		fd = connect_from(&way->source->address[choice.place], way,
		    pending);
		if (fd < 0)
			count_down(way->backend, choice.number);
		else
			*counted = choice.number != NO_NUMBER;
	}
	return fd;
}

/* fe80::1 means nothing without the interface, which an endpoint lacks. */
static bool
has_zone(const struct endpoint *ip)
{
	return ip->family == AF_INET6 && ip->ip[0] == 0xfe &&
	    (ip->ip[1] & 0xc0) == 0x80;
}

int
origins_connect(struct origins *origins, const struct origins_way *way,
    bool *pending, bool *counted)
{
	const struct config_source *source = way->source;

	*counted = false;
	way->options->port_low = (uint16_t)source->port_low;
	way->options->port_high = (uint16_t)source->port_high;
	if (source->count > 0 && !addr_is_unix(way->to))
		return connect_from_pool(origins, way, pending, counted);
	if (source->client && way->client->family == way->to->sa.sa_family &&
	    !has_zone(way->client)) {
		way->options->transparent = true;
		return connect_from(way->client, way, pending);
	}
	return sock_connect(way->to, way->options, pending);
}

bool
origins_away(const struct config_source *source, char *text, size_t size)
{
	struct addr from;

	for (unsigned i = 0; i < source->count; i++) {
		endpoint_to_addr(&source->address[i], &from);
		if (sock_probe_source(&from, false) != -EADDRNOTAVAIL)
			continue;
		(void)endpoint_format_ip(&source->address[i], text, size);
		return true;
	}
	return false;
}

/* The number of the address that the socket is bound to, or NO_NUMBER. */
static unsigned
bound_to(const struct origins *origins, int fd)
{
	struct sockaddr_storage mine;
	socklen_t len = sizeof(mine);
	struct endpoint ip;

	if (atomic_load_explicit(&origins->count, memory_order_acquire) == 0)
		return NO_NUMBER; /* there are no pools */
	if (getsockname(fd, (struct sockaddr *)&mine, &len) < 0)
		return NO_NUMBER;
	endpoint_from_sockaddr(&ip, (const struct sockaddr *)&mine, len);
	return find(origins, &ip, 0);
}

bool
origins_adopt(struct origins *origins, int fd, struct backend *backend,
    const struct config_source *source)
{
	unsigned number;

	for (unsigned i = 0; i < source->count; i++)
		(void)number_of(origins, &source->address[i]);
	number = bound_to(origins, fd);
	if (number == NO_NUMBER)
		return false;
	(void)atomic_fetch_add_explicit(&backend->from[number], 1,
	    memory_order_relaxed);
	return true;
}

void
origins_forget(struct origins *origins, int fd, struct backend *backend)
{
	count_down(backend, bound_to(origins, fd));
}
