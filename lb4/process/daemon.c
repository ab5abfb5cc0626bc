/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Background and user.
 *
 * The process moves to the background before anything else, so that all that is
 * opened later belongs to the process that stays.  The parent waits until the
 * start has succeeded or failed, so that its own caller learns the outcome from
 * the exit status and can read the reason on standard error.
 */
#include "lb4/process/daemon.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/user.h"
#include "common/why.h"
#include "lb4/process/capabilities.h"
#include "lb4/process/signals.h"

int
daemon_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return -errno;
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

/* The parent: hears from the child, or learns how it ended. */
static _Noreturn void
parent_wait(pid_t child, int fd)
{
	int status;
	ssize_t n;
	char byte;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		exit(WEXITSTATUS(status));
	fprintf(stderr, "lb4: ended by signal %d\n", WTERMSIG(status));
	exit(1);
}

int
daemon_fork(void)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child < 0) {
		int error = -errno;

		close(ends[0]);
		close(ends[1]);
		return error;
	}
	if (child > 0) {
		close(ends[1]);
		signals_unblock(); /* the child lives on and obeys */
		parent_wait(child, ends[0]);
	}
	close(ends[0]);
	(void)setsid();
	(void)umask(022);
	return ends[1];
}

int
daemon_ready(int fd)
{
	int error = 0;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || chdir("/") < 0 || write(fd, "", 1) != 1)
		error = -errno;
	for (int std = STDIN_FILENO; error == 0 && std <= STDERR_FILENO; std++)
		if (dup2(null, std) < 0)
			error = -errno;
	if (null >= 0)
		close(null);
	close(fd);
	return error;
}

int
daemon_user_find(struct daemon_user *user, const char *name, struct why *why)
{
	struct user found;
	int error;

	memset(user, 0, sizeof(*user));
	if (name[0] == '\0')
		return 0;
	error = user_find(&found, name, why);
	if (error < 0)
		return error;
	strlcpy(user->name, name, sizeof(user->name));
	user->uid = found.uid;
	user->gid = found.gid;
	return 0;
}

/* Whether any way back to root, or to its group, is open. */
static bool
root_is_back(const struct daemon_user *user)
{
	if (user->uid != 0 &&
	    (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setuid(0) == 0))
		return true;
	return user->gid != 0 && user->uid != 0 &&
	    (setresgid((gid_t)-1, 0, (gid_t)-1) == 0 || setgid(0) == 0);
}

/* Becomes the user; 0 or -errno. */
static int
change_user(const struct daemon_user *user)
{
	if (initgroups(user->name, user->gid) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    prctl(PR_SET_KEEPCAPS, user->keep != 0, 0, 0, 0) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	return user->keep != 0 ? capabilities_keep(user->keep) : 0;
}

int
daemon_become(const struct daemon_user *user, bool core, struct why *why)
{
	int error = 0;

	if (user->name[0] != '\0' && user->uid != geteuid()) {
		if (geteuid() != 0) {
			return why_fail(why, -EPERM,
			    "only root can become user %s", user->name);
		}
		error = change_user(user);
		if (error < 0) {
			return why_fail(why, error, "cannot become user %s: %s",
			    user->name, strerror(-error));
		}
		if (root_is_back(user)) {
			return why_fail(why, -EPERM,
			    "user %s can become root again", user->name);
		}
	}
	/* A core dump would hold the hash-seed and clients' bytes, and another
	 * process of the user could read them (ptrace(2)).  A change of the
	 * user prevents that by itself; execve(2) undoes one that a service
	 * manager made. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, core ? 1 : 0, 0, 0, 0) < 0) {
		error = -errno;
		(void)why_fail(why, error, "cannot set process flags: %s",
		    strerror(-error));
	}
	return error;
}
