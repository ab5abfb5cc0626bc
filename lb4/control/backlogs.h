/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How many clients wait in the kernel's queues of the listeners, and how many
 * the kernel dropped there (common/backlog.h).  Control looks once a second and
 * keeps what it has seen for other threads.  It warns of drops, once a minute
 * for each listener.
 */
#ifndef LB4_CONTROL_BACKLOGS_H
#define LB4_CONTROL_BACKLOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"
#include "lb4/config/settings.h"

struct backlogs;
struct places;

/* A listener: an address of a service, or the first one of a range of ports
 * with `ahead` set.  Sums over its sockets. */
struct backlogs_row {
	char service[CONFIG_NAME_MAX];
	struct addr addr; /* with the port that the kernel chose */
	bool known;	  /* the kernel tells: waiting and limit are valid */
	bool tcp;	  /* ... and drops, too */
	uint64_t waiting, limit;
	uint64_t drops; /* since its sockets were opened; it only grows */

	/* control's own */
	uint64_t told; /* drops that the log has told of */
	uint64_t told_ms;
};

/* NULL without memory. */
struct backlogs *backlogs_new(void);
void backlogs_free(struct backlogs *backlogs);

/* Looks at the sockets of the list.  Control thread only.  Without memory, the
 * last look stays. */
void backlogs_look(struct backlogs *backlogs, const struct places *places,
    uint64_t now_ms);

/* The row of a listener as of the last look, or NULL; it is probably the one
 * with the index `hint`.  Control thread only; valid until the next look. */
const struct backlogs_row *backlogs_find(const struct backlogs *backlogs,
    const char *service, const struct addr *addr, size_t hint);

/* A copy of all rows, *count of them, which the caller frees; NULL without
 * memory.  For any thread but a worker: it takes a lock. */
must_check struct backlogs_row *backlogs_copy(struct backlogs *backlogs,
    size_t *count);

#endif
