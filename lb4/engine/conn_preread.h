/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The first bytes of a client, which tell lb4 something: a PROXY header, then a
 * ClientHello.  Reports the outcome to conn.c and never changes the state.
 *
 * The bytes are only looked at, with MSG_PEEK.  When a PROXY header is
 * complete, exactly the header is consumed.  Of a ClientHello nothing is
 * consumed.  What is left stays in the socket, where the relay finds it.
 *
 * The access rules (entry.h) judge the client that a header names, and those of
 * another service the client that a route leads there.
 *
 * No look is made without a new segment: the sockets are edge-triggered, and
 * each segment that arrives is an edge.  While a hello needs a known number of
 * bytes, SO_RCVLOWAT holds the edges back until they are there.
 *
 * A PostgreSQL client asks for encryption before its hello, and waits for the
 * answer.  lb4 answers an SSLRequest with 'S' in place of the backend and
 * consumes it, so that the client sends its hello.  The backend gets an
 * SSLRequest later, and its answer is swallowed: see preface.h.  A
 * GSSENCRequest is answered with 'N'.
 */
#ifndef LB4_ENGINE_CONN_PREREAD_H
#define LB4_ENGINE_CONN_PREREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/engine/access.h"
#include "lb4/engine/types.h"

struct service;

enum conn_preread {
	PREREAD_WAITS,	 /* for more bytes */
	PREREAD_DONE,	 /* all is known: conn->client, conn->service */
	PREREAD_REFUSED, /* `reason` and `error` say why */
};

/* The bits of attempts.preread: what the conn has still to tell, and how far it
 * is.  They are part of the record of a conn. */
enum {
	PREREAD_HEADER = 1,   /* a PROXY header */
	PREREAD_HELLO = 2,    /* a ClientHello */
	PREREAD_ANSWERED = 4, /* an SSLRequest has been answered */
	PREREAD_LOWAT = 8,    /* SO_RCVLOWAT is set */
	PREREAD_GSS = 16,     /* a GSSENCRequest has been answered */
};

/* A conn of the service begins.  Returns PREREAD_DONE if it tells nothing
 * first.  Otherwise PREREAD_WAITS: call conn_preread(). */
enum conn_preread conn_preread_begin(struct worker *worker, struct conn *conn,
    const struct service *service);

/* Looks at the bytes that have come. */
must_check enum conn_preread conn_preread(struct worker *worker,
    struct conn *conn);

/* When the conn must have told what it is waited for, and the reason for which
 * it ends if not; the reason if the client has gone. */
uint64_t conn_preread_deadline(const struct conn *conn);
enum reason conn_preread_late(const struct conn *conn);
enum reason conn_preread_gone(const struct conn *conn);

/* The peer of the client's socket: the client itself, or the proxy that has
 * named it. */
struct endpoint conn_peer(const struct conn *conn);

#endif
