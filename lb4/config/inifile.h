/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * INI text to sections, keys and values, each with its line number.
 */
#ifndef LB4_CONFIG_INIFILE_H
#define LB4_CONFIG_INIFILE_H

#include <stddef.h>

#include "common/attr.h"

/* The longest line, without its end, that is not a comment: it fits, with "\n"
 * and the terminating NUL, into inih's line buffer as distributions build it
 * (INI_MAX_LINE 200).  If a build has a smaller buffer, that is the limit. */
#define INIFILE_LINE_MAX 198

/* Called in the order of the lines; strings are valid during the call. */
struct inifile_sink {
	void *context;

	/* "[name]" without brackets and outer spaces; may be empty. */
	void (*on_section)(void *context, int line, const char *name);

	/* Without surrounding spaces and comment; neither is empty.  The value
	 * still contains its escapes. */
	void (*on_value)(void *context, int line, const char *key,
	    const char *value);

	/* A malformed line.  `key` may be NULL; when it is not, on_value will
	 * not be called for this line. */
	void (*on_error)(void *context, int line, const char *key,
	    const char *what);
};

/* Returns 0, also with malformed lines, which the sink is told of; or
 * -ENOMEM. */
must_check int inifile_read(const char *text, size_t len,
    const struct inifile_sink *sink);

#endif
