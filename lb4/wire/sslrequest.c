/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* PostgreSQL's requests for encryption: see sslrequest.h. */
#include "lb4/wire/sslrequest.h"

#include <string.h>

/* The length, and the code 80877103. */
const unsigned char sslrequest_bytes[SSLREQUEST_LEN] = { 0, 0, 0, 8, 4, 210, 22,
	47 };

enum sslrequest
sslrequest_parse(const unsigned char *buf, size_t len)
{
	const size_t same = SSLREQUEST_LEN - 1;

	if (len == 0 ||
	    memcmp(buf, sslrequest_bytes, len < same ? len : same) != 0)
		return SSLREQUEST_NONE;
	if (len < SSLREQUEST_LEN)
		return SSLREQUEST_MORE;
	if (buf[same] == sslrequest_bytes[same])
		return SSLREQUEST_TLS;
	return buf[same] == sslrequest_bytes[same] + 1 ? SSLREQUEST_GSS
						       : SSLREQUEST_NONE;
}
