/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The file of hash-seed-file: a secret that only its owner can read.
 * config_load() reads it.
 */
#ifndef LB4_CONFIG_SEEDFILE_H
#define LB4_CONFIG_SEEDFILE_H

struct config;
struct why;

/*
 * Reads 32 hexadecimal digits, and nothing but spaces and newlines after them,
 * from the regular file at `path` into the configuration's hash_seed.  Returns
 * 0, or -EINVAL with the reason in `why`, which tells nothing of what is in the
 * file: it cannot be read, is no regular file, holds something else, or its
 * mode lets its group or others read or write it.  The users and groups of an
 * access control list (acl(5)) count one by one: a user may be in it, a group
 * may not.
 */
int seedfile_read(const char *path, struct config *config, struct why *why);

#endif
