/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A conn from and to another process: see conn_record.h. */
#include "lb4/engine/conn_record.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lb4/engine/access.h"
#include "lb4/engine/types.h"
#include "lb4/model/backend.h"
#include "lb4/model/service.h"
#include "lb4/model/terms.h"

enum { HAS_CLIENT = 1, HAS_BACKEND = 2, HAS_PIPE = 4 /* and 8 */ };

/* ---- describing ---------------------------------------------------------- */

static void
describe_side(const struct side *side, struct conn_record_side *out)
{
	out->rdhup = side->rdhup;
	out->urgent = side->urgent;
	out->failed = side->failed;
	out->eof = side->eof;
	out->fin_sent = side->fin_sent;
	out->gathers = side->gathers;
}

static void
describe_relay(const struct relay *relay, struct conn_record_relay *out)
{
	out->bytes = relay->bytes;
	out->held = relay_held(relay);
	out->pipe_size = relay->pipe != NULL ? relay->pipe->size : 0;
	out->streak = relay->streak;
	out->way = relay->way;
	out->no_splice = relay->no_splice;
}

static void
describe_settings(const struct conn_settings *settings,
    struct conn_record *record)
{
	record->timeout_connect_ms = settings->timeout_connect_ms;
	record->timeout_queue_ms = settings->timeout_queue_ms;
	record->wait_for_backend_ms = settings->wait_for_backend_ms;
	record->timeout_idle_ms = settings->timeout_idle_ms;
	record->timeout_half_close_ms = settings->timeout_half_close_ms;
	record->timeout_stall_ms = settings->timeout_stall_ms;
	record->reset_linger_ms = settings->reset_linger_ms;
	record->max_lifetime_ms = settings->max_lifetime_ms;
	record->timeout_proxy_ms = settings->timeout_proxy_ms;
	record->timeout_hello_ms = settings->timeout_hello_ms;
	record->abort_on_close = settings->abort_on_close;
}

static void
describe_past(const struct conn *conn, struct conn_record *record)
{
	record->accepted_us = conn->accepted_us;
	record->step_us = conn->step_us;
	record->last_ms = conn->last_ms;
	record->queue_ms = conn->queue_ms;
	record->excused_ms = conn->excused_ms;
	record->error = conn->error;
	record->reason = conn->reason;
	record->failed_side = conn->failed_side;
	record->last_from = conn->last_from;
	record->established = conn->established;
	record->retries = conn->retries;
	record->held = conn->held;
	record->throttled = conn->throttled;
}

static void
describe_attempts(const struct attempts *attempts, struct conn_record *record)
{
	record->ticket = attempts->ticket;
	record->attempt_ms = attempts->began_ms;
	record->queued_since = attempts->queued_since;
	record->waited = attempts->waited;
	record->tries = attempts->tries;
	record->attempt_proxy = attempts->send_proxy;
	record->preread = attempts->preread;
	for (unsigned i = 0; i < attempts->tries; i++)
		record->tried[i] = attempts->tried[i];
}

static void
describe_preface(const struct conn *conn, const struct preface *preface,
    struct conn_record *record)
{
	record->preface = conn->preface;
	if (!conn->preface)
		return;
	record->preface_proxy = preface->send_proxy;
	record->preface_hello = preface->hello;
	record->preface_request = preface->request;
	record->preface_awaits = preface->awaits;
	record->preface_sent = preface->sent;
	record->preface_sum = preface->sum;
	memcpy(record->dst_ip, preface->dst.ip, sizeof(record->dst_ip));
	record->dst_port = preface->dst.port;
	record->dst_family = preface->dst.family;
}

static void
describe_relays(const struct relays *relays, struct conn_record *record)
{
	for (int s = CLIENT; s < SIDES; s++)
		describe_relay(&relays->from[s], &record->relay[s]);
	record->lost = relays->lost;
	record->linger_since = relays->linger_since;
}

static void
describe_told(const struct conn *conn, const struct told *told,
    struct conn_record *record)
{
	record->sampled = conn->sampled;
	record->told = conn->told;
	if (!conn->told)
		return;
	record->told_ms = told->at_ms;
	for (int s = CLIENT; s < SIDES; s++)
		record->told_bytes[s] = told->delivered[s];
}

/* The relay from that side has a pipe. */
static struct pipe *
pipe_of(const struct conn *conn, int side)
{
	return conn->established ? conn->relays.from[side].pipe : NULL;
}

static unsigned
describe_fds(const struct conn *conn, struct conn_record *record, int *fd)
{
	unsigned fds = 0;

	for (int s = CLIENT; s < SIDES; s++) {
		if (conn->side[s].fd < 0)
			continue;
		record->fds |= HAS_CLIENT << s;
		fd[fds++] = conn->side[s].fd;
	}
	for (int s = CLIENT; s < SIDES; s++) {
		const struct pipe *pipe = pipe_of(conn, s);

		if (pipe == NULL)
			continue;
		record->fds |= HAS_PIPE << s;
		fd[fds++] = pipe->in;
		fd[fds++] = pipe->out;
	}
	return fds;
}

