/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the ways of checking share when they read their arguments.
 */
#include "lb4/config/check.h"

#include <string.h>

int
check_no_more(const char *args, struct why *why)
{
	args += strspn(args, " \t");
	if (args[0] == '\0')
		return 0;
	return why_set(why, "\"%.64s\" is one word too many: remove it", args);
}

int
check_parse_nothing(const struct config_check *check, void **own,
    struct why *why)
{
	*own = NULL;
	return check_no_more(check->args, why);
}
