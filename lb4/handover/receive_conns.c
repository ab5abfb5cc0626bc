/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Taking conns and counters from the old process: see receive.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/timer.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/moving.h"
#include "lb4/engine/places.h"
#include "lb4/handover/counts.h"
#include "lb4/handover/pins.h"
#include "lb4/handover/receive.h"
#include "lb4/handover/receive_parts.h"
#include "lb4/model/terms.h"
#include "lb4/table/table.h"

/* How long the old process may take to leave. */
#define LEAVE_MS 10000

/* ---- "go" ---------------------------------------------------------------- */

static int
on_service_reserve(struct receive *receive, struct engine *engine)
{
	struct handover_service_reserve record;
	struct received_service *service;
	struct waitqueue *queue;
	int error = link_read(&receive->link, &handover_service_reserve_kind,
	    &record);

	service = error == 0 ? receive_service(receive, record.service) : NULL;
	if (service == NULL)
		return error;
	service->reserved = record.inside;
	moving_reserve(engine_shared(engine), service->state, record.inside);
	for (int set = 0; set < BACKEND_SETS; set++)
		atomic_store(&service->state->turns[set], record.turns[set]);
	queue = atomic_load(&service->state->waitqueue);
	if (queue == NULL)
		return 0;
	service->waiting = record.waiting;
	(void)atomic_fetch_add(&queue->waiting, record.waiting);
	(void)atomic_fetch_add(&queue->tickets, record.tickets);
	return 0;
}

static int
on_backend_reserve(struct receive *receive)
{
	struct handover_backend_reserve record;
	struct received_backend *backend;
	int error = link_read(&receive->link, &handover_backend_reserve_kind,
	    &record);

	backend = error == 0 ? receive_backend(receive, record.backend) : NULL;
	if (backend == NULL || record.active > UINT32_MAX)
		return error;
	backend->reserved = record.active;
	(void)atomic_fetch_add(&backend->backend->active,
	    (uint32_t)record.active);
	return 0;
}

static int
on_reserve(struct receive *receive, struct engine *engine)
{
	struct handover_reserve record;
	int error = link_read(&receive->link, &handover_reserve_kind, &record);

	if (error == 0)
		moving_count_from(engine_shared(engine), record.last_conn,
		    record.last_ticket);
	return error;
}

static int
on_before_go(struct receive *receive, struct engine *engine)
{
	const struct link *link = &receive->link;

	if (link_is(link, &handover_reserve_kind))
		return on_reserve(receive, engine);
	if (link_is(link, &handover_service_reserve_kind))
		return on_service_reserve(receive, engine);
	if (link_is(link, &handover_backend_reserve_kind))
		return on_backend_reserve(receive);
	return receive_pins(receive);
}

/* The old process takes care of the clients that wait at sockets which nobody
 * is to have. */
static int
say_dropped(struct receive *receive, const struct engine *engine)
{
	const struct places_drop *drop;
	size_t count;
	int error = 0;

	drop = engine_dropped(engine, &count);
	if (receive->hello.hears_drops == 0)
		return 0;
	for (size_t i = 0; error == 0 && i < count; i++) {
		const struct handover_drop record = {
			.place = drop[i].place,
			.socket = drop[i].socket,
		};

		error = link_send(&receive->link, &handover_drop_kind, &record);
	}
	return error;
}

int
receive_ready(struct receive *receive, struct engine *engine,
    struct tables *tables, const char *version)
{
	int error = say_dropped(receive, engine);

	if (error == 0)
		error = receive_say(receive, "ready", version);

	while (error == 0 && !receive_is_step(receive, "go")) {
		error = link_receive(&receive->link, LINK_FOREVER);
		if (error == 0)
			error = on_before_go(receive, engine);
	}
	if (error == 0)
		error = receive_set_pins(receive, tables);
	(void)atomic_fetch_add(&tables->changes, 1);
	return error;
}

