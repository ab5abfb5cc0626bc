/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Collects what is wrong with a file, in the order of its lines: the reader of
 * lines, the keys and the rules between keys all complain here, and
 * config_parse() hands the result to its caller.
 */
#ifndef LB4_CONFIG_ERRORS_H
#define LB4_CONFIG_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

/* One complaint, as it is to be printed: "file:line: [section] key: what is
 * wrong", or without the parts that do not apply. */
#define CONFIG_ERROR_MAX 512
struct config_errors {
	char (*text)[CONFIG_ERROR_MAX]; /* owned; `count` of them, in order */
	size_t count;
	char spare[CONFIG_ERROR_MAX]; /* the only one when there is no memory */
};

/* Adds a complaint to a list that starts as zeros; without memory for a longer
 * list only the first one is kept. */
void config_errors_add(struct config_errors *errors, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void config_errors_done(struct config_errors *errors);

/* After so many complaints one more says that the rest is left out. */
#define ERRORS_MAX 1000

/* As much of a section's name as a complaint shows, and its end. */
#define ERRORS_SECTION_MAX 73

struct errors {
	const char *file;	    /* not owned; NULL: no file */
	struct config_errors *list; /* not owned */
	int *line;		    /* of each text in the list */
	size_t room;
	char section[ERRORS_SECTION_MAX]; /* what they are about */
	bool in_section;
	bool are_warnings; /* each says so */
};

/* Empties `list`, which the complaints go to. */
void errors_init(struct errors *errors, const char *file,
    struct config_errors *list);

/* Frees what is not the list's. */
void errors_done(struct errors *errors);

/* The complaints from here on are about that section (as it stands in the
 * brackets; NULL: about none), or about the service of that name. */
void errors_section(struct errors *errors, const char *section);
void errors_service(struct errors *errors, const char *service);

/*
 * Adds "file:line: [section] key: what".  The parts that are 0 or NULL are
 * left out.  Too long a text is cut; a tab becomes a space, and what else is
 * not plain is escaped (common/escape.h).
 */
void errors_add(struct errors *errors, int line, const char *key,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
