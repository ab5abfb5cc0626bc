/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Where the backends of a service come from, apart from the lines that have
 * addresses: from its backends-file, from the addresses of host names, and from
 * SRV records.  For status and explain.
 */
#ifndef LB4_COMMAND_ORIGINS_H
#define LB4_COMMAND_ORIGINS_H

#include <jansson.h>
#include <stddef.h>

struct caller;

/* ", backends from /etc/lb4/web, pg from SRV records of _pg._tcp.db.internal",
 * with what is wrong; cut where it is too long. */
void origins_format(const struct caller *caller, const char *service,
    char *line, size_t size);

/* The service's backends-file; null: it has none. */
json_t *origins_file(const struct caller *caller, const char *service);

/* The service's lines with names. */
json_t *origins_names(const struct caller *caller, const char *service);

/* Where one backend comes from; null: from a line of its own. */
json_t *origins_of(const struct caller *caller, const char *service,
    const char *backend);

/* The same in words, such as "SRV records of _pg._tcp.db.internal", or "". */
const char *origins_text(const struct caller *caller, const char *service,
    const char *backend, char *buf, size_t size);

#endif
