/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Listening sockets that the service manager opened for us and handed down:
 * the protocol of sd_listen_fds(3), descriptors from 3 on, as many as
 * $LISTEN_FDS says, named by $LISTEN_FDNAMES, meant for process $LISTEN_PID.
 * Services find theirs by name (`listen = fd:NAME`) or by address.
 *
 * Other descriptors that were open when lb4 started are strays: nobody asked
 * for them, and a pipe or a lock that lb4 keeps open holds others up.
 */
#ifndef LB4_PROCESS_INHERITED_H
#define LB4_PROCESS_INHERITED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"

struct inherited_socket {
	int fd;		   /* -1: taken by a service, or never open */
	int error;	   /* why it is of no use (-errno); 0: it is */
	struct addr addr;  /* where it listens */
	struct addr named; /* what `listen = fd:NAME` is */
};

struct inherited {
	struct inherited_socket *socket; /* owned; `count` of them */
	size_t count;
	unsigned missing; /* announced, and not open */
	int *stray;	  /* owned; `strays` of them */
	size_t strays;
};

/* The most sockets that may be announced. */
#define INHERITED_MAX 4096

/*
 * Takes what the environment announces, and clears it there, so that no child
 * believes in it.  Before any fork(2), and before anything else is opened: what
 * is not open now is not ours to close later.  An announcement for another
 * process counts for nothing.  Returns 0, or -errno with nothing taken and why:
 * "LISTEN_FDS=x is no number of descriptors", "LISTEN_FDNAMES has 2 names for
 * 3 descriptors" (-EINVAL).
 */
int inherited_take(struct inherited *inherited, char *why, size_t size);

/* The next socket for that `listen` that no service has taken, from *i on, or
 * NULL.  Several may have one name. */
struct inherited_socket *inherited_find(const struct inherited *inherited,
    const struct addr *listen, size_t *i);

/* Closes those that nobody took, with an error in the log for each. */
void inherited_close_rest(struct inherited *inherited);

/* Closes the strays, and says so in the log; once all is open whose path may
 * name one (/dev/fd/5). */
void inherited_close_strays(struct inherited *inherited);

/* Frees everything. */
void inherited_done(struct inherited *inherited);

#endif
