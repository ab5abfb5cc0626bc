/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A limiter for each user: see quota.h. */
#include "lb4/command/quota.h"

#include <stddef.h>

void
quota_init(struct quota *quota, unsigned most, unsigned window_ms)
{
	quota->most = most;
	quota->window_ms = window_ms;
	quota->users = 0;
}

static struct quota_user *
find(struct quota *quota, uid_t uid)
{
	for (size_t i = 0; i < quota->users; i++)
		if (quota->user[i].uid == uid)
			return &quota->user[i];
	return NULL;
}

/* A free place, or that of the user seen longest ago. */
static struct quota_user *
add(struct quota *quota, uid_t uid)
{
	struct quota_user *user = &quota->user[0];

	if (quota->users < QUOTA_USERS_MAX)
		user = &quota->user[quota->users++];
	else
		for (size_t i = 1; i < QUOTA_USERS_MAX; i++)
			if (quota->user[i].seen_ms < user->seen_ms)
				user = &quota->user[i];
	user->uid = uid;
	limiter_init(&user->limiter, quota->most, quota->window_ms);
	return user;
}

bool
quota_pass(struct quota *quota, uid_t uid, uint64_t now_ms)
{
	struct quota_user *user = find(quota, uid);

	if (user == NULL)
		user = add(quota, uid);
	user->seen_ms = now_ms;
	return limiter_pass(&user->limiter, now_ms);
}
