/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Looks up users and groups by name, in passwd(5), group(5) and the other
 * sources of nsswitch.conf(5).  Any thread may call it.
 */
#ifndef COMMON_USER_H
#define COMMON_USER_H

#include <sys/types.h>

#include "common/attr.h"

struct why;

struct user {
	uid_t uid;
	gid_t gid; /* its first group */
};

/* Looks the user up.  Returns 0, or -errno with "there is no user x"
 * (-ENOENT). */
must_check int user_find(struct user *user, const char *name, struct why *why);

/* The same for a group. */
must_check int user_find_group(gid_t *gid, const char *name, struct why *why);

#endif
