/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One number for everything that decides which client goes to which backend, to
 * compare nodes: where it is equal, so are the picks.
 *
 * It covers the policy and its keys (source-prefix, max-load), the hash-seed
 * for the policies that hash, and the backends in the order of their names:
 * name, weight, whether it is a backup, its Maglev slots; for `first` also
 * their order in the file.  It leaves out the addresses: two nodes may reach
 * one backend by different ones.  It also leaves out what belongs to one node
 * or changes with time: its zone, health, administrative states, counts, pins.
 */
#ifndef LB4_TABLE_CHECKSUM_H
#define LB4_TABLE_CHECKSUM_H

#include <stdint.h>

struct service;

/* The checksum of a service after its policy's build(); table.c keeps it in
 * service->checksum.  It reveals nothing of the seed, which is the key of the
 * hash. */
uint64_t checksum_service(const struct service *service);

#endif
