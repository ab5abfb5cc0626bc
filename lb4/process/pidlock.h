/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The pid file: locked (flock(2)) while its process runs, so that a second one
 * is told.  Written by root, maybe in the directory of somebody else: a link in
 * its place is refused, and what is removed is the file that was made.
 */
#ifndef LB4_PROCESS_PIDLOCK_H
#define LB4_PROCESS_PIDLOCK_H

#include <stddef.h>

struct pidlock;

/*
 * Opens, locks and writes the pid file at `path`.  Returns it, or NULL with
 * why: "another lb4 is running with pid 17 (/run/lb4.pid)", "cannot write
 * /run/lb4.pid: it is a link to another file".
 */
struct pidlock *pidlock_open(const char *path, char *why, size_t size);

/*
 * Whether a start could open it, by looking alone.  Returns 0, or -errno with
 * why; one that is locked is no error here.
 */
int pidlock_check(const char *path, char *why, size_t size);

/* Empties it, removes it if it is still that file and the user that we are may
 * do so, and lets the next process have it.  NULL is fine. */
void pidlock_remove(struct pidlock *pidfile);

#endif
