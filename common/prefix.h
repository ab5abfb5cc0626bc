/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Prefixes of IP addresses (RFC 4632, RFC 4291 section 2.3), as lists of
 * addresses have them.
 *
 *	192.0.2.0/24   192.0.2.7   2001:db8::/32   ::ffff:192.0.2.0/120
 *
 * As in a struct endpoint, IPv4 is stored mapped to IPv6, so a mapped prefix is
 * the IPv4 prefix that it contains.
 */
#ifndef COMMON_PREFIX_H
#define COMMON_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"

struct prefix {
	uint8_t ip[16]; /* the bits beyond the prefix are 0 */
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t bits;	/* of `ip`: for IPv4 96 more than are written */
};

/* Longest text that prefix_format() makes, with its end. */
#define PREFIX_TEXT_MAX sizeof("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127")

/*
 * Reads "ADDRESS/LENGTH", or "ADDRESS" for that address alone.  Returns 0, or
 * -EINVAL with `why` (if not NULL) pointing at a constant sentence such as "the
 * length must be 0 to 32"; `out` is then unchanged.  An address with bits beyond
 * the length is refused: one of the two is a slip.
 */
must_check int prefix_parse(struct prefix *out, const char *text,
    const char **why);

/* Writes the text that prefix_parse() reads back, without the length where it
 * is the whole address.  Returns `buf`. */
const char *prefix_format(const struct prefix *prefix, char *buf, size_t size);

/* The first `bits4` (IPv4) or `bits6` (IPv6) bits of an IP address, as a
 * prefix. */
void prefix_of(struct prefix *out, const struct endpoint *ip, unsigned bits4,
    unsigned bits6);

bool prefix_contains(const struct prefix *prefix, const struct endpoint *ip);

#endif
