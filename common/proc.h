/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Reading small files of /proc and /sys (proc(5), sysfs(5)).  `root` stands
 * before each path: "", or a directory with a made-up /proc and /sys for a test.
 * A file that is missing or cannot be read is a value that is unknown.
 */
#ifndef COMMON_PROC_H
#define COMMON_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROC_UNKNOWN (-1)
#define PROC_UNLIMITED INT64_MAX

/* Reads the file with one read(2), `size` - 1 bytes at most, and ends the text.
 * False when nothing was read; the text is empty then. */
bool proc_text(const char *root, const char *path, char *text, size_t size);

/* The same for the first line, without its newline. */
bool proc_line(const char *root, const char *path, char *line, size_t size);

/* The n-th number, from 0, of the first line.  "max" is PROC_UNLIMITED;
 * PROC_UNKNOWN: there is no such number, or it is negative. */
int64_t proc_number(const char *root, const char *path, unsigned n);

/* The same for /proc/sys/`name`: "net/core/somaxconn". */
int64_t proc_sysctl(const char *root, const char *name, unsigned n);

/* The text behind `name` on the first line that begins with it.  The line is
 * in `line`.  NULL: there is none. */
char *proc_field(const char *root, const char *path, const char *name,
    char *line, int size);

/* The longest directory of a control group that is visited, with its end. */
#define PROC_GROUP_MAX 2048

/*
 * Visits the control groups of this process that may limit `controller`
 * (cgroups(7)), from its own group up to the root of the hierarchy.  `dir` is
 * the directory to read, below `root`; `v2` says which version its files are.
 */
void proc_groups(const char *root, const char *controller,
    void (*visit)(void *owner, const char *dir, bool v2), void *owner);

#endif
