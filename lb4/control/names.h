/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Resolves the names of backends, in the control thread and without ever
 * waiting, and applies each answer as a change of the configuration (change.h):
 * a backend whose address stays is not touched.
 *
 * An answer with addresses of a host (lookup.h) replaces those of its family.
 * An empty answer does so only if the other family has addresses; otherwise,
 * and when a question fails, the last answer stays: it is in the configuration
 * in force.  names_srv.h does the same for SRV records.
 */
#ifndef LB4_CONTROL_NAMES_H
#define LB4_CONTROL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/why.h"
#include "lb4/control/source.h"

struct config_name;
struct names_of_hosts;
struct running;

/* Fills in the source for the loop, which must end before names_free().
 * Returns 0, -ENOMEM, or another -errno. */
must_check int names_new(struct names_of_hosts **out, struct running *running,
    struct source *source);

/* NULL is allowed. */
void names_free(struct names_of_hosts *names);

/* What DNS says about a line of the configuration in force. */
struct names_sight {
	struct why ill; /* why it cannot be resolved; "": it can, or it was not
			 * asked for yet */
	size_t records; /* SRV records in the last good answer */
	bool none;	/* it says that there is no such service */
};
void names_look(const struct names_of_hosts *names,
    const struct config_name *line, struct names_sight *out);

#endif
