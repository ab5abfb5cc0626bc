/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A file's text updated to the running configuration: weights that were
 * changed, backends that were added and removed while lb4 ran.  Other lines
 * stay as they are, with their comments.  Pure.
 */
#ifndef LB4_CONFIG_EDIT_H
#define LB4_CONFIG_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/attr.h"

struct config;
struct why;

/* A file: its text, and the configuration that it contains. */
struct edit_source {
	const char *text; /* ends with a newline, as every configuration does */
	size_t len;
	const struct config *config;
};

/* A line that is replaced, removed, or followed by a new one. */
struct edit {
	size_t line;  /* of the file; the first is 1 */
	bool removes; /* the line is removed */
	/* Owned; takes its place, or follows it; without the line's end.  NULL:
	 * none. */
	char *text;
};

struct edits {
	struct edit *edit; /* owned; by line */
	size_t count;
	size_t room;
	char *text; /* owned; the file's text with the edits in it */
	size_t len;
};

/*
 * Finds the edits that give the file the backends of `served`.  Takes time in
 * proportion to the text.  Returns 0, -ENOMEM, or -EINVAL with the reason: the
 * two differ in more than what can be changed while lb4 runs.
 */
must_check int edits_make(struct edits *edits, const struct edit_source *source,
    const struct config *served, struct why *why);
void edits_done(struct edits *edits);

/* Writes the edits of that file, whose name is `name`, as a unified diff, which
 * patch(1) reads; nothing if there are none.  Returns 0 or -ENOMEM. */
must_check int edits_diff(const struct edits *edits,
    const struct edit_source *source, const char *name, FILE *out);

#endif
