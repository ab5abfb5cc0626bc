/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Gathers a report: see report.h.  Called by metrics.c. */
#include "lb4/report/report.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

#include "common/timer.h"
#include "common/why.h"
#include "lb4/config/access_rules.h"
#include "lb4/control/backlogs.h"
#include "lb4/control/figures.h"
#include "lb4/control/handle.h"
#include "lb4/engine/engine.h"
#include "lb4/host/headroom.h"
#include "lb4/host/host.h"
#include "lb4/model/rcu.h"
#include "lb4/table/table.h"

static uint64_t
load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
sum_backend(struct report_backend *out, const struct backend *backend)
{
	const struct backend_checks *checks = &backend->checks;

	for (unsigned i = 0; i <= backend->workers; i++) {
		const struct backend_stats *stats = &backend->stats[i];

		histogram_add(&out->rtt, &stats->rtt);
		histogram_add(&out->retransmitted, &stats->retransmitted);
		histogram_add(&out->disordered, &stats->disordered);
		histogram_add(&out->delivery, &stats->delivery);
	}
	out->sampled = histogram_count(&out->rtt) > 0;
	figures_backend_times(backend, &out->times);
	for (int result = 0; result < HEALTH_RESULT_COUNT; result++)
		out->results[result] = load(&checks->results[result]) +
		    load(&backend->earlier.results[result]);
	histogram_add(&out->check, &checks->took);
	histogram_add(&out->check, &backend->earlier.took);
	histogram_add(&out->check_lag, &checks->lag);
	histogram_add(&out->check_lag, &backend->earlier.lag);
}

static void
gather_ports(struct report_backend *out, const struct service *service,
    const struct backend *backend, const struct host *host)
{
	struct headroom room;

	out->has_ports = headroom_read(backend, &service->settings.source, host,
	    &room);
	if (out->has_ports && room.ports > room.used)
		out->ports_left = room.ports - room.used;
}

static void
gather_agent(struct report_backend *out, const struct service_backend *entry)
{
	const struct backend_agent *agent = &entry->backend->agent_display;

	out->has_agent = entry->agent;
	out->agent_weight = service_backend_percent(entry) / 100.0;
	out->agent_answers = load(&agent->answers) +
	    load(&agent->earlier_answers);
	out->agent_failures = load(&agent->failures) +
	    load(&agent->earlier_failures);
	out->agent_failing = atomic_load_explicit(&agent->failure,
				 memory_order_relaxed) != 0;
}

static void
gather_backend(struct report_backend *out, const struct service *service,
    const struct service_backend *entry, const struct host *host)
{
	const struct backend *backend = entry->backend;
	const uint64_t now_ms = timer_now_ms();
	struct figures_backend figures;

	figures_backend(backend, &figures);
	*out = (struct report_backend){
		.state = backend_state_of(&figures.parts),
		.admin = figures.parts.admin,
		.check_down = health_is_down(figures.parts.health),
		.ejected = health_is_down(figures.parts.passive),
		.agent = figures.parts.agent,
		.weight = entry->weight,
		.maxconn = service_backend_maxconn(entry),
		.conns = figures.active,
		.established = figures.sums.conns,
		.failures = figures.sums.connect_failures,
		.refused = figures.sums.refused,
		.timeouts = figures.sums.timeouts,
		.early_resets = figures.sums.early_resets,
		.no_ports = figures.sums.no_ports,
		.bytes_to_backend = figures.sums.bytes_to_backend,
		.bytes_to_client = figures.sums.bytes_to_client,
		.checks = service_checks(service,
		    (size_t)(entry - service->backend)),
		.certificate_s = atomic_load_explicit(&backend->certificate_s,
		    memory_order_relaxed),
	};
	(void)strlcpy(out->service, backend->service, sizeof(out->service));
	(void)strlcpy(out->name, backend->name, sizeof(out->name));
	out->checked = out->checks && figures.checked_ms != 0;
	sum_backend(out, backend);
	gather_agent(out, entry);
	gather_ports(out, service, backend, host);
	if (out->checked && now_ms > figures.checked_ms)
		out->check_age_seconds = (double)(now_ms - figures.checked_ms) /
		    1000;
}

