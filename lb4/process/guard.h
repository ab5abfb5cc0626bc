/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The guard: a small process that starts new binaries of lb4.
 *
 * lb4 itself never calls execve(2): it has threads, and a sandbox would outlive
 * the call.  So it forks the guard at its start, while it is small and has one
 * thread.  The guard becomes the same user as lb4, keeps the working directory,
 * the arguments and the environment of the start, and no descriptor except
 * standard input, output and error and its socket.  It waits for requests on
 * that socket and exits when lb4 closes it or dies.
 *
 *	ordinary mode               parent mode
 *
 *	lb4 --- guard               parent --- lb4
 *	          |                    |
 *	          +--- new lb4         +------ new lb4
 *
 * In ordinary mode the guard is a child of lb4.  After an upgrade it exits, so
 * that the new process becomes a child of init or of the nearest subreaper (a
 * service manager); the new process has forked a guard of its own by then.
 *
 * In parent mode the process that was started is the guard, and lb4 is its
 * child: whoever started it, such as a container's runtime that would end the
 * container with process 1, sees one process that stays.  This parent forwards
 * signals to lb4, reaps orphans, and ends as lb4 ends.  It stays the main
 * process for a service manager: MAINPID= is never sent.  lb4 gets a SIGTERM
 * when its parent dies.
 *
 * Only one thread, the control thread, may call these functions.
 */
#ifndef LB4_PROCESS_GUARD_H
#define LB4_PROCESS_GUARD_H

#include <stdbool.h>
#include <stdio.h>

#include "common/attr.h"
#include "lb4/process/guard_setup.h"

struct guard;
struct why;

/* What a process gets that a guard has started; -1 and NULL in an ordinary
 * start. */
struct guard_given {
	int channel; /* to the old process; the caller owns it */
	int guard;   /* parent mode: the socket of the guard that exists */
	FILE *error; /* the real `stderr`, until guard_report() */
};

/*
 * Takes the descriptors that a guard passed on to this process, makes them
 * FD_CLOEXEC, and clears the variables that announced them.  Without them, this
 * is an ordinary start.  Call it before inherited_take(), which considers other
 * descriptors strays.
 *
 * Until guard_report(), the stream `stderr` leads to the `messages` of
 * guard_spawn(), so that the old process can tell why the start failed.
 * Descriptor 2 is the real standard error: log lines go there.
 */
void guard_take(struct guard_given *given);

/* The start has succeeded: `stderr` is the real one again, and what was written
 * to it meanwhile is copied there.  No effect in an ordinary start. */
void guard_report(struct guard_given *given);

/* The absolute path of the running executable, also if a new file has replaced
 * it.  The caller frees it.  NULL with errno. */
char *guard_path(void);

/*
 * Forks the guard and returns it in *out when it has become the user.  Call it
 * while there is only one thread, before any descriptor is opened that the
 * guard could need to give away.  In parent mode the calling process becomes
 * the guard, and only its child returns.  A process that was started by a guard
 * in parent mode gets that one.  Returns 0, or -errno with why.
 */
must_check int guard_start(struct guard **out, const struct guard_setup *setup,
    struct why *why);

/*
 * Parent mode: has the kernel send SIGTERM to this process when the parent
 * dies.  Call it after daemon_become(), because a change of the user cancels
 * that (prctl(2), PR_SET_PDEATHSIG), in the main thread.
 */
void guard_follow(const struct guard *guard);

/* Whether it is in parent mode: the service manager's main process stays the
 * parent. */
bool guard_is_parent(const struct guard *guard);

/*
 * Starts `path`, an absolute path (NULL: the executable that is running), with
 * the arguments and the environment of the first start.  `channel` is the new
 * process's end of the handover's socket pair; `messages`, a memfd open for
 * reading and writing, gets what it says on standard error until
 * guard_report(), beginning with the messages of the dynamic linker.  Both
 * remain the caller's.  Returns the process ID of the new process as soon as it
 * has executed the binary, or -errno with why: "cannot run /usr/sbin/lb4: No
 * such file or directory".  -EBUSY while an earlier new process lives.
 */
must_check int guard_spawn(struct guard *guard, const char *path, int channel,
    int messages, struct why *why);

/* Kills the new process with SIGKILL unless it has ended, and tells how it
 * ended: "exit status 1", "signal 9".  Returns 0, or -errno with why if the
 * guard does not answer. */
must_check int guard_kill(struct guard *guard, struct why *how);

/*
 * Starts a process that runs programs: see programs.h.  `socket` is its end of
 * a SOCK_SEQPACKET socket pair and remains the caller's; the process ends when
 * the other end is closed.  Returns its process ID, or -errno with why.
 */
must_check int guard_programs(struct guard *guard, int socket, struct why *why);

/*
 * The new process has taken over.  In ordinary mode the guard exits and this
 * returns when it has gone: the new process is a child of init or of the
 * nearest subreaper.  In parent mode the parent forwards signals to the new
 * process from now on.  Only guard_free() may be called afterwards.
 */
void guard_release(struct guard *guard);

/* Closes the socket, which ends a guard in ordinary mode, and frees the rest.
 * Accepts NULL. */
void guard_free(struct guard *guard);

#endif
