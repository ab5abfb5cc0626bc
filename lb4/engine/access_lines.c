/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The lines of a conn in the access log: see access_lines.h.  Called by conn.c,
 * conn_end.c, conn_relay.c and worker.c.
 */
#include "lb4/engine/access_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hash.h"
#include "lb4/config/access_rules.h"
#include "lb4/engine/conn_connect.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/progress.h"
#include "lb4/model/backend.h"
#include "lb4/table/table.h"

/* The most updates that a worker writes in one turn, and the time over which it
 * spreads the others. */
#define UPDATES_PER_TURN 512
#define SPREAD_MS 5000

/* The most slots that access_lines_run() looks at. */
#define LOOKS 2048

/* ---- the keys ----------------------------------------------------------- */

void
access_lines_set(struct worker_shared *shared, const struct config *config)
{
	const bool silent = strcmp(config->access_log, "off") == 0;

	atomic_store(&shared->silent, silent);
	atomic_store(&shared->access_start, !silent && config->access_start);
	atomic_store(&shared->access_every_ms,
	    silent ? 0 : config->access_every_ms);
	atomic_store(&shared->access_sample, config->access_sample);
}

static bool
is_wanted(const struct worker *worker)
{
	return worker->shared->peers.access != NULL &&
	    !atomic_load_explicit(&worker->shared->silent,
		memory_order_relaxed);
}

static bool
with_start(const struct worker *worker)
{
	return atomic_load_explicit(&worker->shared->access_start,
	    memory_order_relaxed);
}

static uint64_t
present_interval(const struct worker *worker)
{
	return atomic_load_explicit(&worker->shared->access_every_ms,
	    memory_order_relaxed);
}

bool
access_lines_sample(const struct worker *worker, uint64_t id)
{
	const unsigned one_in =
	    atomic_load_explicit(&worker->shared->access_sample,
		memory_order_relaxed);

	return one_in <= 1 || hash_reduce(hash_mix(id), one_in) == 0;
}

/* ---- when --------------------------------------------------------------- */

int
access_lines_init(struct worker *worker)
{
	/* a page of it is touched only when a conn there has had an update */
	worker->lines.told = calloc(worker->conns.count,
	    sizeof(*worker->lines.told));
	worker->lines.next_slot = UINT32_MAX;
	return worker->lines.told != NULL ? 0 : -ENOMEM;
}

void
access_lines_done(struct worker *worker)
{
	free(worker->lines.told);
	worker->lines.told = NULL;
}

void
access_lines_begin(struct worker *worker)
{
	worker->lines.every_ms = present_interval(worker);
	worker->lines.since_ms = 0;
	worker->lines.next_slot = UINT32_MAX;
}

void
access_lines_change(struct worker *worker)
{
	const uint64_t every_ms = present_interval(worker);

	if (every_ms == worker->lines.every_ms)
		return;
	worker->lines.every_ms = every_ms;
	worker->lines.since_ms = worker->now_ms;
	worker->lines.next_slot = 0;
}

static struct told *
told_of(const struct worker *worker, const struct conn *conn)
{
	return &worker->lines.told[slots_index(&worker->conns, conn)];
}

/* When the next update is due; it may be overdue.  UINT64_MAX: never. */
static uint64_t
due_ms(const struct worker *worker, const struct conn *conn)
{
	const struct access_lines *lines = &worker->lines;
	uint64_t from_ms = conn_accepted_ms(conn);

	if (lines->every_ms == 0 || !conn->sampled || !is_wanted(worker))
		return UINT64_MAX;
	if (conn->told && told_of(worker, conn)->at_ms > from_ms)
		from_ms = told_of(worker, conn)->at_ms;
	if (lines->since_ms > from_ms)
		from_ms = lines->since_ms;
	from_ms -= (from_ms - conn_accepted_ms(conn)) % lines->every_ms;
	return from_ms + lines->every_ms;
}

/* Whether this turn has written its share. */
static bool
has_had_enough(const struct worker *worker)
{
	return worker->lines.turn == worker->turn &&
	    worker->lines.written >= UPDATES_PER_TURN;
}

uint64_t
access_lines_next(const struct worker *worker, const struct conn *conn)
{
	const uint64_t next_ms = due_ms(worker, conn);

	if (next_ms > worker->now_ms || !has_had_enough(worker))
		return next_ms;
	return worker->now_ms + 1 + hash_reduce(hash_mix(conn->id), SPREAD_MS);
}

void
access_lines_run(struct worker *worker)
{
	struct access_lines *lines = &worker->lines;
	struct conn *conn;

	for (unsigned looks = 0; looks < LOOKS; looks++) {
		if (lines->next_slot >= worker->conns.fresh) {
			lines->next_slot = UINT32_MAX;
			return;
		}
		conn = slots_at(&worker->conns, lines->next_slot++);
		if (conn != NULL && conn->state == CONN_RELAYING &&
		    due_ms(worker, conn) < conn->timer.deadline_ms)
			timer_arm(&worker->timers, &conn->timer,
			    due_ms(worker, conn));
	}
}

/* ---- the lines ---------------------------------------------------------- */

