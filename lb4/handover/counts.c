/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Counters in a handover: see counts.h. */
#include "lb4/handover/counts.h"

#include <stdatomic.h>
#include <string.h>

#include "lb4/engine/engine.h"

static void
add(uint64_t *sum, const _Atomic uint64_t *counter)
{
	*sum += atomic_load_explicit(counter, memory_order_relaxed);
}

static void
give(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(counter,
	    atomic_load_explicit(counter, memory_order_relaxed) + more,
	    memory_order_relaxed);
}

static void
add_histogram(uint64_t *sums, const struct histogram *histogram)
{
	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
		add(&sums[i], &histogram->bucket[i]);
	add(&sums[HISTOGRAM_BOUNDS + 1], &histogram->sum_us);
}

static void
give_histogram(struct histogram *histogram, const uint64_t *sums)
{
	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
		give(&histogram->bucket[i], sums[i]);
	give(&histogram->sum_us, sums[HISTOGRAM_BOUNDS + 1]);
}

void
counts_of_service(const struct service_state *state,
    struct handover_service_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	counts->service = state->id;
	for (unsigned i = 0; i <= state->workers; i++) {
		const struct service_stats *stats = &state->stats[i];

		add(&counts->accepted, &stats->accepted);
		add(&counts->closed, &stats->closed);
		add(&counts->failed, &stats->failed);
		add(&counts->retries, &stats->retries);
		add(&counts->discarded_bytes, &stats->discarded_bytes);
		add(&counts->stalled, &stats->stalled);
		add(&counts->shed, &stats->shed);
		add(&counts->bytes_to_backend, &stats->bytes_to_backend);
		add(&counts->bytes_to_client, &stats->bytes_to_client);
		for (int reason = 0; reason < SERVICE_CLOSES_MAX; reason++)
			add(&counts->closes[reason], &stats->closes[reason]);
		add_histogram(counts->connect, &stats->connect);
		add_histogram(counts->queue, &stats->queue);
		add_histogram(counts->first_byte, &stats->first_byte);
		add_histogram(counts->session, &stats->session);
		add(&counts->mirror_conns, &stats->mirror.conns);
		add(&counts->mirror_bytes, &stats->mirror.bytes);
		for (int why = 0; why < MIRROR_DROPS_MAX; why++)
			add(&counts->mirror_dropped[why],
			    &stats->mirror.dropped[why]);
	}
}

void
counts_add_service(struct service_state *state,
    const struct handover_service_counts *counts)
{
	struct service_stats *stats = &state->stats[state->workers];

	give(&stats->accepted, counts->accepted);
	give(&stats->closed, counts->closed);
	give(&stats->failed, counts->failed);
	give(&stats->retries, counts->retries);
	give(&stats->discarded_bytes, counts->discarded_bytes);
	give(&stats->stalled, counts->stalled);
	give(&stats->shed, counts->shed);
	give(&stats->bytes_to_backend, counts->bytes_to_backend);
	give(&stats->bytes_to_client, counts->bytes_to_client);
	for (int reason = 0; reason < SERVICE_CLOSES_MAX; reason++)
		give(&stats->closes[reason], counts->closes[reason]);
	give_histogram(&stats->connect, counts->connect);
	give_histogram(&stats->queue, counts->queue);
	give_histogram(&stats->first_byte, counts->first_byte);
	give_histogram(&stats->session, counts->session);
	give(&stats->mirror.conns, counts->mirror_conns);
	give(&stats->mirror.bytes, counts->mirror_bytes);
	for (int why = 0; why < MIRROR_DROPS_MAX; why++)
		give(&stats->mirror.dropped[why], counts->mirror_dropped[why]);
}

static void
add_checks(struct handover_backend_counts *counts,
    const struct backend_checks *checks)
{
	for (int result = 0; result < HEALTH_RESULT_COUNT; result++)
		add(&counts->results[result], &checks->results[result]);
	add_histogram(counts->check_took, &checks->took);
	add_histogram(counts->check_lag, &checks->lag);
}

void
counts_of_backend(const struct backend *backend,
    struct handover_backend_counts *counts)
{
	const struct backend_agent *agent = &backend->agent_display;

