/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Users and groups by name, as passwd(5) and group(5) and whatever stands
 * beside them have it.  From any thread.
 */
#ifndef COMMON_USER_H
#define COMMON_USER_H

#include <sys/types.h>

struct why;

struct user {
	uid_t uid;
	gid_t gid; /* its first group */
};

/* Looks the user up.  Returns 0, or -errno with "there is no user x"
 * (-ENOENT). */
int user_find(struct user *user, const char *name, struct why *why);

/* The same for a group. */
int user_find_group(gid_t *gid, const char *name, struct why *why);

#endif
