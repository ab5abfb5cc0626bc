/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Relaying: what a conn does while it is RELAYING.  Moves bytes and passes FINs
 * on, and tells conn.c what has come of it; never changes the state.
 */
#ifndef LB4_ENGINE_CONN_RELAY_H
#define LB4_ENGINE_CONN_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/engine/types.h"

/* A conn that has moved no byte for so long may be idle. */
#define CONN_QUIET_MS 1000

/* What the relays of a conn have come to. */
enum conn_relayed {
	CONN_GOES_ON,
	CONN_FINISHED,	  /* both sides have; close(2) sends the last FIN */
	CONN_FAILED,	  /* failed_side has met `error`: 0, or errno */
	CONN_NO_RESOURCE, /* `error` says what is lacking on this machine */
};

/* Runs both relays, the one from side `first` first. */
enum conn_relayed conn_relay(struct worker *worker, struct conn *conn,
    enum conn_side first);

/* Runs the relay from side `from` alone and counts what it has moved; as
 * relay_run(). */
enum relay_result conn_move_bytes(struct worker *worker, struct conn *conn,
    enum conn_side from, int *error);

/* Whether a FIN to both sides would end it well: see closing.h. */
bool conn_is_idle(const struct worker *worker, const struct conn *conn);

/* For how long nothing has moved.  While the backend owes an answer, as far as
 * can be seen from outside, only a tenth of that counts. */
uint64_t conn_quiet_ms(const struct worker *worker, const struct conn *conn);

/* After how much silence the conn ends now: timeout-idle, or
 * timeout-half-close. */
uint64_t conn_silence_limit(const struct conn *conn);

/* Arms the timer for the next look at the conn: its idle timeout, the end of
 * its lifetime, or what its sides have taken. */
void conn_arm_idle(struct worker *worker, struct conn *conn);

#endif
