/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Both destinations as one: see destinations.h. */
#include "lb4/log/destinations.h"

#include <string.h>

#include "common/why.h"
#include "lb4/log/log_dest.h"

static int
open_dest(struct log_dest **out, const char *name, struct why *why)
{
	int error = log_dest_open(out, name);

	if (error < 0)
		return why_fail(why, error, "cannot open %s: %s", name,
		    strerror(-error));
	return 0;
}

int
destinations_open(struct destinations *to, const struct log_names *names,
    struct why *why)
{
	int error = open_dest(&to->messages, names->messages, why);

	if (error < 0)
		return error;
	to->format = names->format;
	to->access = NULL;
	if (strcmp(names->access, "off") == 0)
		return 0;
	if (strcmp(names->access, names->messages) == 0) {
		to->access = to->messages;
		return 0;
	}
	error = open_dest(&to->access, names->access, why);
	if (error < 0)
		log_dest_close(to->messages);
	return error;
}

struct log_dest *
destinations_apart(const struct destinations *to)
{
	return to->access != to->messages ? to->access : NULL;
}

void
destinations_each(const struct destinations *to,
    void (*act)(struct log_dest *dest))
{
	if (to->messages != NULL)
		act(to->messages);
	if (destinations_apart(to) != NULL)
		act(to->access);
}

int
destinations_start(struct destinations *to, struct mailbox *bell)
{
	int error = log_dest_start(to->messages, bell);

	if (error < 0 || destinations_apart(to) == NULL)
		return error;
	error = log_dest_start(to->access, bell);
	if (error < 0)
		log_dest_stop(to->messages);
	return error;
}

void
destinations_stop(struct destinations *to)
{
	destinations_each(to, log_dest_stop);
}

static void
close_dest(struct log_dest *dest)
{
	(void)log_dest_close(dest);
}

void
destinations_close(struct destinations *to)
{
	destinations_each(to, close_dest);
	to->messages = to->access = NULL;
}