/* ---- conns --------------------------------------------------------------- */

/* Takes places for a conn that has come: those that are kept for it. */
static void
take_places(struct engine *engine, struct received_service *service,
    struct received_backend *backend, bool queued)
{
	struct waitqueue *queue = atomic_load(&service->state->waitqueue);

	if (service->reserved > 0)
		service->reserved--;
	else
		moving_reserve(engine_shared(engine), service->state, 1);
	if (backend != NULL && backend->reserved > 0)
		backend->reserved--;
	else if (backend != NULL)
		(void)backend_reserve(backend->backend, UINT32_MAX);
	if (!queued || queue == NULL)
		return;
	if (service->waiting > 0)
		service->waiting--;
	else
		(void)waitqueue_enter(queue, UINT64_MAX);
}

static void
name_tried(const struct receive *receive, const struct conn_record *record,
    struct conn_record_names *names)
{
	for (size_t i = 0; i < record->tries && i <= CONFIG_RETRIES_MAX; i++) {
		const struct received_backend *tried = receive_backend(receive,
		    (uint32_t)record->tried[i]);

		names->tried[i] = tried != NULL ? tried->backend->id : 0;
	}
}

/* The settings that the conn began with, as one of its service's terms. */
static struct terms *
find_terms(struct receive *receive, struct service_state *state,
    const struct conn_record *record)
{
	struct conn_settings settings;
	struct terms *terms, **list;

	conn_record_settings(record, &settings);
	terms = service_state_terms(state, &settings);
	for (size_t i = 0; terms != NULL && i < receive->terms_count; i++)
		if (receive->terms[i] == terms) {
			terms->refs--;
			return terms;
		}
	if (terms == NULL)
		return NULL;
	list = receive_append(receive->terms, &receive->terms_count,
	    sizeof(*list));
	if (list == NULL)
		return NULL;
	receive->terms = list;
	list[receive->terms_count - 1] = terms;
	return terms;
}

/* If the old process has died, reading will tell. */
static void
say_taken(struct receive *receive)
{
	if (receive_say(receive, "taken", "") < 0)
		log_debug("handover: the old process has not been told");
}

/* A conn that makes no sense here is lost, and the others are not.  But when
 * memory runs out, the old process keeps what it has. */
static int
drop_conn(struct receive *receive, const struct conn_record *record, int error)
{
	if (error == -ENOMEM)
		return error;
	log_error("handover: conn %" PRIu64 " is lost: %s", record->id,
	    strerror(-error));
	link_drop_fds(&receive->link);
	say_taken(receive);
	return 0;
}

/* Takes a conn. */
static int
on_conn(struct receive *receive, struct engine *engine)
{
	struct conn_record_names names = { .service = NULL };
	struct received_service *service;
	struct received_backend *backend;
	struct conn_record record;
	struct conn *conn;
	int error = link_read(&receive->link, &handover_conn_kind, &record);

	if (error < 0)
		return error;
	service = receive_service(receive, record.service);
	if (service == NULL)
		return drop_conn(receive, &record, -EBADMSG);
	backend = receive_backend(receive, record.backend);
	names.service = service->state;
	names.terms = find_terms(receive, service->state, &record);
	if (names.terms == NULL)
		return -ENOMEM;
	names.backend = backend != NULL ? backend->backend : NULL;
	name_tried(receive, &record, &names);
	conn = conn_record_make(&record, &names, receive->link.in_fd,
	    receive->link.in_fds);
	if (conn == NULL)
		return drop_conn(receive, &record, -errno);
	receive->link.in_fds = 0; /* the conn's */
	/* if the old process has died just now, the conn lives on here */
	say_taken(receive);
	take_places(engine, service, backend, conn_record_is_queued(&record));
	moving_adopt(engine_shared(engine), conn, receive->next_worker++);
	return 0;
}

/* ---- the end ------------------------------------------------------------- */

