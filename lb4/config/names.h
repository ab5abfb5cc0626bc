/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The words for the values of the enums, one list per enum, used by the table
 * of keys and by balance_name() and similar functions.
 */
#ifndef LB4_CONFIG_NAMES_H
#define LB4_CONFIG_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "lb4/config/settings.h"

struct names {
	const char *const *text; /* by value */
	size_t count;
};

extern const struct names names_balance;
extern const struct names names_relay;
extern const struct names names_check;
extern const struct names names_check_init;
extern const struct names names_keepalive;
extern const struct names names_mptcp;
extern const struct names names_send_proxy;
extern const struct names names_observe, names_on_down;
extern const struct names names_over_limit;
extern const struct names names_access_format;

/* The value of that word, or -1. */
must_check int names_find(const struct names *names, const char *word);

/* The words as in the file; for any value of the enum. */
const char *balance_name(enum balance balance);

/* Whether it hashes the client: 4tuple and source. */
bool balance_hashes(enum balance balance);
const char *relay_way_name(enum relay_way way);
const char *check_kind_name(enum check_kind kind);
const char *keepalive_name(enum keepalive keepalive);
const char *send_proxy_name(enum send_proxy version);
const char *access_format_name(enum access_format format);

/* The way of that name, or -1: for the command line. */
must_check int relay_way_parse(const char *name);

#endif
