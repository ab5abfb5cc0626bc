/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The one way to change the configuration of the running process, all of it or
 * nothing.  `weight`, `add`, `remove` and reload use it:
 *
 *	copy		change_begin(), or a file that was read again
 *	edit		the caller
 *	validate	change_apply(): the rules, and loops of new backends
 *	prepare		... opens new listeners and logs, builds the table,
 *			starts more workers; if a step fails, undoes all of
 *			them and refuses the change
 *	commit		... closes listeners that are no longer configured,
 *			publishes the table, tells prober, workers, log thread
 *
 * A service of the same name, and a backend of the same name and address, keeps
 * its counts, health, administrative state and conns.  For the control thread.
 */
#ifndef LB4_CONTROL_CHANGE_H
#define LB4_CONTROL_CHANGE_H

#include <stdbool.h>

#include "common/attr.h"

struct config;
struct config_errors;
struct running;
struct why;

/* Returns a copy of the configuration in force for the caller to edit, or NULL
 * without memory.  The caller passes it to change_apply() or frees it with
 * config_free(). */
struct config *change_begin(const struct running *running);

enum change_origin {
	CHANGE_COPY,   /* from change_begin(), with other backends or weights:
			* checks only new backends for loops; log, listeners and
			* workers stay as they are */
	CHANGE_FILE,   /* read from the file */
	CHANGE_FORCED, /* the same; may leave a service without a backend that
			* takes conns */
};

/*
 * Validates a configuration and brings it into force.  Takes ownership of it in
 * either case.  Returns 0, or -errno with nothing changed and at least one
 * reason in `errors`, which the caller frees (config_errors_done()): -EINVAL
 * when it is not valid, -EBUSY when lb4 is stopping.  `errors` must be empty.
 */
must_check int change_apply(struct running *running, struct config *config,
    enum change_origin origin, struct config_errors *errors);

/*
 * The same for a copy of which the answer of a name has edited the backends:
 * with `error`, 0 or -errno, `config` NULL without memory, and maybe without a
 * change.  Takes ownership of it.  Returns 1 if it is in force, 0 if nothing
 * has changed, or -errno with why.
 */
must_check int change_edited(struct running *running, struct config *config,
    int error, bool changed, struct why *why);

#endif
