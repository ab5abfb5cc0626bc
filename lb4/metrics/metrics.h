/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The metrics server: what a monitoring system asks of lb4 by HTTP, on the
 * address of [global] metrics, on a thread of its own (http.h).
 *
 *	/metrics	 all metrics, as text for Prometheus (families.h)
 *	/healthz	 200 unless a thread is stuck: whether to restart lb4
 *	/readyz		 200 if the node accepts and forwards: whether to send
 *			 clients here.  ?service=NAME: and a backend of it does
 *	/status.json	 what `lb4ctl status --json` says
 */
#ifndef LB4_METRICS_METRICS_H
#define LB4_METRICS_METRICS_H

#include "common/attr.h"
#include "lb4/config/settings.h"
#include "lb4/control/handle.h"

struct metrics;
struct why;

/*
 * Listens on the address that `config` gives; before root is dropped.  *out is
 * NULL when it gives none.  Returns 0, or -errno with "metrics: cannot listen
 * on ..." in `why`.
 */
must_check int metrics_open(struct metrics **out, const struct config *config,
    struct why *why);

/* Starts the thread, after control_start().  0 or -errno.  NULL is fine. */
must_check int metrics_start(struct metrics *metrics, struct handle handle);

/* Ends the thread, if there is one, and closes; before control_done().  NULL is
 * fine. */
void metrics_free(struct metrics *metrics);

#endif
