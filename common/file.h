/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Opens files that must be regular, and reads a file whole.  A file that is not
 * regular may block: open(2) of a fifo waits until somebody opens its other
 * end, and read(2) waits for data.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "common/attr.h"

/* Errors are -errno; this one means that a file is not a regular file. */
#define FILE_NOT_REGULAR EMEDIUMTYPE

/*
 * Opens a regular file, and does not block on any other kind of file.  `flags`
 * are those of open(2); O_CLOEXEC is added.  Follows a symbolic link unless
 * `flags` contain O_NOFOLLOW.  Returns a descriptor, which the caller closes,
 * -FILE_NOT_REGULAR, -EISDIR, or another -errno.
 */
must_check int file_open(const char *path, int flags, mode_t mode);

/*
 * Reads the descriptor to its end, but at most `most` bytes.  On success,
 * returns 0, and the caller frees *text, which is not NULL and has no NUL at
 * its end.  Otherwise returns -EFBIG, -ENOMEM or another -errno, and *text is
 * NULL.
 */
must_check int file_read(int fd, size_t most, char **text, size_t *len);

/* Writes all bytes, with as many calls of write(2) as it takes.  0 or
 * -errno. */
must_check int file_write(int fd, const char *text, size_t len);

/* Which content a file has: another one, or another version of it, differs in
 * something. */
struct file_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed, modified;
};

/* Fills in the stamp of the file that `fd` is, or that the path leads to.  0;
 * or -errno, and a stamp of zeros, which no file has. */
must_check int file_stamp(int fd, struct file_stamp *stamp);
int file_stamp_of(const char *path, struct file_stamp *stamp);

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

/* The reason for an error (negative) of these functions, in words. */
const char *file_error(int error);

#endif
