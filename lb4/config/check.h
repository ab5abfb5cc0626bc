/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the configuration asks of a way of checking: to judge and read what
 * stands behind its name in `check = NAME ARGUMENT...`.  The settings keep the
 * arguments as text, so nothing here knows what they mean.
 *
 * The ways are files of lb4/health, probe_NAME.c; the table of them, which
 * check_way() looks into, is there too.  So this room includes nothing of that
 * one.
 */
#ifndef LB4_CONFIG_CHECK_H
#define LB4_CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/config/settings.h"
#include "lb4/config/values.h"

/* Keys that only some ways take: see struct check_way. */
enum check_keys {
	CHECK_KEYS_HTTP = 1, /* check-host, check-header, ... */
	CHECK_KEYS_TLS = 2,  /* check-sni, check-alpn, ... */
};

struct check_way {
	const char *usage; /* "http GET /path": how it is written */
	unsigned keys;	   /* bits of enum check_keys */

	/*
	 * Reads check->args, and those other keys that mean something to it.
	 * *own is then what the way has made of them, in one block for free(3),
	 * or NULL when it needs nothing.  0, -EINVAL with the reason, or
	 * -ENOMEM; *own is NULL then.
	 */
	int (*parse)(const struct config_check *check, void **own,
	    struct why *why);

	/* Judges keys that do not go together, when all of them are known.  0,
	 * or -EINVAL with the reason and the key at fault.  NULL: all do. */
	int (*judge)(const struct config_check *check, const char **key,
	    struct why *why);

	/* How a check ended, in the way's own words: from enum health_result
	 * and the detail of the health word.  False when it has none; NULL:
	 * it never has. */
	bool (*words)(int result, uint16_t detail, char *buf, size_t size);
};

/* NULL for CHECK_NONE. */
const struct check_way *check_way(enum check_kind kind);

/* For the end of the arguments: refuses more. */
must_check int check_no_more(const char *args, struct why *why);

/* For `parse` of a way that has no arguments. */
must_check int check_parse_nothing(const struct config_check *check, void **own,
    struct why *why);

#endif
