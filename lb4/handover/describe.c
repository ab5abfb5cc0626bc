/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What the old process tells about itself: see describe.h. */
#include "lb4/handover/describe.h"

#include <bsd/string.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "lb4/engine/engine.h"
#include "lb4/engine/listen_socket.h"
#include "lb4/engine/moving.h"
#include "lb4/engine/places.h"
#include "lb4/engine/types.h"
#include "lb4/handover/counts.h"
#include "lb4/handover/link.h"
#include "lb4/handover/records.h"
#include "lb4/model/agent.h"
#include "lb4/table/table.h"

/* ---- places -------------------------------------------------------------- */

static int
describe_place(struct link *link, const struct place *place)
{
	struct handover_place record = {
		.common = place->common,
		.inherited = place->inherited,
		.dev = place->file.dev,
		.ino = place->file.ino,
	};
	int error;

	(void)strlcpy(record.service, place->state->name,
	    sizeof(record.service));
	(void)addr_format(&place->addr, record.addr, sizeof(record.addr));
	(void)addr_format(&place->bound, record.bound, sizeof(record.bound));
	error = link_send(link, &handover_place_kind, &record);
	for (unsigned k = 0; error == 0 && k < place->sockets; k++) {
		const struct place_socket *socket = &place->socket[k];
		struct handover_socket one = { .kept = socket->kept };

		(void)addr_format(&socket->bound, one.bound, sizeof(one.bound));
		error = link_send_fds(link, &handover_socket_kind, &one,
		    &socket->socket->fd, 1);
	}
	return error;
}

int
describe_places(struct link *link, const struct places *places)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < places->count; i++)
		error = describe_place(link, &places->place[i]);
	return error;
}

/* ---- the table ----------------------------------------------------------- */

static uint32_t
load(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static uint64_t
load64(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static int
describe_backend(struct link *link, const struct tables *tables,
    const struct backend *backend)
{
	struct handover_backend record = {
		.id = backend->id,
		.listed = backend->generation == tables->generation,
		.health = load(&backend->health),
		.health_since_ms = load64(&backend->health_since_ms),
		.admin = load(&backend->admin),
		.admin_since_ms = backend->admin_since_ms,
		.joining = backend_is_joining(backend),
		.up_ms = load64(&backend->up_ms),
		.ready_ms = load64(&backend->ready_ms),
		.checked_ms = load64(&backend->checked_ms),
		.check_began_ms = load64(&backend->check_began_ms),
		.check_us = load(&backend->check_us),
		.admin_cause = load(&backend->admin_cause),
		.passive = load(&backend->passive),
		.agent = load(&backend->agent),
		.passive_since_ms = load64(&backend->passive_since_ms),
		.agent_since_ms = load64(&backend->agent_since_ms),
		.ejected_until_ms = load64(&backend->ejected_until_ms),
		.ejections = load(&backend->ejections),
		.held_until_ms = load64(&backend->held_until_ms),
		.certificate_s = load64(&backend->certificate_s),
		.agent_said = load64(&backend->agent_said),
		.told_state = load(&backend->told_state),
	};

	(void)strlcpy(record.service, backend->service, sizeof(record.service));
	(void)strlcpy(record.name, backend->name, sizeof(record.name));
	(void)addr_format(&backend->addr, record.addr, sizeof(record.addr));
	if (!remark_get(&backend->remark, record.health, record.health_text,
		sizeof(record.health_text)))
		record.health_text[0] = '\0';
	if (!remark_get(&backend->agent_display.remark,
		agent_remark_word(record.agent_said), record.agent_text,
		sizeof(record.agent_text)))
		record.agent_text[0] = '\0';
	return link_send(link, &handover_backend_kind, &record);
}

int
describe_table(struct link *link, const struct tables *tables)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < tables->states.count; i++) {
		struct handover_service record = { .id = (uint32_t)i };

		if (tables->states.state[i] == NULL)
			continue;
		(void)strlcpy(record.name, tables->states.state[i]->name,
		    sizeof(record.name));
		record.panic_ms = load64(&tables->states.state[i]->panic_ms);
		error = link_send(link, &handover_service_kind, &record);
	}
	for (size_t i = 0; error == 0 && i < tables->backends_count; i++)
		error = describe_backend(link, tables, tables->backends[i]);
	return error;
}

/* ---- reserves ------------------------------------------------------------ */

static int
describe_service_reserve(struct link *link, struct service_state *state)
{
	struct waitqueue *queue = atomic_load(&state->waitqueue);
	struct handover_service_reserve record = {
		.service = state->id,
		.inside = load64(&state->gate.inside),
	};

	if (queue != NULL) {
		record.waiting = load64(&queue->waiting);
		record.tickets = load64(&queue->tickets);
	}
	for (int set = 0; set < BACKEND_SETS; set++)
		record.turns[set] = load64(&state->turns[set]);
	return link_send(link, &handover_service_reserve_kind, &record);
}

int
describe_reserves(struct link *link, struct engine *engine,
    const struct tables *tables, uint64_t last_conn)
{
	const struct handover_reserve reserve = {
		.last_conn = last_conn,
		.last_ticket = load64(&engine_shared(engine)->tickets),
	};
	int error = link_send(link, &handover_reserve_kind, &reserve);

	for (size_t i = 0; error == 0 && i < tables->states.count; i++)
		if (tables->states.state[i] != NULL)
			error = describe_service_reserve(link,
			    tables->states.state[i]);
	for (size_t i = 0; error == 0 && i < tables->backends_count; i++) {
		const struct handover_backend_reserve record = {
			.backend = tables->backends[i]->id,
			.active = backend_active(tables->backends[i]),
		};

		if (record.active > 0)
			error = link_send(link, &handover_backend_reserve_kind,
			    &record);
	}
	return error;
}

/* ---- counters ------------------------------------------------------------ */

static int
describe_workers(struct link *link, const struct engine *engine)
{
	const unsigned workers = engine_made(engine);
	int error = 0;

	for (unsigned i = 0; error == 0 && i < workers; i++) {
		struct handover_worker_counts record = { .worker = i };
		struct engine_counts counts;

		engine_count(engine, i, &counts);
		counts_of_worker(&counts, &record);
		error = link_send(link, &handover_worker_counts_kind, &record);
	}
	return error;
}

static int
describe_rules(struct link *link, const struct service_state *state)
{
	int error = 0;

	for (const struct rule_count *count = state->rule_counts;
	     error == 0 && count != NULL; count = count->next) {
		struct handover_rule_counts record;

		counts_of_rule(state, count, &record);
		error = link_send(link, &handover_rule_counts_kind, &record);
	}
	return error;
}

int
describe_counts(struct link *link, const struct engine *engine,
    const struct tables *tables)
{
	int error = describe_workers(link, engine);

	for (size_t i = 0; error == 0 && i < tables->states.count; i++) {
		struct handover_service_counts record;

		if (tables->states.state[i] == NULL)
			continue;
		counts_of_service(tables->states.state[i], &record);
		error = link_send(link, &handover_service_counts_kind, &record);
		if (error == 0)
			error = describe_rules(link, tables->states.state[i]);
	}
	for (size_t i = 0; error == 0 && i < tables->backends_count; i++) {
		struct handover_backend_counts record;

		counts_of_backend(tables->backends[i], &record);
		error = link_send(link, &handover_backend_counts_kind, &record);
	}
	return error;
}
