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
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"
#include "lb4/model/backend.h"

struct config_source;
struct sock_options;

/* One that is all zero is empty. */
struct origins {
	/* Writers: workers, one at a time (release).  Readers: workers
	 * (acquire). */
	_Atomic unsigned count;
	struct endpoint address[BACKEND_SOURCES_MAX];
};

/* How a socket to a backend is to be opened, and for whom. */
struct origins_way {
	const struct config_source *source;
	const struct addr *to;
	const struct endpoint *client;
	uint64_t conn; /* its id */
	struct backend *backend;
	struct sock_options *options; /* its source is set here */
};

/*
 * Starts to connect a conn to its backend, from where its service says.
 * Returns the descriptor, and sets *pending if the outcome is still to come, or
 * -errno.  Sets *counted if the conn is counted as one of its address: see
 * origins_forget().  A client whose own address cannot be used, because the
 * backend's is of the other family or it has none, is connected from the
 * kernel's choice.
 */
must_check int origins_connect(struct origins *origins,
    const struct origins_way *way, bool *pending, bool *counted);

/* Whether this machine lacks an address of the pool: writes it to `text`. */
bool origins_away(const struct config_source *source, char *text, size_t size);

/* Counts a conn that came with its socket from another process.  Returns false
 * if its address has no number. */
bool origins_adopt(struct origins *origins, int fd, struct backend *backend,
    const struct config_source *source);

/* Counts a conn that is counted down.  Call it before its socket is closed. */
void origins_forget(struct origins *origins, int fd, struct backend *backend);

#endif
