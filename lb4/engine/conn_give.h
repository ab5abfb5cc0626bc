/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A conn changes its worker.  Called by worker.c and leveling.c. */
#ifndef LB4_ENGINE_CONN_GIVE_H
#define LB4_ENGINE_CONN_GIVE_H

#include <stdbool.h>

struct conn;
struct worker;

/* Gives the conn, in any state but CLOSED, to the worker `to`, which has a
 * thread and keeps it until the message has arrived.  Returns false if the conn
 * has stayed, for lack of memory or because the mailbox is full. */
bool conn_give(struct worker *worker, struct conn *conn, struct worker *to);

#endif
