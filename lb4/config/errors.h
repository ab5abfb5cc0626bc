/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Collects the errors of a file, in the order of its lines.  The reader of
 * lines, the keys and the rules between keys all add to it, and config_parse()
 * hands the result to its caller.
 */
#ifndef LB4_CONFIG_ERRORS_H
#define LB4_CONFIG_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

/* One error, ready to print: "file:line: [section] key: what is wrong", without
 * the parts that do not apply. */
#define CONFIG_ERROR_MAX 512
struct config_errors {
	char (*text)[CONFIG_ERROR_MAX]; /* owned; `count` of them, in order */
	size_t count;
	char spare[CONFIG_ERROR_MAX]; /* the only one without memory */
};

/* Adds an error to a list that starts as zeros; without memory for a longer
 * list, only the first one is kept. */
void config_errors_add(struct config_errors *errors, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void config_errors_done(struct config_errors *errors);

/* After this many errors, one more says that the rest is left out. */
#define ERRORS_MAX 1000

/* The longest section name that an error shows, with its end. */
#define ERRORS_SECTION_MAX 73

struct errors {
	const char *file;	    /* not owned; NULL: no file */
	struct config_errors *list; /* not owned */
	int *line;		    /* of each text in the list */
	size_t room;
	char section[ERRORS_SECTION_MAX]; /* of the errors that follow */
	bool in_section;
	bool are_warnings; /* each text says "warning: " */
};

/* Starts with an empty `list`, which receives the errors. */
void errors_init(struct errors *errors, const char *file,
    struct config_errors *list);

/* Frees everything except the list. */
void errors_done(struct errors *errors);

/* Sets the section of the errors that follow: by the text in its brackets
 * (NULL: none), or by the name of a service. */
void errors_section(struct errors *errors, const char *section);
void errors_service(struct errors *errors, const char *service);

/*
 * Adds "file:line: [section] key: what", without the line when it is 0 and
 * without the key when it is NULL.  A text that is too long is cut; a tab
 * becomes a space, and other bytes that are not plain text are escaped
 * (common/escape.h).
 */
void errors_add(struct errors *errors, int line, const char *key,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
