/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Reads the configuration file again and brings it into force (change.h).  For
 * the control thread.
 */
#ifndef LB4_CONTROL_RELOAD_H
#define LB4_CONTROL_RELOAD_H

#include <stdbool.h>

struct config_errors;
struct running;

/*
 * Logs the result, tells an event of the kind EVENTS_RELOAD, and notifies the
 * service manager.  Unless `force` is set, it also refuses a file that would
 * leave a service without a backend that takes conns.  Returns 0, or -errno
 * with nothing changed and at least one reason in `errors`, which the caller
 * frees (config_errors_done()).  `errors` must be empty.
 */
int reload_file(struct running *running, bool force,
    struct config_errors *errors);

#endif
