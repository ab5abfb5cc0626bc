/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the policies that hash share: a Maglev table, looked up by the keyed
 * hash of some bytes of the client.
 *
 * The bytes are the same on every node and machine, so a client has the same
 * backend everywhere:
 *
 *	source	16	the client's address in network order; IPv4 mapped
 *			(::ffff:a.b.c.d); zeros after the first
 *			source-prefix4 or source-prefix6 bits
 *	4tuple	18	all 16 bytes of the address, and the client's port in
 *			network order
 *	both	 8	for a unix client: the conn's id, big-endian
 */
#ifndef LB4_BALANCE_POLICY_HASH_H
#define LB4_BALANCE_POLICY_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/balance/policy.h"

/* As struct policy's key: those of 4tuple and source. */
size_t policy_hash_whole(const struct service *service, const struct pick *pick,
    uint8_t key[PICK_KEY_MAX]);
size_t policy_hash_network(const struct service *service,
    const struct pick *pick, uint8_t key[PICK_KEY_MAX]);

/* As struct policy's build: makes service->maglev.  A set whose weights are all
 * 0 has none, and a pick finds nothing there. */
must_check int policy_hash_build(struct service *service);

/*
 * As struct policy's pick: the backend of the slot that the hash chooses.  If
 * it is not usable, up to 16 further slots are tried, each by a hash of the
 * previous hash; then all usable backends share by weight.  So the loss of a
 * backend moves only its own clients and spreads them evenly, and its return
 * brings them back.
 *
 * With max-load, no backend has more than
 *
 *	ceil(max-load x (active conns + 1) x weight / sum of weights)
 *
 * conns, over all available backends of the set; a backend at its limit is
 * skipped like one that is down (Mirrokni, Thorup and Zadimoghaddam,
 * "Consistent Hashing with Bounded Loads", SODA 2018).  Each pick reads all
 * counts.  A conn that has failed to reach other backends exceeds a limit when
 * there is no other choice.
 */
must_check int policy_hash_pick(const struct service *service,
    const struct pick *pick, const struct scope *scope, uint32_t *limit);

/* Why a conn cannot use backend `index` of the scope's set, whatever its hash;
 * max-load counts, and *limit is as policy_hash_pick() sets it. */
enum skip policy_hash_skip(const struct service *service,
    const struct pick *pick, unsigned index, const struct scope *scope,
    uint32_t *limit);

#endif
