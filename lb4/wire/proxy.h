/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The header of the PROXY protocol, versions 1 and 2: what a proxy sends before
 * a client's first byte, so that its peer knows the client's address.
 * Source: "The PROXY protocol, versions 1 & 2", Willy Tarreau,
 * https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
 *
 * The engine reads headers from clients and writes them to backends; the
 * prober writes them to backends.
 */
#ifndef LB4_WIRE_PROXY_H
#define LB4_WIRE_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"
#include "lb4/config/settings.h"

/* ---- reading ------------------------------------------------------------ */

/* The longest header that is accepted: 4 KiB.  A longer one of version 2, whose
 * length field allows 65,551 bytes, is refused. */
#define PROXY_READ_MAX 4096

enum proxy_result {
	PROXY_DONE, /* a whole header, which may be followed by other bytes */
	PROXY_MORE, /* the beginning of a header */
	PROXY_BAD,  /* not a header */
};

struct proxy_header {
	/* PROXY_DONE: bytes of the header.  PROXY_MORE: bytes that it has at
	 * least, more than there are. */
	size_t len;

	/*
	 * Whether it names a client that came by TCP.  If not (LOCAL, UNKNOWN,
	 * UNSPEC, a unix socket), the addresses of the connection itself hold.
	 */
	bool named;
	struct endpoint src; /* the client */
	struct endpoint dst; /* where the client connected to */

	const char *why; /* PROXY_BAD: a constant part of a sentence */
};

/*
 * Reads a header from the beginning of `buf`.  It is strict: addresses and
 * ports of version 1 in their canonical form, version 2 with known values only,
 * and TLVs that fill the header.  TLVs are skipped, except for the checksum,
 * which must be right.
 */
must_check enum proxy_result proxy_parse(const unsigned char *buf, size_t len,
    struct proxy_header *out);

/* ---- writing ------------------------------------------------------------ */

/* The most that proxy_write() writes: a header of version 2 for IPv6 with all
 * of its TLVs. */
#define PROXY_WRITE_MAX 1024

#define PROXY_TEXT_MAX 255 /* bytes of a text in a TLV */

struct proxy_text {
	const void *bytes;
	size_t len; /* 0: there is none; at most PROXY_TEXT_MAX */
};

struct proxy_say {
	enum send_proxy version; /* SEND_PROXY_V1 or SEND_PROXY_V2 */
	/* The connection is lb4's own: it relays nobody. */
	bool local;
	/* If one of them has no address (AF_UNIX), the header names nobody. */
	struct endpoint src, dst;

	/* Of version 2 alone. */
	struct proxy_text unique_id;
	struct proxy_text authority; /* the name that the client asks for */
	struct proxy_text alpn;	     /* its first protocol */
};

/* Writes the header into `buf`, which has room for PROXY_WRITE_MAX bytes.
 * Returns its length. */
size_t proxy_write(const struct proxy_say *say, unsigned char *buf);

#endif
