/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The table of commands: their syntax, level and purpose. lb4 checks commands
 * against it (commands.c); lb4ctl prints it without a running lb4.  Pure.
 */
#ifndef LB4_COMMAND_SPEC_H
#define LB4_COMMAND_SPEC_H

#include <stddef.h>

/* What a caller may do; each level includes those before it. */
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
	const char *arguments; /* as in lb4ctl(8) */
	enum level level;
	unsigned least, most; /* arguments */
	const char *options; /* " a b ": names; NULL: the command checks them */
	const char *purpose;
};

extern const struct spec spec_table[];
extern const size_t spec_count;

/* The command of that name, or NULL. */
const struct spec *spec_find(const char *name);

/* The most similar command's name, or NULL. */
const char *spec_nearest(const char *name);

#endif
