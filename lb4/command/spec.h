/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The table of commands: how each is written, who may say it and what it is
 * for.  lb4 checks commands by it (commands.c), and lb4ctl shows it, for which
 * no lb4 need run.  Pure.
 */
#ifndef LB4_COMMAND_SPEC_H
#define LB4_COMMAND_SPEC_H

#include <stddef.h>

/* What a caller may do; each includes those before. */
enum level {
	LEVEL_NONE,
	LEVEL_READ,
	LEVEL_OPERATE,
	LEVEL_ADMIN,
	LEVEL_COUNT,
};

/* "read", "operate", "admin"; for any value of the enum. */
const char *level_name(enum level level);

struct spec {
	const char *name;
	const char *arguments; /* as lb4ctl(8) writes them */
	enum level level;
	unsigned least, most; /* arguments */
	const char *options;  /* " a b ": names; NULL: the command looks */
	const char *purpose;
};

extern const struct spec spec_table[];
extern const size_t spec_count;

/* The command of that name, or NULL. */
const struct spec *spec_find(const char *name);

/* The name of a command that is most like it, or NULL. */
const char *spec_nearest(const char *name);

#endif
