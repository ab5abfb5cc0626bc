/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Backends assumed to be down: see downs.h. */
#include "lb4/command/downs.h"

#include <bsd/string.h>
#include <stdlib.h>

#include "lb4/command/command.h"

bool
downs_add(struct downs *downs, const char *name)
{
	const size_t room = 2 * downs->room + 16;
	void *more;

	if (downs->count == downs->room) {
		more = reallocarray(downs->name, room, sizeof(*downs->name));
		if (more == NULL)
			return false;
		downs->name = more;
		downs->room = room;
	}
	return strlcpy(downs->name[downs->count++], name,
		   sizeof(*downs->name)) < sizeof(*downs->name);
}

bool
downs_add_options(struct downs *downs, const struct command *command,
    const char *option)
{
	for (unsigned i = 1; i < command->words; i++) {
		const char *value = command_option_value(command->word[i],
		    option);

		if (value != NULL && !downs_add(downs, value))
			return false;
	}
	return true;
}

const char **
downs_pointers(const struct downs *downs)
{
	const char **pointer = calloc(downs->count + 1, sizeof(*pointer));

	for (size_t i = 0; pointer != NULL && i < downs->count; i++)
		pointer[i] = downs->name[i];
	return pointer;
}

void
downs_done(struct downs *downs)
{
	free(downs->name);
}
