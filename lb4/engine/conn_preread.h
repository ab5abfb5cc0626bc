/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The first bytes of a client, which tell lb4 something: a PROXY header.
 * Reports the outcome to conn.c and never changes the state.
 *
 * The bytes are only looked at, with MSG_PEEK, until the header is complete.
 * Then exactly the header is consumed.  Everything after it stays in the
 * socket, where the relay finds it.  While the header is incomplete, the edge
 * that reports the next segment is what makes the worker look again, so a slow
 * client costs one recv(2) for each segment that it sends.
 */
#ifndef LB4_ENGINE_CONN_PREREAD_H
#define LB4_ENGINE_CONN_PREREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/engine/types.h"

struct service;

enum conn_preread {
	PREREAD_WAITS,	 /* for more bytes */
	PREREAD_DONE,	 /* all is known, and conn->client is the client */
	PREREAD_REFUSED, /* `reason` and `error` say why */
};

/* A conn of the service begins.  Returns PREREAD_DONE if it tells nothing
 * first.  Otherwise PREREAD_WAITS: call conn_preread(). */
enum conn_preread conn_preread_begin(struct worker *worker, struct conn *conn,
    const struct service *service);

/* Looks at the bytes that have come. */
must_check enum conn_preread conn_preread(struct worker *worker,
    struct conn *conn);

/* When the conn must have told everything. */
uint64_t conn_preread_deadline(const struct conn *conn);

/* The peer of the client's socket: the client itself, or the proxy that has
 * named it. */
struct endpoint conn_peer(const struct conn *conn);

#endif
