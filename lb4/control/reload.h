/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Reads the configuration file again and brings it into force (change.h).  The
 * control thread's.
 */
#ifndef LB4_CONTROL_RELOAD_H
#define LB4_CONTROL_RELOAD_H

#include <stdbool.h>

struct config_errors;
struct running;

/*
 * Logs how the reload went, tells an event of the kind EVENTS_RELOAD, and
 * notifies the service manager.  Unless `force`, a file is refused, too, that
 * would leave a service without a backend that takes conns.
 * Returns 0, or -errno with nothing changed and why in `errors`, one at least,
 * for the caller to free (config_errors_done()).  `errors` is empty before.
 */
int reload_file(struct running *running, bool force,
    struct config_errors *errors);

#endif
