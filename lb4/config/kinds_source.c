/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kinds of source and source-ports: where connections to backends come
 * from.
 */
#include "lb4/config/kinds.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "lb4/config/key.h"
#include "lb4/config/settings.h"

#define CLIENT_WORD "client"

static int
read_ip(const char *word, struct endpoint *out, struct why *why)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, word, &in.sin_addr) == 1 &&
	    in.sin_addr.s_addr != INADDR_ANY) {
		endpoint_from_sockaddr(out, (const struct sockaddr *)&in,
		    sizeof(in));
		return 0;
	}
	if (inet_pton(AF_INET6, word, &in6.sin6_addr) == 1 &&
	    !IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr)) {
		endpoint_from_sockaddr(out, (const struct sockaddr *)&in6,
		    sizeof(in6));
		return 0;
	}
	return why_set(why,
	    "\"%.64s\" is not an address of this machine: give one or more, "
	    "such as 192.0.2.1,192.0.2.2 or 2001:db8::1, or " CLIENT_WORD,
	    word);
}

static int
add_ip(struct config_source *source, const char *word, struct why *why)
{
	struct endpoint ip;
	int error = read_ip(word, &ip, why);

	if (error != 0)
		return error;
	for (unsigned i = 0; i < source->count; i++)
		if (memcmp(&source->address[i], &ip, sizeof(ip)) == 0)
			return why_set(why, "%s is there twice: remove one",
			    word);
	if (source->count == CONFIG_SOURCES_MAX)
		return why_set(why, "more than %d addresses: remove some",
		    CONFIG_SOURCES_MAX);
	source->address[source->count++] = ip;
	return 0;
}

/* The text up to the comma, without blanks behind it. */
static void
take_word(char *word, size_t size, const char *text, size_t len)
{
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	if (len >= size)
		len = size - 1;
	memcpy(word, text, len);
	word[len] = '\0';
}

static int
parse_source(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_service *service = object;
	struct config_source source = {
		.port_low = service->settings.source.port_low,
		.port_high = service->settings.source.port_high,
	};
	char word[64]; /* no address is as long */
	size_t len;
	int error = 0;

	(void)key;
	source.client = strcmp(text, CLIENT_WORD) == 0;
	for (bool more = !source.client; error == 0 && more; text += len + 1) {
		text += strspn(text, " \t");
		len = strcspn(text, ",");
		more = text[len] == ',';
		take_word(word, sizeof(word), text, len);
		error = add_ip(&source, word, why);
	}
	if (error == 0)
		service->settings.source = source;
	return error;
}

static size_t
count_source(const struct key *key, const void *object)
{
	const struct config_service *service = object;

	(void)key;
	return service->settings.source.client ||
	    service->settings.source.count > 0;
}

static void
print_source(const struct key *key, const void *object, size_t index, FILE *out)
{
	const struct config_service *service = object;
	const struct config_source *source = &service->settings.source;
	char text[INET6_ADDRSTRLEN];

	(void)key;
	(void)index;
	if (source->client)
		fputs(CLIENT_WORD, out);
	for (unsigned i = 0; i < source->count; i++)
		fprintf(out, "%s%s", i > 0 ? "," : "",
		    endpoint_format_ip(&source->address[i], text,
			sizeof(text)));
}

const struct kind kind_source = {
	.parse = parse_source,
	.count = count_source,
	.print = print_source,
};

static int
parse_ports(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_service *service = object;
	struct config_source *source = &service->settings.source;
	char *end;
	const unsigned long low = strtoul(text, &end, 10);
	unsigned long high = 0;

	(void)key;
	if (strspn(text, "0123456789") > 0 && *end == '-' &&
	    strspn(end + 1, "0123456789") > 0)
		high = strtoul(end + 1, &end, 10);
	if (*end != '\0' || low < 1 || high > 65535 || low > high)
		return why_set(why,
		    "\"%.64s\" is not a range of ports: give one such as "
		    "32768-60999",
		    text);
	source->port_low = (unsigned)low;
	source->port_high = (unsigned)high;
	return 0;
}

static size_t
count_ports(const struct key *key, const void *object)
{
	const struct config_service *service = object;

	(void)key;
	return service->settings.source.port_high > 0;
}

static void
print_ports(const struct key *key, const void *object, size_t index, FILE *out)
{
	const struct config_service *service = object;

	(void)key;
	(void)index;
	fprintf(out, "%u-%u", service->settings.source.port_low,
	    service->settings.source.port_high);
}

const struct kind kind_ports = {
	.parse = parse_ports,
	.count = count_ports,
	.print = print_ports,
};
