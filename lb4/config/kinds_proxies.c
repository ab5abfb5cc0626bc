/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kind of accept-proxy: one or more prefixes of addresses, or "unix".
 */
#include <errno.h>
#include <string.h>

#include "common/prefix.h"
#include "lb4/config/inifile.h"
#include "lb4/config/kinds.h"
#include "lb4/config/settings.h"
#include "lb4/config/values.h"

#define LOCAL "unix"

static struct config_proxies *
proxies_of(const struct key *key, const void *object)
{
	return (struct config_proxies *)((uintptr_t)object + key->offset);
}

/* Adds what the word names. */
static int
add(struct config_proxies *proxies, const char *word, struct why *why)
{
	const char *reason = "";

	if (strcmp(word, LOCAL) == 0) {
		proxies->local = true;
		return 0;
	}
	if (proxies->count == CONFIG_PROXIES_MAX) {
		(void)why_set(why,
		    "more than %d prefixes in one service: remove some",
		    CONFIG_PROXIES_MAX);
		return -E2BIG;
	}
	if (prefix_parse(&proxies->prefix[proxies->count], word, &reason) < 0)
		return why_set(why,
		    "\"%.64s\" %s: give a prefix such as 192.0.2.0/24 or "
		    "2001:db8::/32, or " LOCAL,
		    word, reason);
	proxies->count++;
	return 0;
}

static int
parse_proxies(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_proxies *field = proxies_of(key, object);
	struct config_proxies proxies = *field;
	char word[INIFILE_LINE_MAX + 1];
	int error = value_word(&text, word, sizeof(word), why);

	while (error == 0 && word[0] != '\0') {
		error = add(&proxies, word, why);
		if (error == 0)
			error = value_word(&text, word, sizeof(word), why);
	}
	if (error == 0)
		*field = proxies;
	return error;
}

static size_t
count_proxies(const struct key *key, const void *object)
{
	const struct config_proxies *proxies = proxies_of(key, object);

	return proxies->count + proxies->local;
}

static void
print_proxies(const struct key *key, const void *object, size_t index,
    FILE *out)
{
	const struct config_proxies *proxies = proxies_of(key, object);
	char text[PREFIX_TEXT_MAX];

	if (index == proxies->count)
		fputs(LOCAL, out);
	else
		fputs(prefix_format(&proxies->prefix[index], text,
			  sizeof(text)),
		    out);
}

const struct kind kind_proxies = {
	.parse = parse_proxies,
	.count = count_proxies,
	.print = print_proxies,
};
