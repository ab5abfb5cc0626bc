/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The file of a unix socket: who may connect, which file is ours, removing no
 * other.  Its directory may belong to a user that is not to be trusted with
 * root's rights: names there are never followed, and what is changed is reached
 * through a descriptor of the file itself.
 */
#ifndef COMMON_SOCKFILE_H
#define COMMON_SOCKFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/addr.h"

struct why;

/* What the file is to be.  Zero is no mode that one would want. */
struct sockfile_access {
	uid_t uid;   /* (uid_t)-1: ours */
	gid_t gid;   /* (gid_t)-1: ours */
	mode_t mode; /* 0: as the umask has it */
};

/* Which file it is, and no other one of that name.  All zero: none. */
struct sockfile_id {
	dev_t dev;
	ino_t ino;
};

/*
 * Looks user and group up, "" being no change, and fills `access`.  Returns 0,
 * or -errno with "there is no user x" in `why`.
 */
int sockfile_access_find(struct sockfile_access *access, const char *user,
    const char *group, mode_t mode, struct why *why);

/*
 * Opens a listening stream socket on the unix address and gives its file that
 * access (NULL: leaves it) before anybody can connect.  The stale file of a
 * socket on which nobody listens any more is replaced; a live one is
 * -EADDRINUSE, a file that is no socket -ENOTSOCK.  Writes which file it is to
 * `id`; an abstract address has none.  Returns the descriptor or -errno.
 */
int sockfile_listen(const struct addr *addr, int backlog,
    const struct sockfile_access *access, struct sockfile_id *id);

/* Gives the file at `addr` that access, if it is still that one: -ESTALE.
 * Nothing is asked of the kernel that is so already.  0 or -errno. */
int sockfile_set_access(const struct addr *addr, const struct sockfile_id *id,
    const struct sockfile_access *access);

/* Whether the file at `addr` is that one.  True for what has no file. */
bool sockfile_is_there(const struct addr *addr, const struct sockfile_id *id);

/* Removes the file at `addr` if it is that one, and forgets it. */
void sockfile_unlink(const struct addr *addr, struct sockfile_id *id);

#endif
