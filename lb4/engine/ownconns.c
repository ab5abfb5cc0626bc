/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Connections of lb4's own: see ownconns.h.  Called by conn.c and engine.c. */
#include "lb4/engine/ownconns.h"

#include <assert.h>
#include <bsd/stdlib.h>
#include <errno.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Entries in a cache line.  Half of them are free, on average, when all
 * possible conns are noted. */
#define LINE 8
#define LINES_LEAST 64
#define LINES_MOST (1U << 18)

static size_t
size_of(uint32_t lines)
{
	return (size_t)lines * LINE * sizeof(_Atomic uint64_t);
}

int
ownconns_init(struct ownconns *own, uint64_t conns)
{
	uint32_t lines = LINES_LEAST;
	size_t size;
	void *entry;

	while (lines < LINES_MOST && (uint64_t)lines * LINE < 2 * conns)
		lines *= 2;
	size = size_of(lines);
	memset(own, 0, sizeof(*own));
	entry = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (entry == MAP_FAILED)
		return -ENOMEM;
	own->entry = entry;
	own->lines = lines;
	arc4random_buf(&own->key, sizeof(own->key));
	return 0;
}

void
ownconns_done(struct ownconns *own)
{
	if (own->entry != NULL)
		(void)munmap((void *)own->entry, size_of(own->lines));
	own->entry = NULL;
}

void
ownconns_set_ports(struct ownconns *own, const struct port_set *ports,
    bool keep)
{
	for (size_t i = 0; i < PORT_SET_WORDS; i++) {
		uint64_t word = ports->word[i];

		if (keep)
			word |= atomic_load_explicit(&own->ports[i],
			    memory_order_relaxed);
		atomic_store_explicit(&own->ports[i], word,
		    memory_order_relaxed);
	}
}

static bool
is_own_port(const struct ownconns *own, uint16_t port)
{
	return port != 0 &&
	    (atomic_load_explicit(&own->ports[port / 64],
		 memory_order_relaxed) >>
		    port % 64 &
		1) != 0;
}

/* The hash of a conn's source and of the port that it goes to.  It selects the
 * line; its low half is the high half of the entry. */
static uint64_t
hash_near(const struct ownconns *own, const struct endpoint *at, uint16_t port)
{
	const struct {
		struct endpoint at;
		uint16_t port;
	} ends = { *at, port };

	static_assert(sizeof(ends) == sizeof(*at) + sizeof(port),
	    "no padding, which would be hashed too");

	return hash_sip(&own->key, &ends, sizeof(ends));
}

/* The low half of an entry: the hash of both ends.  It is never 0, so that no
 * entry is. */
static uint32_t
exact_half(const struct ownconns *own, const struct endpoint *at,
    const struct endpoint *to)
{
	const struct endpoint ends[] = { *at, *to };
	const uint32_t half = (uint32_t)hash_sip(&own->key, ends, sizeof(ends));

	return half != 0 ? half : 1;
}

static size_t
line_of(const struct ownconns *own, uint64_t hash)
{
	return (size_t)hash_reduce(hash, own->lines) * LINE;
}

uint32_t
ownconns_note(struct ownconns *own, int fd, const struct addr *to)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct endpoint at, end;
	uint64_t near, entry;
	size_t first;

	if (!is_own_port(own, addr_port(to)) || own->entry == NULL ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return 0;
	endpoint_from_sockaddr(&at, (const struct sockaddr *)&sa, len);
	endpoint_from_sockaddr(&end, &to->sa, to->len);
	near = hash_near(own, &at, addr_port(to));
	entry = near << 32 | exact_half(own, &at, &end);
	first = line_of(own, near);
	if (!atomic_load_explicit(&own->used, memory_order_relaxed))
		atomic_store_explicit(&own->used, true, memory_order_relaxed);
	for (size_t i = first; i < first + LINE; i++) {
		uint64_t none = 0;

		if (atomic_compare_exchange_strong_explicit(&own->entry[i],
			&none, entry, memory_order_relaxed,
			memory_order_relaxed))
			return (uint32_t)i + 1;
	}
	return 0;
}

void
ownconns_forget(struct ownconns *own, uint32_t *noted)
{
	if (*noted != 0)
		atomic_store_explicit(&own->entry[*noted - 1], 0,
		    memory_order_relaxed);
	*noted = 0;
}

/* Whether a conn from `client` to the port is noted; with `to`, one to that
 * address. */
static bool
is_noted(const struct ownconns *own, const struct endpoint *client,
    uint16_t port, const struct endpoint *to)
{
	const uint64_t near = hash_near(own, client, port);
	const size_t first = line_of(own, near);
	const uint32_t exact = to != NULL ? exact_half(own, client, to) : 0;

	for (size_t i = first; i < first + LINE; i++) {
		const uint64_t entry = atomic_load_explicit(&own->entry[i],
		    memory_order_relaxed);

		if (entry != 0 && entry >> 32 == (uint32_t)near &&
		    (to == NULL || (uint32_t)entry == exact))
			return true;
	}
	return false;
}

/* The accepted socket's own address or, with `original`, the one that the client
 * connected to before netfilter translated it.  IP6T_SO_ORIGINAL_DST has the
 * number of SO_ORIGINAL_DST (linux/netfilter_ipv6/ip6_tables.h). */
static bool
destination(int fd, const struct endpoint *client, bool original,
    struct endpoint *to)
{
	const int level = client->family == AF_INET ? SOL_IP : SOL_IPV6;
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(sa);
	const int error = original
	    ? getsockopt(fd, level, SO_ORIGINAL_DST, &sa, &len)
	    : getsockname(fd, (struct sockaddr *)&sa, &len);

	if (error == 0)
		endpoint_from_sockaddr(to, (const struct sockaddr *)&sa, len);
	return error == 0;
}

static bool
is_own_process(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    peer.pid == getpid();
}

bool
ownconns_is_ours(const struct ownconns *own, int fd,
    const struct endpoint *client, uint16_t port)
{
	struct endpoint to;

	if (client->family == AF_UNIX)
		return is_own_process(fd);
	if (!atomic_load_explicit(&own->used, memory_order_relaxed) ||
	    !is_noted(own, client, port, NULL))
		return false;
	/* a client on this machine may have the address and port of one of
	 * lb4's conns to a backend: the destinations tell */
	for (int original = 0; original <= 1; original++)
		if (destination(fd, client, original != 0, &to) &&
		    is_noted(own, client, port, &to))
			return true;
	return false;
}
