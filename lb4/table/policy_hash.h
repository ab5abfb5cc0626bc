/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the policies that hash share: a Maglev table, looked up by the keyed
 * hash of some bytes of the client.
 *
 * The bytes are the same on every node and machine, so that the same client
 * has the same backend everywhere:
 *
 *	source	16	the client's address in network order; IPv4 mapped
 *			(::ffff:a.b.c.d), IPv6 cut to its /64 with zeros behind
 *	4tuple	18	the 16 bytes of the address, uncut, and the client's
 *			port in network order
 *	both	 8	for a unix client: the conn's id, big-endian
 */
#ifndef LB4_TABLE_POLICY_HASH_H
#define LB4_TABLE_POLICY_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb4/table/policy.h"

#define POLICY_KEY_MAX TRACE_KEY_MAX

/* Writes the key of `pick`'s client; returns its length.  For 4tuple with
 * `whole`, for source without. */
size_t policy_hash_key(const struct pick *pick, bool whole,
    uint8_t key[POLICY_KEY_MAX]);

/* As struct policy's build: makes service->maglev.  With all weights 0 there
 * is none, and every pick finds nothing. */
int policy_hash_build(struct service *service);

/*
 * The backend of the slot that the key's hash chooses.  If that is not usable,
 * up to 16 further slots are looked at, each by a hash of the hash before; then
 * all usable ones share by weight.  So a backend's loss moves only its own
 * clients, spreads them evenly, and its return brings them back.
 */
int policy_hash_pick(const struct service *service, const struct pick *pick,
    const uint8_t *key, size_t len, bool check_health);

#endif
