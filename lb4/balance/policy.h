/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The policies: one file each (policy_NAME.c) behind one interface.  A new one
 * is a file, a line in policy.c's table and a value of enum balance.
 */
#ifndef LB4_BALANCE_POLICY_H
#define LB4_BALANCE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/balance/candidates.h"

struct policy {
	const char *name;
	bool by_client; /* the client and the hash-seed decide */

	/* Prepares what pick needs (a Maglev table, a schedule) in a service
	 * whose backends are set.  0 or -errno.  May be NULL. */
	int (*build)(struct service *service);

	/* Writes what is hashed; returns its length. */
	size_t (*key)(const struct service *service, const struct pick *pick,
	    uint8_t key[PICK_KEY_MAX]);

	/* An index into service->backend for which candidate_usable() holds, or
	 * -1 when there is none.  The backend can be taken while fewer than
	 * *limit conns are active there. */
#define POLICY_NO_LIMIT UINT32_MAX
	int (*pick)(const struct service *service, const struct pick *pick,
	    const struct scope *scope, uint32_t *limit);

	/* The count of backend `index`'s conns has changed.  Any worker; may be
	 * NULL. */
	void (*moved)(const struct service *service, unsigned index);
};

const struct policy *policy_of(enum balance balance);

/* For policies: the rest of this file. */

/* As struct policy's key: 9 bytes, the conn's id (big-endian) and how many
 * backends it has tried. */
size_t policy_conn_key(const struct service *service, const struct pick *pick,
    uint8_t key[PICK_KEY_MAX]);

/* As struct policy's build: makes service->turns. */
must_check int policy_build_turns(struct service *service);

extern const struct policy policy_4tuple;
extern const struct policy policy_source;
extern const struct policy policy_roundrobin;
extern const struct policy policy_leastconn;
extern const struct policy policy_random;
extern const struct policy policy_first;

#endif
