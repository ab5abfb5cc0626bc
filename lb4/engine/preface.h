/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A prefix: what lb4 itself sends to the backend of a conn before the client's
 * first byte, which is a PROXY header (lb4/wire/proxy.h).
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

#include <stdint.h>

#include "common/attr.h"
#include "lb4/engine/types.h"

/* 0 or -ENOMEM; worker->conns has been made. */
must_check int preface_init(struct worker *worker);
void preface_done(struct worker *worker);

/* The client's own PROXY header has named where the client connected to. */
void preface_set_destination(struct worker *worker, struct conn *conn,
    const struct endpoint *dst);

/* A backend has answered, whose conns begin with that enum send_proxy.  From
 * here on conn->preface says that there is something left to send. */
void preface_begin(struct worker *worker, struct conn *conn,
    uint8_t send_proxy);

/*
 * Sends what is left of the prefix; conn->preface is set.  Returns 0 when all
 * of it is sent, and conn->preface is cleared.  Returns -EAGAIN if the backend's
 * socket has no room: an edge will come.  Returns -EBADMSG if the rest of the
 * prefix cannot be made, or -errno of send(2).
 */
must_check int preface_send(struct worker *worker, struct conn *conn);

/* Hands over the state of a conn that moves to another worker. */
struct preface preface_leave(const struct worker *worker,
    const struct conn *conn);
void preface_enter(struct worker *worker, const struct conn *conn,
    const struct preface *preface);

#endif
