/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The words that stand for an enum's values in the file: one list for each
 * enum, used by the table of keys and by config.h's balance_name() and its
 * likes.
 */
#ifndef LB4_CONFIG_NAMES_H
#define LB4_CONFIG_NAMES_H

#include <stddef.h>

struct names {
	const char *const *text; /* by value */
	size_t count;
};

extern const struct names names_balance;
extern const struct names names_relay;
extern const struct names names_check;
extern const struct names names_keepalive;
extern const struct names names_on_down;
extern const struct names names_access_format;

/* The value that `word` stands for, or -1. */
int names_find(const struct names *names, const char *word);

#endif
