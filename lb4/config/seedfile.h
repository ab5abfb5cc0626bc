/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The file named by hash-seed-file: a secret that only its owner can read.
 * config_load() reads it.
 */
#ifndef LB4_CONFIG_SEEDFILE_H
#define LB4_CONFIG_SEEDFILE_H

#include "common/attr.h"

struct config;
struct why;

/*
 * Reads 32 hexadecimal digits, followed by nothing but spaces and newlines,
 * from the regular file at `path` into the configuration's hash_seed.  Returns
 * 0, or -EINVAL with the reason in `why`, which reveals nothing of the file's
 * content: the file cannot be read, is not a regular file, holds something
 * else, or its mode lets its group or others read or write it.  In an access
 * control list (acl(5)) each entry counts: it may name a user, but not a group.
 */
must_check int seedfile_read(const char *path, struct config *config,
    struct why *why);

#endif
