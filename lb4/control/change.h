/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The one way to change the configuration of the running process, all of it or
 * nothing; `weight`, `add`, `remove` and reload go it:
 *
 *	copy		change_begin(), or a file that was read anew
 *	edit		the caller's
 *	validate	change_apply(): the rules, and loops of new backends
 *	apply		... opens what is new (listeners, logs), builds the
 *			table, starts further workers; any of it fails: undone,
 *			refused
 *			... stops listening where nobody is to listen any more,
 *			publishes the table, tells prober, workers, log thread
 *
 * What has the same name (a backend: and the same address) carries on: counts,
 * health, administrative state, conns.  The control thread's.
 */
#ifndef LB4_CONTROL_CHANGE_H
#define LB4_CONTROL_CHANGE_H

struct config;
struct config_errors;
struct running;

/* A copy of the configuration in force, to be edited; NULL without memory.  The
 * caller gives it to change_apply(), or frees it (config_free()). */
struct config *change_begin(const struct running *running);

enum change_origin {
	CHANGE_COPY,   /* change_begin(); warnings about the machine, and loops
			* of backends that are in force, are nothing new */
	CHANGE_FILE,   /* read anew */
	CHANGE_FORCED, /* ... even if it leaves a service without a backend that
			* takes conns */
};

/*
 * Validates a configuration and brings it into force.  Takes it, even if it is
 * refused.  Returns 0; or -errno with nothing changed and why in `errors`, one
 * at least, for the caller to free (config_errors_done()): -EINVAL when it is
 * not valid, -EBUSY when lb4 is stopping.  `errors` is empty before.
 */
int change_apply(struct running *running, struct config *config,
    enum change_origin origin, struct config_errors *errors);

#endif