	memset(counts, 0, sizeof(*counts));
	counts->backend = backend->id;
	for (unsigned i = 0; i <= backend->workers; i++) {
		const struct backend_stats *stats = &backend->stats[i];

		add(&counts->conns, &stats->conns);
		add(&counts->connect_failures, &stats->connect_failures);
		add(&counts->answered, &stats->answered);
		add(&counts->refused, &stats->refused);
		add(&counts->timeouts, &stats->timeouts);
		add(&counts->early_resets, &stats->early_resets);
		add(&counts->no_ports, &stats->no_ports);
		add(&counts->bytes_to_backend, &stats->bytes_to_backend);
		add(&counts->bytes_to_client, &stats->bytes_to_client);
		add_histogram(counts->connect, &stats->connect);
		add_histogram(counts->queue, &stats->queue);
		add_histogram(counts->first_byte, &stats->first_byte);
		add_histogram(counts->session, &stats->session);
		add_histogram(counts->rtt, &stats->rtt);
		add_histogram(counts->retransmitted, &stats->retransmitted);
		add_histogram(counts->disordered, &stats->disordered);
		add_histogram(counts->delivery, &stats->delivery);
	}
	add_checks(counts, &backend->checks);
	add_checks(counts, &backend->earlier);
	add(&counts->agent_answers, &agent->answers);
	add(&counts->agent_answers, &agent->earlier_answers);
	add(&counts->agent_failures, &agent->failures);
	add(&counts->agent_failures, &agent->earlier_failures);
	counts->told_state = atomic_load_explicit(&backend->told_state,
	    memory_order_relaxed);
}

void
counts_add_backend(struct backend *backend,
    const struct handover_backend_counts *counts)
{
	struct backend_stats *stats = &backend->stats[backend->workers];

	give(&stats->conns, counts->conns);
	give(&stats->connect_failures, counts->connect_failures);
	give(&stats->answered, counts->answered);
	give(&stats->refused, counts->refused);
	give(&stats->timeouts, counts->timeouts);
	give(&stats->early_resets, counts->early_resets);
	give(&stats->no_ports, counts->no_ports);
	give(&stats->bytes_to_backend, counts->bytes_to_backend);
	give(&stats->bytes_to_client, counts->bytes_to_client);
	give_histogram(&stats->connect, counts->connect);
	give_histogram(&stats->queue, counts->queue);
	give_histogram(&stats->first_byte, counts->first_byte);
	give_histogram(&stats->session, counts->session);
	give_histogram(&stats->rtt, counts->rtt);
	give_histogram(&stats->retransmitted, counts->retransmitted);
	give_histogram(&stats->disordered, counts->disordered);
	give_histogram(&stats->delivery, counts->delivery);
	for (int result = 0; result < HEALTH_RESULT_COUNT; result++)
		give(&backend->earlier.results[result],
		    counts->results[result]);
	give_histogram(&backend->earlier.took, counts->check_took);
	give_histogram(&backend->earlier.lag, counts->check_lag);
	give(&backend->agent_display.earlier_answers, counts->agent_answers);
	give(&backend->agent_display.earlier_failures, counts->agent_failures);
	/* 0: nothing was told, or the process before this one does not say */
	if (counts->told_state != 0)
		atomic_store_explicit(&backend->told_state, counts->told_state,
		    memory_order_relaxed);
}

void
counts_of_rule(const struct service_state *state, const struct rule_count *rule,
    struct handover_rule_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	counts->service = state->id;
	memcpy(counts->rule, rule->text, sizeof(counts->rule));
	add(&counts->clients, &rule->clients);
}

void
counts_add_rule(struct service_state *state,
    const struct handover_rule_counts *counts)
{
	for (struct rule_count *rule = state->rule_counts; rule != NULL;
	     rule = rule->next)
		if (strcmp(rule->text, counts->rule) == 0)
			(void)atomic_fetch_add_explicit(&rule->clients,
			    counts->clients, memory_order_relaxed);
}

void
counts_of_worker(const struct engine_counts *worker,
    struct handover_worker_counts *counts)
{
	counts->spliced_bytes = worker->spliced_bytes;
	counts->copied_bytes = worker->copied_bytes;
	counts->pipes_refused = worker->pipes_refused;
	counts->moved_conns = worker->moved_conns;
	memcpy(counts->turn, worker->turn.bucket, sizeof(worker->turn.bucket));
	counts->turn[HISTOGRAM_BOUNDS + 1] = worker->turn.sum_us;
}

void
counts_add_worker(struct engine_counts *worker,
    const struct handover_worker_counts *counts)
{
	worker->spliced_bytes += counts->spliced_bytes;
	worker->copied_bytes += counts->copied_bytes;
	worker->pipes_refused += counts->pipes_refused;
	worker->moved_conns += counts->moved_conns;
	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
		worker->turn.bucket[i] += counts->turn[i];
	worker->turn.sum_us += counts->turn[HISTOGRAM_BOUNDS + 1];
}
