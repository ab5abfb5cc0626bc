/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The bytes of the PROXY protocol, for proxy.c and proxy_write.c. */
#ifndef LB4_WIRE_PROXY_WIRE_H
#define LB4_WIRE_PROXY_WIRE_H

#define PROXY_V1_BEGIN "PROXY "
#define PROXY_V1_MIN 15 /* "PROXY UNKNOWN" and CR LF */
#define PROXY_V1_MAX 107

#define PROXY_V2_BEGIN "\r\n\r\n\0\r\nQUIT\n"
/* The beginning, the version and command, the family and protocol, and the
 * length of what follows. */
#define PROXY_V2_HEAD 16

/* Both addresses of a family, and their ports. */
#define PROXY_V2_INET 12
#define PROXY_V2_INET6 36
#define PROXY_V2_UNIX 216

#define PROXY_TLV_HEAD 3 /* type and length */
enum {
	PROXY_TLV_ALPN = 1,
	PROXY_TLV_AUTHORITY = 2,
	PROXY_TLV_CRC32C = 3,
	PROXY_TLV_UNIQUE_ID = 5,
};

#endif
