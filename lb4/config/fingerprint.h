/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checksums of the configuration, by which nodes of a cluster find out whether
 * theirs are alike: equal where all keys have equal values, whatever the order
 * of lines and whether a value was written or is the default.
 *
 * Left out is what is a node's own: keys.c marks it.  These are the keys that
 * say what the node gives to lb4 (workers, limits, pipes, the way of the
 * relay), who runs it, who may operate it, and where it writes what.  Neither
 * decides what becomes of a client.  All keys of a service do: after an address
 * has moved to another node, its clients expect the same ports, the same
 * backends and the same patience.  The node's zone is in no file.
 *
 * The hash-seed has a checksum of its own, being a secret.  The order of a
 * service's backends, which counts for balance = first, is in the checksum of
 * its table.
 */
#ifndef LB4_CONFIG_FINGERPRINT_H
#define LB4_CONFIG_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct config_service;

/* Of [global].  Returns 0, or -ENOMEM. */
int fingerprint_global(const struct config *config, uint64_t *sum);

/* Of a service, its name and backends. */
int fingerprint_service(const struct config_service *service, uint64_t *sum);

/* Of the hash-seed, whether it was given or drawn.  Tells nothing of it: what
 * is hashed is the same everywhere, and the seed is the key. */
uint64_t fingerprint_seed(const struct config *config);

/* Whether the hash-seed decides anything: some service hashes. */
bool fingerprint_seed_matters(const struct config *config);

#endif
