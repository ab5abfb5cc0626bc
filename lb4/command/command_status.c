/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * status: services and their backends.  The answer is written in pieces, and
 * the table may change between two of them, so the job remembers an id and an
 * index.  The JSON form also has what only programs read: what lb4ctl cluster
 * check compares, and the histograms that the status page shows.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/plural.h"
#include "common/timer.h"
#include "common/why.h"
#include "lb4/command/answer.h"
#include "lb4/command/commands.h"
#include "lb4/command/figures_json.h"
#include "lb4/command/origins.h"
#include "lb4/command/states_json.h"
#include "lb4/config/access_rules.h"
#include "lb4/config/fingerprint.h"
#include "lb4/config/names.h"
#include "lb4/control/backlogs.h"
#include "lb4/control/figures.h"
#include "lb4/control/find.h"
#include "lb4/control/handle.h"
#include "lb4/control/node.h"
#include "lb4/engine/engine.h"
#include "lb4/model/rule_count.h"
#include "lb4/table/table.h"

#define ROWS_MAX 64 /* of one piece */

static const struct column columns[] = {
	{ "backend", "  BACKEND", 14, COLUMN_TEXT },
	{ "address", "ADDRESS", 21, COLUMN_TEXT },
	{ "state", "STATE", 7, COLUMN_TEXT },
	{ "weight", "WEIGHT", 6, COLUMN_NUMBER },
	{ "active", "ACTIVE", 7, COLUMN_NUMBER },
	{ "total", "TOTAL", 9, COLUMN_NUMBER },
	{ "conns_per_s", "CONNS/S", 8, COLUMN_RATE },
	{ "failures", "FAILED", 7, COLUMN_NUMBER },
	{ "bytes_to_backend", "TO-BACKEND", 10, COLUMN_BYTES },
	{ "bytes_to_client", "TO-CLIENT", 10, COLUMN_BYTES },
	{ "zone", "ZONE", 4, COLUMN_TEXT },
	{ "role", "ROLE", 6, COLUMN_TEXT },
	{ "check", "CHECK", 0, COLUMN_TEXT },
	{ NULL, NULL, 0, COLUMN_TEXT },
};

static uint64_t
ago(uint64_t now_ms, uint64_t then_ms)
{
	return now_ms > then_ms ? now_ms - then_ms : 0;
}

static json_t *
check_object(const struct backend *backend,
    const struct figures_backend *figures, uint64_t now_ms)
{
	const uint64_t certificate_s =
	    atomic_load_explicit(&backend->certificate_s, memory_order_relaxed);

	if (figures->checked_ms == 0)
		return json_null();
	return json_pack("{s:o*,s:s,s:I,s:f}", "certificate_expires",
	    certificate_s != 0 ? json_integer((json_int_t)certificate_s) : NULL,
	    "result", figures->health_text, "ago_ms",
	    (json_int_t)ago(now_ms, figures->checked_ms), "took_ms",
	    figures->check_ms);
}

/* The backend's configuration, or NULL after it was removed. */
static const struct config_backend *
configured(const struct caller *caller, const struct backend *backend)
{
	const struct config *config = handle_config(caller->handle);

	return find_config_backend(find_config_service(config,
				       backend->service),
	    backend->name);
}

/* Adds the backend's zone, whether it is a backup, and the header that its
 * conns begin with. */
static void
add_place(const struct caller *caller, const struct backend *backend,
    const struct service_backend *entry, json_t *row)
{
	const struct config_backend *config = entry != NULL
	    ? configured(caller, backend)
	    : NULL;
	const char *zone = config != NULL ? config->zone : "";
	const bool backup = entry != NULL && entry->set == SET_BACKUP;

	if (!caller->json) {
		(void)json_object_set_new(row, "zone",
		    json_string(zone[0] != '\0' ? zone : "-"));
		(void)json_object_set_new(row, "role",
		    json_string(backup ? "backup" : "-"));
		return;
	}
	(void)json_object_set_new(row, "zone",
	    config != NULL ? json_string(zone) : json_null());
	(void)json_object_set_new(row, "backup",
	    entry != NULL ? json_boolean(backup) : json_null());
	(void)json_object_set_new(row, "from",
	    entry != NULL ? origins_of(caller, backend->service, backend->name)
			  : json_null());
	(void)json_object_set_new(row, "send_proxy",
	    entry != NULL ? json_string(send_proxy_name(entry->send_proxy))
			  : json_null());
}

