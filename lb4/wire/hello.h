/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The ClientHello that begins a TLS connection: the name that the client asks
 * for (SNI, RFC 6066, section 3) and the protocols that it offers (ALPN, RFC
 * 7301).  Sources: RFC 8446, sections 4.1.2, 4.2 and 5.1; RFC 5246.
 *
 * With Encrypted Client Hello the name is that of the outer hello.
 */
#ifndef LB4_WIRE_HELLO_H
#define LB4_WIRE_HELLO_H

#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

/* The most bytes that are looked at, with the headers of the records.  A hello
 * with post-quantum keys has about 2 KiB. */
#define HELLO_READ_MAX 32768

#define HELLO_NAME_MAX 255

enum hello_result {
	HELLO_DONE,  /* a whole hello, which other bytes may follow */
	HELLO_MORE,  /* the beginning of one */
	HELLO_PLAIN, /* the first bytes are not TLS */
	HELLO_BAD,   /* TLS, but no valid hello */
};

struct hello {
	/* HELLO_MORE: bytes that are needed at least, more than there are. */
	size_t need;
	char name[HELLO_NAME_MAX + 1]; /* in lower case; "": none */
	/* The protocols, each behind a byte with its length; in the buffer. */
	const unsigned char *alpn;
	size_t alpn_len; /* 0: none */
	const char *why; /* HELLO_BAD, HELLO_PLAIN: a part of a sentence */
};

/*
 * Reads a hello from the beginning of `buf`, and moves the parts that are in
 * several records together there: what it leaves in `buf` is of no use but for
 * hello->alpn.  It is strict: lengths that fill what is around them, each
 * extension at most once, a name of letters, digits and "-_.".
 */
must_check enum hello_result hello_parse(unsigned char *buf, size_t len,
    struct hello *out);

#endif
