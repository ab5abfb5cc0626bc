/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Who gets a place at the control socket.  A place is easily held: by silence,
 * by a command that waits, by answers that are not read.  So no user and no
 * level may have them all:
 *
 *	root, lb4's own user	any place
 *	all others		ADMIT_OTHERS_MAX together, less at a low level
 *				(admit.c); ADMIT_USER_MAX of one user
 *
 * When there is no free place for a caller, another one makes room, but never
 * one that the readiness thread has: what watches the node keeps its place.
 * Root displaces anybody else, then its own; another user its own callers, or
 * those of a user with more of them.  Pure.
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

/* Nobody has to make room before it has been silent for so long. */
#define ADMIT_AGE_MS 1000

struct newcomer {
	uid_t uid;
	enum level level;
	bool own; /* root, or the user that lb4 runs as */
};

/*
 * The place for a newcomer among the `count` ones: a free one (fd -1), or that
 * of the caller who has to make room for it.  NULL when there is none, with the
 * reason in *why, a constant text.
 */
struct caller *admit_place(struct caller *callers, size_t count,
    const struct newcomer *newcomer, uint64_t now_ms, const char **why);

#endif
