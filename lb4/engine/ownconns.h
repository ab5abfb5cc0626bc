/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Connections that lb4 itself has opened and that may come back to it: a
 * backend's address may be translated to one of lb4's own, or become one.  Each
 * such conn would open another, until no place is left.
 *
 * A worker that connects to a port on which lb4 listens notes both ends of the
 * conn.  A worker that accepts looks up the client's address and port.  If they
 * are noted, it compares the destinations, because a client on this machine may
 * have the port of one of lb4's conns to a backend: the address that the client
 * came to, and the one before netfilter translated it (DNAT, REDIRECT).  If no
 * backend uses a port of lb4's own, both checks cost one load each.
 *
 * The table has a fixed size and is divided into cache lines.  Its memory is
 * reserved at once, and touched only where something is noted.  An entry is a
 * keyed hash of both ends.  It is removed before its socket is closed, since
 * the kernel may then give the port to another program on this host.  If its
 * line is full, a conn is not noted.  A conn is not recognised if its source
 * address or a port was changed (SNAT, another lb4 in between), or if
 * anything else than netfilter on this machine changed its destination (IPVS, a
 * router).
 */
#ifndef LB4_ENGINE_OWNCONNS_H
#define LB4_ENGINE_OWNCONNS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"
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

	/* Whether there has ever been an entry.  Writers and readers: workers.
	 */
	_Atomic bool used;
	/* A bit for each port on which lb4 listens.  Writer: control.  Readers:
	 * workers. */
	_Atomic uint64_t ports[PORT_SET_WORDS];
};

/* Makes room for at least `conns` of them.  A struct that is all zero is a
 * table without room.  0 or -ENOMEM. */
must_check int ownconns_init(struct ownconns *own, uint64_t conns);
void ownconns_done(struct ownconns *own);

/* Sets the ports on which lb4 listens; with `keep`, adds them to the present
 * ones. */
void ownconns_set_ports(struct ownconns *own, const struct port_set *ports,
    bool keep);

/* Notes the socket, which connects to that address.  Returns what
 * ownconns_forget() takes, or 0 if the socket is not noted. */
uint32_t ownconns_note(struct ownconns *own, int fd, const struct addr *to);

/* Removes the entry and sets *noted to 0.  Call it before the socket is closed.
 */
void ownconns_forget(struct ownconns *own, uint32_t *noted);

/* Whether the client of an accepted socket, which came to that port, is lb4
 * itself.  For a unix socket the kernel knows the process that connected. */
bool ownconns_is_ours(const struct ownconns *own, int fd,
    const struct endpoint *client, uint16_t port);

#endif
