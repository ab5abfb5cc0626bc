/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A prefix: what lb4 itself sends to the backend of a conn before the client's
 * first byte: a PROXY header (lb4/wire/proxy.h), and an SSLRequest of
 * PostgreSQL if lb4 has answered the client's own (conn_preread.h).  The client's
 * bytes follow after the backend's answer 'S', which lb4 swallows: a PostgreSQL
 * server refuses bytes that come before its answer.
 *
 * The prefix is not stored.  It follows from the conn: its id, its client, and
 * the address that the client connected to.  The last two are those of the
 * client's own PROXY header, if there was one.  If the backend's socket takes only
 * a part of it, the same bytes are made again for the rest.  A checksum tells
 * whether they are the same, since another version of lb4 may have sent the
 * first part before an upgrade.
 *
 * The state of a prefix is kept beside the conn, since few conns need it for
 * longer than a moment: see struct preface.
 */
#ifndef LB4_ENGINE_PREFACE_H
#define LB4_ENGINE_PREFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/engine/types.h"
#include "lb4/wire/proxy.h"
#include "lb4/wire/sslrequest.h"

/* The longest prefix, in bytes. */
#define PREFACE_MAX (PROXY_WRITE_MAX + SSLREQUEST_LEN)

/* 0 or -ENOMEM; worker->conns has been made. */
must_check int preface_init(struct worker *worker);
void preface_done(struct worker *worker);

/* The client's own PROXY header has named where the client connected to. */
void preface_set_destination(struct worker *worker, struct conn *conn,
    const struct endpoint *dst);

/* The client's ClientHello can be looked at again: a header of version 2 tells
 * what it asks for. */
void preface_set_hello(struct worker *worker, struct conn *conn);

/* An SSLRequest of the client was answered with 'S': the prefix ends with one.
 */
void preface_set_request(struct worker *worker, struct conn *conn);

/* A backend has answered, whose conns begin with that enum send_proxy.  From
 * here on conn->preface says that there is something left to send. */
void preface_begin(struct worker *worker, struct conn *conn,
    uint8_t send_proxy);

/*
 * Sends what is left of the prefix; conn->preface is set.  Returns 0 when all
 * of it is sent.  Then conn->preface is cleared, or the answer to an SSLRequest
 * is awaited.  Returns -EAGAIN if the backend's
 * socket has no room: an edge will come.  Returns -EBADMSG if the rest of the
 * prefix cannot be made, or -errno of send(2).
 */
must_check int preface_send(struct worker *worker, struct conn *conn);

/* Whether the answer to the SSLRequest comes first in what the backend sends;
 * conn->preface is set. */
bool preface_awaits(const struct worker *worker, const struct conn *conn);

/* Takes that answer, which the client has already.  Returns 0 if it is 'S', and
 * conn->preface is cleared; -EAGAIN if it is not there; -EPROTO if the backend
 * refuses encryption, or -errno. */
must_check int preface_take_answer(struct worker *worker, struct conn *conn);

/* Writes the prefix of the copy that a mirror gets, with that enum send_proxy,
 * into PREFACE_MAX bytes.  Call it before preface_begin().  Returns its
 * length. */
size_t preface_copy(const struct worker *worker, const struct conn *conn,
    uint8_t send_proxy, unsigned char *buf);

/* Hands over the state of a conn that moves to another worker. */
struct preface preface_leave(const struct worker *worker,
    const struct conn *conn);
void preface_enter(struct worker *worker, const struct conn *conn,
    const struct preface *preface);

#endif
