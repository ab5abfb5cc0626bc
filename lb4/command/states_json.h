/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The parts of a backend's state, each with its own reason and since when, for
 * `status`: see struct backend_parts.
 */
#ifndef LB4_COMMAND_STATES_JSON_H
#define LB4_COMMAND_STATES_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

struct figures_backend;

/* Which parts the service has. */
struct states_json_parts {
	bool checked;  /* active checks */
	bool observed; /* passive ones */
};

/* Adds the parts to a backend's row.  0, or -ENOMEM. */
must_check int states_json_add(json_t *row,
    const struct figures_backend *figures, const struct states_json_parts *has,
    uint64_t now_ms);

/* Writes the parts in words, for one cell of a table: "down: no answer, 1.2s
 * ago, took 0.4ms; drain for 12s: set with lb4ctl".  Parts that keep no conn
 * away are left out, except the check.  Returns `buf`. */
const char *states_text(const struct figures_backend *figures,
    const struct states_json_parts *has, uint64_t now_ms, char *buf,
    size_t size);

#endif
