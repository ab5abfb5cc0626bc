/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The kinds of host names and of what resolves them. */
#include "lb4/config/kinds.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "lb4/config/expand.h"
#include "lb4/config/settings.h"

#define DOMAIN_PORT 53

#define SRV_OPTION "srv="

static const char *const resolve_words[] = {
	[RESOLVE_DEFAULT] = "",
	[RESOLVE_FIRST] = "first",
	[RESOLVE_ALL] = "all",
};

static int
parse_resolve(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_backend *backend = object;

	(void)key;
	for (int i = RESOLVE_FIRST; i < RESOLVE_COUNT; i++)
		if (strcmp(resolve_words[i], text) == 0) {
			backend->resolve = (enum resolve)i;
			return 0;
		}
	return why_set(why, "\"%.64s\" is unknown: give first or all", text);
}

static size_t
count_resolve(const struct key *key, const void *object)
{
	const struct config_backend *backend = object;

	(void)key;
	return backend->resolve != RESOLVE_DEFAULT;
}

static void
print_resolve(const struct key *key, const void *object, size_t index,
    FILE *out)
{
	const struct config_backend *backend = object;

	(void)key;
	(void)index;
	fputs(resolve_words[backend->resolve], out);
}

const struct kind kind_resolve = {
	.parse = parse_resolve,
	.count = count_resolve,
	.print = print_resolve,
};

/* Only in the place of the address, where it is no option: see
 * kinds_read_srv(). */
static int
parse_srv(const struct key *key, void *object, const char *text,
    struct why *why)
{
	(void)key;
	(void)object;
	return why_set(why,
	    "it stands in place of the address: write backend = NAME " SRV_OPTION
	    "%.64s",
	    text);
}

static size_t
count_srv(const struct key *key, const void *object)
{
	(void)key;
	(void)object;
	return 0; /* printed as the address is */
}

const struct kind kind_srv = {
	.parse = parse_srv,
	.count = count_srv,
};

static int
parse_resolver(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct addr *addr = (struct addr *)((char *)object + key->offset);
	struct addr found;
	const char *reason = "that is no address to connect to";

	if (addr_parse(&found, text, ADDR_PORT_OPTIONAL, &reason) < 0 ||
	    addr_is_unix(&found) || addr_is_wildcard(&found))
		return why_set(why,
		    "\"%.64s\": %s: give the address of a name server, such as "
		    "192.0.2.53 or [2001:db8::53]:53",
		    text, reason);
	if (found.sa.sa_family == AF_INET6 && found.in6.sin6_scope_id != 0)
		return why_set(why,
		    "\"%.64s\": c-ares takes no address with an interface: "
		    "give another one",
		    text);
	if (addr_port(&found) == 0)
		addr_set_port(&found, DOMAIN_PORT);
	*addr = found;
	return 0;
}

static size_t
count_resolver(const struct key *key, const void *object)
{
	const struct addr *addr = (const struct addr *)((const char *)object +
	    key->offset);

	return addr->len > 0;
}

static void
print_resolver(const struct key *key, const void *object, size_t index,
    FILE *out)
{
	const struct addr *addr = (const struct addr *)((const char *)object +
	    key->offset);
	char text[ADDR_TEXT_MAX];

	(void)index;
	fputs(addr_format(addr, text, sizeof(text)), out);
}

const struct kind kind_resolver = {
	.parse = parse_resolver,
	.count = count_resolver,
	.print = print_resolver,
};

bool
kinds_is_host(const char *text)
{
	const size_t len = strcspn(text, ":");
	bool letter = false;

	for (size_t i = 0; i < len; i++) {
		letter |= isalpha((unsigned char)text[i]) != 0;
		if (!isalnum((unsigned char)text[i]) &&
		    strchr("-_.", text[i]) == NULL)
			return false;
	}
	return letter && strncmp(text, "unix:", 5) != 0 &&
	    strncmp(text, "fd:", 3) != 0 && strchr(text + len, '/') == NULL;
}

/* A host name has labels of 1 to 63 characters (RFC 1035, section 2.3.1, with
 * the underscore that many names have). */
static bool
is_sound(const char *host, size_t len)
{
	size_t label = 0;

	for (size_t i = 0; i < len; i++) {
		label = host[i] == '.' ? 0 : label + 1;
		if (label > 63 ||
		    (host[i] == '.' && (i == 0 || host[i - 1] == '.')))
			return false;
	}
	return len > 0 && len < CONFIG_DNS_MAX;
}

static void
set_host(struct config_name *name, const char *text, size_t len)
{
	memset(name->host, 0, sizeof(name->host));
	for (size_t i = 0; i < len; i++)
		name->host[i] = (char)tolower((unsigned char)text[i]);
}

int
kinds_read_host(const char *text, struct config_name *name, struct why *why)
{
	const size_t len = strcspn(text, ":");
	unsigned long port = 0;
	char *end;

	if (!is_sound(text, len))
		return why_set(why, "\"%.64s\" is not a host name", text);
	if (text[len] == ':') {
		port = strtoul(text + len + 1, &end, 10);
		if (!isdigit((unsigned char)text[len + 1]) || *end != '\0' ||
		    port == 0 || port > 65535)
			return why_set(why,
			    "\"%.64s\": the port must be 1 to 65535", text);
	}
	set_host(name, text, len);
	name->port = (uint16_t)port;
	return 0;
}

bool
kinds_is_srv(const char **text)
{
	const size_t len = strlen(SRV_OPTION);

	if (strncmp(*text, SRV_OPTION, len) != 0)
		return false;
	*text += len;
	return true;
}

int
kinds_read_srv(const char *text, struct config_name *name, struct why *why)
{
	const size_t len = strlen(text);

	name->line.of_srv = true;
	if (!kinds_is_host(text) || text[strcspn(text, ":")] != '\0' ||
	    !is_sound(text, len))
		return why_set(why,
		    "\"%.64s\" is not a name of SRV records: give one such as "
		    "_pg._tcp.db.internal, without a port",
		    text);
	set_host(name, text, len);
	return 0;
}

static int
judge_srv(const struct config_backend *line, struct why *why)
{
	if (line->resolve != RESOLVE_DEFAULT)
		return why_set(why,
		    "option \"resolve\" is for host names, and every SRV record "
		    "becomes a backend: remove it");
	if (strlen(line->name) > EXPAND_NAME_MAX)
		return why_set(why,
		    "the name of a backend with srv= has at most %d "
		    "characters: a target follows it",
		    EXPAND_NAME_MAX);
	return 0;
}

int
kinds_judge_name(const struct config_name *name, struct why *why)
{
	const struct config_backend *line = &name->line;

	if (line->of_srv)
		return judge_srv(line, why);
	if (name->host[0] == '\0' && line->resolve != RESOLVE_DEFAULT)
		return why_set(why,
		    "option \"resolve\" is for host names: remove it");
	if (line->resolve == RESOLVE_ALL &&
	    strlen(line->name) > EXPAND_NAME_MAX)
		return why_set(why,
		    "the name of a backend with resolve=all has at most %d "
		    "characters: an address follows it",
		    EXPAND_NAME_MAX);
	return 0;
}
