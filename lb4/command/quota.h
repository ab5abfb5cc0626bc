/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How often each user may have what is costly, or tells too much when it is
 * asked for without end: a limiter for each user.  Owned by one thread.
 */
#ifndef LB4_COMMAND_QUOTA_H
#define LB4_COMMAND_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/limiter.h"

/* Users that are remembered at a time; of more, the one that was seen longest
 * ago is forgotten. */
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

/* Whether the user may have another one. */
bool quota_pass(struct quota *quota, uid_t uid, uint64_t now_ms);

#endif
