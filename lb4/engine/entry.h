/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Who may come in: a service's access rules (lb4/config/access_rules.h), judged
 * for a client that was just accepted.  A refused client gets a reset; it costs
 * no conn, no timer and no backend.  A client that a PROXY header names, or
 * that a route leads to another service, is judged when that happens
 * (conn_preread.h).
 */
#ifndef LB4_ENGINE_ENTRY_H
#define LB4_ENGINE_ENTRY_H

#include <stdbool.h>

struct endpoint;
struct service;
struct worker;

/* Judges the client of an accepted socket, unless a PROXY header is to name it.
 * conn_preread.h judges the client then.  Returns false after it has refused
 * the client: the socket is closed with a reset, the refusal counted and
 * logged. The caller then leaves the gates. */
bool entry_admits(struct worker *worker, const struct service *service, int fd,
    const struct endpoint *client);

#endif
