/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The file of a unix socket: sets who may connect, knows which file is ours,
 * and removes no other.  The directory may belong to a user who must not be
 * trusted with the rights of root.  So names in it are never followed, and the
 * file is changed through a descriptor of its own.
 */
#ifndef COMMON_SOCKFILE_H
#define COMMON_SOCKFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/addr.h"
#include "common/attr.h"

struct why;

/* The access that the file gets.  A mode of zero would be useless, so it stands
 * for none. */
struct sockfile_access {
	uid_t uid;   /* (uid_t)-1: ours */
	gid_t gid;   /* (gid_t)-1: ours */
	mode_t mode; /* 0: set by the umask */
};

/* Identifies a file, whatever its name.  All zero: none. */
struct sockfile_id {
	dev_t dev;
	ino_t ino;
};

/*
 * Looks up user and group ("": no change), and fills `access`.  Returns 0, or
 * -errno with "there is no user x" in `why`.
 */
must_check int sockfile_access_find(struct sockfile_access *access,
    const char *user, const char *group, mode_t mode, struct why *why);

/*
 * Opens a listening stream socket on the unix address, and gives its file that
 * access (NULL: leaves it) before anybody can connect.  Replaces the stale file
 * of a socket on which nobody listens any more; a live one is -EADDRINUSE, and
 * a file that is not a socket -ENOTSOCK.  Writes the identity of the file to
 * `id`; an abstract address has none.  Returns the descriptor or -errno.
 */
must_check int sockfile_listen(const struct addr *addr, int backlog,
    const struct sockfile_access *access, struct sockfile_id *id);

/* Gives the file at `addr` that access if it is still the same file; if not,
 * -ESTALE.  Makes no system call for what needs no change.  0 or -errno. */
must_check int sockfile_set_access(const struct addr *addr,
    const struct sockfile_id *id, const struct sockfile_access *access);

/* Whether the file at `addr` is still the same file.  True for an address that
 * has no file. */
bool sockfile_is_there(const struct addr *addr, const struct sockfile_id *id);

/* Removes the file at `addr` if it is still the same file, and clears `id`. */
void sockfile_unlink(const struct addr *addr, struct sockfile_id *id);

#endif