static json_t *
backend_times(const struct backend *backend)
{
	struct figures_times times = { 0 };

	figures_backend_times(backend, &times);
	return figures_json_times(&times);
}

/* A backend's row; `entry` is NULL when the table no longer has the backend. */
static json_t *
backend_row(const struct caller *caller, const struct backend *backend,
    const struct service_backend *entry, const struct states_json_parts *has)
{
	const uint64_t now_ms = timer_now_ms();
	char addr[ADDR_TEXT_MAX], name[CONFIG_NAME_MAX + 2], check[512];
	struct figures_backend figures;
	json_t *row;

	figures_backend(backend, &figures);
	(void)snprintf(name, sizeof(name), "%s%s", caller->json ? "" : "  ",
	    backend->name);
	row = json_pack("{s:s,s:o,s:s,s:i,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:I,s:I}",
	    "backend", name, "address",
	    answer_value(addr_format(&backend->addr, addr, sizeof(addr))),
	    "state",
	    entry != NULL ? backend_state_name(backend_state_of(&figures.parts))
			  : "removed",
	    "weight", entry != NULL ? (int)entry->weight : 0, "maxconn",
	    (json_int_t)(entry != NULL ? entry->maxconn : 0), "active",
	    (json_int_t)figures.active, "total", (json_int_t)figures.sums.conns,
	    "failures", (json_int_t)figures.sums.connect_failures, "no_ports",
	    (json_int_t)figures.sums.no_ports, "conns_per_s",
	    backend->rate.conns_per_s, "bytes_per_s", backend->rate.bytes_per_s,
	    "bytes_to_backend", (json_int_t)figures.sums.bytes_to_backend,
	    "bytes_to_client", (json_int_t)figures.sums.bytes_to_client);
	if (row == NULL)
		return NULL;
	add_place(caller, backend, entry, row);
	if (caller->json &&
	    json_object_set_new(row, "times", backend_times(backend)) != 0) {
		json_decref(row);
		return NULL;
	}
	if (states_json_add(row, &figures, has, now_ms) == 0 &&
	    json_object_set_new(row, "check",
		!caller->json ? json_string(states_text(&figures, has, now_ms,
				    check, sizeof(check)))
		    : has->checked ? check_object(backend, &figures, now_ms)
				   : json_null()) == 0)
		return row;
	json_decref(row);
	return NULL;
}

/* A checksum in the format of lb4ctl(8) and the log. */
static json_t *
checksum_text(uint64_t checksum)
{
	return json_sprintf("%016" PRIx64, checksum);
}

/* The checksum of the service's configuration, for JSON; null after the service
 * was removed. */
static json_t *
configuration_checksum(const struct caller *caller,
    const struct service *service)
{
	const struct config_service *config = caller->json
	    ? find_config_service(handle_config(caller->handle),
		  service->state->name)
	    : NULL;
	uint64_t sum;

	if (config == NULL)
		return json_null();
	return fingerprint_service(config, &sum) == 0 ? checksum_text(sum)
						      : NULL;
}

