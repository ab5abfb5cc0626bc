/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A directory with a made-up /proc and /sys, for tests of what reads them.
 * Fails the test when a file cannot be made.
 */
#ifndef TEST_UNIT_MADE_ROOT_H
#define TEST_UNIT_MADE_ROOT_H

/* The directory; between made_root_setup() and made_root_teardown(). */
extern char made_root[64];

/* The two functions of a checked fixture. */
void made_root_setup(void);
void made_root_teardown(void);

/* The name of `path` below the root, after its directories have been made;
 * until the next call. */
const char *made_root_path(const char *path);

/* Writes the file at `path` below the root whole. */
void made_root_put(const char *path, const char *text);

#endif
