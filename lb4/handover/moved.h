/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The conns that the new process has taken.  Their places stay taken here as
 * well (moving.h); if the new process dies before the end, they are given up.
 */
#ifndef LB4_HANDOVER_MOVED_H
#define LB4_HANDOVER_MOVED_H

#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

struct engine;
struct moved_conn;
struct moving;
struct tables;

/* All zero: none. */
struct moved {
	struct moved_conn *conn; /* owned; `count` of them */
	size_t count, room;
};

/* Makes room for one more piece, before it is sent.  0 or -ENOMEM. */
must_check int moved_make_room(struct moved *moved);

/* Notes the conns of the piece that are gone.  There is room for them. */
void moved_note(struct moved *moved, const struct moving *moving);

/* The new process has died: gives all places up. */
void moved_give_up(const struct moved *moved, struct engine *engine,
    struct tables *tables);

void moved_done(struct moved *moved);

#endif
