/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Reading the figures of services and backends: see figures.h. */
#include "lb4/control/figures.h"

#include <assert.h>
#include <stdatomic.h>

#include "lb4/balance/panic.h"
#include "lb4/model/gate.h"
#include "lb4/model/waitqueue.h"
#include "lb4/table/table.h"

static uint64_t
load(const _Atomic uint64_t *field)
{
	return atomic_load_explicit(field, memory_order_acquire);
}

static void
add_workers(const struct service_state *state, struct figures_service *figures)
{
	for (unsigned i = 0; i <= state->workers; i++) {
		const struct service_stats *stats = &state->stats[i];

		figures->accepted += load(&stats->accepted);
		figures->closed += load(&stats->closed);
		figures->failed += load(&stats->failed);
		figures->retries += load(&stats->retries);
		figures->bytes_to_backend += load(&stats->bytes_to_backend);
		figures->bytes_to_client += load(&stats->bytes_to_client);
		figures->discarded_bytes += load(&stats->discarded_bytes);
		figures->stalled += load(&stats->stalled);
		figures->shed += load(&stats->shed);
		mirror_add(&figures->mirror, &stats->mirror);
		for (int reason = 0; reason < REASON_COUNT; reason++)
			figures->closes[reason] += load(&stats->closes[reason]);
	}
}

static void
add_backends(const struct service *service, struct figures_service *figures)
{
	for (size_t i = 0; i < service->backends; i++) {
		struct backend_sums sums;

		backend_sum(service->backend[i].backend, &sums);
		figures->no_ports += sums.no_ports;
	}
	figures->available = service_available(service);
}

void
figures_service(const struct service *service, struct figures_service *figures)
{
	const struct service_state *state = service->state;
	const struct waitqueue *queue = atomic_load_explicit(&state->waitqueue,
	    memory_order_acquire);

	*figures = (struct figures_service){
		.active = atomic_load(&state->gate.inside),
		.full = gate_is_full(&service->state->gate,
		    service->settings.maxconn),
		.panic = panic_is_on(service),
		.panic_ms = load(&state->panic_ms),
	};
	if (queue != NULL)
		figures->queued = atomic_load_explicit(&queue->waiting,
		    memory_order_relaxed);
	add_workers(state, figures);
	add_backends(service, figures);
}

void
figures_service_times(const struct service_state *state,
    struct figures_times *times)
{
	for (unsigned i = 0; i <= state->workers; i++) {
		const struct service_stats *stats = &state->stats[i];

		histogram_add(&times->connect, &stats->connect);
		histogram_add(&times->queue, &stats->queue);
		histogram_add(&times->first_byte, &stats->first_byte);
		histogram_add(&times->session, &stats->session);
	}
}

void
figures_backend_times(const struct backend *backend,
    struct figures_times *times)
{
	for (unsigned i = 0; i <= backend->workers; i++) {
		const struct backend_stats *stats = &backend->stats[i];

		histogram_add(&times->connect, &stats->connect);
		histogram_add(&times->queue, &stats->queue);
		histogram_add(&times->first_byte, &stats->first_byte);
		histogram_add(&times->session, &stats->session);
	}
}

void
figures_backend(const struct backend *backend, struct figures_backend *figures)
{
	*figures = (struct figures_backend){
		.parts = backend_parts(backend),
		.admin_cause = (enum admin_cause)
		    atomic_load_explicit(&backend->admin_cause,
			memory_order_relaxed),
		.admin_since_ms = backend->admin_since_ms,
		.health_since_ms = load(&backend->health_since_ms),
		.passive_since_ms = load(&backend->passive_since_ms),
		.agent_since_ms = load(&backend->agent_since_ms),
		.agent_said = load(&backend->agent_said),
		.held_until_ms = load(&backend->held_until_ms),
		.checked_ms = load(&backend->checked_ms),
		.active = backend_active(backend),
	};
	figures->check_ms = atomic_load_explicit(&backend->check_us,
				memory_order_relaxed) /
	    1000.0;
	(void)backend_health_text(backend, figures->parts.health,
	    figures->health_text, sizeof(figures->health_text));
	(void)agent_said_text(backend, figures->agent_text,
	    sizeof(figures->agent_text));
	if (agent_failure_text(backend, &figures->agent_failing_ms,
		figures->agent_failure, sizeof(figures->agent_failure)) == NULL)
		figures->agent_failure[0] = '\0';
	backend_sum(backend, &figures->sums);
}

const char *
figures_health_name(const struct figures_backend *figures, bool checked)
{
	if (!checked)
		return "unchecked";
	if (health_is_down(figures->parts.health))
		return "down";
	return health_result(figures->parts.health) == HEALTH_UNKNOWN
	    ? "unknown"
	    : "up";
}

void
figures_count(const struct table *table, struct figures_counts *counts)
{
	*counts = (struct figures_counts){ .services = 0 };
	for (uint32_t id = 0; table != NULL && id < table->ids; id++) {
		const struct service *service = table->service[id];

		if (service == NULL)
			continue;
		counts->services++;
		counts->backends += service->backends;
		for (size_t i = 0; i < service->backends; i++)
			counts->available +=
			    backend_is_available(service->backend[i].backend);
	}
}

void
figures_add_up(const struct table *table, struct figures_totals *totals)
{
	*totals = (struct figures_totals){ .accepted = 0 };
	for (uint32_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];
		struct figures_service figures;

		if (service == NULL)
			continue;
		figures_service(service, &figures);
		totals->accepted += figures.accepted;
		totals->closed += figures.closed;
		totals->failed += figures.failed;
		totals->retries += figures.retries;
		totals->no_ports += figures.no_ports;
	}
}
