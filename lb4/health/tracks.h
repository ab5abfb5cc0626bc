/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Backends that take over the health of another one (the option `track`), which
 * is checked.  The prober owns them.
 */
#ifndef LB4_HEALTH_TRACKS_H
#define LB4_HEALTH_TRACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

struct backend;
struct table;

struct track {
	struct backend *leader; /* both referenced */
	struct backend *backend;
};

/* All zero at the start. */
struct tracks {
	struct track *track; /* owned; sorted by the id of the leader */
	size_t count;
	size_t room;
};

/* Lists the tracks of `table` in *out, which is empty.  0 or -ENOMEM; free it
 * with tracks_done() in both cases. */
must_check int tracks_list(struct tracks *out, const struct table *table);
void tracks_done(struct tracks *tracks);

/* The backend whose health the one with that id takes over, or NULL. */
const struct backend *tracks_leader(const struct tracks *tracks, uint32_t id);

/* Copies the health of `leader` to those that track it.  Calls `news`, unless
 * it is NULL, for each that goes up or down. */
void tracks_follow(const struct tracks *tracks, const struct backend *leader,
    uint64_t now_ms, void (*news)(void *owner, uint32_t backend), void *owner);

/* The same for all leaders. */
void tracks_follow_all(const struct tracks *tracks, uint64_t now_ms,
    void (*news)(void *owner, uint32_t backend), void *owner);

#endif
