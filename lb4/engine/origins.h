/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Where a conn connects to its backend from, as `source` and `source-ports`
 * say.
 *
 * A pool is for services that need more conns to one backend than an address
 * has ports.  A conn gets the address of the pool with the fewest conns to that
 * backend at present; where the kernel has no port left, the next one.
 *
 * The addresses of all pools of the process have numbers, in the order of their
 * first use, which stay: a backend counts its conns by the number.  An address
 * without a number, because BACKEND_SOURCES_MAX of them have one, is used in
 * turn with the others, and its conns are not counted.
 */
#ifndef LB4_ENGINE_ORIGINS_H
#define LB4_ENGINE_ORIGINS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "common/attr.h"
#include "lb4/model/backend.h"

struct config_source;
struct conn;
struct sock_options;

/* One that is all zero is empty. */
struct origins {
	/* Writers: workers, one at a time (release).  Readers: workers
	 * (acquire). */
	_Atomic unsigned count;
	struct endpoint address[BACKEND_SOURCES_MAX];
};

/* How a socket to a backend is to be opened. */
struct origins_way {
	const struct config_source *source;
	const struct addr *to;
	struct sock_options *options; /* its source is set here */
};

/*
 * Starts to connect the conn to its backend, from where its service says.
 * Returns the descriptor, and sets *pending if the outcome is still to come, or
 * -errno.  A client whose own address cannot be used, because the backend's is
 * of the other family or it has none, is connected from the kernel's choice.
 */
must_check int origins_connect(struct origins *origins, struct conn *conn,
    const struct origins_way *way, bool *pending);

/* Whether this machine lacks an address of the pool: writes it to `text`. */
bool origins_away(const struct config_source *source, char *text, size_t size);

/* Counts a conn that came with its socket from another process. */
void origins_adopt(struct origins *origins, struct conn *conn,
    const struct config_source *source);

/* Counts the conn's socket to its backend down.  Call it before the close. */
void origins_forget(struct origins *origins, struct conn *conn);

#endif
