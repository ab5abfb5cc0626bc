/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The metrics server: serves monitoring systems over HTTP, on the address of
 * [global] metrics and in its own thread (http.h).
 *
 *	/metrics	 all metrics, as text for Prometheus (families.h)
 *	/healthz	 200 unless a thread is stuck: whether to restart lb4
 *	/readyz		 200 if the node accepts and forwards: whether to send
 *			 clients here.  With ?service=NAME, a backend of that
 *			 service must take conns as well
 *	/		 the status page (page.h), for people
 *	/status.json, ... what lb4ctl shows as JSON (ask.h)
 */
#ifndef LB4_HTTP_METRICS_H
#define LB4_HTTP_METRICS_H

#include "common/attr.h"
#include "common/sockfile.h"
#include "lb4/config/settings.h"
#include "lb4/control/handle.h"

struct metrics;
struct receive;
struct why;

/*
 * Listens on the address in `config`, before lb4 drops root, or takes the
 * socket that an older process had there (NULL: there is none).  *out is NULL
 * if there is no address.  Returns 0, or -errno with "metrics: cannot listen on
 * ..." in `why`.
 */
must_check int metrics_open(struct metrics **out, const struct config *config,
    struct receive *receive, struct why *why);

/* Its listening socket, and which file it is, for a newer process. */
must_check int metrics_fd(const struct metrics *metrics,
    struct sockfile_id *file);

/* A newer process serves from now on: ends the thread, and leaves the socket's
 * file.  NULL is allowed. */
void metrics_leave(struct metrics *metrics);

/* Starts the thread, after control_start().  0 or -errno.  NULL is allowed. */
must_check int metrics_start(struct metrics *metrics, struct handle handle);

/* Ends the thread, if there is one, and closes the server; before
 * control_done().  NULL is allowed. */
void metrics_free(struct metrics *metrics);

#endif
