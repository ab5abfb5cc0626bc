/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Listening sockets that the service manager opened and passes on, by the
 * protocol of sd_listen_fds(3): descriptors from 3 on, as many as $LISTEN_FDS
 * says, named by $LISTEN_FDNAMES, for the process $LISTEN_PID.  A service finds
 * its sockets by name (`listen = fd:NAME`) or by address.  Among them are those
 * that an earlier lb4 stored in the manager; they are found by address only.
 *
 * Other descriptors that are open when lb4 starts, without FD_CLOEXEC, are
 * strays.  Nobody asked for them, and a pipe or a lock that lb4 keeps open
 * blocks others.
 */
#ifndef LB4_PROCESS_INHERITED_H
#define LB4_PROCESS_INHERITED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "common/attr.h"
#include "common/sockfile.h"

struct why;

struct inherited_socket {
	int fd;		   /* -1: taken by a service, or never open */
	int error;	   /* why it cannot be used (-errno), or 0 */
	struct addr addr;  /* where it listens */
	struct addr named; /* what `listen = fd:NAME` is */
	/* Of a socket that lb4 has stored in the manager (fdstore.h): */
	char *stored;		 /* owned: its name there; or NULL */
	ino_t ino;		 /* of the socket */
	struct sockfile_id file; /* of the file of a unix socket */
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
 * Takes the descriptors that the environment announces, and clears the
 * variables, so that no child trusts them.  Call it before any fork(2), and
 * before anything else is opened: lb4 later closes only what is open now.  An
 * announcement for another process is ignored.  Returns 0, or -errno with
 * nothing taken and why: "LISTEN_FDS=x is no number of descriptors",
 * "LISTEN_FDNAMES has 2 names for 3 descriptors" (-EINVAL).
 */
must_check int inherited_take(struct inherited *inherited, struct why *why);

/* The next socket, from *i on, that fits `listen` and that no service has
 * taken, or NULL.  Several may have the same name, or the same address.  A
 * stored socket whose file has gone, or is another socket's, does not fit. */
struct inherited_socket *inherited_find(const struct inherited *inherited,
    const struct addr *listen, size_t *i);

/* Closes the sockets that no service took, and logs an error for each; for one
 * that lb4 had stored, only that it is closed. */
void inherited_close_rest(struct inherited *inherited);

/* Closes the strays and logs their number.  Call it when every file is open
 * whose path may refer to one of them (/dev/fd/5). */
void inherited_close_strays(struct inherited *inherited);

/* Frees everything. */
void inherited_done(struct inherited *inherited);

#endif
