/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Turns the process into a daemon: moves it to the background, and gives up
 * root.  main() calls these functions in the order of the start.
 */
#ifndef LB4_PROCESS_DAEMON_H
#define LB4_PROCESS_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/attr.h"

struct why;

/* Opens /dev/null for each of the descriptors 0 to 2 that is closed, so that no
 * socket can become standard error.  Returns 0 or -errno. */
must_check int daemon_descriptors(void);

/*
 * Forks.  Only the child returns, as the leader of its own session, with a
 * descriptor for daemon_ready(), or -errno if the fork failed.  The parent
 * waits until the child is ready and exits with 0, or until the child has ended
 * and exits with its status.  Call it before any thread, timer or pid file
 * exists.
 */
must_check int daemon_fork(void);

/* Releases the parent: standard input, output and error become /dev/null, the
 * working directory "/".  Closes the descriptor.  Returns 0, or -errno; -EPIPE
 * when the parent was killed in the meantime. */
must_check int daemon_ready(int fd);

/* The user to become. */
struct daemon_user {
	char name[64]; /* "": nobody else */
	uid_t uid;
	gid_t gid;
	uint64_t keep; /* capabilities to keep: capabilities.h */
};

/* Looks `name` up.  Returns 0, or -errno with "there is no user x". */
must_check int daemon_user_find(struct daemon_user *user, const char *name,
    struct why *why);

/*
 * Becomes `user` permanently, with the groups of this user, and makes sure that
 * root cannot be regained.  Then, even without a user: no execve(2) can gain
 * privileges, and, unless `core` is set, the process leaves no core dump and
 * cannot be traced.  Call it while only one thread runs.  Returns 0, or -errno
 * with `why`.
 */
must_check int daemon_become(const struct daemon_user *user, bool core,
    struct why *why);

#endif
