/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Splits a line of the control socket into words:
 *
 *	conns service=web idle=10s --json
 *
 * Words are separated by spaces; \xHH is a byte, as in lb4.ini(5).  The first
 * word is the command's name.  "--json" anywhere asks for JSON, NAME=VALUE is an
 * option, and the others are arguments.  Pure.
 */
#ifndef LB4_COMMAND_COMMAND_H
#define LB4_COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"

struct why;

#define COMMAND_LINE_MAX 4096 /* bytes of a line, without its end */
#define COMMAND_WORDS_MAX 24  /* the name, arguments and options */
#define COMMAND_WORD_MAX 256  /* bytes of a word, with its end */

struct command {
	unsigned words; /* 0: an empty line */
	char word[COMMAND_WORDS_MAX][COMMAND_WORD_MAX];
	bool json;
};

/* Splits `len` bytes, which exclude the newline.  Returns 0, or -EINVAL with
 * why. */
must_check int command_parse(struct command *command, const char *line,
    size_t len, struct why *why);

/* An option's name consists of letters and '-' and precedes '='.  Returns the
 * value, or NULL when the word is not an option of that name (NULL: of any
 * name). */
const char *command_option_value(const char *word, const char *name);

/* The value of the last option of that name, or NULL. */
const char *command_option(const struct command *command, const char *name);

/* The n-th argument, or NULL; 0 is the first one after the name. */
const char *command_argument(const struct command *command, unsigned n);

/* How many arguments there are. */
unsigned command_arguments(const struct command *command);

#endif
