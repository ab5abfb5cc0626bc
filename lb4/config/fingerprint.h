/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checksums of the configuration, by which the nodes of a cluster find out
 * whether theirs agree: equal where all keys have equal values, whatever the
 * order of the lines, and whether a value was written or is the default.
 *
 * Keys that belong to one node are left out; keys.c marks them.  They say what
 * the node gives to lb4 (workers, limits, pipes, the way of the relay), who
 * runs it, who may operate it, and where it writes.  They do not affect what
 * happens to a client.  All keys of a service do: after an address has moved to
 * another node, its clients expect the same ports, backends and timeouts.  The
 * node's zone is in no file.
 *
 * The hash-seed is secret and has a checksum of its own.  The order of a
 * service's backends, which matters for balance = first, is in the checksum of
 * its table.
 */
#ifndef LB4_CONFIG_FINGERPRINT_H
#define LB4_CONFIG_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"

struct config;
struct config_service;

/* Of [global].  Returns 0, or -ENOMEM. */
must_check int fingerprint_global(const struct config *config, uint64_t *sum);

/* Of a service, its name and backends. */
must_check int fingerprint_service(const struct config_service *service,
    uint64_t *sum);

/* Of the hash-seed, given or generated.  It reveals nothing: the seed is the
 * key with which a fixed text is hashed. */
uint64_t fingerprint_seed(const struct config *config);

/* Whether the hash-seed has any effect: some service hashes. */
bool fingerprint_seed_matters(const struct config *config);

#endif
