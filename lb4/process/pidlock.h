/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The pid file.  It is locked (flock(2)) while its process runs, so that a
 * second process is refused.  It may be written by root in a directory of
 * another user: a link in its place is refused, and only the file that was
 * created is removed.
 */
#ifndef LB4_PROCESS_PIDLOCK_H
#define LB4_PROCESS_PIDLOCK_H

#include <stddef.h>

#include "common/attr.h"

struct pidlock;
struct why;

/*
 * Opens, locks and writes the pid file at `path`.  Returns it, or NULL with
 * why: "another lb4 is running with pid 17 (/run/lb4.pid)", "cannot write
 * /run/lb4.pid: it is a link to another file".
 */
struct pidlock *pidlock_open(const char *path, struct why *why);

/*
 * The same with a descriptor of that file which an older process has opened,
 * locked and passed on.  pidlock_write() puts our pid there, once that process
 * leaves.  Takes the descriptor.  NULL with why.
 */
struct pidlock *pidlock_adopt(const char *path, int fd, struct why *why);
must_check int pidlock_write(const struct pidlock *pidfile, struct why *why);

/* The descriptor, which stays the file's. */
must_check int pidlock_fd(const struct pidlock *pidfile);

/* Closes the file and leaves it and its lock to a newer process.  Accepts
 * NULL. */
void pidlock_leave(struct pidlock *pidfile);

/*
 * Whether a start could open it; only looks.  Returns 0, or -errno with why.  A
 * locked file is no error here.
 */
must_check int pidlock_check(const char *path, struct why *why);

/* Empties the file, removes it if it is still the same file and the present
 * user may do so, and releases the lock.  Accepts NULL. */
void pidlock_remove(struct pidlock *pidfile);

#endif
