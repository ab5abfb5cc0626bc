/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Another configuration in the running process, all of it or nothing:
 *
 *	read and check the file, open what is new (listeners, logs), build the
 *	table, start further workers	any of it fails: undone, refused
 *	stop listening where nobody is to listen any more
 *	publish the table, tell prober, workers and log thread
 *
 * What has the same name (a backend: and the same address) carries on: counts,
 * health, administrative state, conns.  A part of the control thread.
 */
#ifndef LB4_CONTROL_RELOAD_H
#define LB4_CONTROL_RELOAD_H

#include <stdbool.h>

struct config;
struct config_errors;
struct control;

/*
 * Reads the file again and brings it into force; says in the log how that went.
 * Unless `force`, what would leave a service without a backend that takes conns
 * is refused, too.
 * Returns 0, or -errno with nothing changed and why in `errors`, one at least,
 * for the caller to free (config_errors_done()).
 */
int control_reload(struct control *control, bool force,
    struct config_errors *errors);

/*
 * The same with a configuration that was made by other means; takes it, even if
 * it is refused.  `errors` as above, nothing is logged of them.
 */
int control_apply(struct control *control, struct config *config,
    struct config_errors *errors);

#endif