static int
on_service_counts(struct receive *receive)
{
	struct handover_service_counts record;
	struct received_service *service;
	int error = link_read(&receive->link, &handover_service_counts_kind,
	    &record);

	service = error == 0 ? receive_service(receive, record.service) : NULL;
	if (service != NULL)
		counts_add_service(service->state, &record);
	return error;
}

static int
on_rule_counts(struct receive *receive)
{
	struct handover_rule_counts record;
	struct received_service *service;
	int error = link_read(&receive->link, &handover_rule_counts_kind,
	    &record);

	service = error == 0 ? receive_service(receive, record.service) : NULL;
	if (service != NULL)
		counts_add_rule(service->state, &record);
	return error;
}

static int
on_backend_counts(struct receive *receive)
{
	struct handover_backend_counts record;
	struct received_backend *backend;
	int error = link_read(&receive->link, &handover_backend_counts_kind,
	    &record);

	backend = error == 0 ? receive_backend(receive, record.backend) : NULL;
	if (backend != NULL)
		counts_add_backend(backend->backend, &record);
	return error;
}

/* With fewer workers than before, the last one has the counts of the rest. */
static int
on_worker_counts(struct receive *receive, struct engine *engine)
{
	const unsigned workers = engine_made(engine);
	struct handover_worker_counts record;
	int error = link_read(&receive->link, &handover_worker_counts_kind,
	    &record);

	if (error == 0)
		counts_add_worker(engine_earlier(engine,
				      record.worker < workers ? record.worker
							      : workers - 1),
		    &record);
	return error;
}

static int
on_after_go(struct receive *receive, struct engine *engine)
{
	const struct link *link = &receive->link;

	if (link_is(link, &handover_conn_kind))
		return on_conn(receive, engine);
	if (link_is(link, &handover_service_counts_kind))
		return on_service_counts(receive);
	if (link_is(link, &handover_rule_counts_kind))
		return on_rule_counts(receive);
	if (link_is(link, &handover_backend_counts_kind))
		return on_backend_counts(receive);
	if (link_is(link, &handover_worker_counts_kind))
		return on_worker_counts(receive, engine);
	return 0;
}

/* Conns that ended in the old process have left places that were kept for
 * them. */
static void
release_rest(struct receive *receive, struct engine *engine,
    struct tables *tables)
{
	for (size_t i = 0; i < receive->backends; i++)
		for (; receive->backend[i].reserved > 0;
		     receive->backend[i].reserved--)
			backend_release(receive->backend[i].backend);
	(void)atomic_fetch_add(&tables->changes, 1);
	for (size_t i = 0; i < receive->services; i++) {
		struct received_service *service = &receive->service[i];

		if (service->state == NULL)
			continue;
		for (; service->waiting > 0; service->waiting--)
			waitqueue_leave(atomic_load(&service->state
							 ->waitqueue));
		moving_unreserve(engine_shared(engine), service->state,
		    service->reserved);
		service->reserved = 0;
	}
}

int
receive_conns(struct receive *receive, struct engine *engine,
    struct tables *tables)
{
	int error = 0;

	/* if the old process dies, what it has sent comes after -ECONNRESET */
	while (error == 0 && !receive_is_step(receive, "end")) {
		do
			error = link_receive(&receive->link, LINK_FOREVER);
		while (error == -ECONNRESET);
		if (error == 0)
			error = on_after_go(receive, engine);
	}
	if (error == -EPIPE) {
		log_error("the old process has died in the middle of the "
			  "handover: serving on with what it had handed over");
		error = 0;
	}
	if (error == 0)
		release_rest(receive, engine, tables);
	return error;
}

int
receive_end(struct receive *receive)
{
	int error = receive_say(receive, "done", "");

	if (error == 0)
		error = link_receive(&receive->link,
		    link_deadline(&receive->link, LEAVE_MS));
	return error == -EPIPE || error == -ECONNRESET || error == -ETIMEDOUT
	    ? 0
	    : error;
}
