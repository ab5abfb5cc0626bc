/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kind of the key listen.  A range of ports becomes an address for each of
 * its ports, so that nothing else needs to know about ranges.
 */
#include "lb4/config/kinds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/why.h"
#include "lb4/config/inifile.h"
#include "lb4/config/key.h"
#include "lb4/config/settings.h"
#include "lb4/config/values.h"

/* An address to listen on, or the name of an inherited socket. */
static int
read_listen(const char *text, struct addr *out, struct why *why)
{
	const size_t prefix = strlen(ADDR_INHERITED_PREFIX);
	const char *reason;

	if (strncmp(text, ADDR_INHERITED_PREFIX, prefix) == 0) {
		if (addr_set_inherited(out, text + prefix) == 0)
			return 0;
		return why_set(why,
		    "\"%.64s\" is not the name of a socket: give " ADDR_INHERITED_PREFIX
		    "NAME, as the service manager names it",
		    text);
	}
	if (addr_parse_range(out, text, &reason) == 0)
		return 0;
	return kinds_no_addr(text, reason, why);
}

/* Appends the address, or one for each port of its range. */
static int
append(struct config_service *service, const struct addr *first)
{
	const size_t ports = (size_t)first->ahead + 1;
	struct addr *grown = reallocarray(service->listen,
	    service->listens + ports, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	service->listen = grown;
	for (size_t i = 0; i < ports; i++) {
		struct addr *addr = &grown[service->listens++];

		*addr = *first;
		addr->ahead = (uint16_t)(first->ahead - i);
		if (i > 0)
			addr_set_port(addr, (uint16_t)(addr_port(first) + i));
	}
	return 0;
}

static int
parse_listen(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_service *service = object;
	char word[INIFILE_LINE_MAX +
	    1]; /* addr_parse() reports a path that is too long */
	struct addr addr;
	int error;

	(void)key;
	error = value_only_word(text, word, sizeof(word), why);
	if (error == 0)
		error = read_listen(word, &addr, why);
	if (error != 0)
		return error;
	if (service->listens + addr.ahead < CONFIG_LISTENS_MAX)
		return append(service, &addr);
	if (addr.ahead == 0)
		return kinds_too_many(CONFIG_LISTENS_MAX, why);
	return why_set(why,
	    "\"%.64s\" has %u ports, and a service listens on at most %d in "
	    "all: give a smaller range",
	    word, addr.ahead + 1U, CONFIG_LISTENS_MAX);
}

/* A range is one line. */
static size_t
count_listen(const struct key *key, const void *object)
{
	const struct config_service *service = object;
	size_t lines = 0;

	(void)key;
	for (size_t i = 0; i < service->listens; i++)
		lines += service->listen[i].ahead == 0;
	return lines;
}

static void
print_listen(const struct key *key, const void *object, size_t index, FILE *out)
{
	const struct config_service *service = object;
	char buf[ADDR_TEXT_MAX];
	size_t i = 0;

	(void)key;
	for (; index > 0; index--)
		i += (size_t)service->listen[i].ahead + 1;
	value_print_word(addr_format_range(&service->listen[i], buf,
			     sizeof(buf)),
	    out);
}

const struct kind kind_listen = {
	.parse = parse_listen,
	.count = count_listen,
	.print = print_listen,
};
