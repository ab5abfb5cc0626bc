/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Gathers a report: see report.h.  Called by metrics.c. */
#include "lb4/metrics/report.h"

#include <assert.h>
#include <bsd/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/timer.h"
#include "common/why.h"
#include "lb4/control/handle.h"
#include "lb4/engine/engine.h"
#include "lb4/metrics/exposition.h"
#include "lb4/model/rcu.h"
#include "lb4/table/table.h"

static const char *const state_names[] = {
	[REPORT_UP] = "up",
	[REPORT_DOWN] = "down",
	[REPORT_JOINING] = "joining",
	[REPORT_DRAIN] = "drain",
	[REPORT_MAINT] = "maint",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) ==
	REPORT_STATE_COUNT,
    "a name for each state");

const char *
report_state_name(unsigned state)
{
	return state < REPORT_STATE_COUNT ? state_names[state] : "?";
}

static uint64_t
load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* The state that lb4ctl status shows. */
static enum report_state
state_of(const struct backend *backend)
{
	const uint32_t health = atomic_load_explicit(&backend->health,
	    memory_order_acquire);

	switch (atomic_load_explicit(&backend->admin, memory_order_acquire)) {
	case ADMIN_DRAIN:
		return REPORT_DRAIN;
	case ADMIN_MAINT:
		return REPORT_MAINT;
	default:
		break;
	}
	if (backend_is_joining(backend))
		return REPORT_JOINING;
	return health_is_down(health) ? REPORT_DOWN : REPORT_UP;
}

static void
sum_backend(struct report_backend *out, const struct backend *backend)
{
	const struct backend_checks *checks = &backend->checks;

	for (unsigned i = 0; i < backend->workers; i++) {
		const struct backend_stats *stats = &backend->stats[i];

		histogram_add(&out->connect, &stats->connect);
		histogram_add(&out->queue, &stats->queue);
		histogram_add(&out->first_byte, &stats->first_byte);
		histogram_add(&out->session, &stats->session);
	}
	for (int result = 0; result < HEALTH_RESULT_COUNT; result++)
		out->results[result] = load(&checks->results[result]);
	histogram_add(&out->check, &checks->took);
	histogram_add(&out->check_lag, &checks->lag);
}

static void
gather_backend(struct report_backend *out, const struct service *service,
    const struct service_backend *entry)
{
	const struct backend *backend = entry->backend;
	const uint64_t checked_ms = load(&backend->checked_ms);
	const uint64_t now_ms = timer_now_ms();
	struct backend_sums sums;

	backend_sum(backend, &sums);
	*out = (struct report_backend){
		.state = state_of(backend),
		.weight = entry->weight,
		.maxconn = entry->maxconn,
		.conns = atomic_load_explicit(&backend->active,
		    memory_order_relaxed),
		.established = sums.conns,
		.failures = sums.connect_failures,
		.no_ports = sums.no_ports,
		.bytes_to_backend = sums.bytes_to_backend,
		.bytes_to_client = sums.bytes_to_client,
		.checks = service->settings.check.kind != CHECK_NONE,
	};
	out->checked = out->checks && checked_ms != 0;
	sum_backend(out, backend);
	if (out->checked && now_ms > checked_ms)
		out->check_age_seconds = (double)(now_ms - checked_ms) / 1000;
	exposition_label(out->labels, sizeof(out->labels), "service",
	    backend->service);
	exposition_label(out->labels, sizeof(out->labels), "backend",
	    backend->name);
}

static void
sum_service(struct report_service *out, const struct service_state *state)
{
	for (unsigned i = 0; i < state->workers; i++) {
		const struct service_stats *stats = &state->stats[i];

		out->accepted += load(&stats->accepted);
		out->closed += load(&stats->closed);
		out->failed += load(&stats->failed);
		out->retries += load(&stats->retries);
		out->stalled += load(&stats->stalled);
		out->shed += load(&stats->shed);
		out->discarded_bytes += load(&stats->discarded_bytes);
		out->bytes_to_backend += load(&stats->bytes_to_backend);
		out->bytes_to_client += load(&stats->bytes_to_client);
		for (int reason = 0; reason < REASON_COUNT; reason++)
			out->closes[reason] += load(&stats->closes[reason]);
		histogram_add(&out->connect, &stats->connect);
		histogram_add(&out->queue, &stats->queue);
		histogram_add(&out->first_byte, &stats->first_byte);
		histogram_add(&out->session, &stats->session);
	}
}