static void
gather_service(struct report_service *out, const struct service *service)
{
	struct figures_service figures;

	figures_service(service, &figures);
	*out = (struct report_service){
		.up = figures.available > 0,
		.backends = service->backends,
		.available = figures.available,
		.conns = figures.active,
		.maxconn = service->settings.maxconn,
		.full = figures.full,
		.panic = figures.panic,
		.unresolved = load(&service->state->unresolved),
		.file_refused = load(&service->state->file_refused),
		.rules_refused = load(&service->state->rules_refused),
		.queued = figures.queued,
		.accepted = figures.accepted,
		.closed = figures.closed,
		.failed = figures.failed,
		.retries = figures.retries,
		.stalled = figures.stalled,
		.shed = figures.shed,
		.bytes_to_backend = figures.bytes_to_backend,
		.bytes_to_client = figures.bytes_to_client,
		.discarded_bytes = figures.discarded_bytes,
		.mirrors = service->settings.mirror.addr.len > 0 ||
		    figures.mirror.conns > 0,
		.mirror = figures.mirror,
	};
	(void)strlcpy(out->name, service->state->name, sizeof(out->name));
	memcpy(out->closes, figures.closes, sizeof(out->closes));
	figures_service_times(service->state, &out->times);
}

static size_t
count_rules(const struct service *service)
{
	return service->access != NULL ? service->access->rules : 0;
}

static void
gather_rules(struct report *report, const struct service *service)
{
	for (size_t i = 0; i < count_rules(service); i++) {
		struct report_rule *out = &report->rule[report->rules++];
		const struct rule_count *count = service->rule_count[i];

		(void)strlcpy(out->service, service->state->name,
		    sizeof(out->service));
		(void)strlcpy(out->text, count->text, sizeof(out->text));
		out->prefixes = service->access->rule[i].prefixes;
		out->clients = load(&count->clients);
	}
}

/* False without memory. */
static bool
gather_table(struct report *report, const struct table *table,
    const struct host *host)
{
	size_t services = 0, backends = 0, rules = 0;

	for (size_t id = 0; id < table->ids; id++)
		if (table->service[id] != NULL) {
			services++;
			rules += count_rules(table->service[id]);
			backends += table->service[id]->backends;
		}
	report->service = calloc(services + 1, sizeof(*report->service));
	report->backend = calloc(backends + 1, sizeof(*report->backend));
	report->rule = calloc(rules + 1, sizeof(*report->rule));
	if (report->service == NULL || report->backend == NULL ||
	    report->rule == NULL)
		return false;
	for (size_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];

		if (service == NULL)
			continue;
		gather_service(&report->service[report->services++], service);
		gather_rules(report, service);
		for (size_t i = 0; i < service->backends; i++)
			gather_backend(&report->backend[report->backends++],
			    service, &service->backend[i], host);
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

		worker->number = i;
		engine_count(engine, i, &worker->counts);
		process->conns += worker->counts.conns;
		process->pipes += worker->counts.pipes;
		process->pipes_max += worker->counts.pipes_max;
	}
	report->workers = count;
	process->workers = count;
	process->maxconn = engine_maxconn(engine);
	process->untracked = engine_untracked(engine);
	return true;
}

/* False without memory. */
static bool
gather_listeners(struct report *report, struct backlogs *backlogs)
{
	struct backlogs_row *row = backlogs_copy(backlogs, &report->listeners);

	report->listener = calloc(report->listeners + 1,
	    sizeof(*report->listener));
	for (size_t i = 0;
	     row != NULL && report->listener != NULL && i < report->listeners;
	     i++) {
		struct report_listener *out = &report->listener[i];

		(void)strlcpy(out->service, row[i].service,
		    sizeof(out->service));
		(void)addr_format_range(&row[i].addr, out->listen,
		    sizeof(out->listen));
		out->known = row[i].known;
		out->drops_known = row[i].known && row[i].tcp;
		out->waiting = row[i].waiting;
		out->limit = row[i].limit;
		out->drops = row[i].drops;
	}
	free(row);
	return row != NULL && report->listener != NULL;
}

static void
gather_process(struct report_process *process, const struct handle *handle,
    const struct host *host)
{
	struct why why;

	process->version = handle->version;
	process->one = 1;
	process->node = node_state(handle->running, &why);
	process->local_ports = host_count_ports(host);
	process_read(&process->facts);
}

struct report *
report_new(const struct handle *handle)
{
	struct report *report = calloc(1, sizeof(*report));
	struct host host = { .port_low = 0 };
	bool complete;

	if (report == NULL)
		return NULL;
	host_read_ports(&host, "");
	gather_process(&report->process, handle, &host);
	rcu_reader_start();
	complete = gather_table(report, table_current(handle->tables), &host);
	rcu_reader_stop();
	if (complete && gather_workers(report, handle->engine) &&
	    gather_listeners(report, handle->backlogs))
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
	free(report->rule);
	free(report->listener);
	free(report->backend);
	free(report);
}

bool
report_service_up(const struct tables *tables, const char *name, bool *known)
{
	const struct service_state *state;
	const struct table *table;
	bool up;

	rcu_reader_start();
	table = table_current(tables);
	state = table_state(table, name);
	*known = state != NULL;
	up = state != NULL &&
	    service_available(table_service_of(table, state)) > 0;
	rcu_reader_stop();
	return up;
}
