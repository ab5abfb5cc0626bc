/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Changes of states: see news.h. */
#include "lb4/command/news.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lb4/control/events.h"
#include "lb4/model/agent.h"
#include "lb4/table/table.h"

int
news_init(struct news *news)
{
	return mailbox_init(&news->backends, NEWS_MAX, sizeof(uint32_t));
}

void
news_done(struct news *news)
{
	mailbox_done(&news->backends);
}

void
news_post(struct news *news, uint32_t backend)
{
	/* if it is full, waiting jobs still run once a second */
	(void)mailbox_post(&news->backends, &backend);
}

/* Whether a part of the state has changed since monitors were last told. */
static bool
is_news(const _Atomic uint64_t *since, uint64_t *told_ms)
{
	const uint64_t since_ms = atomic_load_explicit(since,
	    memory_order_relaxed);
	const bool news = since_ms != *told_ms;

	*told_ms = since_ms;
	return news;
}

/* Tells an event for each part of the backend's state that the prober has
 * changed, once for each change. */
static void
tell_states(const struct events *events, struct backend *backend)
{
	const uint64_t said = atomic_load_explicit(&backend->agent_said,
	    memory_order_acquire);
	const struct backend_parts parts = backend_parts(backend);
	struct event event = { "health", backend->service, backend->name };
	char text[AGENT_TEXT_MAX];

	if (is_news(&backend->health_since_ms, &backend->health_told_ms))
		events_tell(events, &event, "%s: %s",
		    health_is_down(parts.health) ? "down" : "up",
		    backend_health_text(backend, parts.health, text,
			sizeof(text)));
	event.kind = "passive";
	if (is_news(&backend->passive_since_ms, &backend->passive_told_ms))
		events_tell(events, &event, "%s: %s",
		    health_is_down(parts.passive) ? "ejected" : "back",
		    passive_text(parts.passive, text, sizeof(text)));
	event.kind = "agent";
	if (said != backend->agent_told) {
		backend->agent_told = said;
		events_tell(events, &event, "%s: %s",
		    agent_state_name(parts.agent),
		    said == 0 ? "it has no agent"
			      : agent_said_text(backend, text, sizeof(text)));
	}
}

static void
tell_panic(const struct events *events, const struct service *service)
{
	struct service_state *state = service->state;

	if (!is_news(&state->panic_ms, &state->panic_told_ms))
		return;
	events_tell(events, &(struct event){ "panic", state->name, NULL },
	    state->panic_told_ms != 0
		? "too few backends are available: all are used"
		: "enough backends are available again");
}

static int
compare_ids(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* Handles all news in one pass over the backends: thousands may go down at
 * once. */
void
news_take(struct news *news, const struct tables *tables,
    const struct events *events)
{
	const struct table *table = table_current(tables);
	size_t count = 0;

	mailbox_open(&news->backends);
	while (count < NEWS_MAX &&
	    mailbox_take(&news->backends, &news->told[count]))
		count++;
	if (count == NEWS_MAX)
		mailbox_ring(&news->backends);
	if (count > 1)
		qsort(news->told, count, sizeof(news->told[0]), compare_ids);
	for (size_t i = 0; count > 0 && i < tables->backends_count; i++)
		if (bsearch(&tables->backends[i]->id, news->told, count,
			sizeof(news->told[0]), compare_ids) != NULL)
			tell_states(events, tables->backends[i]);
	for (size_t id = 0; count > 0 && id < table->ids; id++)
		if (table->service[id] != NULL)
			tell_panic(events, table->service[id]);
}