unsigned
conn_record_describe(const struct conn *conn, struct conn_record *record,
    int *fd)
{
	memset(record, 0, sizeof(*record));
	record->id = conn->id;
	record->service = conn->service->id;
	record->backend = conn->backend != NULL ? conn->backend->id : 0;
	record->state = conn->state;
	memcpy(record->client_ip, conn->client.ip, sizeof(record->client_ip));
	record->client_port = conn->client.port;
	record->client_family = conn->client.family;
	record->port = conn->port;
	describe_past(conn, record);
	describe_settings(&conn->terms->settings, record);
	describe_told(conn, &((const struct detached *)conn)->told, record);
	describe_preface(conn, &((const struct detached *)conn)->preface,
	    record);
	if (conn->established)
		describe_relays(&conn->relays, record);
	else
		describe_attempts(&conn->attempts, record);
	for (int s = CLIENT; s < SIDES; s++)
		describe_side(&conn->side[s], &record->side[s]);
	return describe_fds(conn, record, fd);
}

bool
conn_record_is_queued(const struct conn_record *record)
{
	return record->state == CONN_QUEUED;
}

/* ---- making -------------------------------------------------------------- */

static unsigned
count_fds(const struct conn_record *record)
{
	unsigned fds = 0;

	for (int s = CLIENT; s < SIDES; s++) {
		fds += (record->fds & HAS_CLIENT << s) != 0;
		fds += (record->fds & HAS_PIPE << s) != 0 ? 2 : 0;
	}
	return fds;
}

/* Whether the relays fit their pipes; without a backend there are none. */
static bool
relays_are_sound(const struct conn_record *record)
{
	for (int s = CLIENT; s < SIDES; s++) {
		const struct conn_record_relay *relay = &record->relay[s];
		const bool pipe = (record->fds & HAS_PIPE << s) != 0;

		if (record->established == 0) {
			if (pipe)
				return false;
			continue;
		}
		if (relay->held > relay->pipe_size || pipe != (relay->held > 0))
			return false;
	}
	return true;
}

static bool
preface_is_sound(const struct conn_record *record)
{
	return record->attempt_proxy < SEND_PROXY_COUNT &&
	    record->preface_proxy < SEND_PROXY_COUNT &&
	    (record->dst_family == 0 || record->dst_family == AF_INET ||
		record->dst_family == AF_INET6);
}

/* Whether the values fit each other, whoever wrote them. */
static bool
is_sound(const struct conn_record *record, unsigned fds)
{
	const bool client = (record->fds & HAS_CLIENT) != 0;
	const bool backend = (record->fds & HAS_BACKEND) != 0;

	if (count_fds(record) != fds || record->failed_side > SIDES ||
	    record->last_from >= SIDES || record->tries > CONFIG_RETRIES_MAX ||
	    record->error > UINT16_MAX || !relays_are_sound(record) ||
	    !preface_is_sound(record))
		return false;
	switch (record->state) {
	case CONN_CONNECTING:
		return client && record->established == 0 &&
		    (!backend || record->backend != 0);
	case CONN_PREREAD:
	case CONN_QUEUED:
		return client && !backend && record->backend == 0 &&
		    record->established == 0;
	case CONN_RELAYING:
		return client && backend && record->backend != 0 &&
		    record->established != 0;
	case CONN_RESETTING:
		return record->backend != 0 && record->established != 0;
	default:
		return false;
	}
}

static void
make_side(struct side *side, const struct conn_record_side *from)
{
	*side = (struct side){
		.fd = -1,
		.in_ready = !from->eof,
		.out_ready = true,
		.rdhup = from->rdhup,
		.urgent = from->urgent,
		.failed = from->failed,
		.eof = from->eof,
		.fin_sent = from->fin_sent,
		.gathers = from->gathers,
	};
}

/* A newer version may have ways that this one does not know. */
static uint8_t
way_here(uint8_t way)
{
	return way != RELAY_AUTO && way < RELAY_WAY_COUNT ? way : RELAY_COPY;
}

/* ... and reasons.  A conn that has one is being reset. */
static uint8_t
reason_here(uint8_t reason)
{
	return reason < REASON_COUNT ? reason : REASON_KILLED;
}

static void
make_relay(struct relay *relay, const struct conn_record_relay *from)
{
	*relay = (struct relay){
		.bytes = from->bytes,
		.streak = from->streak,
		.way = way_here(from->way),
		.no_splice = from->no_splice,
		.resumes = true,
	};
}

void
conn_record_settings(const struct conn_record *record,
    struct conn_settings *settings)
{
	settings->timeout_connect_ms = record->timeout_connect_ms;
	settings->timeout_queue_ms = record->timeout_queue_ms;
	settings->wait_for_backend_ms = record->wait_for_backend_ms;
	settings->timeout_idle_ms = record->timeout_idle_ms;
	settings->timeout_half_close_ms = record->timeout_half_close_ms;
	settings->timeout_stall_ms = record->timeout_stall_ms;
	settings->reset_linger_ms = record->reset_linger_ms;
	settings->max_lifetime_ms = record->max_lifetime_ms;
	settings->timeout_proxy_ms = record->timeout_proxy_ms;
	settings->timeout_hello_ms = record->timeout_hello_ms;
	settings->abort_on_close = record->abort_on_close;
}

