/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kind of mirror: the name and the address of a server that gets copies.
 */
#include <string.h>

#include "common/addr.h"
#include "lb4/config/inifile.h"
#include "lb4/config/kinds.h"
#include "lb4/config/settings.h"

static int
read_mirror(struct config_mirror *mirror, const char *text, struct why *why)
{
	char word[INIFILE_LINE_MAX + 1];
	int error = value_word(&text, word, sizeof(word), why);

	if (error == 0 && !kinds_is_name(word))
		return why_set(why,
		    "\"%.64s\" is not a valid name of a mirror: "
		    "use " KINDS_NAME_RULE,
		    word);
	if (error != 0)
		return error;
	memcpy(mirror->name, word, strlen(word) + 1);
	if (text[strspn(text, " \t")] == '\0')
		return why_set(why, "no address: write mirror = %s ADDRESS",
		    mirror->name);
	error = value_only_word(text, word, sizeof(word), why);
	if (error == 0)
		error = kinds_read_target(word, &mirror->addr,
		    ADDR_PORT_REQUIRED, why);
	if (error == 0 && !addr_is_unix(&mirror->addr) &&
	    addr_port(&mirror->addr) == 0)
		error = why_set(why, "\"%.64s\" has port 0: give another",
		    word);
	return error;
}

static int
parse_mirror(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_service *service = object;
	struct config_mirror mirror;
	int error;

	(void)key;
	memset(&mirror, 0, sizeof(mirror)); /* it is compared whole */
	error = read_mirror(&mirror, text, why);
	if (error == 0)
		service->settings.mirror = mirror;
	return error;
}

static size_t
count_mirror(const struct key *key, const void *object)
{
	const struct config_service *service = object;

	(void)key;
	return service->settings.mirror.addr.len > 0;
}

static void
print_mirror(const struct key *key, const void *object, size_t index, FILE *out)
{
	const struct config_service *service = object;
	const struct config_mirror *mirror = &service->settings.mirror;
	char text[ADDR_TEXT_MAX];

	(void)key;
	(void)index;
	fprintf(out, "%s ", mirror->name);
	value_print_word(addr_format(&mirror->addr, text, sizeof(text)), out);
}

const struct kind kind_mirror = {
	.parse = parse_mirror,
	.count = count_mirror,
	.print = print_mirror,
};
