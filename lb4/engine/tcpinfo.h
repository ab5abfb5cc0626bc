/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the kernel knows of the way to a backend: TCP_INFO of tcp(7), as
 * histograms for each backend.  A backend behind a bad link shows, although its
 * checks pass.
 *
 *	rtt		smoothed round-trip time
 *	retransmitted	segments that lb4's kernel sent again, as a share of
 *			those that it sent: losses on the way to the backend
 *	disordered	segments that came out of order, as a share of those
 *			that came: losses on the way from the backend.  One loss
 *			puts all segments that follow it at once out of order
 *	delivery	the rate at which the backend's kernel took data, unless
 *			lb4 had too little to send to tell
 *
 * When.  A conn is sampled when it ends and, while bytes move, at each look
 * (progress.h).  A worker samples one conn of a backend in TCPINFO_EVERY_MS, so
 * short conns do not pay for it, and many long ones do not either.
 *
 * Shares are of what was sent and received since the conn's last sample.
 */
#ifndef LB4_ENGINE_TCPINFO_H
#define LB4_ENGINE_TCPINFO_H

#include "common/attr.h"

struct conn;
struct tcpinfo;
struct worker;

#define TCPINFO_EVERY_MS 10

/* 0 or -ENOMEM; worker->conns has been made. */
must_check int tcpinfo_init(struct worker *worker);
void tcpinfo_done(struct worker *worker);

/* Samples the conn, which is established, if it is time. */
void tcpinfo_sample(struct worker *worker, struct conn *conn);

/* Hands over what was seen of a conn that moves to another worker.  Valid if
 * conn->seen. */
struct tcpinfo tcpinfo_leave(const struct worker *worker,
    const struct conn *conn);
void tcpinfo_enter(struct worker *worker, const struct conn *conn,
    const struct tcpinfo *seen);

#endif
