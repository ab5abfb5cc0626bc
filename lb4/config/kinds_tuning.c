/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kinds of names that this machine gives: a network interface, and an
 * algorithm of congestion control.
 */
#include <bsd/string.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "common/tuning.h"
#include "lb4/config/kinds.h"
#include "lb4/config/values.h"

static int
parse_device(const struct key *key, void *object, const char *text,
    struct why *why)
{
	char name[IFNAMSIZ];
	int error = value_only_word(text, name, sizeof(name), why);

	if (error != 0)
		return error;
	if (if_nametoindex(name) == 0)
		return why_set(why,
		    "\"%.64s\" is not a network interface here: give one that "
		    "ip link shows",
		    name);
	(void)strlcpy((char *)object + key->offset, name, key->size);
	return 0;
}

static int
parse_congestion(const struct key *key, void *object, const char *text,
    struct why *why)
{
	char name[TUNING_CONGESTION_MAX];
	int error = value_only_word(text, name, sizeof(name), why);

	if (error != 0)
		return error;
	error = tuning_has_congestion(name);
	if (error == -ENOENT)
		return why_set(why,
		    "\"%.64s\" is not a congestion control of this kernel: "
		    "give one of net.ipv4.tcp_available_congestion_control, "
		    "or load its module",
		    name);
	if (error == -EPERM)
		return why_set(why,
		    "\"%.64s\" is only for root: add it to "
		    "net.ipv4.tcp_allowed_congestion_control",
		    name);
	(void)strlcpy((char *)object + key->offset, name, key->size);
	return 0;
}

static size_t
count_name(const struct key *key, const void *object)
{
	return *((const char *)object + key->offset) != '\0';
}

static void
print_name(const struct key *key, const void *object, size_t index, FILE *out)
{
	(void)index;
	value_print_word((const char *)object + key->offset, out);
}

const struct kind kind_device = {
	.parse = parse_device,
	.count = count_name,
	.print = print_name,
};

const struct kind kind_congestion = {
	.parse = parse_congestion,
	.count = count_name,
	.print = print_name,
};
