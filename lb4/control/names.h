/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Resolves the host names of backends, in the control thread and without ever
 * waiting (c-ares), and applies each answer as a change of the configuration
 * (change.h): a backend whose address stays is not touched.
 *
 * A and AAAA are asked apart, again and again by the answers' time to live.  An
 * answer replaces the addresses of its family.  An empty answer does so only if
 * the other family has addresses; otherwise, and when a question fails, the
 * last answer stays: it is in the configuration in force.  /etc/hosts comes
 * first, as usual.
 */
#ifndef LB4_CONTROL_NAMES_H
#define LB4_CONTROL_NAMES_H

#include "common/attr.h"
#include "lb4/control/source.h"

/* An answer with more addresses is refused. */
#define NAMES_ADDRESSES_MAX 256

struct names_of_hosts;
struct running;

/* Fills in the source for the loop, which must end before names_free().
 * Returns 0, -ENOMEM, or another -errno. */
must_check int names_new(struct names_of_hosts **out, struct running *running,
    struct source *source);

/* NULL is allowed. */
void names_free(struct names_of_hosts *names);

#endif
