/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Files of unix sockets: see sockfile.h. */
#include "common/sockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/user.h"

int
sockfile_access_find(struct sockfile_access *access, const char *user,
    const char *group, mode_t mode, struct why *why)
{
	struct user found;
	int error = 0;

	*access = (struct sockfile_access){
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.mode = mode,
	};
	if (user[0] != '\0') {
		error = user_find(&found, user, why);
		if (error == 0)
			access->uid = found.uid;
	}
	if (error == 0 && group[0] != '\0')
		error = user_find_group(&access->gid, group, why);
	return error;
}

static bool
is_abstract(const struct addr *addr)
{
	return addr->un.sun_path[0] == '\0';
}

/* Opens the file itself (O_PATH): the descriptor cannot read or write it, and
 * always refers to this file.  Returns the descriptor or -errno; -ELOOP for a
 * symbolic link. */
static int
open_file(const struct addr *addr, struct stat *st)
{
	int fd = open(addr->un.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int error;

	*st = (struct stat){ .st_ino = 0 };
	if (fd < 0)
		return -errno;
	if (fstat(fd, st) < 0)
		error = -errno;
	else if (S_ISLNK(st->st_mode))
		error = -ELOOP;
	else if (!S_ISSOCK(st->st_mode))
		error = -ENOTSOCK;
	else
		return fd;
	(void)close(fd);
	return error;
}

/* chmod(2) follows the link in /proc to the file of the descriptor, whatever
 * the name now refers to; fchmod(2) refuses an O_PATH descriptor. */
static int
change_mode(int fd, mode_t mode)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, mode) < 0 ? -errno : 0;
}

/* Makes no call that would change nothing: the filter of a service manager may
 * refuse chown(2) altogether. */
static int
change_access(int fd, const struct stat *st,
    const struct sockfile_access *access)
{
	uid_t uid = access->uid == st->st_uid ? (uid_t)-1 : access->uid;
	gid_t gid = access->gid == st->st_gid ? (gid_t)-1 : access->gid;

	if ((uid != (uid_t)-1 || gid != (gid_t)-1) &&
	    fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return -errno;
	if (access->mode != 0 && (st->st_mode & 07777) != access->mode)
		return change_mode(fd, access->mode);
	return 0;
}

/* Takes the file that was just bound.  It must be ours and have one name;
 * otherwise somebody has put another file in its place. */
static int
take_file(const struct addr *addr, const struct sockfile_access *access,
    struct sockfile_id *id)
{
	struct stat st;
	int fd = open_file(addr, &st);
	int error = 0;

	if (fd < 0)
		return fd;
	if (st.st_uid != geteuid() || st.st_nlink != 1)
		error = -ESTALE;
	if (error == 0 && access != NULL)
		error = change_access(fd, &st, access);
	if (error != -ESTALE)
		*id = (struct sockfile_id){ st.st_dev, st.st_ino };
	(void)close(fd);
	return error;
}

static int
open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* Removes the file of a unix socket that nobody listens on any more.  Returns
 * 0 if it is gone. */
static int
unlink_stale(const struct addr *addr)
{
	struct stat st;
	int fd, error;

	if (is_abstract(addr))
		return -EADDRINUSE;
	/* connect(2) has the same error for a plain file and for a stale
	 * socket. */
	if (lstat(addr->un.sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;

	fd = open_socket();
	if (fd < 0)
		return fd;
	error = connect(fd, &addr->sa, addr->len) < 0 ? -errno : 0;
	(void)close(fd);
	if (error != -ECONNREFUSED)
		return -EADDRINUSE;
	if (unlink(addr->un.sun_path) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int
bind_file(int fd, const struct addr *addr)
{
	int error;

	if (bind(fd, &addr->sa, addr->len) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	error = unlink_stale(addr);
	if (error < 0)
		return error;
	return bind(fd, &addr->sa, addr->len) < 0 ? -errno : 0;
}

int
sockfile_listen(const struct addr *addr, int backlog,
    const struct sockfile_access *access, struct sockfile_id *id)
{
	int fd = open_socket();
	int error;

	*id = (struct sockfile_id){ .ino = 0 };
	if (fd < 0)
		return fd;
	/* Linux makes the file with the mode of the unbound socket, less the
	 * umask (unix_bind_bsd in af_unix.c); where that is not enough,
	 * take_file() changes it. */
	if (access != NULL && access->mode != 0)
		(void)fchmod(fd, access->mode);
	error = bind_file(fd, addr);
	/* nobody can connect before listen(2) */
	if (error == 0 && !is_abstract(addr))
		error = take_file(addr, access, id);
	if (error == 0 && listen(fd, backlog) < 0)
		error = -errno;
	if (error < 0) {
		sockfile_unlink(addr, id);
		(void)close(fd);
		return error;
	}
	return fd;
}

static bool
is_that(const struct stat *st, const struct sockfile_id *id)
{
	return st->st_dev == id->dev && st->st_ino == id->ino;
}

int
sockfile_set_access(const struct addr *addr, const struct sockfile_id *id,
    const struct sockfile_access *access)
{
	struct stat st;
	int fd, error;

	if (id->ino == 0)
		return 0;
	fd = open_file(addr, &st);
	if (fd < 0)
		return fd;
	error = is_that(&st, id) ? change_access(fd, &st, access) : -ESTALE;
	(void)close(fd);
	return error;
}

bool
sockfile_is_there(const struct addr *addr, const struct sockfile_id *id)
{
	struct stat st;

	return id->ino == 0 ||
	    (lstat(addr->un.sun_path, &st) == 0 && is_that(&st, id));
}

void
sockfile_unlink(const struct addr *addr, struct sockfile_id *id)
{
	if (id->ino != 0 && sockfile_is_there(addr, id))
		(void)unlink(addr->un.sun_path);
	*id = (struct sockfile_id){ .ino = 0 };
}
