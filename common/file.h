/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Files that are to be regular ones, and reading a file whole.  What is not a
 * regular file may never answer: open(2) of a fifo waits for somebody to open
 * its other end, and read(2) waits for what that one writes.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Errors here are -errno; this one stands for what is no regular file. */
#define FILE_NOT_REGULAR EMEDIUMTYPE

/*
 * Opens a regular file, without waiting for anything that is none; `flags` are
 * those of open(2), and O_CLOEXEC is added.  A symbolic link is followed unless
 * O_NOFOLLOW says otherwise.  Returns the descriptor, which the caller closes,
 * -FILE_NOT_REGULAR, -EISDIR, or another -errno.
 */
int file_open(const char *path, int flags, mode_t mode);

/*
 * Reads from the descriptor until its end, `most` bytes at the most.  0, and
 * the caller frees *text, which is not NULL and has no NUL behind it; or
 * -EFBIG, -ENOMEM or another -errno with *text NULL.
 */
int file_read(int fd, size_t most, char **text, size_t *len);

/* Writes all of it, in as many pieces as write(2) takes.  0 or -errno. */
int file_write(int fd, const char *text, size_t len);

/* The reason for an error (negative) of these functions, in words. */
const char *file_error(int error);

#endif
