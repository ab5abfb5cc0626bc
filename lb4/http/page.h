/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The status page: the files of lb4/http/page/, which are part of the program.
 * The page itself is a script that reads the paths of ask.h each second.
 */
#ifndef LB4_HTTP_PAGE_H
#define LB4_HTTP_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct page_file {
	const char *type; /* for Content-Type */
	const char *text;
	size_t len;
};

/* Finds the file at the path; false if there is none. */
bool page_find(const char *path, struct page_file *file);

#endif
