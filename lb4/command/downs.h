/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The backends that a command assumes to be down, SERVICE/BACKEND each: a list
 * that it gives to a thread (errand.h).
 */
#ifndef LB4_COMMAND_DOWNS_H
#define LB4_COMMAND_DOWNS_H

#include <stdbool.h>
#include <stddef.h>

#include "lb4/config/settings.h"

struct command;

/* All zero: empty. */
struct downs {
	char (*name)[2 * CONFIG_NAME_MAX]; /* owned; `count` of them */
	size_t count, room;
};

/* Adds a name.  Returns false without memory, or if the name is too long. */
bool downs_add(struct downs *downs, const char *name);

/* Adds the values of the command's options of that name.  Returns as
 * downs_add(). */
bool downs_add_options(struct downs *downs, const struct command *command,
    const char *option);

/* Returns an array of pointers to the names for the caller to free, or NULL
 * without memory.  Valid until the list changes. */
const char **downs_pointers(const struct downs *downs);

void downs_done(struct downs *downs);

#endif
