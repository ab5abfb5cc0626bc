/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What a route matches, as it is written: one word of terms with commas between
 * them.
 *
 *	sni:app.example.org	the client asks for this name
 *	sni:*.example.org	... for a name below example.org
 *	no-sni			... for no name
 *	alpn:h2			the client offers this protocol
 *	plain			the client does not begin with TLS
 *	any			every client
 *
 * Of several names one must match, and likewise of several protocols; with both
 * kinds, both must.  `plain` and `any` stand alone.
 *
 * The configuration checks the text (kinds_routes.c); lb4/model/service.h finds
 * the route of a client.
 */
#ifndef LB4_CONFIG_ROUTE_H
#define LB4_CONFIG_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/why.h"

/* What a client's first bytes have told. */
struct route_facts {
	bool plain;	  /* they are not TLS */
	const char *name; /* in lower case; "": none */
	/* The protocols, each behind a byte with its length. */
	const unsigned char *alpn;
	size_t alpn_len;
};

/* Checks the text, and writes names in lower case.  0, or -EINVAL with the
 * reason. */
must_check int route_check(char *match, struct why *why);

/* Whether a checked text matches. */
bool route_matches(const char *match, const struct route_facts *facts);

#endif
