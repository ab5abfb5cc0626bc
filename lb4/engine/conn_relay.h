/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Relaying: moves bytes and passes FINs on while a conn is RELAYING.  Reports
 * the outcome to conn.c and never changes the state.
 */
#ifndef LB4_ENGINE_CONN_RELAY_H
#define LB4_ENGINE_CONN_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/engine/types.h"

/* A conn can be idle only if it has moved no byte for this long. */
#define CONN_QUIET_MS 1000

/* The outcome of running the relays. */
enum conn_relayed {
	CONN_GOES_ON,
	CONN_FINISHED,	  /* both sides; close(2) sends the last FIN */
	CONN_FAILED,	  /* failed_side has met `error`: 0, or errno */
	CONN_NO_RESOURCE, /* `error` says what this machine lacks */
};

/* Runs both relays, first the one that reads from `first`. */
enum conn_relayed conn_relay(struct worker *worker, struct conn *conn,
    enum conn_side first);

/* Runs only the relay that reads from `from`, and counts the bytes.  Returns
 * what relay_run() returns, and in *error the errno of a failure. */
enum relay_result conn_move_bytes(struct worker *worker, struct conn *conn,
    enum conn_side from, int *error);

/* Whether a FIN to both sides would end the conn cleanly: see closing.h. */
bool conn_is_idle(const struct worker *worker, const struct conn *conn);

/* How long nothing has moved.  Only a tenth of that counts while the backend
 * seems to owe an answer. */
uint64_t conn_quiet_ms(const struct worker *worker, const struct conn *conn);

/* The silence that ends the conn in its present state: timeout-idle or
 * timeout-half-close. */
uint64_t conn_silence_limit(const struct conn *conn);

/* From when on max-lifetime, if there is one, ends the conn once it is idle: up
 * to a tenth earlier than it says, so that conns that began together do not end
 * together. */
uint64_t conn_lifetime_end(const struct conn *conn);

/* From when on max-lifetime, if there is one, ends the conn even if it has not
 * become idle. */
uint64_t conn_lifetime_cut(const struct conn *conn);

/* Arms the timer for the next look at the conn: for its idle timeout, for the
 * end of its lifetime, or for what its sides have taken. */
void conn_arm_idle(struct worker *worker, struct conn *conn);

#endif