/* Bytes to that side since the last line. */
static uint64_t
more_to(const struct worker *worker, const struct conn *conn,
    const struct outcome *outcome, enum conn_side side)
{
	const uint64_t told = conn->told
	    ? told_of(worker, conn)->delivered[side]
	    : 0;

	return outcome->delivered[side] > told ? outcome->delivered[side] - told
					       : 0;
}

static void
pass_on(const struct worker *worker, const struct service_state *state,
    struct access_record *record)
{
	const struct engine_peers *peers = &worker->shared->peers;
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	record->realtime_ms = (int64_t)now.tv_sec * 1000 +
	    now.tv_nsec / 1000000;
	memcpy(record->service, state->name, sizeof(record->service));
	peers->access(peers->logger, record);
}

/* "deny:192.0.2.0/24" */
static void
name_rule(const struct service *service, const struct endpoint *client,
    char rule[ACCESS_RULE_MAX])
{
	const struct access_prefix *prefix = service == NULL
	    ? NULL
	    : access_rules_judge(service->access, client);
	char text[PREFIX_TEXT_MAX];

	if (prefix != NULL)
		(void)snprintf(rule, ACCESS_RULE_MAX, "%s:%s",
		    access_rule_verb(&service->access->rule[prefix->rule]),
		    prefix_format(&prefix->prefix, text, sizeof(text)));
}

static void
send_record(const struct worker *worker, const struct conn *conn,
    enum access_event event, const struct outcome *outcome)
{
	struct access_record record = {
		.conn = conn->id,
		.client = conn->client,
		.worker = worker->index,
		.event = event,
		.one_of_several = with_start(worker) ||
		    present_interval(worker) != 0,
		.retries = conn->retries,
		.queue_ms = conn->queue_ms,
		.held = conn->held,
		.connect_ms = conn_connect_took(worker, conn),
		.total_ms = worker->now_ms - conn_accepted_ms(conn),
		.bytes_to_backend = outcome->delivered[BACKEND],
		.bytes_to_client = outcome->delivered[CLIENT],
		.bytes_discarded = outcome->discarded,
		.more_to_backend = more_to(worker, conn, outcome, BACKEND),
		.more_to_client = more_to(worker, conn, outcome, CLIENT),
	};

	if (event == ACCESS_END) {
		record.reason = conn->reason;
		record.error = conn->error;
	}
	if (event == ACCESS_END && conn->reason == REASON_ACCESS)
		name_rule(table_service_of(worker->table, conn->service),
		    &conn->client, record.rule);
	if (conn->backend != NULL)
		memcpy(record.backend, conn->backend->name,
		    sizeof(record.backend));
	pass_on(worker, conn->service, &record);
}

void
access_lines_refused(struct worker *worker, const struct service *service,
    const struct endpoint *client)
{
	struct access_record record = {
		.conn = ++worker->last_conn << 8 | worker->index,
		.client = *client,
		.worker = worker->index,
		.event = ACCESS_END,
		.one_of_several = with_start(worker) ||
		    present_interval(worker) != 0,
		.reason = REASON_ACCESS,
	};

	if (!is_wanted(worker))
		return;
	name_rule(service, client, record.rule);
	pass_on(worker, service->state, &record);
}

void
access_lines_start(struct worker *worker, const struct conn *conn)
{
	const struct outcome nothing = { .discarded = 0 };

	if (conn->sampled && with_start(worker) && is_wanted(worker))
		send_record(worker, conn, ACCESS_START, &nothing);
}

void
access_lines_end(struct worker *worker, const struct conn *conn,
    const struct outcome *outcome)
{
	if (is_wanted(worker) &&
	    (conn->sampled || !reason_is_normal(conn->reason)))
		send_record(worker, conn, ACCESS_END, outcome);
}

/* Delivered bytes are counted as for a reset (conn_end.c), so that they do not
 * become fewer when one follows. */
static struct outcome
outcome_so_far(const struct conn *conn)
{
	struct outcome outcome = { .discarded = conn->relays.lost };

	for (int s = CLIENT; s < SIDES; s++)
		outcome.delivered[s] = conn_bytes_from(conn, conn_other(s)) -
		    progress_undelivered(conn, s);
	return outcome;
}

void
access_lines_update(struct worker *worker, struct conn *conn)
{
	struct outcome outcome;

	if (worker->lines.turn != worker->turn) {
		worker->lines.turn = worker->turn;
		worker->lines.written = 0;
	}
	if (worker->now_ms < due_ms(worker, conn) || has_had_enough(worker))
		return;
	worker->lines.written++;
	outcome = outcome_so_far(conn);
	send_record(worker, conn, ACCESS_UPDATE, &outcome);
	*told_of(worker, conn) = (struct told){
		.at_ms = worker->now_ms,
		.delivered = { outcome.delivered[CLIENT],
		    outcome.delivered[BACKEND] },
	};
	conn->told = true;
}

/* ---- moving house ------------------------------------------------------- */

struct told
access_lines_leave(const struct worker *worker, const struct conn *conn)
{
	return conn->told ? *told_of(worker, conn)
			  : (struct told){ .at_ms = 0 };
}

void
access_lines_enter(struct worker *worker, const struct conn *conn,
    const struct told *told)
{
	if (conn->told)
		*told_of(worker, conn) = *told;
}
