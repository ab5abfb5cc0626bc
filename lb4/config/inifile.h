/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * INI text to sections, keys and values, each with its line number.
 */
#ifndef LB4_CONFIG_INIFILE_H
#define LB4_CONFIG_INIFILE_H

#include <stddef.h>

/* Longest line, without its end, that is not a comment: what fits into inih's
 * line buffer as distributions build it (INI_MAX_LINE 200), with "\n" and the
 * string's end.  Should a build have a smaller one, that is the limit. */
#define INIFILE_LINE_MAX 198

/* Called in the order of the lines; strings are valid during the call. */
struct inifile_sink {
	void *context;

	/* "[name]" without brackets and outer spaces; may be empty. */
	void (*on_section)(void *context, int line, const char *name);

	/* Without outer spaces and comment; neither is empty.  Escapes are
	 * still in the value. */
	void (*on_value)(void *context, int line, const char *key,
	    const char *value);

	/* A line that is wrong as a line.  `key` may be NULL; when it is not,
	 * on_value will not be called for this line. */
	void (*on_error)(void *context, int line, const char *key,
	    const char *what);
};

/* Returns 0; wrong lines are told to the sink and stepped over.  -ENOMEM. */
int inifile_read(const char *text, size_t len, const struct inifile_sink *sink);

#endif
