/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Limits of conns: see throttle.h.  Called by conn.c and conn_end.c. */
#include "lb4/engine/throttle.h"

#include <bsd/stdlib.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/prefix.h"
#include "common/sources.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/types.h"
#include "lb4/table/table.h"

/* How often throttled conns try again. */
#define HOLD_MS 5

/* ---- limits -------------------------------------------------------------- */

/* A rate as the algorithm has it. */
static struct sources_limit
limit_of(const struct rate_limit *rate, unsigned conns)
{
	struct sources_limit limit = { .conns = conns };

	if (rate->conns == 0)
		return limit;
	limit.interval_ns = (uint64_t)rate->per_ms * 1000000 / rate->conns;
	limit.slack_ns = (rate->burst - 1) * limit.interval_ns;
	return limit;
}

static struct sources_limit
limit_of_source(const struct service_settings *settings)
{
	return limit_of(&settings->source_rate, settings->source_maxconn);
}

static bool
limits_sources(const struct service_settings *settings)
{
	return settings->source_maxconn != 0 ||
	    settings->source_rate.conns != 0;
}

int
throttle_init(struct worker_shared *shared)
{
	struct hash_key key;

	arc4random_buf(&key, sizeof(key));
	shared->sources = sources_new(shared->room, &key);
	return shared->sources != NULL ? 0 : -ENOMEM;
}

void
throttle_done(struct worker_shared *shared)
{
	sources_free(shared->sources);
	shared->sources = NULL;
}

void
throttle_set(struct worker_shared *shared, const struct config *config)
{
	const struct sources_limit limit = limit_of(&config->rate, 0);

	atomic_store(&shared->rate_interval_ns, limit.interval_ns);
	atomic_store(&shared->rate_slack_ns, limit.slack_ns);
}

/* Clients of a unix socket are one source. */
static uint64_t
source_hash(const struct worker_shared *shared, const struct service *service,
    const struct endpoint *client)
{
	const struct service_settings *settings = &service->settings;
	struct {
		struct prefix prefix;
		char service[CONFIG_NAME_MAX];
	} who;

	memset(&who, 0, sizeof(who));
	if (client->family == AF_UNIX)
		who.prefix.family = AF_UNIX;
	else
		prefix_of(&who.prefix, client, settings->source_prefix4,
		    settings->source_prefix6);
	memcpy(who.service, service->state->name, sizeof(who.service));
	return sources_hash(shared->sources, &who, sizeof(who));
}

static uint64_t
now_ns(const struct worker *worker)
{
	return worker->now_us * 1000;
}

/* ---- the entry of a conn ------------------------------------------------ */

int
throttle_make(struct worker *worker)
{
	/* a page of it is touched only when a conn there is counted */
	worker->source = calloc(worker->conns.count, sizeof(*worker->source));
	return worker->source != NULL ? 0 : -ENOMEM;
}

void
throttle_unmake(struct worker *worker)
{
	free(worker->source);
	worker->source = NULL;
}

static void
set_entry(const struct worker *worker, struct conn *conn, sources_entry entry)
{
	conn->counted = entry != 0;
	if (entry != 0)
		worker->source[slots_index(&worker->conns, conn)] = entry;
}

sources_entry
throttle_entry(const struct worker *worker, const struct conn *conn)
{
	return conn->counted ? worker->source[slots_index(&worker->conns, conn)]
			     : 0;
}

/* ---- entering and leaving ------------------------------------------------ */

static enum reason
enter_source(struct worker *worker, struct conn *conn,
    const struct service *service)
{
	const struct sources_limit limit = limit_of_source(&service->settings);
	sources_entry entry;

	if (!limits_sources(&service->settings))
		return REASON_DONE;
	switch (sources_enter(worker->shared->sources,
	    source_hash(worker->shared, service, &conn->client), &limit,
	    now_ns(worker), &entry)) {
	case SOURCES_CONNS:
		return REASON_SOURCE_MAXCONN;
	case SOURCES_RATE:
		return REASON_SOURCE_RATE;
	case SOURCES_PASS:
		set_entry(worker, conn, entry);
		break;
	}
	return REASON_DONE;
}

/* Enters the service's rate, then that of the process. */
static enum reason
enter_rates(struct worker *worker, const struct service *service)
{
	struct worker_shared *shared = worker->shared;
	const struct sources_limit own = limit_of(&service->settings.rate, 0);
	const struct sources_limit all = {
		.interval_ns = atomic_load_explicit(&shared->rate_interval_ns,
		    memory_order_relaxed),
		.slack_ns = atomic_load_explicit(&shared->rate_slack_ns,
		    memory_order_relaxed),
	};

	if (!sources_pace(&service->state->paced_ns, &own, now_ns(worker)))
		return REASON_RATE;
	if (sources_pace(&shared->paced_ns, &all, now_ns(worker)))
		return REASON_DONE;
	/* the service's rate takes it back */
	if (own.interval_ns != 0)
		(void)atomic_fetch_sub(&service->state->paced_ns,
		    own.interval_ns);
	return REASON_RATE_ALL;
}

enum reason
throttle_enter(struct worker *worker, struct conn *conn,
    const struct service *service)
{
	enum reason over;

	if (service == NULL)
		return REASON_DONE;
	over = enter_source(worker, conn, service);
	if (over != REASON_DONE)
		return over;
	over = enter_rates(worker, service);
	if (over != REASON_DONE) {
		sources_undo(worker->shared->sources,
		    throttle_entry(worker, conn),
		    limit_of_source(&service->settings).interval_ns);
		set_entry(worker, conn, 0);
	}
	return over;
}

void
throttle_adopt(struct worker *worker, struct conn *conn, sources_entry entry)
{
	static const struct sources_limit none = { .conns = 0 };
	const struct service *service =
	    table_service_of(table_current(worker->shared->tables),
		conn->service);

	if (entry == 0 && !conn->throttled && conn->state != CONN_PREREAD &&
	    service != NULL && limits_sources(&service->settings))
		(void)sources_enter(worker->shared->sources,
		    source_hash(worker->shared, service, &conn->client), &none,
		    now_ns(worker), &entry);
	set_entry(worker, conn, entry);
}

void
throttle_leave(struct worker *worker, struct conn *conn)
{
	sources_leave(worker->shared->sources, throttle_entry(worker, conn));
	conn->counted = false;
}

/* ---- throttled conns ----------------------------------------------------- */

struct conn *
throttle_first(const struct worker *worker)
{
	return TAILQ_FIRST(&worker->waiting.throttled);
}

struct conn *
throttle_next(const struct conn *conn)
{
	return TAILQ_NEXT(conn, entry);
}

void
throttle_arm(struct worker *worker)
{
	if (!TAILQ_EMPTY(&worker->waiting.throttled))
		timer_arm(&worker->timers, &worker->waiting.retry,
		    worker->now_ms + HOLD_MS);
}

void
throttle_look(const struct worker_shared *shared, const struct service *service,
    const struct endpoint *client, struct throttle_sight *sight)
{
	const struct service_settings *settings = &service->settings;
	const struct sources_limit limit = limit_of_source(settings);
	uint64_t wait_ns;

	*sight = (struct throttle_sight){
		.limited = limits_sources(settings),
		.maxconn = settings->source_maxconn,
	};
	if (!sight->limited)
		return;
	sight->conns = sources_look(shared->sources,
	    source_hash(shared, service, client), &limit, timer_now_us() * 1000,
	    &wait_ns);
	sight->wait_ms = (wait_ns + 999999) / 1000000;
}
