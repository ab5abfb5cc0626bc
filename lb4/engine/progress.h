/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the kernel holds of a conn: bytes that lb4 has handed to a socket and
 * the peer has not taken yet, bytes that it has received and lb4 has not read
 * yet.  Called by conn.c when a deadline is near, never for each event.
 *
 * A side has taken what was relayed to it less what waits in its socket's send
 * queue (SIOCOUTQ: for TCP the bytes that are not acknowledged; for a unix
 * socket the memory of what the peer has not read).  When that number has
 * changed between two looks the side takes bytes, however slowly, and no
 * deadline ends the conn for its silence.
 *
 * Looks.  A conn through which bytes go is looked at every PROGRESS_LOOK_MS; as
 * long as it owes something to a side, every PROGRESS_AGAIN_MS.  One that owes
 * nothing is not looked at again until bytes move.
 */
#ifndef LB4_ENGINE_PROGRESS_H
#define LB4_ENGINE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct conn;

#define PROGRESS_LOOK_MS 3000
#define PROGRESS_AGAIN_MS 1000

/* Of one conn, as of the last look; [CLIENT]: what the client takes.  Whether a
 * side is owed bytes is in the conn: next to what traffic touches. */
struct progress {
	uint32_t taken[2]; /* bytes: low bits */
};

/* What waits in a socket's receive queue, or its send queue.  0 for -1. */
uint64_t progress_unread(int fd);
uint64_t progress_unsent(int fd);

/* Looks.  True when a side has taken something since the last look. */
bool progress_look(struct conn *conn);

/* When to look again if the last look found that a side is owed bytes, or for
 * the first time after bytes have moved: so many milliseconds later, but a part
 * of `limit_ms` at most. */
uint64_t progress_pause_ms(const struct conn *conn, uint64_t limit_ms);

/* Bytes that count as relayed to that side and that the peer has not got when
 * the conn ends now with a reset.  A unix socket's peer can still read what
 * its queue holds. */
uint64_t progress_undelivered(const struct conn *conn, int side);

#endif
