/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The requests of a PostgreSQL client for encryption, which come before its
 * ClientHello.  Source: PostgreSQL 17, "Message Formats": SSLRequest and
 * GSSENCRequest.
 */
#ifndef LB4_WIRE_SSLREQUEST_H
#define LB4_WIRE_SSLREQUEST_H

#include <stddef.h>

#define SSLREQUEST_LEN 8

/* The answers of one byte. */
#define SSLREQUEST_YES 'S'
#define SSLREQUEST_NO 'N'

enum sslrequest {
	SSLREQUEST_NONE, /* the bytes begin with something else */
	SSLREQUEST_MORE, /* the beginning of a request */
	SSLREQUEST_TLS,
	SSLREQUEST_GSS,
};

enum sslrequest sslrequest_parse(const unsigned char *buf, size_t len);

/* The SSLRequest itself. */
extern const unsigned char sslrequest_bytes[SSLREQUEST_LEN];

#endif
