/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Connections that lb4 itself has opened and that may come back to it: a
 * backend's address may be translated to one of lb4's own, or become one.  Each
 * such conn would open the next, until every place is taken.
 *
 * Whoever connects to a port on which lb4 listens notes the address and port
 * that the kernel gave to the socket; whoever accepts looks there for the
 * client's.  Only such conns are noted: where no backend has a port of lb4's
 * own, connecting and accepting cost one load each.
 *
 * A table of fixed size, in lines of a cache.  An entry is a keyed hash of the
 * address and port, and goes before its socket is closed, since the kernel may
 * then give the port to another program of this host.  A conn for which there
 * is no room is not noted.  With another source address (SNAT, another lb4 in
 * between) a conn is not recognised.
 */
#ifndef LB4_ENGINE_OWNCONNS_H
#define LB4_ENGINE_OWNCONNS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/hash.h"

/* A bit for each port. */
#define PORT_SET_WORDS (65536 / 64)

struct port_set {
	uint64_t word[PORT_SET_WORDS];
};

struct ownconns {
	/* set before start */
	_Atomic uint64_t *entry; /* owned; 0: free.  Writers: workers, by
				  * compare-and-swap, whoever made it frees it.
				  * Readers: workers */
	uint32_t lines;		 /* of entries */
	struct hash_key key;

	/* Whether there has been an entry.  Writers and readers: workers. */
	_Atomic bool used;
	/* A bit for each port on which lb4 listens.  Writer: control.  Readers:
	 * workers. */
	_Atomic uint64_t ports[PORT_SET_WORDS];
};

/* Room for `conns` of them and more; all zeros is a table without room.  0 or
 * -ENOMEM. */
int ownconns_init(struct ownconns *own, uint64_t conns);
void ownconns_done(struct ownconns *own);

/* The ports on which lb4 listens from now on: these, with or without those of
 * before. */
void ownconns_set_ports(struct ownconns *own, const struct port_set *ports,
    bool keep);

/* Notes the socket, which connects to that address.  Returns what
 * ownconns_forget() takes; 0: it is not noted. */
uint32_t ownconns_note(struct ownconns *own, int fd, const struct addr *to);

/* Takes the entry away, before the socket is closed, and sets it to 0. */
void ownconns_forget(struct ownconns *own, uint32_t *noted);

/* Whether the client at the other end of an accepted socket is lb4 itself.  Of
 * a unix socket the kernel knows the process that connected. */
bool ownconns_is_ours(const struct ownconns *own, int fd,
    const struct endpoint *client);

#endif
