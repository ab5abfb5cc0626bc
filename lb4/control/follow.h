/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Follows the files of backends (backends-file): watches their directories with
 * inotify(7), and applies each change of a file as a change of the
 * configuration (change.h), whole or not at all.
 *
 * It is the directory that is watched, and the one that the path leads to
 * through symbolic links: editors and Kubernetes replace a file or a link by
 * rename(2).  Any event there is only a reason to look at the files of that
 * moment.  A file is read when it is another one, or has changed, since it was
 * read last.
 */
#ifndef LB4_CONTROL_FOLLOW_H
#define LB4_CONTROL_FOLLOW_H

#include "common/attr.h"
#include "lb4/control/source.h"

struct follow;
struct running;

/* Fills in the source for the loop, which must end before follow_free().
 * Returns 0, -ENOMEM, or another -errno of inotify_init1(2). */
must_check int follow_new(struct follow **out, struct running *running,
    struct source *source);

/* NULL is allowed. */
void follow_free(struct follow *follow);

/* The file of that service, or NULL.  *error: why its present content was
 * refused, or "". */
const char *follow_file(const struct follow *follow, const char *service,
    const char **error);

#endif
