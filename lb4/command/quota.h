/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A limiter for each user, for answers that are costly or that would reveal too
 * much in large numbers.  Owned by one thread.
 */
#ifndef LB4_COMMAND_QUOTA_H
#define LB4_COMMAND_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/limiter.h"

/* How many users are remembered; a further one replaces the user seen longest
 * ago. */
#define QUOTA_USERS_MAX 64

struct quota {
	unsigned most; /* that a user may have ... */
	unsigned window_ms;
	size_t users;
	struct quota_user {
		uid_t uid;
		uint64_t seen_ms;
		struct limiter limiter;
	} user[QUOTA_USERS_MAX];
};

void quota_init(struct quota *quota, unsigned most, unsigned window_ms);

/* Whether the user may get another one. */
bool quota_pass(struct quota *quota, uid_t uid, uint64_t now_ms);

#endif
