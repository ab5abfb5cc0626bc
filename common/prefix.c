/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Prefixes of IP addresses: see prefix.h. */
#include "common/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ::ffff:0:0/96, where IPv4 is. */
#define MAPPED_BITS 96
static const uint8_t mapped[MAPPED_BITS / 8] = { [10] = 0xff, [11] = 0xff };

/* Clears the bits of `ip` from `bits` on. */
static void
cut(uint8_t ip[16], unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		if (bits >= 8 * (i + 1))
			continue;
		ip[i] &= bits <= 8 * i ? 0
				       : (uint8_t)(0xff00 >> (bits - 8 * i));
	}
}

/* The length behind the slash: true if it is at most `most`. */
static bool
read_length(const char *text, unsigned most, unsigned *length)
{
	const size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 3 || text[digits] != '\0')
		return false;
	*length = (unsigned)strtoul(text, NULL, 10);
	return *length <= most;
}

static const char *
parse(struct prefix *out, const char *text)
{
	const size_t len = strcspn(text, "/");
	char address[INET6_ADDRSTRLEN];
	uint8_t whole[16];
	unsigned most = 128, length;

	if (len >= sizeof(address))
		return "is not an IP address";
	memcpy(address, text, len);
	address[len] = '\0';
	memcpy(out->ip, mapped, sizeof(mapped));
	out->family = AF_INET;
	if (inet_pton(AF_INET, address, out->ip + sizeof(mapped)) == 1)
		most = 32;
	else if (inet_pton(AF_INET6, address, out->ip) != 1)
		return "is not an IP address, nor one with /LENGTH";
	length = most;
	if (text[len] == '/' && !read_length(text + len + 1, most, &length))
		return most == 32 ? "has no length of 0 to 32 after the slash"
				  : "has no length of 0 to 128 after the slash";
	out->bits = (uint8_t)(most == 32 ? MAPPED_BITS + length : length);
	if (most == 128 &&
	    (out->bits < MAPPED_BITS ||
		memcmp(out->ip, mapped, sizeof(mapped)) != 0))
		out->family = AF_INET6;
	memcpy(whole, out->ip, sizeof(whole));
	cut(out->ip, out->bits);
	return memcmp(whole, out->ip, sizeof(whole)) == 0
	    ? NULL
	    : "has bits beyond its length";
}

int
prefix_parse(struct prefix *out, const char *text, const char **why)
{
	struct prefix found;
	const char *problem = parse(&found, text);

	if (problem == NULL)
		*out = found;
	else if (why != NULL)
		*why = problem;
	return problem == NULL ? 0 : -EINVAL;
}

const char *
prefix_format(const struct prefix *prefix, char *buf, size_t size)
{
	const bool is4 = prefix->family == AF_INET;
	const unsigned length = is4 ? prefix->bits - MAPPED_BITS : prefix->bits;
	char address[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(prefix->family,
	    is4 ? prefix->ip + sizeof(mapped) : prefix->ip, address,
	    sizeof(address));
	if (prefix->bits == 128)
		(void)snprintf(buf, size, "%s", address);
	else
		(void)snprintf(buf, size, "%s/%u", address, length);
	return buf;
}

void
prefix_of(struct prefix *out, const struct endpoint *ip, unsigned bits4,
    unsigned bits6)
{
	memcpy(out->ip, ip->ip, sizeof(out->ip));
	out->family = ip->family;
	out->bits = (uint8_t)(ip->family == AF_INET ? MAPPED_BITS + bits4
						    : bits6);
	cut(out->ip, out->bits);
}

bool
prefix_contains(const struct prefix *prefix, const struct endpoint *ip)
{
	uint8_t start[16];

	if (prefix->family != ip->family)
		return false;
	memcpy(start, ip->ip, sizeof(start));
	cut(start, prefix->bits);
	return memcmp(start, prefix->ip, sizeof(start)) == 0;
}