static void
gather_service(struct report_service *out, const struct service *service)
{
	struct service_state *state = service->state;
	const struct waitqueue *queue = atomic_load_explicit(&state->waitqueue,
	    memory_order_acquire);

	*out = (struct report_service){
		.backends = service->backends,
		.conns = atomic_load(&state->gate.inside),
		.maxconn = service->settings.maxconn,
		.full = gate_is_full(&state->gate, service->settings.maxconn),
	};
	(void)strlcpy(out->name, state->name, sizeof(out->name));
	exposition_label(out->labels, sizeof(out->labels), "service",
	    state->name);
	if (queue != NULL)
		out->queued = atomic_load_explicit(&queue->waiting,
		    memory_order_relaxed);
	for (size_t i = 0; i < service->backends; i++)
		out->available += service->backend[i].weight > 0 &&
		    backend_is_available(service->backend[i].backend);
	out->up = out->available > 0;
	sum_service(out, state);
}

/* False without memory. */
static bool
gather_table(struct report *report, const struct table *table)
{
	size_t services = 0, backends = 0;

	for (size_t id = 0; id < table->ids; id++)
		if (table->service[id] != NULL) {
			services++;
			backends += table->service[id]->backends;
		}
	report->service = calloc(services + 1, sizeof(*report->service));
	report->backend = calloc(backends + 1, sizeof(*report->backend));
	if (report->service == NULL || report->backend == NULL)
		return false;
	for (size_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];

		if (service == NULL)
			continue;
		gather_service(&report->service[report->services++], service);
		for (size_t i = 0; i < service->backends; i++)
			gather_backend(&report->backend[report->backends++],
			    service, &service->backend[i]);
	}
	report->process.generation = table->generation;
	return true;
}

/* False without memory. */
static bool
gather_workers(struct report *report, const struct engine *engine)
{
	struct report_process *process = &report->process;
	const unsigned count = engine_made(engine);

	report->worker = calloc(count + 1, sizeof(*report->worker));
	if (report->worker == NULL)
		return false;
	for (unsigned i = 0; i < count; i++) {
		struct report_worker *worker = &report->worker[i];
		char number[16];

		(void)snprintf(number, sizeof(number), "%u", i);
		exposition_label(worker->labels, sizeof(worker->labels),
		    "worker", number);
		engine_count(engine, i, &worker->counts);
		process->conns += worker->counts.conns;
		process->pipes += worker->counts.pipes;
		process->pipes_max += worker->counts.pipes_max;
	}
	report->workers = count;
	process->workers = count;
	process->maxconn = engine_maxconn(engine);
	return true;
}

static uint64_t
count_local_ports(const struct host *host)
{
	uint64_t count = 0;

	for (unsigned port = host->port_low;
	     host->port_low != 0 && port <= host->port_high; port++)
		count += host_port_is_local(host, (uint16_t)port);
	return count;
}

static void
gather_process(struct report_process *process,
    const struct report_sources *sources)
{
	struct why why;

	process->one = 1;
	exposition_label(process->labels, sizeof(process->labels), "version",
	    sources->handle->version);
	process->node = node_state(sources->handle->running, &why);
	host_read(sources->host, "");
	process->local_ports = count_local_ports(sources->host);
	process_read(&process->facts);
}

struct report *
report_new(const struct report_sources *sources)
{
	const struct handle *handle = sources->handle;
	struct report *report = calloc(1, sizeof(*report));
	bool complete;

	if (report == NULL)
		return NULL;
	gather_process(&report->process, sources);
	rcu_reader_start();
	complete = gather_table(report, table_current(handle->tables));
	rcu_reader_stop();
	if (complete && gather_workers(report, handle->engine))
		return report;
	report_free(report);
	return NULL;
}

void
report_free(struct report *report)
{
	if (report == NULL)
		return;
	free(report->worker);
	free(report->service);
	free(report->backend);
	free(report);
}

bool
report_service_up(const struct tables *tables, const char *name, bool *known)
{
	const struct table *table;
	bool up = false;

	*known = false;
	rcu_reader_start();
	table = table_current(tables);
	for (size_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];

		if (service == NULL || strcmp(service->state->name, name) != 0)
			continue;
		*known = true;
		for (size_t i = 0; i < service->backends && !up; i++)
			up = service->backend[i].weight > 0 &&
			    backend_is_available(service->backend[i].backend);
	}
	rcu_reader_stop();
	return up;
}
