/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Who gets a place at the control socket.  A caller can hold a place by
 * silence, by a command that waits, or by not reading answers.  So no user and
 * no level may have all places:
 *
 *	root, lb4's own user	any place
 *	all others		ADMIT_OTHERS_MAX together, fewer at a low level
 *				(admit.c); ADMIT_USER_MAX for one user
 *
 * When there is no free place, another caller makes room, but never one that
 * the readiness thread has: a watcher of the node keeps its place.  Root
 * displaces other users first, then its own callers.  Another user displaces
 * its own callers, or those of a user with more of them.  Pure.
 */
#ifndef LB4_COMMAND_ADMIT_H
#define LB4_COMMAND_ADMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lb4/command/caller.h"

#define ADMIT_OTHERS_MAX 56
#define ADMIT_USER_MAX 16

/* A caller makes room only after it has been silent for this long. */
#define ADMIT_AGE_MS 1000

struct newcomer {
	uid_t uid;
	enum level level;
	bool own; /* root, or the user that lb4 runs as */
};

/*
 * Returns a place for the newcomer among `count` places: a free one (fd -1), or
 * that of the caller that makes room.  Returns NULL when there is none, with
 * the reason in *why, a constant text.
 */
struct caller *admit_place(struct caller *callers, size_t count,
    const struct newcomer *newcomer, uint64_t now_ms, const char **why);

#endif
