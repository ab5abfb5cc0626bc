/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Taking everything from the old process: see receive.h. */
#include "lb4/handover/receive.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/timer.h"
#include "common/why.h"
#include "lb4/config/build.h"
#include "lb4/config/expand.h"
#include "lb4/engine/listen_socket.h"
#include "lb4/engine/places.h"
#include "lb4/handover/link.h"
#include "lb4/handover/pins.h"
#include "lb4/handover/receive_parts.h"
#include "lb4/model/agent.h"
#include "lb4/model/terms.h"
#include "lb4/table/table.h"

/* How long the old process may take until "prepare". */
#define BEGIN_MS 20000

/* ---- what it says of itself ---------------------------------------------- */

void *
receive_append(void *list, size_t *count, size_t size)
{
	unsigned char *more = reallocarray(list, *count + 1, size);

	if (more == NULL)
		return NULL;
	memset(more + *count * size, 0, size);
	(*count)++;
	return more;
}

static int
on_file(struct receive *receive)
{
	struct received_file *file = &receive->file[receive->files];
	int error;

	if (receive->files == RECEIVE_FILES_MAX)
		return 0; /* of a newer version */
	error = link_read(&receive->link, &handover_file_kind, &file->record);
	if (error == 0) {
		file->fd = link_take_fd(&receive->link, 0);
		receive->files++;
	}
	return error;
}

