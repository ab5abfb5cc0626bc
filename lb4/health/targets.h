/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The set of checked backends: a target for each, as a table wants it.  The
 * prober owns it.
 */
#ifndef LB4_HEALTH_TARGETS_H
#define LB4_HEALTH_TARGETS_H

#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

struct table;
struct target;
struct target_env;

/* All zero at the start. */
struct targets {
	struct target **target; /* owned; sorted by the backend's id */
	size_t count;
	size_t room;
};

/* The target of the backend with that id, or NULL. */
struct target *targets_find(const struct targets *targets, uint32_t id);

/* Lists the targets of `table` in *out, which is empty: those of `before`, and
 * new ones.  0 or -ENOMEM; in both cases the list that is not kept ends in
 * targets_done(). */
must_check int targets_list(struct target_env *env,
    const struct targets *before, const struct table *table,
    struct targets *out);

/* Frees the list, and the targets that are not in `kept`. */
void targets_done(struct target_env *env, struct targets *targets,
    const struct targets *kept);

#endif