static json_t *
listens_array(const struct caller *caller, const struct service *service)
{
	const struct engine *engine = caller->handle->engine;
	char text[ADDR_TEXT_MAX];
	const struct addr *addr;
	json_t *list = json_array();
	size_t index = 0;
	int error = 0;

	while ((addr = engine_listens(engine, service->state->name, &index)) !=
	    NULL)
		error |= json_array_append_new(list,
		    answer_value(addr_format_range(addr, text, sizeof(text))));
	if (error == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* Whether a file of its access rules has an error. */
static bool
rules_refused(const struct service *service)
{
	return atomic_load_explicit(&service->state->rules_refused,
		   memory_order_relaxed) != 0;
}

/* The access rules: how many prefixes each has, and about how many clients it
 * has decided. */
static json_t *
rules_array(const struct service *service)
{
	const struct access_rules *access = service->access;
	json_t *list = json_array();
	int error = 0;

	for (size_t i = 0; access != NULL && i < access->rules; i++)
		error |= json_array_append_new(list,
		    json_pack("{s:o,s:I,s:I}", "rule",
			answer_value(service->rule_count[i]->text), "prefixes",
			(json_int_t)access->rule[i].prefixes, "clients",
			(json_int_t)atomic_load_explicit(&service->rule_count[i]
							      ->clients,
			    memory_order_relaxed)));
	if (error == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* The routes: what they match and where they lead; null: they refuse. */
static json_t *
routes_array(const struct service *service)
{
	json_t *list = json_array();
	int error = 0;

	for (size_t i = 0; i < service->routes; i++) {
		const struct service_route *route = &service->route[i];

		error |= json_array_append_new(list,
		    json_pack("{s:o,s:s?}", "match", answer_value(route->match),
			"service",
			route->state != NULL ? route->state->name : NULL));
	}
	if (error == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* A figure of a listener; null when the kernel does not tell it. */
static json_t *
told(bool known, uint64_t value)
{
	return known ? json_integer((json_int_t)value) : json_null();
}

/* The listeners with their queues, for JSON. */
static json_t *
listeners_array(const struct caller *caller, const struct service *service)
{
	const struct handle *handle = caller->handle;
	const char *name = service->state->name;
	char text[ADDR_TEXT_MAX];
	const struct addr *addr;
	json_t *list = json_array();
	size_t index = 0;
	int error = 0;

	while ((addr = engine_listens(handle->engine, name, &index)) != NULL) {
		const struct backlogs_row *row = backlogs_find(handle->backlogs,
		    name, addr, index - 1);
		const bool known = row != NULL && row->known;

		error |= json_array_append_new(list,
		    json_pack("{s:o,s:o,s:o,s:o}", "listen",
			answer_value(addr_format_range(addr, text,
			    sizeof(text))),
			"waiting", told(known, known ? row->waiting : 0),
			"backlog", told(known, known ? row->limit : 0),
			"dropped",
			told(known && row->tcp, known ? row->drops : 0)));
	}
	if (error == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* The mirror and its copies, for JSON; null: there is none. */
static json_t *
mirror_object(const struct service *service, const struct mirror_sums *sums)
{
	const struct config_mirror *mirror = &service->settings.mirror;
	char text[ADDR_TEXT_MAX];
	json_t *dropped;
	int error = 0;

	if (mirror->addr.len == 0)
		return json_null();
	dropped = json_object();
	for (int i = 0; i < MIRROR_DROP_COUNT; i++)
		error |= json_object_set_new(dropped,
		    mirror_drop_name((enum mirror_drop)i),
		    json_integer((json_int_t)sums->dropped[i]));
	if (error != 0) {
		json_decref(dropped);
		return NULL;
	}
	return json_pack("{s:s,s:o,s:I,s:I,s:o}", "name", mirror->name,
	    "address",
	    answer_value(addr_format(&mirror->addr, text, sizeof(text))),
	    "conns", (json_int_t)sums->conns, "bytes", (json_int_t)sums->bytes,
	    "dropped", dropped);
}

/* ", mirror shadow 127.0.0.1:81 (12 begun, 3 dropped: 3 slow)"; nothing
 * without a mirror, and cut where it is too long. */
static void
format_mirror(const struct service *service, const struct mirror_sums *sums,
    char *line, size_t size)
{
	const struct config_mirror *mirror = &service->settings.mirror;
	const uint64_t dropped = mirror_dropped(sums);
	char text[ADDR_TEXT_MAX];
	const char *between = ": ";
	size_t len;

	line[0] = '\0';
	if (mirror->addr.len == 0)
		return;
	len = (size_t)snprintf(line, size,
	    ", mirror %s %s (%" PRIu64 " begun, %" PRIu64 " dropped",
	    mirror->name, addr_format(&mirror->addr, text, sizeof(text)),
	    sums->conns, dropped);
	for (int i = 0; i < MIRROR_DROP_COUNT && len < size; i++) {
		if (sums->dropped[i] == 0)
			continue;
		len += (size_t)snprintf(line + len, size - len,
		    "%s%" PRIu64 " %s", between, sums->dropped[i],
		    mirror_drop_name((enum mirror_drop)i));
		between = ", ";
	}
	if (len < size)
		(void)snprintf(line + len, size - len, ")");
}

/* Adds to the service's row what only JSON has.  Returns `row`, or NULL without
 * memory. */
static json_t *
with_details(const struct caller *caller, json_t *row,
    const struct service *service, const struct figures_service *sums)
{
	struct figures_times times = { 0 };

	if (row == NULL || !caller->json)
		return row;
	figures_service_times(service->state, &times);
	if (json_object_set_new(row, "listeners",
		listeners_array(caller, service)) == 0 &&
	    json_object_set_new(row, "closes",
		figures_json_closes(sums->closes)) == 0 &&
	    json_object_set_new(row, "times", figures_json_times(&times)) ==
		0 &&
	    json_object_set_new(row, "names",
		origins_names(caller, service->state->name)) == 0 &&
	    json_object_set_new(row, "rules", rules_array(service)) == 0 &&
	    json_object_set_new(row, "rules_refused",
		json_boolean(rules_refused(service))) == 0 &&
	    json_object_set_new(row, "routes", routes_array(service)) == 0 &&
	    json_object_set_new(row, "mirror",
		mirror_object(service, &sums->mirror)) == 0)
		return row;
	json_decref(row);
	return NULL;
}

/* " (3 waiting, 17 dropped)", or nothing when nobody waits and nobody was
 * dropped. */
static void
format_queue(const struct backlogs_row *row, char *buf, size_t size)
{
	int len = 0;

	buf[0] = '\0';
	if (row == NULL || row->waiting + row->drops == 0)
		return;
	if (row->waiting > 0)
		len = snprintf(buf, size, " (%" PRIu64 " waiting",
		    row->waiting);
	if (row->drops > 0)
		len += snprintf(buf + len, size - (size_t)len,
		    "%s%" PRIu64 " dropped", len > 0 ? ", " : " (", row->drops);
	(void)snprintf(buf + len, size - (size_t)len, ")");
}

/* "  listens on 0.0.0.0:80, [::]:80"; cut where it is too long. */
static size_t
format_listens(const struct caller *caller, const struct service *service,
    char *line, size_t size)
{
	const struct handle *handle = caller->handle;
	const char *name = service->state->name;
	char text[ADDR_TEXT_MAX], queue[72];
	const struct addr *addr;
	size_t len = 0, index = 0;

	line[0] = '\0';
	while (len < size &&
	    (addr = engine_listens(handle->engine, name, &index)) != NULL) {
		format_queue(backlogs_find(handle->backlogs, name, addr,
				 index - 1),
		    queue, sizeof(queue));
		len += (size_t)snprintf(line + len, size - len, "%s%s%s",
		    len == 0 ? "  listens on " : ", ",
		    addr_format_range(addr, text, sizeof(text)), queue);
	}
	return len < size ? len : size - 1;
}

/* ", routes sni:app.example app, any refuse"; cut where it is too long. */
static size_t
format_routes(const struct service *service, char *line, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < service->routes && len < size; i++) {
		const struct service_route *route = &service->route[i];

		len += (size_t)snprintf(line + len, size - len, "%s%s %s",
		    i == 0 ? ", routes " : ", ", route->match,
		    route->state != NULL ? route->state->name
					 : CONFIG_ROUTE_REFUSE);
	}
	return len < size ? len : size - 1;
}

/* Rare figures, shown only when they are not 0, and rare states. */
static const char *
say_rare(const struct service *service, const struct figures_service *sums,
    char *buf, size_t size)
{
	const uint64_t refused = sums->closes[REASON_ACCESS];
	const uint64_t over = sums->closes[REASON_SOURCE_MAXCONN] +
	    sums->closes[REASON_SOURCE_RATE] + sums->closes[REASON_RATE] +
	    sums->closes[REASON_RATE_ALL];
	int len = 0;

	buf[0] = '\0';
	if (sums->no_ports > 0)
		len = snprintf(buf, size, ", %" PRIu64 " without a local port",
		    sums->no_ports);
	if (refused > 0)
		len += snprintf(buf + len, size - (size_t)len,
		    ", %" PRIu64 " refused by a rule", refused);
	if (over > 0)
		len += snprintf(buf + len, size - (size_t)len,
		    ", %" PRIu64 " over a limit", over);
	if (rules_refused(service))
		(void)snprintf(buf + len, size - (size_t)len,
		    ", A FILE OF ITS RULES IS REFUSED");
	return buf;
}

static json_t *
panic_since(const struct figures_service *sums)
{
	return sums->panic && sums->panic_ms != 0
	    ? json_integer((json_int_t)ago(timer_now_ms(), sums->panic_ms))
	    : json_null();
}

static void
open_service(struct caller *caller, const struct service *service)
{
	struct figures_service sums;
	const char *state;
	char line[1024], rare[192];
	size_t len;
	json_t *row;
	const bool all_full = engine_is_full(caller->handle->engine);

	figures_service(service, &sums);
	state = sums.available > 0 ? "up" : "down";
	if (!caller->json) {
		answer_line(caller,
		    "%s: %s, %s, %zu of %zu backends, %" PRIu64
		    " conn%s, %" PRIu64 " queued, %" PRIu64
		    " accepted, %" PRIu64 " failed, %" PRIu64
		    " retr%s, %" PRIu64 " stalled, %" PRIu64 " shed%s%s%s",
		    service->state->name, state,
		    balance_name(service->settings.balance), sums.available,
		    service->backends, sums.active, plural(sums.active),
		    sums.queued, sums.accepted, sums.failed, sums.retries,
		    sums.retries == 1 ? "y" : "ies", sums.stalled, sums.shed,
		    say_rare(service, &sums, rare, sizeof(rare)),
		    sums.panic ? ", PANIC: too few are up, all are used" : "",
		    sums.full	   ? ", at maxconn"
			: all_full ? ", at the global maxconn"
				   : "");
		len = format_listens(caller, service, line, sizeof(line));
		len += format_routes(service, line + len, sizeof(line) - len);
		format_mirror(service, &sums.mirror, line + len,
		    sizeof(line) - len);
		len += strlen(line + len);
		origins_format(caller, service->state->name, line + len,
		    sizeof(line) - len);
	}
	row = json_pack(
	    "{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,"
	    "s:I,s:I,s:b,s:o,s:o,s:o,s:o,s:o}",
	    "service", service->state->name, "state", state, "balance",
	    balance_name(service->settings.balance), "available",
	    (json_int_t)sums.available, "active", (json_int_t)sums.active,
	    "queued", (json_int_t)sums.queued, "maxconn",
	    (json_int_t)service->settings.maxconn, "at_maxconn", sums.full,
	    "accepted", (json_int_t)sums.accepted, "closed",
	    (json_int_t)sums.closed, "failed", (json_int_t)sums.failed,
	    "retries", (json_int_t)sums.retries, "no_ports",
	    (json_int_t)sums.no_ports, "bytes_to_backend",
	    (json_int_t)sums.bytes_to_backend, "bytes_to_client",
	    (json_int_t)sums.bytes_to_client, "bytes_discarded",
	    (json_int_t)sums.discarded_bytes, "stalled",
	    (json_int_t)sums.stalled, "shed", (json_int_t)sums.shed, "panic",
	    sums.panic, "panic_since_ms", panic_since(&sums),
	    "configuration_checksum", configuration_checksum(caller, service),
	    "table_checksum", checksum_text(service->checksum), "listens",
	    listens_array(caller, service), "backends_file",
	    origins_file(caller, service->state->name));
	answer_open(caller, with_details(caller, row, service, &sums),
	    "backends", line, columns);
}

/* Writes the next piece of a service's rows.  Returns true when it is
 * complete. */
static bool
write_service(struct caller *caller, const struct service *service)
{
	struct states_json_parts has = {
		.observed = service->settings.observe == OBSERVE_ON,
	};
	struct job *job = &caller->job;
	size_t end;

	if (job->at_backend == 0)
		open_service(caller, service);
	end = job->at_backend + ROWS_MAX;
	for (; job->at_backend < service->backends && job->at_backend < end;
	     job->at_backend++) {
		const struct service_backend *entry =
		    &service->backend[job->at_backend];

		has.checked = service_checks(service, job->at_backend);
		answer_row(caller,
		    backend_row(caller, entry->backend, entry, &has));
	}
	if (job->at_backend < service->backends)
		return false;
	answer_close(caller);
	return true;
}

/* Writes the backends that were removed and still have conns. */
static void
write_removed(struct caller *caller)
{
	const struct tables *tables = caller->handle->tables;
	const struct table *table = table_current(tables);
	const struct states_json_parts has = { .checked = false };
	bool titled = false;

	for (size_t i = 0; i < tables->backends_count; i++) {
		const struct backend *backend = tables->backends[i];
		uint32_t active = atomic_load_explicit(&backend->active,
		    memory_order_relaxed);
		json_t *row;

		if (active == 0 || backend->generation == table->generation ||
		    (caller->job.service[0] != '\0' &&
			strcmp(caller->job.service, backend->service) != 0))
			continue;
		if (!caller->json && !titled)
			answer_line(caller, "removed, with conns left:");
		titled = true;
		row = backend_row(caller, backend, NULL, &has);
		if (row != NULL &&
		    json_object_set_new(row, "service",
			json_string(backend->service)) != 0) {
			json_decref(row);
			row = NULL;
		}
		answer_row(caller, row);
	}
}

static enum job_result
step_status(struct caller *caller)
{
	const struct table *table = table_current(caller->handle->tables);
	struct job *job = &caller->job;

	while (job->at_service < table->ids) {
		const struct service *service = table->service[job->at_service];
		bool wanted = service != NULL &&
		    (job->service[0] == '\0' ||
			strcmp(job->service, service->state->name) == 0);

		if (wanted && !write_service(caller, service))
			return JOB_MORE;
		job->at_service++;
		job->at_backend = 0;
		if (wanted)
			return JOB_MORE;
	}
	answer_next(caller, "removed");
	caller->columns = columns;
	write_removed(caller);
	answer_end(caller);
	return JOB_DONE;
}

/* The members about the whole node. */
static json_t *
status_head(const struct caller *caller)
{
	const struct handle *handle = caller->handle;
	const struct config *config = handle_config(handle);
	struct why why;
	uint64_t sum;

	if (fingerprint_global(config, &sum) < 0)
		return NULL;
	return json_pack("{s:s,s:I,s:s,s:s,s:b,s:o,s:o,s:b,s:o}", "version",
	    handle->version, "uptime_ms",
	    (json_int_t)ago(timer_now_ms(), handle->began_ms), "zone",
	    config->zone, "node",
	    node_state_name(node_state(handle->running, &why)), "at_maxconn",
	    engine_is_full(handle->engine), "configuration_checksum",
	    checksum_text(sum), "seed_checksum",
	    fingerprint_seed_matters(config)
		? checksum_text(fingerprint_seed(config))
		: json_null(),
	    "seed_random", !config->hash_seed_set, "bounds_us",
	    figures_json_bounds());
}

void
command_status(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 0);

	if (name != NULL && commands_service(caller, name) == NULL) {
		commands_no_service(caller, name);
		return;
	}
	if (name != NULL)
		memcpy(caller->job.service, name, strlen(name) + 1);
	backlogs_look(caller->handle->backlogs,
	    engine_places(caller->handle->engine), timer_now_ms());
	answer_begin(caller, "lb4.status/1", status_head(caller), "services",
	    NULL);
	commands_job(caller, step_status);
}
