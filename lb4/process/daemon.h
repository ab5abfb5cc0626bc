/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What makes a process a well-behaved daemon: going to the background,
 * giving up root.  main() calls these in the order of the start.
 */
#ifndef LB4_PROCESS_DAEMON_H
#define LB4_PROCESS_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct why;

/* Opens /dev/null for each of descriptors 0 to 2 that is closed, so that no
 * socket ever becomes standard error.  Returns 0 or -errno. */
int daemon_descriptors(void);

/*
 * Forks.  Only the child returns, leader of its own session, with a descriptor
 * for daemon_ready(), or -errno when it could not fork.  The parent waits
 * until the child is ready and exits with 0, or until it has ended and exits
 * with its status.  Before any thread, timer or pid file.
 */
int daemon_fork(void);

/* Lets the parent go: standard input, output and error become /dev/null, the
 * working directory "/".  Takes the descriptor.  Returns 0, or -errno: -EPIPE
 * when the parent has been ended meanwhile. */
int daemon_ready(int fd);

/* Whom to become. */
struct daemon_user {
	char name[64]; /* "": nobody else */
	uid_t uid;
	gid_t gid;
};

/* Looks `name` up.  Returns 0, or -errno with "there is no user x". */
int daemon_user_find(struct daemon_user *user, const char *name,
    struct why *why);

/*
 * Becomes `user` for good, with the groups it is a member of, and makes sure
 * that root cannot be had back; then, with a user or without one, that no
 * execve(2) can gain privileges and, unless `core`, that the process leaves no
 * core and cannot be traced.  While only one thread runs.  Returns 0, or
 * -errno with `why`.
 */
int daemon_become(const struct daemon_user *user, bool core, char *why,
    size_t size);

#endif
