/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Reads the figures of services and backends for everything that shows them:
 * `status`, `info`, the service manager, metrics.  Times are on the clock of
 * timer_now_ms().  Workers and the prober keep writing, so related figures may
 * differ by what happened between the reads.  For the control thread, or for a
 * thread that keeps the table from being freed.
 */
#ifndef LB4_CONTROL_FIGURES_H
#define LB4_CONTROL_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb4/engine/access.h"
#include "lb4/model/agent.h"
#include "lb4/model/backend.h"
#include "lb4/model/histogram.h"
#include "lb4/model/mirrored.h"

struct service;
struct service_state;
struct table;

/* A service: sums over the workers, and over its backends in the table. */
struct figures_service {
	uint64_t active; /* conns */
	uint64_t queued; /* clients that wait for a backend */
	uint64_t accepted, closed, failed, retries;
	uint64_t bytes_to_backend, bytes_to_client;
	uint64_t discarded_bytes;
	uint64_t closes[REASON_COUNT]; /* how many conns ended why */
	uint64_t stalled, shed;
	uint64_t no_ports;
	struct mirror_sums mirror;
	size_t available;  /* backends that take conns */
	bool full;	   /* at its maxconn */
	bool panic;	   /* lb4/balance/panic.h */
	uint64_t panic_ms; /* ... since then; 0: the prober has not seen it */
};

void figures_service(const struct service *service,
    struct figures_service *figures);

/* The histograms of a service or backend, summed over the workers. */
struct figures_times {
	struct histogram_sums connect, queue, first_byte, session;
};

/* They add to `times`. */
void figures_service_times(const struct service_state *state,
    struct figures_times *times);
void figures_backend_times(const struct backend *backend,
    struct figures_times *times);

/* A backend. */
struct figures_backend {
	struct backend_parts parts;
	enum admin_cause admin_cause;
	/* when each part became what it is; 0: from the start */
	uint64_t admin_since_ms, health_since_ms;
	uint64_t passive_since_ms, agent_since_ms;
	uint64_t agent_said;		 /* lb4/model/agent.h */
	char agent_text[AGENT_TEXT_MAX]; /* ... in its words */
	/* why the agent does not answer; "": it does; since when */
	char agent_failure[HEALTH_TEXT_MAX];
	uint64_t agent_failing_ms;
	uint64_t held_until_ms; /* it flaps: held down; 0: it is not */
	uint64_t checked_ms;	/* the last check's end; 0: none yet */
	double check_ms;	/* how long it took */
	char health_text[HEALTH_TEXT_MAX]; /* its result */
	uint32_t active;
	struct backend_sums sums;
};

void figures_backend(const struct backend *backend,
    struct figures_backend *figures);

/* The health alone: "up", "down" or "unknown"; "unchecked" if the service has
 * no checks. */
const char *figures_health_name(const struct figures_backend *figures,
    bool checked);

/* Counts of a table; a NULL table has none. */
struct figures_counts {
	size_t services, backends;
	size_t available; /* backends that are up and may take conns */
};

void figures_count(const struct table *table, struct figures_counts *counts);

/* Sums over all services of a table. */
struct figures_totals {
	uint64_t accepted, closed, failed, retries, no_ports;
};

void figures_add_up(const struct table *table, struct figures_totals *totals);

#endif
