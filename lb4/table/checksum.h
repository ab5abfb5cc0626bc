/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One number for all that decides which client goes to which backend, to be
 * compared between nodes: where it is the same, so are the answers.
 *
 * It covers the policy and its keys (source-prefix, max-load), the hash-seed
 * for the policies that hash, and the backends in the order of their names:
 * name, weight, whether it is a backup, its Maglev slots; for `first` also
 * their order in the file.  Not the addresses: two nodes may reach one backend
 * by different ones.  Not what is a node's own or passes: its zone, health,
 * administrative states, counts, pins.
 */
#ifndef LB4_TABLE_CHECKSUM_H
#define LB4_TABLE_CHECKSUM_H

#include <stdint.h>

struct service;

/* The checksum of a service whose policy's build() is done; table.c keeps it
 * in service->checksum.  Tells nothing of the seed: it is hashed with it. */
uint64_t checksum_service(const struct service *service);

#endif
