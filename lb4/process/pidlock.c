/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The pid file: see pidlock.h. */
#include "lb4/process/pidlock.h"

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/why.h"

/* The previous process may remove the file just after we opened it. */
#define TRIES 16

struct pidlock {
	int fd;
	char path[PATH_MAX];
};

/* Why we must not write the file; NULL: we may. */
static const char *
judge(const struct stat *st)
{
	if (S_ISLNK(st->st_mode))
		return "it is a link to another file";
	if (!S_ISREG(st->st_mode))
		return file_error(-FILE_NOT_REGULAR);
	if (st->st_nlink > 1)
		return "it has other names, too (hard links)";
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "it belongs to another user: remove it";
	return NULL;
}

static int
cannot_write(const char *path, const char *reason, struct why *why)
{
	return why_fail(why, -EPERM, "cannot write %s: %s", path, reason);
}

/* Opens or creates the file; 0, or -errno with why. */
static int
open_file(struct pidlock *pidfile, struct why *why)
{
	const char *reason;
	struct stat st;

	pidfile->fd = open(pidfile->path,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	    0644);
	if (pidfile->fd < 0 && errno == ELOOP)
		reason = "it is a link to another file";
	else if (pidfile->fd < 0 || fstat(pidfile->fd, &st) < 0)
		reason = strerror(errno);
	else
		reason = judge(&st);
	return reason == NULL ? 0 : cannot_write(pidfile->path, reason, why);
}

/* The holder of the lock has written its pid, or is about to. */
static int
complain_locked(const struct pidlock *pidfile, struct why *why)
{
	char text[32] = "";
	const char *wrong = NULL;
	ssize_t len = pread(pidfile->fd, text, sizeof(text) - 1, 0);
	long long pid;

	if (len > 0)
		text[strcspn(text, "\n")] = '\0';
	pid = strtonum(text, 1, INT_MAX, &wrong);
	if (wrong == NULL)
		return why_fail(why, -EEXIST,
		    "another lb4 is running with pid %lld (%s)", pid,
		    pidfile->path);
	return why_fail(why, -EEXIST, "another lb4 is running (%s)",
	    pidfile->path);
}

/* Whether the name still refers to the open file. */
static bool
is_named(const struct pidlock *pidfile)
{
	struct stat open_st, st;

	return fstat(pidfile->fd, &open_st) == 0 &&
	    lstat(pidfile->path, &st) == 0 && st.st_dev == open_st.st_dev &&
	    st.st_ino == open_st.st_ino;
}

static void
close_file(struct pidlock *pidfile)
{
	if (pidfile->fd >= 0)
		(void)close(pidfile->fd);
	pidfile->fd = -1;
}

/* Opens and locks the file; 0, or -errno with why. */
static int
lock_file(struct pidlock *pidfile, struct why *why)
{
	for (int i = 0; i < TRIES; i++) {
		int error = open_file(pidfile, why);

		if (error < 0)
			return error;
		if (flock(pidfile->fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK
			    ? complain_locked(pidfile, why)
			    : cannot_write(pidfile->path, strerror(errno), why);
		if (is_named(pidfile))
			return 0;
		close_file(pidfile);
	}
	return cannot_write(pidfile->path, "it is replaced again and again",
	    why);
}

int
pidlock_write(const struct pidlock *pidfile, struct why *why)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%ld", (long)getpid());
	ssize_t written = -1;

	if (ftruncate(pidfile->fd, 0) == 0)
		written = pwrite(pidfile->fd, text, (size_t)len, 0);
	if (written == len)
		return 0;
	return cannot_write(pidfile->path,
	    written < 0 ? strerror(errno) : strerror(ENOSPC), why);
}

struct pidlock *
pidlock_open(const char *path, struct why *why)
{
	struct pidlock *pidfile = malloc(sizeof(*pidfile));
	int error;

	if (pidfile == NULL) {
		(void)cannot_write(path, strerror(ENOMEM), why);
		return NULL;
	}
	pidfile->fd = -1;
	(void)strlcpy(pidfile->path, path, sizeof(pidfile->path));
	error = lock_file(pidfile, why);
	if (error == 0) {
		error = pidlock_write(pidfile, why);
		if (error < 0 && is_named(pidfile))
			(void)unlink(path);
	}
	if (error == 0)
		return pidfile;
	close_file(pidfile);
	free(pidfile);
	return NULL;
}

struct pidlock *
pidlock_adopt(const char *path, int fd, struct why *why)
{
	struct pidlock *pidfile = malloc(sizeof(*pidfile));

	if (pidfile == NULL) {
		(void)cannot_write(path, strerror(ENOMEM), why);
		(void)close(fd);
		return NULL;
	}
	pidfile->fd = fd;
	(void)strlcpy(pidfile->path, path, sizeof(pidfile->path));
	return pidfile;
}

int
pidlock_fd(const struct pidlock *pidfile)
{
	return pidfile->fd;
}

void
pidlock_leave(struct pidlock *pidfile)
{
	if (pidfile == NULL)
		return;
	close_file(pidfile);
	free(pidfile);
}

int
pidlock_check(const char *path, struct why *why)
{
	struct stat st;
	const char *reason;

	if (lstat(path, &st) < 0)
		return errno == ENOENT
		    ? 0
		    : cannot_write(path, strerror(errno), why);
	reason = judge(&st);
	if (reason == NULL &&
	    faccessat(AT_FDCWD, path, R_OK | W_OK,
		AT_EACCESS | AT_SYMLINK_NOFOLLOW) < 0)
		reason = strerror(errno);
	return reason == NULL ? 0 : cannot_write(path, reason, why);
}

void
pidlock_remove(struct pidlock *pidfile)
{
	if (pidfile == NULL)
		return;
	/* We may not be allowed to write to the directory: then an empty file
	 * remains. */
	if (ftruncate(pidfile->fd, 0) == 0 && is_named(pidfile))
		(void)unlink(pidfile->path);
	close_file(pidfile);
	free(pidfile);
}
