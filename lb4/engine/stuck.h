/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Proof that the host of a backend is dead, for on-down = stuck.  A check can
 * be wrong; a kernel that does not acknowledge is not.  A process that only
 * hangs is no proof: its kernel acknowledges all the same.
 *
 * The proof is in TCP_INFO of tcp(7).  Nothing has been acknowledged for
 * STUCK_SILENCE_MS, and one of these:
 *
 *	data	is unacknowledged, and STUCK_TRIES retransmission timeouts in a
 *		row, each twice as long as the one before (RFC 6298), have
 *		passed (tcpi_backoff)
 *	probes	STUCK_TRIES keepalives or window probes in a row have no answer
 *		(tcpi_probes)
 *
 * A conn that has nothing to acknowledge gives no proof by itself.  While its
 * backend is down, the kernel is told to send keepalives on it.
 */
#ifndef LB4_ENGINE_STUCK_H
#define LB4_ENGINE_STUCK_H

#include <stdbool.h>

struct conn;
struct tcp_info;

#define STUCK_TRIES 3
#define STUCK_SILENCE_MS 1000

/* Keepalives after 3 s of silence and then every second. */
#define STUCK_KEEPIDLE_S 3
#define STUCK_KEEPINTVL_S 1

/* The judgement alone. */
bool stuck_is_proof(const struct tcp_info *info);

/* Whether the conn's backend is proved dead.  If there is nothing that could
 * prove it, asks the kernel for keepalives, for the rest of the conn's life.
 * False for a backend behind a unix socket.  The conn is established. */
bool stuck_is_proved(struct conn *conn);

#endif
