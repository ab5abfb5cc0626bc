/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Regular files: see file.h. */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_ROOM 16384

/* The fd, or -errno after closing it. */
static int
check_regular(int fd)
{
	struct stat st;
	int error = 0;

	if (fstat(fd, &st) < 0)
		error = -errno;
	else if (S_ISDIR(st.st_mode))
		error = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		error = -FILE_NOT_REGULAR;
	if (error == 0)
		return fd;
	(void)close(fd);
	return error;
}

int
file_open(const char *path, int flags, mode_t mode)
{
	int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);

	/* a socket, or a fifo that has no reader */
	if (fd < 0)
		return errno == ENXIO ? -FILE_NOT_REGULAR : -errno;
	return check_regular(fd);
}

static int
read_some(int fd, char *text, size_t room, size_t *len)
{
	ssize_t got;

	do
		got = read(fd, text + *len, room - *len);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	*len += (size_t)got;
	return got > 0;
}

int
file_read(int fd, size_t most, char **text, size_t *len)
{
	size_t room = FIRST_ROOM;
	char *all = malloc(room), *grown;
	int more = all != NULL ? 1 : -ENOMEM;

	*text = NULL;
	*len = 0;
	while (more > 0) {
		if (*len == room) {
			room *= 2;
			grown = realloc(all, room);
			if (grown == NULL) {
				more = -ENOMEM;
				break;
			}
			all = grown;
		}
		more = read_some(fd, all, room, len);
		if (more > 0 && *len > most)
			more = -EFBIG;
	}
	if (more < 0) {
		free(all);
		return more;
	}
	*text = all;
	return 0;
}

int
file_write(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, text, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		text += done;
		len -= (size_t)done;
	}
	return 0;
}

static int
set_stamp(struct file_stamp *stamp, int result, const struct stat *status)
{
	*stamp = (struct file_stamp){ .dev = 0 };
	if (result < 0)
		return -errno;
	*stamp = (struct file_stamp){
		.dev = status->st_dev,
		.ino = status->st_ino,
		.size = status->st_size,
		.changed = status->st_ctim,
		.modified = status->st_mtim,
	};
	return 0;
}

int
file_stamp(int fd, struct file_stamp *stamp)
{
	struct stat status;

	return set_stamp(stamp, fstat(fd, &status), &status);
}

int
file_stamp_of(const char *path, struct file_stamp *stamp)
{
	struct stat status;

	return set_stamp(stamp, stat(path, &status), &status);
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    same_time(&a->changed, &b->changed) &&
	    same_time(&a->modified, &b->modified);
}

const char *
file_error(int error)
{
	return error == -FILE_NOT_REGULAR ? "not a regular file"
					  : strerror(-error);
}