static int
on_service(struct receive *receive)
{
	struct handover_service record;
	struct received_service *more;
	int error = link_read(&receive->link, &handover_service_kind, &record);

	if (error < 0 || record.id > UINT16_MAX)
		return error < 0 ? error : -EBADMSG;
	while (receive->services <= record.id) {
		more = receive_append(receive->service, &receive->services,
		    sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		receive->service = more;
	}
	receive->service[record.id].record = record;
	return 0;
}

static int
on_backend(struct receive *receive)
{
	struct handover_backend record;
	struct received_backend *more;
	int error = link_read(&receive->link, &handover_backend_kind, &record);

	if (error < 0)
		return error;
	more = receive_append(receive->backend, &receive->backends,
	    sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	receive->backend = more;
	more[receive->backends - 1].record = record;
	return 0;
}

static int
on_order(struct receive *receive)
{
	struct handover_order *list = receive_append(receive->order,
	    &receive->orders, sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	receive->order = list;
	return link_read(&receive->link, &handover_order_kind,
	    &list[receive->orders - 1]);
}

static int
on_event(struct receive *receive)
{
	struct handover_event *list = receive_append(receive->event,
	    &receive->events, sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	receive->event = list;
	return link_read(&receive->link, &handover_event_kind,
	    &list[receive->events - 1]);
}

static int
on_srv(struct receive *receive)
{
	struct handover_srv *list = receive_append(receive->srv, &receive->srvs,
	    sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	receive->srv = list;
	return link_read(&receive->link, &handover_srv_kind,
	    &list[receive->srvs - 1]);
}

static int
on_name(struct receive *receive)
{
	struct handover_name *list = receive_append(receive->name,
	    &receive->names, sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	receive->name = list;
	return link_read(&receive->link, &handover_name_kind,
	    &list[receive->names - 1]);
}

/* An address, or the name of an inherited socket. */
static int
read_addr(struct addr *addr, const char *text)
{
	const size_t prefix = strlen(ADDR_INHERITED_PREFIX);

	if (strncmp(text, ADDR_INHERITED_PREFIX, prefix) == 0)
		return addr_set_inherited(addr, text + prefix);
	return addr_parse(addr, text, ADDR_PORT_OPTIONAL, NULL);
}

static int
on_place(struct receive *receive)
{
	struct places *places = &receive->places;
	struct handover_place record, *records;
	struct place *more;
	size_t count = places->count;
	int error = link_read(&receive->link, &handover_place_kind, &record);

	if (error < 0)
		return error;
	records = receive_append(receive->place, &count, sizeof(*records));
	if (records == NULL)
		return -ENOMEM;
	receive->place = records;
	records[places->count] = record;
	more = receive_append(places->place, &places->count, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	places->place = more;
	more = &places->place[places->count - 1];
	more->common = record.common != 0;
	more->inherited = record.inherited != 0;
	more->file.dev = record.dev;
	more->file.ino = record.ino;
	error = read_addr(&more->addr, record.addr);
	return error == 0 ? read_addr(&more->bound, record.bound) : error;
}

/* A socket of the latest place. */
static int
on_socket(struct receive *receive)
{
	struct places *places = &receive->places;
	struct place_socket socket = { .kept = false }, *more;
	struct handover_socket record;
	struct place *place;
	size_t sockets;
	int error = link_read(&receive->link, &handover_socket_kind, &record);
	int fd = link_take_fd(&receive->link, 0);

	if (error == 0 && (places->count == 0 || fd < 0))
		error = -EBADMSG;
	if (error == 0)
		error = read_addr(&socket.bound, record.bound);
	if (error == 0) {
		socket.kept = record.kept != 0;
		socket.socket = listen_socket_new(fd, addr_port(&socket.bound));
		error = socket.socket == NULL ? -ENOMEM : 0;
	}
	if (error < 0) {
		if (fd >= 0)
			(void)close(fd);
		return error;
	}
	place = &places->place[places->count - 1];
	sockets = place->sockets;
	more = receive_append(place->socket, &sockets, sizeof(*more));
	if (more == NULL) {
		listen_socket_unref(socket.socket);
		return -ENOMEM;
	}
	more[place->sockets++] = socket;
	place->socket = more;
	return 0;
}

bool
receive_is_step(const struct receive *receive, const char *name)
{
	struct handover_step step;

	return link_is(&receive->link, &handover_step_kind) &&
	    link_read(&receive->link, &handover_step_kind, &step) == 0 &&
	    strcmp(step.name, name) == 0;
}

/* Handles one message before "prepare".  Unknown ones come from a newer
 * version. */
static int
on_begin(struct receive *receive)
{
	const struct link *link = &receive->link;

	if (link_is(link, &handover_hello_kind))
		return link_read(link, &handover_hello_kind, &receive->hello);
	if (link_is(link, &handover_file_kind))
		return on_file(receive);
	if (link_is(link, &handover_service_kind))
		return on_service(receive);
	if (link_is(link, &handover_backend_kind))
		return on_backend(receive);
	if (link_is(link, &handover_place_kind))
		return on_place(receive);
	if (link_is(link, &handover_socket_kind))
		return on_socket(receive);
	if (link_is(link, &handover_order_kind))
		return on_order(receive);
	if (link_is(link, &handover_event_kind))
		return on_event(receive);
	if (link_is(link, &handover_srv_kind))
		return on_srv(receive);
	if (link_is(link, &handover_name_kind))
		return on_name(receive);
	return receive_pins(receive);
}

static int
by_id(const void *a, const void *b)
{
	const struct received_backend *x = a, *y = b;

	return (x->record.id > y->record.id) - (x->record.id < y->record.id);
}

static int
by_line(const void *a, const void *b)
{
	const struct handover_name *x = a, *y = b;
	const int order = strcmp(x->service, y->service);

	return order != 0 ? order : strcmp(x->line, y->line);
}

int
receive_begin(struct receive **out, int channel, struct why *why)
{
	struct receive *receive = calloc(1, sizeof(*receive));
	uint64_t deadline_ms;
	int error;

	if (receive == NULL) {
		(void)close(channel);
		return why_fail(why, -ENOMEM, "%s", strerror(ENOMEM));
	}
	receive->link.fd = channel;
	deadline_ms = link_deadline(&receive->link, BEGIN_MS);
	do {
		error = link_receive(&receive->link, deadline_ms);
		if (error == 0)
			error = on_begin(receive);
	} while (error == 0 && !receive_is_step(receive, "prepare"));
	if (error < 0) {
		receive_free(receive);
		return why_fail(why, error, "%s", strerror(-error));
	}
	if (receive->backends > 0)
		qsort(receive->backend, receive->backends,
		    sizeof(*receive->backend), by_id);
	if (receive->names > 0)
		qsort(receive->name, receive->names, sizeof(*receive->name),
		    by_line);
	*out = receive;
	return 0;
}

const struct handover_hello *
receive_hello(const struct receive *receive)
{
	return &receive->hello;
}

size_t
receive_orders(const struct receive *receive)
{
	return receive->orders;
}

const struct handover_order *
receive_order(const struct receive *receive, size_t i)
{
	return &receive->order[i];
}

size_t
receive_events(const struct receive *receive)
{
	return receive->events;
}

const struct handover_event *
receive_event(const struct receive *receive, size_t i)
{
	return &receive->event[i];
}

struct backend *
receive_backend_of(const struct receive *receive, uint32_t id)
{
	const struct received_backend *found = receive_backend(receive, id);

	return found != NULL ? found->backend : NULL;
}

int
receive_file(struct receive *receive, const char *what, const char *name,
    struct sockfile_id *id)
{
	for (size_t i = 0; receive != NULL && i < receive->files; i++) {
		struct received_file *file = &receive->file[i];
		const int fd = file->fd;

		if (fd < 0 || strcmp(file->record.what, what) != 0 ||
		    strcmp(file->record.name, name) != 0)
			continue;
		file->fd = -1;
		if (id != NULL) {
			id->dev = file->record.dev;
			id->ino = file->record.ino;
		}
		return fd;
	}
	return -1;
}

/* ---- names --------------------------------------------------------------- */

/* What the line of that backend asks for in the old process; "": it has an
 * address.  NULL: an older version does not say. */
static const char *
asked(const struct receive *receive, const char *service, const char *backend)
{
	const struct handover_name *found = NULL;
	struct handover_name line = { .host = "" };

	if (!receive->hello.tells_names)
		return NULL;
	(void)strlcpy(line.service, service, sizeof(line.service));
	(void)strlcpy(line.line, backend, sizeof(line.line));
	line.line[strcspn(line.line, "/")] = '\0';
	if (receive->names > 0)
		found = bsearch(&line, receive->name, receive->names,
		    sizeof(line), by_line);
	return found == NULL ? "" : found->host;
}

/* One of an SRV record; that of an address has only its name. */
static int
restore_name(const struct receive *receive, const struct config *config,
    const char *service_name, const char *addr, struct config_backend *was)
{
	struct config_service *service = build_find_service(config,
	    service_name);

	if (service == NULL || service->hosts == 0 ||
	    read_addr(&was->addr, addr) < 0)
		return 0;
	return expand_restore(service, was,
	    asked(receive, service_name, was->name));
}

int
receive_names(const struct receive *receive, const struct config *config)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < receive->backends; i++) {
		const struct handover_backend *record =
		    &receive->backend[i].record;
		struct config_backend was = { .order = 0 };

		memcpy(was.name, record->name, sizeof(was.name));
		if (record->listed)
			error = restore_name(receive, config, record->service,
			    record->addr, &was);
	}
	for (size_t i = 0; error == 0 && i < receive->srvs; i++) {
		const struct handover_srv *record = &receive->srv[i];
		struct config_backend was = {
			.of_srv = true,
			.srv_weight = record->weight,
			.backup = record->backup != 0,
		};

		memcpy(was.name, record->name, sizeof(was.name));
		if (record->weight > 0 && record->weight <= CONFIG_WEIGHT_MAX)
			error = restore_name(receive, config, record->service,
			    record->addr, &was);
	}
	return error;
}

/* ---- services and backends ----------------------------------------------- */

int
receive_restore(struct receive *receive, struct tables *tables)
{
	for (size_t i = 0; i < receive->services; i++) {
		struct received_service *service = &receive->service[i];

		if (service->record.name[0] == '\0')
			continue;
		service->state = tables_state_get(tables, service->record.name);
		if (service->state == NULL)
			return -ENOMEM;
		atomic_store(&service->state->panic_ms,
		    service->record.panic_ms);
	}
	for (size_t i = 0; i < receive->backends; i++) {
		struct received_backend *backend = &receive->backend[i];
		struct addr addr;

		if (read_addr(&addr, backend->record.addr) < 0)
			continue;
		backend->backend = tables_restore_backend(tables,
		    backend->record.service, backend->record.name, &addr);
		if (backend->backend == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* A newer version may have results and checks that this one cannot name. */
static uint32_t
health_word(uint32_t word)
{
	return health_result(word) < HEALTH_RESULT_COUNT &&
		health_check(word) < CHECK_KIND_COUNT
	    ? word
	    : health_pack(health_is_down(word), HEALTH_UNKNOWN, 0);
}

static void
set_state(struct backend *backend, const struct handover_backend *record)
{
	atomic_store(&backend->health, health_word(record->health));
	remark_set(&backend->remark, health_word(record->health),
	    record->health_text);
	atomic_store(&backend->health_since_ms, record->health_since_ms);
	if (record->admin < ADMIN_STATE_COUNT)
		atomic_store(&backend->admin, record->admin);
	backend->admin_since_ms = record->admin_since_ms;
	if (record->admin_cause < ADMIN_CAUSE_COUNT)
		atomic_store(&backend->admin_cause, record->admin_cause);
	atomic_store(&backend->passive, health_word(record->passive));
	atomic_store(&backend->passive_since_ms, record->passive_since_ms);
	backend->health_told_ms = record->health_since_ms;
	backend->passive_told_ms = record->passive_since_ms;
	atomic_store(&backend->ejected_until_ms, record->ejected_until_ms);
	atomic_store(&backend->ejections, record->ejections);
	atomic_store(&backend->held_until_ms, record->held_until_ms);
	atomic_store(&backend->joining, record->joining != 0);
	atomic_store(&backend->up_ms, record->up_ms);
	atomic_store(&backend->ready_ms, record->ready_ms);
	atomic_store(&backend->check_began_ms, record->check_began_ms);
	atomic_store(&backend->check_us, record->check_us);
	atomic_store(&backend->checked_ms, record->checked_ms);
	atomic_store(&backend->certificate_s, record->certificate_s);
	atomic_store(&backend->told_state, record->told_state);
}

/* A newer version may have words that this one does not know. */
static void
set_agent(struct backend *backend, const struct handover_backend *record)
{
	const struct agent_said said = agent_unpack(record->agent_said);
	const uint64_t word = agent_pack(&said);

	atomic_store(&backend->agent_said, word);
	atomic_store(&backend->agent, agent_state_of(&said));
	atomic_store(&backend->agent_since_ms, record->agent_since_ms);
	remark_set(&backend->agent_display.remark, agent_remark_word(word),
	    record->agent_text);
	backend->agent_told = word;
}

static const struct received_backend *
find_received(const struct receive *receive, const struct backend *backend)
{
	for (size_t i = 0; i < receive->backends; i++)
		if (receive->backend[i].backend == backend)
			return &receive->backend[i];
	return NULL;
}

static void
set_states(const struct receive *receive, const struct service *service)
{
	for (size_t i = 0; i < service->backends; i++) {
		const bool checked = service_checks(service, i);
		struct backend *backend = service->backend[i].backend;
		const struct received_backend *received = find_received(receive,
		    backend);

		if (received == NULL || !received->record.listed) {
			backend_set_joining(backend, checked);
			continue;
		}
		set_state(backend, &received->record);
		if (service->backend[i].agent)
			set_agent(backend, &received->record);
		if (service->settings.observe == OBSERVE_OFF)
			atomic_store(&backend->passive, 0);
		if (checked)
			continue;
		/* nobody would ever find out that it is up again */
		atomic_store(&backend->health, 0);
		atomic_store(&backend->checked_ms, 0);
		backend_set_joining(backend, false);
	}
}

void
receive_states(struct receive *receive, struct tables *tables)
{
	const struct table *table = table_current(tables);

	for (size_t id = 0; id < table->ids; id++)
		if (table->service[id] != NULL)
			set_states(receive, table->service[id]);
	(void)atomic_fetch_add(&tables->changes, 1);
}

void
receive_places(struct receive *receive, struct places *places)
{
	for (size_t i = 0; i < receive->places.count; i++)
		for (size_t s = 0; s < receive->services; s++) {
			struct service_state *state = receive->service[s].state;

			if (state == NULL ||
			    strcmp(state->name, receive->place[i].service) != 0)
				continue;
			service_state_ref(state);
			receive->places.place[i].state = state;
		}
	*places = receive->places;
	receive->places = (struct places){ .count = 0 };
}

/* ---- for receive_conns.c ------------------------------------------------- */

struct received_service *
receive_service(const struct receive *receive, uint64_t id)
{
	return id < receive->services && receive->service[id].state != NULL
	    ? &receive->service[id]
	    : NULL;
}

struct received_backend *
receive_backend(const struct receive *receive, uint32_t id)
{
	const struct received_backend key = { .record = { .id = id } };
	struct received_backend *found = receive->backends == 0
	    ? NULL
	    : bsearch(&key, receive->backend, receive->backends, sizeof(key),
		  by_id);

	return found != NULL && found->backend != NULL ? found : NULL;
}

int
receive_say(struct receive *receive, const char *name, const char *version)
{
	struct handover_step step = { .name = "" };

	(void)strlcpy(step.name, name, sizeof(step.name));
	(void)strlcpy(step.version, version, sizeof(step.version));
	return link_send(&receive->link, &handover_step_kind, &step);
}

/* ---- the end ------------------------------------------------------------- */

void
receive_free(struct receive *receive)
{
	if (receive == NULL)
		return;
	for (size_t i = 0; i < receive->terms_count; i++)
		receive->terms[i]->refs--;
	free(receive->terms);
	for (size_t i = 0; i < receive->files; i++)
		if (receive->file[i].fd >= 0)
			(void)close(receive->file[i].fd);
	for (size_t i = 0; i < receive->services; i++)
		if (receive->service[i].state != NULL)
			service_state_unref(receive->service[i].state);
	for (size_t i = 0; i < receive->backends; i++)
		backend_unref(receive->backend[i].backend);
	for (size_t i = 0; i < receive->places.count; i++)
		for (unsigned k = 0; k < receive->places.place[i].sockets; k++)
			listen_socket_unref(receive->places.place[i]
						.socket[k]
						.socket);
	for (size_t i = 0; i < receive->places.count; i++)
		free(receive->places.place[i].socket);
	free(receive->places.place);
	free(receive->place);
	free(receive->service);
	free(receive->backend);
	received_pasts_free(receive->past, receive->pasts);
	free(receive->order);
	free(receive->event);
	free(receive->srv);
	free(receive->name);
	link_drop_fds(&receive->link);
	(void)close(receive->link.fd);
	free(receive);
}