static void
make_past(struct conn *conn, const struct conn_record *record)
{
	conn->accepted_us = record->accepted_us;
	conn->step_us = record->step_us;
	conn->last_ms = record->last_ms;
	conn->queue_ms = record->queue_ms;
	conn->excused_ms = record->excused_ms;
	conn->error = (uint16_t)record->error;
	conn->reason = reason_here(record->reason);
	conn->failed_side = record->failed_side;
	conn->last_from = record->last_from;
	conn->established = record->established != 0;
	conn->retries = record->retries;
	conn->held = record->held != 0;
	conn->sampled = record->sampled != 0;
	conn->told = record->told != 0;
}

static void
make_preface(struct preface *preface, const struct conn_record *record)
{
	preface->send_proxy = record->preface_proxy;
	preface->hello = record->preface_hello != 0;
	preface->request = record->preface_request != 0;
	preface->awaits = record->preface_awaits != 0;
	preface->sent = record->preface_sent;
	preface->sum = record->preface_sum;
	memcpy(preface->dst.ip, record->dst_ip, sizeof(preface->dst.ip));
	preface->dst.port = record->dst_port;
	preface->dst.family = record->dst_family;
}

static void
make_attempts(struct attempts *attempts, const struct conn_record *record,
    const struct conn_record_names *names)
{
	attempts->ticket = record->ticket;
	attempts->began_ms = record->attempt_ms;
	attempts->queued_since = record->queued_since;
	attempts->waited = record->waited != 0;
	attempts->tries = record->tries;
	attempts->send_proxy = record->attempt_proxy;
	attempts->preread = record->preread;
	memcpy(attempts->tried, names->tried, sizeof(attempts->tried));
}

/* The relays, with pipes that have no descriptors yet.  False without
 * memory. */
static bool
make_relays(struct relays *relays, const struct conn_record *record)
{
	relays->lost = record->lost;
	relays->linger_since = record->linger_since;
	for (int s = CLIENT; s < SIDES; s++) {
		struct pipe *pipe;

		make_relay(&relays->from[s], &record->relay[s]);
		if ((record->fds & HAS_PIPE << s) == 0)
			continue;
		pipe = calloc(1, sizeof(*pipe));
		if (pipe == NULL) {
			free(relays->from[CLIENT].pipe);
			return false;
		}
		pipe->size = record->relay[s].pipe_size;
		pipe->held = record->relay[s].held;
		relays->from[s].pipe = pipe;
	}
	return true;
}

static void
make_fds(struct conn *conn, const struct conn_record *record, const int *fd)
{
	for (int s = CLIENT; s < SIDES; s++)
		if ((record->fds & HAS_CLIENT << s) != 0)
			conn->side[s].fd = *fd++;
	for (int s = CLIENT; s < SIDES; s++) {
		struct pipe *pipe = pipe_of(conn, s);

		if (pipe == NULL)
			continue;
		pipe->in = *fd++;
		pipe->out = *fd++;
	}
}

/* A conn that waits for a backend tries again if its service has no queue
 * here. */
static uint8_t
state_here(const struct conn_record *record,
    const struct conn_record_names *names)
{
	if (record->state == CONN_QUEUED &&
	    atomic_load(&names->service->waitqueue) == NULL)
		return CONN_CONNECTING;
	return record->state;
}

struct conn *
conn_record_make(const struct conn_record *record,
    const struct conn_record_names *names, const int *fd, unsigned fds)
{
	struct detached *detached;
	struct conn *conn;

	if (names->service == NULL || names->terms == NULL ||
	    !is_sound(record, fds) ||
	    (record->backend != 0 && names->backend == NULL)) {
		errno = EBADMSG;
		return NULL;
	}
	detached = calloc(1, sizeof(*detached));
	if (detached == NULL)
		return NULL;
	conn = &detached->conn;
	make_past(conn, record);
	if (!conn->established) {
		make_attempts(&conn->attempts, record, names);
	} else if (!make_relays(&conn->relays, record)) {
		free(detached);
		errno = ENOMEM;
		return NULL;
	}
	detached->told.at_ms = record->told_ms;
	make_preface(&detached->preface, record);
	conn->preface = record->preface != 0;
	for (int s = CLIENT; s < SIDES; s++) {
		make_side(&conn->side[s], &record->side[s]);
		detached->told.delivered[s] = record->told_bytes[s];
	}
	conn->id = record->id;
	conn->service = names->service;
	conn->backend = names->backend;
	conn->terms = names->terms;
	conn->state = state_here(record, names);
	conn->throttled = record->throttled != 0 && conn->state == CONN_QUEUED;
	conn->unwatched = true;
	memcpy(conn->client.ip, record->client_ip, sizeof(conn->client.ip));
	conn->client.port = record->client_port;
	conn->client.family = record->client_family;
	conn->port = record->port;
	make_fds(conn, record, fd);
	return conn;
}
