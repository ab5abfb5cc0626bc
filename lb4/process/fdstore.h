/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The listening sockets that the service manager keeps for lb4: FDSTORE=1 of
 * sd_notify(3).  After a crash the manager passes them to the next lb4
 * (inherited.h), and clients that wait in their queues are served.
 *
 * A list is made with fdstore_add(), and fdstore_change() tells the manager the
 * difference to the previous list.  Control thread only.
 */
#ifndef LB4_PROCESS_FDSTORE_H
#define LB4_PROCESS_FDSTORE_H

#include <stddef.h>
#include <sys/types.h>

#include "common/addr.h"
#include "common/attr.h"
#include "common/sockfile.h"

struct inherited;

struct fdstore_socket;

/* All zero: nothing is stored. */
struct fdstore {
	struct fdstore_socket *socket; /* owned; `count` of them */
	size_t count;
};

/* Adds a socket, bound to `addr`, to a list.  `file` identifies the file of a
 * unix socket, or is all zero.  The descriptor stays the caller's, and open
 * until fdstore_change() has returned.  0 or -errno. */
must_check int fdstore_add(struct fdstore *list, const struct addr *addr,
    const struct sockfile_id *file, int fd);

/* Adds what the manager has passed back; it is there already.  0 or -errno. */
must_check int fdstore_add_inherited(struct fdstore *list,
    const struct inherited *inherited);

/*
 * Has the manager store what is only in `next` and forget what is only in
 * `store`, and waits for at most a second until it has forgotten.  `next`
 * becomes `store`.  Returns 0, or -errno: `store` has not changed then, and
 * `next` is empty.
 */
must_check int fdstore_change(struct fdstore *store, struct fdstore *next);

void fdstore_done(struct fdstore *list);

#endif
