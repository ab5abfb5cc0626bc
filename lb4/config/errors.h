/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Collects what is wrong with a file, in the order of its lines: the reader of
 * lines, the keys and the rules between keys all complain here, and
 * config_parse() hands the result to its caller.
 */
#ifndef LB4_CONFIG_ERRORS_H
#define LB4_CONFIG_ERRORS_H

#include <stddef.h>

#include "lb4/config/config.h"

/* After so many complaints one more says that the rest is left out. */
#define ERRORS_MAX 1000

struct errors {
	const char *file;	    /* not owned; NULL: no file */
	struct config_errors *list; /* not owned */
	int *line;		    /* of each text in the list */
	size_t room;
};

/* Empties `list`, which the complaints go to. */
void errors_init(struct errors *errors, const char *file,
    struct config_errors *list);

/* Frees what is not the list's. */
void errors_done(struct errors *errors);

/*
 * Adds "file:line: [section] key: what".  The parts that are 0 or NULL are
 * left out.  Too long a text is cut; a tab becomes a space, and what else is
 * not plain is escaped (common/escape.h).
 */
void errors_add(struct errors *errors, int line, const char *section,
    const char *key, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
