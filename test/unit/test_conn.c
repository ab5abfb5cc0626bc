/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The life of a conn, step by step: a worker without a thread, whose events
 * this test hands on one by one. So what happens between a step of a peer and
 * the worker's next look is decided here and not by chance.
 */
#include "lb4/config/config.h"
#include "lb4/engine/closing.h"
#include "lb4/engine/conn.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/sock.h"
#include "lb4/engine/conn_end.h"
#include "lb4/engine/conn_excuse.h"
#include "lb4/engine/conn_relay.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/engine_limits.h"
#include "lb4/engine/gather.h"
#include "lb4/engine/moving.h"
#include "lb4/engine/progress.h"
#include "lb4/engine/throttle.h"
#include "lb4/engine/types.h"
#include "lb4/engine/waiting.h"
#include "lb4/engine/worker.h"
#include "lb4/model/rcu.h"
#include "lb4/table/table.h"

#define WAYS 4

/* A worker, its client and its backend's end. */
struct stage {
	struct config *config;
	struct tables tables;
	struct worker_shared shared;
	struct worker worker;
	const struct service *service;
	int listeners[2]; /* of the backends */
	int client;
	int backend; /* -1: not accepted */
	struct access_record record;
	int records;
};

static const struct hash_key seed = { 1, 2 };
static struct stage *on_stage; /* for on_record() */
static const char *limit = ""; /* the backends' maxconn, for configure() */

static void
on_record(struct logger *logger, const struct access_record *record)
{
	(void)logger;
	on_stage->record = *record;
	on_stage->records++;
}

static int
listen_on(struct addr *addr)
{
	const struct sock_options none = { 0 };
	int fd;

	ck_assert_int_eq(addr_parse(addr, "127.0.0.1:0", ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	fd = sock_listen(addr, false, 16, &none);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void
configure(struct stage *stage, enum relay_way way, const char *more)
{
	struct config_errors errors = { 0 };
	char text[1024], one[ADDR_TEXT_MAX], two[ADDR_TEXT_MAX];
	struct addr addr[2];

	for (int i = 0; i < 2; i++)
		stage->listeners[i] = listen_on(&addr[i]);
	(void)snprintf(text, sizeof(text),
	    "[global]\nworkers = 1\nmaxconn = 4\nrelay = %s\n"
	    "[service s]\nlisten = 127.0.0.1:0\nbalance = roundrobin\n"
	    "backend = one %s %s\nbackend = two %s %s\n%s",
	    relay_way_name(way), addr_format(&addr[0], one, sizeof(one)), limit,
	    addr_format(&addr[1], two, sizeof(two)), limit, more);
	stage->config = config_parse("test", text, strlen(text), &errors);
	ck_assert_msg(stage->config != NULL, "%s",
	    errors.count > 0 ? errors.text[0] : "");
}

/* The turn's beginning, as worker.c has it. */
static void
begin_turn(struct stage *stage)
{
	struct worker *worker = &stage->worker;

	worker->turn++;
	worker->now_us = timer_now_us();
	worker->now_ms = worker->now_us / 1000;
	worker->relays.now_ms = worker->now_ms;
	worker->table = table_current(&stage->tables);
}

static void
stage_open(struct stage *stage, int way, const char *more)
{
	struct engine_limits limits = { .maxpipes = 8 };

	*stage = (struct stage){ .client = -1, .backend = -1 };
	on_stage = stage;
	configure(stage, (enum relay_way)way, more);
	tables_init(&stage->tables, 1);
	ck_assert_int_eq(tables_publish(&stage->tables, stage->config, &seed),
	    0);
	rcu_reader_start();
	stage->shared = (struct worker_shared){
		.tables = &stage->tables,
		.peers = { .access = on_record },
		.workers = &stage->worker,
		.count = 1,
		.maxconn = stage->config->maxconn,
		.stalled = { .most_kb = UINT64_MAX },
		.port_low = 1024,
		.port_high = 65535,
	};
	ck_assert_int_eq(throttle_init(&stage->shared), 0);
	ck_assert_int_eq(worker_init(&stage->worker, &stage->shared, 0,
			     stage->config, &limits),
	    0);
	begin_turn(stage);
	stage->service = table_service(stage->worker.table,
	    tables_state(&stage->tables, "s")->id);
	ck_assert_ptr_nonnull(stage->service);
}

static void
stage_close(struct stage *stage)
{
	ck_assert_uint_eq(stage->worker.conns.used, 0);
	ck_assert_uint_eq(atomic_load(&stage->shared.gate.inside), 0);
	ck_assert_uint_eq(atomic_load(&stage->service->state->gate.inside), 0);
	for (size_t i = 0; i < 2; i++)
		ck_assert_uint_eq(atomic_load(&stage->service->backend[i]
						   .backend->active),
		    0);
	rcu_reader_stop();
	worker_done(&stage->worker);
	throttle_done(&stage->shared);
	tables_done(&stage->tables);
	config_free(stage->config);
	(void)close(stage->listeners[0]);
	(void)close(stage->listeners[1]);
	if (stage->client >= 0)
		(void)close(stage->client);
	if (stage->backend >= 0)
		(void)close(stage->backend);
}

/* A turn of the loop: waits for events at most so long.  How many came. */
static int
turn(struct stage *stage, int timeout_ms)
{
	struct worker *worker = &stage->worker;
	struct epoll_event events[16];
	struct conn_list ready = TAILQ_HEAD_INITIALIZER(ready);
	struct conn *conn;
	struct timer *timer;
	int n = loop_wait(worker->epfd, events, 16, timeout_ms);

	begin_turn(stage);
	for (int i = 0; i < n; i++) {
		const uint64_t tag = events[i].data.u64;

		if (loop_tag_kind(tag) == TAG_MAILBOX) {
			mailbox_open(&worker->mailbox);
			on_waiting_bell(worker, conn_admit);
			continue;
		}
		conn = slots_find(&worker->conns, loop_tag_index(tag),
		    loop_tag_generation(tag));
		if (conn != NULL)
			on_conn_event(worker, conn,
			    loop_tag_kind(tag) == TAG_CLIENT ? CLIENT : BACKEND,
			    events[i].events);
	}
	TAILQ_CONCAT(&ready, &worker->ready, entry);
	while ((conn = TAILQ_FIRST(&ready)) != NULL) {
		TAILQ_REMOVE(&ready, conn, entry);
		conn->ready = false;
		on_conn_ready(worker, conn);
	}
	if ((conn = gather_next(worker)) != NULL)
		on_conn_ready(worker, conn);
	while ((timer = timer_wheel_next(&worker->timers, worker->now_ms)) !=
	    NULL) {
		if (timer == &worker->waiting.look)
			on_waiting_look(worker);
		else
			on_conn_timer(worker,
			    (struct conn *)((unsigned char *)timer -
				offsetof(struct conn, timer)));
	}
	conns_bury(worker);
	return n;
}

/* Turns until the conn has ended, at most 10 s. */
static void
turn_to_the_end(struct stage *stage)
{
	for (int i = 0; i < 1000 && stage->worker.conns.used > 0; i++)
		(void)turn(stage, 10);
	ck_assert_uint_eq(stage->worker.conns.used, 0);
	ck_assert_int_eq(stage->records, 1);
}

/* A client has been accepted: its conn begins.  Nothing of its events is handed
 * on yet. */
static struct conn *
begin(struct stage *stage)
{
	const struct sock_options options = { .oobinline = true };
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct endpoint client;
	struct conn *conn, *newest = NULL;
	uint32_t i = 0;
	struct addr addr;
	int listener = listen_on(&addr), fd;
	bool pending;

	stage->client = sock_connect(&addr, &options, &pending);
	ck_assert_int_ge(stage->client, 0);
	fd = accept4(listener, (struct sockaddr *)&sa, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	endpoint_from_sockaddr(&client, (struct sockaddr *)&sa, len);
	(void)close(listener);
	ck_assert(gate_enter(&stage->shared.gate, 4, GATE_NO_TICKET));
	ck_assert(gate_enter(&stage->service->state->gate, 0, GATE_NO_TICKET));
	conn_open(&stage->worker, stage->service, 1, fd, &client);
	while ((conn = slots_each(&stage->worker.conns, &i)) != NULL)
		if (newest == NULL || conn->id > newest->id)
			newest = conn;
	ck_assert_ptr_nonnull(newest);
	return newest;
}

/* The backend that the conn has chosen accepts it: whichever it is. */
static void
accept_backend(struct stage *stage)
{
	struct pollfd pfd[2] = {
		{ .fd = stage->listeners[0], .events = POLLIN },
		{ .fd = stage->listeners[1], .events = POLLIN },
	};

	ck_assert_int_ge(poll(pfd, 2, 10000), 1);
	stage->backend = accept4(pfd[0].revents != 0 ? pfd[0].fd : pfd[1].fd,
	    NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ge(stage->backend, 0);
}

static void
reset(int *fd)
{
	sock_reset_on_close(*fd);
	(void)close(*fd);
	*fd = -1;
}

static void
wait_queued(int fd, int bytes)
{
	int queued = 0;

	for (int i = 0; i < 10000 && queued < bytes; i++) {
		ck_assert_int_eq(ioctl(fd, FIONREAD, &queued), 0);
		if (queued < bytes)
			(void)poll(NULL, 0, 1);
	}
	ck_assert_int_ge(queued, bytes);
}

static void
wait_events(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
	ck_assert_int_ne(pfd.revents & events, 0);
}

/* Reads to the end: the bytes, then 0 for a FIN or the errno. */
static int
read_to_the_end(struct stage *stage, int fd, const char *bytes)
{
	char buf[256] = "";
	size_t got = 0;
	ssize_t n = -1;

	for (int i = 0; i < 1000; i++) {
		n = recv(fd, buf + got, sizeof(buf) - 1 - got, 0);
		if (n == 0 || (n == -1 && errno != EAGAIN))
			break;
		if (n > 0)
			got += (size_t)n;
		else
			(void)turn(stage, 10);
	}
	ck_assert_str_eq(buf, bytes);
	ck_assert_msg(n == 0 || errno != EAGAIN, "no end came");
	return n == 0 ? 0 : errno;
}

/* As after a change of the file: a new table, with the configuration's present
 * values. */
static void
reload(struct stage *stage)
{
	rcu_offline();
	ck_assert_int_eq(tables_publish(&stage->tables, stage->config, &seed),
	    0);
	rcu_online();
	begin_turn(stage);
	stage->service = table_service(stage->worker.table,
	    tables_state(&stage->tables, "s")->id);
}

START_TEST(reload_leaves_its_settings)
{
	struct stage stage;
	struct conn *conn;

	stage_open(&stage, RELAY_AUTO, "timeout-idle = 7s\n");
	conn = begin(&stage);
	stage.config->service->settings.conn.timeout_idle_ms = 9000;
	reload(&stage);
	ck_assert_uint_eq(stage.service->settings.conn.timeout_idle_ms, 9000);
	accept_backend(&stage);
	while (conn->state == CONN_CONNECTING)
		(void)turn(&stage, 1000);
	ck_assert_uint_eq(conn_silence_limit(conn), 7000);
	conn_kill(&stage.worker, conn);
	turn_to_the_end(&stage);
	rcu_offline();
	ck_assert_uint_eq(tables_sweep(&stage.tables), 1); /* the old ones */
	rcu_online();
	stage_close(&stage);
}
END_TEST

START_TEST(good_conn)
{
	struct stage stage;
	struct conn *conn;

	stage_open(&stage, _i, "");
	conn = begin(&stage);
	ck_assert_int_eq(conn->state, CONN_CONNECTING);
	ck_assert_int_eq(send(stage.client, "hello", 5, 0), 5);
	accept_backend(&stage);
	while (conn->state == CONN_CONNECTING)
		(void)turn(&stage, 1000);
	ck_assert_int_eq(conn->state, CONN_RELAYING);
	(void)shutdown(stage.client, SHUT_WR);
	ck_assert_int_eq(read_to_the_end(&stage, stage.backend, "hello"), 0);
	ck_assert_int_eq(send(stage.backend, "world", 5, 0), 5);
	(void)shutdown(stage.backend, SHUT_WR);
	ck_assert_int_eq(read_to_the_end(&stage, stage.client, "world"), 0);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.reason, REASON_DONE);
	ck_assert_uint_eq(stage.record.bytes_to_backend, 5);
	ck_assert_uint_eq(stage.record.bytes_to_client, 5);
	ck_assert_uint_eq(stage.record.bytes_discarded, 0);
	stage_close(&stage);
}
END_TEST

/* A backend says something and resets before the worker knows that it has
 * answered at all: the client gets the bytes, then a reset, not a FIN. */
START_TEST(banner_and_reset)
{
	struct stage stage;
	struct conn *conn;

	stage_open(&stage, _i, "");
	conn = begin(&stage);
	accept_backend(&stage);
	ck_assert_int_eq(send(stage.backend, "busy", 4, 0), 4);
	wait_queued(conn->side[BACKEND].fd, 4);
	reset(&stage.backend);
	wait_events(conn->side[BACKEND].fd, POLLERR);
	ck_assert_int_eq(read_to_the_end(&stage, stage.client, "busy"),
	    ECONNRESET);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.reason, REASON_BACKEND_RESET);
	ck_assert_int_eq(stage.record.error, ECONNRESET);
	ck_assert_uint_eq(stage.record.bytes_discarded, 0);
	stage_close(&stage);
}
END_TEST

/* The same with a FIN in place of the reset: all is well. */
START_TEST(banner_and_fin)
{
	struct stage stage;
	struct conn *conn;

	stage_open(&stage, _i, "");
	conn = begin(&stage);
	accept_backend(&stage);
	ck_assert_int_eq(send(stage.backend, "busy", 4, 0), 4);
	(void)shutdown(stage.backend, SHUT_WR);
	wait_events(conn->side[BACKEND].fd, POLLRDHUP);
	ck_assert_int_eq(read_to_the_end(&stage, stage.client, "busy"), 0);
	(void)shutdown(stage.client, SHUT_WR);
	ck_assert_int_eq(read_to_the_end(&stage, stage.backend, ""), 0);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.reason, REASON_DONE);
	stage_close(&stage);
}
END_TEST

/* A reset before anything was said is as good as a refusal: the next backend
 * gets the conn, and what the client had sent. */
START_TEST(answered_and_reset)
{
	struct stage stage;
	struct conn *conn;

	stage_open(&stage, _i, "");
	conn = begin(&stage);
	ck_assert_int_eq(send(stage.client, "hello", 5, 0), 5);
	accept_backend(&stage);
	reset(&stage.backend);
	wait_events(conn->side[BACKEND].fd, POLLERR);
	(void)turn(&stage, 1000);
	accept_backend(&stage);
	(void)shutdown(stage.client, SHUT_WR);
	ck_assert_int_eq(read_to_the_end(&stage, stage.backend, "hello"), 0);
	(void)shutdown(stage.backend, SHUT_WR);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.reason, REASON_DONE);
	ck_assert_uint_eq(stage.record.retries, 1);
	ck_assert_uint_eq(stage.record.bytes_to_backend, 5);
	stage_close(&stage);
}
END_TEST

/* The client has gone before the backend answered: the backend sees a reset. */
START_TEST(client_gone_early)
{
	struct stage stage;
	struct conn *conn;

	stage_open(&stage, _i, "");
	conn = begin(&stage);
	accept_backend(&stage);
	reset(&stage.client);
	wait_events(conn->side[CLIENT].fd, POLLERR);
	turn_to_the_end(&stage);
	ck_assert_int_eq(read_to_the_end(&stage, stage.backend, ""),
	    ECONNRESET);
	ck_assert(stage.record.reason == REASON_CLIENT_CONNECT ||
	    stage.record.reason == REASON_CLIENT_RESET);
	stage_close(&stage);
}
END_TEST

/* Both ends reset before the worker looks. */
START_TEST(both_reset)
{
	struct stage stage;
	struct conn *conn;

	stage_open(&stage, _i, "");
	conn = begin(&stage);
	accept_backend(&stage);
	while (conn->state == CONN_CONNECTING)
		(void)turn(&stage, 1000);
	ck_assert_int_eq(send(stage.client, "a", 1, 0), 1);
	ck_assert_int_eq(send(stage.backend, "b", 1, 0), 1);
	wait_queued(conn->side[CLIENT].fd, 1);
	wait_queued(conn->side[BACKEND].fd, 1);
	reset(&stage.client);
	reset(&stage.backend);
	wait_events(conn->side[CLIENT].fd, POLLERR);
	wait_events(conn->side[BACKEND].fd, POLLERR);
	turn_to_the_end(&stage);
	ck_assert(stage.record.reason == REASON_CLIENT_RESET ||
	    stage.record.reason == REASON_BACKEND_RESET);
	stage_close(&stage);
}
END_TEST

/* One end has finished; then the other one, or it itself, resets while nothing
 * is read from it any more. */
START_TEST(reset_after_fin)
{
	struct stage stage;
	struct conn *conn;
	bool itself = _i >= WAYS;

	stage_open(&stage, _i % WAYS, "");
	conn = begin(&stage);
	accept_backend(&stage);
	while (conn->state == CONN_CONNECTING)
		(void)turn(&stage, 1000);
	(void)shutdown(stage.client, SHUT_WR);
	ck_assert_int_eq(read_to_the_end(&stage, stage.backend, ""), 0);
	ck_assert_int_eq(conn->state, CONN_RELAYING);
	ck_assert(conn->side[BACKEND].fin_sent);
	if (itself) {
		reset(&stage.client);
		wait_events(conn->side[CLIENT].fd, POLLERR | POLLHUP);
		turn_to_the_end(&stage);
		ck_assert_int_eq(stage.record.reason, REASON_CLIENT_RESET_LAST);
		/* it has had its FIN: its next step tells it of the reset */
		wait_events(stage.backend, POLLERR | POLLHUP);
		ck_assert_int_eq(send(stage.backend, "x", 1, MSG_NOSIGNAL), -1);
	} else {
		reset(&stage.backend);
		wait_events(conn->side[BACKEND].fd, POLLERR | POLLHUP);
		ck_assert_int_eq(read_to_the_end(&stage, stage.client, ""),
		    ECONNRESET);
		turn_to_the_end(&stage);
		ck_assert_int_eq(stage.record.reason,
		    REASON_BACKEND_RESET_LAST);
	}
	stage_close(&stage);
}
END_TEST

/* Told to end, at each stage of its life. */
START_TEST(killed)
{
	struct stage stage;
	struct conn *conn;

	stage_open(&stage, _i, "");
	conn = begin(&stage);
	conn_kill(&stage.worker, conn);
	conns_bury(&stage.worker);
	ck_assert_int_eq(stage.record.reason, REASON_KILLED_CONNECT);
	ck_assert_int_eq(read_to_the_end(&stage, stage.client, ""), ECONNRESET);
	(void)close(stage.client);

	stage.records = 0;
	conn = begin(&stage);
	accept_backend(&stage);
	(void)close(stage.backend); /* what is left of the first one */
	accept_backend(&stage);
	while (conn->state == CONN_CONNECTING)
		(void)turn(&stage, 1000);
	conn_kill(&stage.worker, conn);
	conns_bury(&stage.worker);
	ck_assert_int_eq(stage.record.reason, REASON_KILLED);
	ck_assert_int_eq(read_to_the_end(&stage, stage.client, ""), ECONNRESET);
	ck_assert_int_eq(read_to_the_end(&stage, stage.backend, ""),
	    ECONNRESET);
	stage_close(&stage);
}
END_TEST

/* From the first conn on. */
static void
close_again(struct stage *stage, struct closing *closing)
{
	closing->walk.cursor = 0;
	closing_run(&stage->worker, &closing->walk);
}

/* The reason, the errno and the times of conns that no backend took. */
START_TEST(closed_idle_or_busy)
{
	struct closing closing = {
		.quiet_ms = CONN_QUIET_MS,
		.idle_reason = REASON_DRAINED,
		.busy_reason = REASON_DRAINED_CUT,
		.most = 1,
	};
	struct closing *back = NULL;
	const bool busy = _i == 1;
	struct mailbox reply;
	struct stage stage;
	struct conn *conn;

	ck_assert_int_eq(mailbox_init(&reply, 4, sizeof(back)), 0);
	closing.walk.reply = &reply;
	stage_open(&stage, RELAY_AUTO, "timeout-idle = 1h\n");
	conn = begin(&stage);
	accept_backend(&stage);
	while (conn->state == CONN_CONNECTING)
		(void)turn(&stage, 1000);
	closing.backend = conn->backend->id;

	/* a byte waits: not idle, however quiet it was */
	ck_assert_int_eq(send(stage.client, "x", 1, 0), 1);
	wait_queued(conn->side[CLIENT].fd, 1);
	stage.worker.now_ms += 60000;
	ck_assert(!conn_is_idle(&stage.worker, conn));
	closing_run(&stage.worker, &closing.walk);
	ck_assert(mailbox_take(&reply, &back) && back == &closing);
	ck_assert(closing.walk.at_end);
	ck_assert_uint_eq(closing.closed + closing.quietest_ms, 0);

	/* it has gone on, an answer may be due: idle after ten times more */
	while (conn_bytes_from(conn, CLIENT) == 0)
		(void)turn(&stage, 1000);
	wait_queued(stage.backend, 1);
	stage.worker.now_ms = conn->last_ms + 10 * CONN_QUIET_MS - 10;
	ck_assert(!conn_is_idle(&stage.worker, conn));
	stage.worker.now_ms = conn->last_ms + 10 * CONN_QUIET_MS;
	ck_assert(conn_is_idle(&stage.worker, conn));

	/* a look; another backend's; then it is meant */
	closing.quiet_ms = CLOSING_NONE;
	close_again(&stage, &closing);
	ck_assert_uint_eq(closing.closed, 0);
	ck_assert_uint_eq(closing.quietest_ms, CONN_QUIET_MS);
	closing.busy = busy;
	closing.backend++;
	close_again(&stage, &closing);
	ck_assert_uint_eq(closing.closed, 0);
	closing.quiet_ms = busy ? CLOSING_NONE : CONN_QUIET_MS;
	closing.backend--;
	close_again(&stage, &closing);
	ck_assert_uint_eq(closing.closed, 1);
	ck_assert_uint_eq(closing.closed_busy, busy);
	conns_bury(&stage.worker);
	ck_assert_int_eq(stage.record.reason,
	    busy ? REASON_DRAINED_CUT : REASON_DRAINED);
	ck_assert_int_eq(read_to_the_end(&stage, stage.client, ""),
	    busy ? ECONNRESET : 0);
	if (!busy)
		ck_assert_int_eq(read_to_the_end(&stage, stage.backend, "x"),
		    0);
	mailbox_done(&reply);
	stage_close(&stage);
}
END_TEST

START_TEST(no_backend)
{
	struct stage stage;

	stage_open(&stage, _i, "");
	(void)close(stage.listeners[0]);
	(void)close(stage.listeners[1]);
	stage.listeners[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	stage.listeners[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)begin(&stage);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.reason, REASON_BACKEND_CONNECT);
	ck_assert_int_eq(stage.record.error, ECONNREFUSED);
	ck_assert_uint_eq(stage.record.retries, 1);
	ck_assert_int_eq(read_to_the_end(&stage, stage.client, ""), ECONNRESET);
	stage_close(&stage);
}
END_TEST

/* Each conn whose end comes in a turn makes room for another one in the same
 * turn, although its slot is still taken. */
START_TEST(full_house)
{
	struct stage stage;
	struct conn *conn;
	uint32_t i = 0;
	int clients[4];

	stage_open(&stage, _i, "");
	for (int n = 0; n < 4; n++) {
		(void)begin(&stage);
		clients[n] = stage.client;
	}
	ck_assert(!gate_enter(&stage.shared.gate, 4, GATE_NO_TICKET));
	while ((conn = slots_each(&stage.worker.conns, &i)) != NULL)
		conn_kill(&stage.worker, conn);
	if (gate_enter(&stage.shared.gate, 4, GATE_NO_TICKET)) {
		(void)gate_leave(&stage.shared.gate);
		(void)begin(&stage);
		i = 0;
		while ((conn = slots_each(&stage.worker.conns, &i)) != NULL)
			if (conn->state != CONN_CLOSED)
				conn_kill(&stage.worker, conn);
	}
	conns_bury(&stage.worker);
	for (int n = 0; n < 4; n++)
		(void)close(clients[n]);
	stage_close(&stage);
}
END_TEST

/* ---- the queue ----------------------------------------------------------- */

/* Two backends with one place each: both are taken, the others wait. */
struct house {
	struct stage stage;
	struct conn *conn[4];
	int client[4];
};

static void
house_open(struct house *house, const char *more, int conns)
{
	limit = "maxconn=1";
	stage_open(&house->stage, RELAY_AUTO, more);
	limit = "";
	for (int i = 0; i < 4; i++)
		house->client[i] = -1;
	for (int i = 0; i < conns; i++) {
		house->conn[i] = begin(&house->stage);
		house->client[i] = house->stage.client;
		house->stage.client = -1;
	}
}

static void
house_close(struct house *house)
{
	struct conn *conn;
	uint32_t i = 0;

	while ((conn = slots_each(&house->stage.worker.conns, &i)) != NULL)
		if (conn->state != CONN_CLOSED)
			conn_kill(&house->stage.worker, conn);
	conns_bury(&house->stage.worker);
	ck_assert(TAILQ_EMPTY(&house->stage.worker.waiting.parts));
	ck_assert(!waiting_is_used(house->stage.service->state));
	for (i = 0; i < 4; i++)
		if (house->client[i] >= 0)
			(void)close(house->client[i]);
	stage_close(&house->stage);
}

/* Its turn comes: by being called, for nobody looks; or by looking. */
static void
turn_until_not_queued(struct house *house, int index, bool looks)
{
	if (!looks)
		timer_disarm(&house->stage.worker.timers,
		    &house->stage.worker.waiting.look);
	for (int i = 0; i < 1000 && house->conn[index]->state == CONN_QUEUED;
	     i++)
		(void)turn(&house->stage, 10);
	ck_assert_int_ne(house->conn[index]->state, CONN_QUEUED);
}

static void
kill_and_bury(struct house *house, int index)
{
	conn_kill(&house->stage.worker, house->conn[index]);
	conns_bury(&house->stage.worker);
}

START_TEST(first_come_first_served)
{
	struct house house;

	house_open(&house, "", 4);
	ck_assert_int_eq(house.conn[0]->state, CONN_CONNECTING);
	ck_assert_int_eq(house.conn[1]->state, CONN_CONNECTING);
	ck_assert_ptr_ne(house.conn[0]->backend, house.conn[1]->backend);
	for (int i = 2; i < 4; i++) {
		ck_assert_int_eq(house.conn[i]->state, CONN_QUEUED);
		ck_assert_ptr_null(house.conn[i]->backend);
	}
	kill_and_bury(&house, 1);
	turn_until_not_queued(&house, 2, false);
	ck_assert_int_eq(house.conn[3]->state, CONN_QUEUED);
	for (int i = 0; i < 2; i++)
		ck_assert_uint_eq(atomic_load(&house.stage.service->backend[i]
						   .backend->active),
		    1);
	kill_and_bury(&house, 0);
	turn_until_not_queued(&house, 3, false);
	house_close(&house);
}
END_TEST

/* Somebody waits and a place is free, but not yet called for: who comes in
 * between goes behind. */
START_TEST(none_overtakes)
{
	struct house house;

	house_open(&house, "", 3);
	kill_and_bury(&house, 0);
	house.conn[3] = begin(&house.stage);
	house.client[3] = house.stage.client;
	house.stage.client = -1;
	ck_assert_int_eq(house.conn[2]->state, CONN_QUEUED);
	ck_assert_int_eq(house.conn[3]->state, CONN_QUEUED);
	turn_until_not_queued(&house, 2, false);
	ck_assert_int_eq(house.conn[3]->state, CONN_QUEUED);
	house_close(&house);
}
END_TEST

START_TEST(queue_is_bounded)
{
	struct house house;

	house_open(&house, _i == 0 ? "queue = 0\n" : "queue = 1\n", 3 + _i);
	ck_assert_int_eq(house.stage.records, 1);
	ck_assert_int_eq(house.stage.record.reason, REASON_QUEUE_FULL);
	ck_assert_str_eq(house.stage.record.backend, "");
	ck_assert_int_eq(read_to_the_end(&house.stage, house.client[2 + _i],
			     ""),
	    ECONNRESET);
	house_close(&house);
}
END_TEST

/* The ends of a conn in the queue; each gives its place there up. */
START_TEST(ends_in_the_queue)
{
	static const enum reason want[] = { REASON_CLIENT_QUEUED,
		REASON_QUEUE_TIMEOUT, REASON_KILLED_QUEUED };
	struct house house;

	house_open(&house, "timeout-queue = 200ms\n", 3);
	if (want[_i] == REASON_CLIENT_QUEUED)
		reset(&house.client[2]);
	else if (want[_i] == REASON_KILLED_QUEUED)
		conn_kill(&house.stage.worker, house.conn[2]);
	for (int i = 0; i < 1000 && house.stage.records == 0; i++)
		(void)turn(&house.stage, 10);
	ck_assert_int_eq(house.stage.record.reason, want[_i]);
	ck_assert_uint_eq(house.stage.record.connect_ms, 0);
	if (want[_i] == REASON_QUEUE_TIMEOUT) {
		ck_assert_int_eq(house.stage.record.error, ETIMEDOUT);
		ck_assert_uint_ge(house.stage.record.queue_ms, 200);
		ck_assert_uint_ge(house.stage.record.total_ms,
		    house.stage.record.queue_ms);
	}
	ck_assert(!waiting_is_used(house.stage.service->state));
	house_close(&house);
}
END_TEST

/* Who has sent all and finished waits on, and nothing of it is lost. */
START_TEST(finished_while_queued)
{
	struct house house;

	house_open(&house, "", 3);
	for (int i = 0; i < 2; i++) { /* those of the first two */
		accept_backend(&house.stage);
		(void)close(house.stage.backend);
		house.stage.backend = -1;
	}
	ck_assert_int_eq(send(house.client[2], "hello", 5, 0), 5);
	(void)shutdown(house.client[2], SHUT_WR);
	wait_events(house.conn[2]->side[CLIENT].fd, POLLRDHUP);
	(void)turn(&house.stage, 0);
	ck_assert_int_eq(house.conn[2]->state, CONN_QUEUED);
	kill_and_bury(&house, 0);
	turn_until_not_queued(&house, 2, false);
	accept_backend(&house.stage);
	ck_assert_int_eq(read_to_the_end(&house.stage, house.stage.backend,
			     "hello"),
	    0);
	house_close(&house);
}
END_TEST

/* Taken out and put in again in another order, they stand in line as before. */
START_TEST(moved_while_queued)
{
	struct house house;
	struct worker *worker = &house.stage.worker;
	struct conn *moved[4];

	house_open(&house, "", 4);
	for (int i = 2; i < 4; i++) {
		moved[i] = conn_detach(worker, house.conn[i]);
		ck_assert_ptr_nonnull(moved[i]);
	}
	ck_assert(TAILQ_EMPTY(&worker->waiting.parts));
	ck_assert(waiting_is_used(house.stage.service->state));
	if (_i == 1)
		kill_and_bury(&house, 0); /* while nobody is there */
	for (int i = 3; i >= 2; i--) {
		const uint64_t id = moved[i]->id;
		struct conn *conn;
		uint32_t n = 0;

		conn_attach(worker, moved[i]);
		while ((conn = slots_each(&worker->conns, &n)) != NULL)
			if (conn->id == id)
				house.conn[i] = conn;
		ck_assert_int_eq(house.conn[i]->state, CONN_QUEUED);
	}
	if (_i == 0)
		kill_and_bury(&house, 0);
	turn_until_not_queued(&house, 2, false);
	ck_assert_int_eq(house.conn[3]->state, CONN_QUEUED);
	house_close(&house);
}
END_TEST

/* Another process has taken the conns, one of them in the queue.  This one
 * keeps their places until it ends. */
START_TEST(left_in_the_queue)
{
	struct house house;
	struct moving moving = { .step = MOVING_TAKE }, *back;
	struct service_state *state;
	struct mailbox reply;

	ck_assert_int_eq(mailbox_init(&reply, 4, sizeof(back)), 0);
	moving.walk.reply = &reply;
	if (_i == 0)
		house_open(&house, "", 3);
	else
		house_open(&house, "source-maxconn = 2\nover-limit = wait\n",
		    3);
	ck_assert_int_eq(house.conn[2]->state, CONN_QUEUED);
	ck_assert_int_eq(house.conn[2]->throttled, _i);
	moving_run(&house.stage.worker, &moving.walk);
	ck_assert_uint_eq(moving.conns, 3);
	for (unsigned i = 0; i < moving.conns; i++)
		moving.gone[i] = true;
	/* cppcheck-suppress unreadVariable ; the walk leads to it */
	moving.step = MOVING_SETTLE;
	moving_run(&house.stage.worker, &moving.walk);
	state = house.stage.service->state;
	ck_assert(!waitqueue_is_empty(atomic_load(&state->waitqueue)));

	moving_end(&house.stage.tables);
	for (int i = 0; i < 3; i++) {
		(void)gate_leave(&state->gate);
		(void)gate_leave(&house.stage.shared.gate);
	}
	for (int i = 0; i < 2; i++)
		backend_release(house.stage.service->backend[i].backend);
	mailbox_done(&reply);
	house_close(&house);
}
END_TEST

/* One backend refuses and the other is full: it waits for that one, and is not
 * sent to the first again. */
START_TEST(waits_for_the_other)
{
	struct house house;
	const struct backend *two;

	house_open(&house, "", 0);
	(void)close(house.stage.listeners[0]);
	house.stage.listeners[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 3; i++) {
		house.conn[i] = begin(&house.stage);
		house.client[i] = house.stage.client;
		house.stage.client = -1;
		for (int n = 0;
		     n < 1000 && house.conn[i]->state == CONN_CONNECTING; n++)
			(void)turn(&house.stage, 10);
	}
	two = house.stage.service->backend[1].backend;
	ck_assert_ptr_eq(house.conn[0]->backend, two);
	ck_assert_int_eq(house.conn[1]->state, CONN_QUEUED);
	ck_assert_uint_eq(conn_attempts(house.conn[1])->tries, 1);
	ck_assert_int_eq(house.conn[2]->state, CONN_QUEUED);
	kill_and_bury(&house, 0);
	turn_until_not_queued(&house, 1, false);
	ck_assert_ptr_eq(house.conn[1]->backend, two);
	ck_assert_uint_eq(house.conn[1]->retries, 1);
	house_close(&house);
}
END_TEST

static void
set_health(struct house *house, int index, bool down)
{
	atomic_store(&house->stage.service->backend[index].backend->health,
	    health_pack(down, HEALTH_PASSED, 0));
}

/* A backend that is down is not for those who wait for one that is full; when
 * it comes up, it is. */
START_TEST(comes_up_while_queued)
{
	struct house house;

	house_open(&house, "timeout-queue = 1m\n", 0);
	set_health(&house, 0, true);
	for (int i = 0; i < 3; i++) {
		house.conn[i] = begin(&house.stage);
		house.client[i] = house.stage.client;
		house.stage.client = -1;
	}
	ck_assert_int_eq(house.conn[1]->state, CONN_QUEUED);
	(void)turn(&house.stage, 150); /* it looks in vain */
	ck_assert_int_eq(house.conn[1]->state, CONN_QUEUED);
	set_health(&house, 0, false);
	turn_until_not_queued(&house, 1, true);
	ck_assert_int_eq(house.conn[2]->state, CONN_QUEUED);
	house_close(&house);
}
END_TEST

/* All that could ever have room go: nobody waits for nothing. */
START_TEST(nothing_to_wait_for)
{
	struct house house;

	house_open(&house, "timeout-queue = 1m\n", 3);
	for (int i = 0; i < 2; i++)
		atomic_store(&house.stage.service->backend[i].backend->admin,
		    (uint32_t)ADMIN_MAINT);
	for (int i = 0; i < 1000 && house.stage.records == 0; i++)
		(void)turn(&house.stage, 10);
	ck_assert_int_eq(house.stage.record.reason, REASON_BACKEND_CONNECT);
	house_close(&house);
}
END_TEST

/* What epoll reports input from, in bytes. */
static int
low_water(int fd)
{
	int bytes = 0;
	socklen_t len = sizeof(bytes);

	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, &len),
	    0);
	return bytes;
}

/* Takes what has come for the client. */
static size_t
take(struct stage *stage)
{
	static char buf[1 << 20];
	size_t got = 0;
	ssize_t n;

	while ((n = recv(stage->client, buf, sizeof(buf), 0)) > 0)
		got += (size_t)n;
	ck_assert(n == -1 && errno == EAGAIN);
	return got;
}

/* A conn whose backend sends without end, until that is gathered. */
static struct conn *
begin_bulk(struct stage *stage)
{
	static const char bytes[1 << 18];
	struct conn *conn = begin(stage);
	size_t sent = 0, got = 0;
	ssize_t n;

	accept_backend(stage);
	while (conn->state == CONN_CONNECTING)
		(void)turn(stage, 1000);
	while (!conn->side[BACKEND].gathers && sent < 1 << 28) {
		if ((n = send(stage->backend, bytes, sizeof(bytes), 0)) > 0)
			sent += (size_t)n;
		(void)turn(stage, 0);
		got += take(stage);
	}
	ck_assert(conn->side[BACKEND].gathers);
	ck_assert(!conn->side[CLIENT].gathers);
	ck_assert_int_gt(low_water(conn->side[BACKEND].fd), 1);
	for (int i = 0; i < 10000 && got < sent; i++) {
		(void)turn(stage, 1);
		got += take(stage);
	}
	ck_assert_uint_eq(got, sent);
	return conn;
}

/* The client gets a few bytes, which is no event where input is gathered. */
static void
say_something(struct stage *stage)
{
	size_t got = 0;

	ck_assert_int_eq(send(stage->backend, "tail", 4, 0), 4);
	for (int i = 0; i < 10000 && got < 4; i++) {
		(void)turn(stage, 1);
		got += take(stage);
	}
	ck_assert_uint_eq(got, 4);
}

/* Bulk is gathered; its last bytes come all the same, then all is as before. */
START_TEST(gathers_bulk)
{
	const int way = _i == 0 ? RELAY_AUTO : RELAY_SPLICE;
	struct stage stage;
	struct conn *conn;

	stage_open(&stage, way, "");
	conn = begin_bulk(&stage);
	if (conn->side[BACKEND].gathers)
		say_something(&stage);
	for (int i = 0; i < 10000 && conn->side[BACKEND].gathers; i++)
		(void)turn(&stage, 1);
	ck_assert(!conn->side[BACKEND].gathers);
	ck_assert_int_eq(conn->gathering, GATHER_NOT);
	ck_assert_int_eq(low_water(conn->side[BACKEND].fd), 1);
	ck_assert_int_eq(gather_sleep_us(&stage.worker, 7), -1);

	while (turn(&stage, 0) > 0)
		continue;
	say_something(&stage);
	(void)shutdown(stage.client, SHUT_WR);
	(void)shutdown(stage.backend, SHUT_WR);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.reason, REASON_DONE);
	stage_close(&stage);
}
END_TEST

/* It goes on in another worker (here: the same one), and ends in the middle. */
START_TEST(gathers_and_moves)
{
	const int way = _i == 0 ? RELAY_AUTO : RELAY_SPLICE;
	struct stage stage;
	struct conn *conn, *moved;
	uint32_t i = 0;

	stage_open(&stage, way, "");
	conn = begin_bulk(&stage);
	moved = conn_detach(&stage.worker, conn);
	ck_assert_ptr_nonnull(moved);
	ck_assert(TAILQ_EMPTY(&stage.worker.gathering));
	ck_assert(TAILQ_EMPTY(&stage.worker.to_look));
	conn_attach(&stage.worker, moved);
	conn = slots_each(&stage.worker.conns, &i);
	say_something(&stage);
	conn_kill(&stage.worker, conn);
	ck_assert(TAILQ_EMPTY(&stage.worker.gathering));
	ck_assert(TAILQ_EMPTY(&stage.worker.to_look));
	conns_bury(&stage.worker);
	stage_close(&stage);
}
END_TEST

/* ---- what the kernel holds ---------------------------------------------- */

#define STREAM 400000

/* A conn whose backend has sent STREAM bytes; the client reads none of them,
 * and its kernel does not take all. */
static struct conn *
begin_stream(struct stage *stage, int way, const char *more)
{
	static const char bytes[STREAM];
	const int small = 8192;
	struct conn *conn;
	size_t sent = 0;

	stage_open(stage, way, more);
	conn = begin(stage);
	ck_assert_int_eq(setsockopt(stage->client, SOL_SOCKET, SO_RCVBUF,
			     &small, sizeof(small)),
	    0);
	accept_backend(stage);
	while (conn->state == CONN_CONNECTING)
		(void)turn(stage, 1000);
	for (int i = 0; i < 10000 && conn_bytes_from(conn, BACKEND) < STREAM;
	     i++) {
		ssize_t n = send(stage->backend, bytes, STREAM - sent, 0);

		sent += n > 0 ? (size_t)n : 0;
		(void)turn(stage, 1);
	}
	ck_assert_uint_eq(conn_bytes_from(conn, BACKEND), STREAM);
	ck_assert_uint_gt(progress_unsent(conn->side[CLIENT].fd), 0);
	return conn;
}

/* The client reads until less waits for it than before; what it has got. */
static size_t
take_some(struct stage *stage, const struct conn *conn)
{
	const uint64_t before = progress_unsent(conn->side[CLIENT].fd);
	char buf[4096];
	size_t got = 0;

	for (int i = 0; i < 10000 && before > 0 &&
	     progress_unsent(conn->side[CLIENT].fd) >= before;
	     i++) {
		ssize_t n = recv(stage->client, buf, sizeof(buf), 0);

		got += n > 0 ? (size_t)n : 0;
		if (n <= 0)
			(void)poll(NULL, 0, 1);
	}
	ck_assert_uint_lt(progress_unsent(conn->side[CLIENT].fd), before);
	return got;
}

/* So much later, the conn's timer fires. */
static void
pass(struct stage *stage, struct conn *conn, uint64_t ms)
{
	stage->worker.now_ms += ms;
	stage->worker.turn++;
	on_conn_timer(&stage->worker, conn);
}

/* All that came from the backend is told of, once. */
static void
check_sum(const struct stage *stage)
{
	ck_assert_uint_gt(stage->record.bytes_to_client, 0);
	ck_assert_uint_gt(stage->record.bytes_discarded, 0);
	ck_assert_uint_eq(stage->record.bytes_to_client +
		stage->record.bytes_discarded,
	    STREAM);
}

/* Who takes something within timeout-idle stays; who takes nothing does not. */
START_TEST(slow_reader)
{
	struct stage stage;
	struct conn *conn = begin_stream(&stage, _i, "timeout-idle = 1m\n");
	size_t got = 0;

	for (int i = 0; i < 6; i++) {
		pass(&stage, conn, 40000);
		ck_assert_int_eq(conn->state, CONN_RELAYING);
		if (i < 4)
			got += take_some(&stage, conn);
	}
	ck_assert_uint_lt(got, STREAM);
	pass(&stage, conn, 60000);
	ck_assert_int_eq(conn->state, CONN_CLOSED);
	conns_bury(&stage.worker);
	ck_assert_int_eq(stage.record.reason, REASON_CLIENT_IDLE);
	check_sum(&stage);
	stage_close(&stage);
}
END_TEST

/* A cut delivers what was received as long as somebody takes it. */
START_TEST(cut_after_delivery)
{
	const bool taken = _i % 2 == 0;
	struct stage stage;
	struct conn *conn = begin_stream(&stage, _i / 2,
	    "max-lifetime = 10s\nreset-linger = 1s\n");
	uint64_t got = 0;

	pass(&stage, conn, 20000);
	ck_assert_int_eq(conn->state, CONN_RESETTING);
	while (taken && conn->state == CONN_RESETTING) {
		got += take_some(&stage, conn);
		pass(&stage, conn, 900);
	}
	if (!taken) {
		pass(&stage, conn, 900);
		ck_assert_int_eq(conn->state, CONN_RESETTING);
		pass(&stage, conn, 100);
	}
	ck_assert_int_eq(conn->state, CONN_CLOSED);
	conns_bury(&stage.worker);
	ck_assert_int_eq(stage.record.reason, REASON_LIFETIME_CUT);
	if (taken) {
		ck_assert_uint_gt(got, 0);
		ck_assert_uint_eq(stage.record.bytes_to_client, STREAM);
	} else {
		check_sum(&stage);
	}
	stage_close(&stage);
}
END_TEST

/* Who takes nothing is not saved by what he sends. */
START_TEST(stalled_reader)
{
	struct stage stage;
	struct conn *conn = begin_stream(&stage, _i,
	    "timeout-idle = 1h\ntimeout-stall = 1m\n");
	uint64_t now_ms = stage.worker.now_ms;

	for (int i = 0; i < 5; i++) {
		const uint64_t sent = conn_bytes_from(conn, CLIENT);

		stage.worker.now_ms = now_ms += 15000;
		on_conn_timer(&stage.worker, conn);
		ck_assert_int_eq(conn->state, CONN_RELAYING);
		ck_assert_int_eq(send(stage.client, "x", 1, 0), 1);
		while (conn_bytes_from(conn, CLIENT) == sent)
			(void)turn(&stage, 1000);
		if (i == 0)
			(void)take_some(&stage, conn);
	}
	stage.worker.now_ms = now_ms + 15000;
	on_conn_timer(&stage.worker, conn);
	ck_assert_int_eq(conn->state, CONN_CLOSED);
	conns_bury(&stage.worker);
	ck_assert_int_eq(stage.record.reason, REASON_CLIENT_STALLED);
	ck_assert_uint_eq(atomic_load(&stage.service->state->stats[0].stalled),
	    1);
	stage_close(&stage);
}
END_TEST

/* Stalled conns hold more than they may: the worst goes, and what it held is
 * counted no more. */
START_TEST(sheds_stalled)
{
	struct stage stage;
	struct conn *conn = begin_stream(&stage, _i, "timeout-idle = 1h\n");
	struct stalled *stalled = &stage.shared.stalled;

	atomic_store(&stalled->most_kb, 1 << 20);
	pass(&stage, conn, 1000);
	pass(&stage, conn, 1000);
	ck_assert_uint_eq(atomic_load(&stalled->conns), 0);
	pass(&stage, conn, 1000);
	ck_assert_uint_eq(atomic_load(&stalled->conns), 1);
	ck_assert_uint_ge(atomic_load(&stalled->kb),
	    progress_unsent(conn->side[CLIENT].fd) >> 10);
	/* it takes something: not stalled */
	(void)take_some(&stage, conn);
	pass(&stage, conn, 1000);
	ck_assert_uint_eq(atomic_load(&stalled->kb), 0);
	ck_assert_uint_eq(atomic_load(&stalled->conns), 0);

	atomic_store(&stalled->most_kb, 10);
	pass(&stage, conn, 1000);
	ck_assert_int_eq(conn->state, CONN_RELAYING);
	pass(&stage, conn, 1000);
	ck_assert_int_eq(conn->state, CONN_CLOSED);
	conns_bury(&stage.worker);
	ck_assert_int_eq(stage.record.reason, REASON_SHED);
	ck_assert_uint_eq(atomic_load(&stalled->kb), 0);
	ck_assert_uint_eq(atomic_load(&stalled->conns), 0);
	ck_assert_uint_eq(atomic_load(&stage.service->state->stats[0].shed), 1);
	stage_close(&stage);
}
END_TEST

/* Events first, deadlines after: what waits in a socket that no turn has served
 * is no silence, and a backend that has answered is not too late. */
START_TEST(waits_unserved)
{
	struct stage stage;
	struct conn *conn;

	stage_open(&stage, _i, "timeout-idle = 1m\ntimeout-connect = 1s\n");
	conn = begin(&stage);
	accept_backend(&stage);
	wait_events(conn->side[BACKEND].fd, POLLOUT);
	pass(&stage, conn, 2000);
	ck_assert_int_eq(conn->state, CONN_RELAYING);
	ck_assert_int_eq(send(stage.client, "hello", 5, 0), 5);
	wait_queued(conn->side[CLIENT].fd, 5);
	pass(&stage, conn, 60000);
	ck_assert_int_eq(conn->state, CONN_RELAYING);
	ck_assert_uint_eq(conn_bytes_from(conn, CLIENT), 5);
	pass(&stage, conn, 59000);
	ck_assert_int_eq(conn->state, CONN_RELAYING);

	/* a gap of the worker's is nobody's silence */
	stage.worker.now_ms += 50000;
	conns_excuse(&stage.worker, 50000);
	pass(&stage, conn, 900);
	ck_assert_int_eq(conn->state, CONN_RELAYING);
	pass(&stage, conn, 100);
	ck_assert_int_eq(conn->state, CONN_CLOSED);
	conns_bury(&stage.worker);
	ck_assert_int_eq(stage.record.reason, REASON_BACKEND_IDLE);
	stage_close(&stage);
}
END_TEST

/* With abort-on-close a FIN gives the place up. */
START_TEST(aborted_while_queued)
{
	struct house house;

	house_open(&house, "abort-on-close = yes\n", 3);
	(void)shutdown(house.client[2], SHUT_WR);
	wait_events(house.conn[2]->side[CLIENT].fd, POLLRDHUP);
	(void)turn(&house.stage, 0);
	ck_assert_int_eq(house.stage.records, 1);
	ck_assert_int_eq(house.stage.record.reason, REASON_CLIENT_QUEUED);
	ck_assert_int_eq(house.stage.record.error, 0);
	ck_assert(!waiting_is_used(house.stage.service->state));
	house_close(&house);
}
END_TEST

/* ---- PROXY headers ------------------------------------------------------ */

/* The header of version 1 that the backend gets, with `more` behind it. */
static const char *
header_of(const struct conn *conn, const char *more, char *buf, size_t size)
{
	struct sockaddr_in sa = { .sin_port = 0 };
	socklen_t len = sizeof(sa);

	ck_assert_int_eq(getsockname(conn->side[CLIENT].fd,
			     (struct sockaddr *)&sa, &len),
	    0);
	(void)snprintf(buf, size, "PROXY TCP4 127.0.0.1 127.0.0.1 %u %u\r\n%s",
	    conn->client.port, ntohs(sa.sin_port), more);
	return buf;
}

/* Each backend that is tried gets the header, before any byte of the client,
 * and the header is not counted as the client's. */
START_TEST(header_first)
{
	const bool retry = _i >= WAYS;
	struct stage stage;
	struct conn *conn;
	char want[256];

	stage_open(&stage, _i % WAYS, "send-proxy = v1\n");
	conn = begin(&stage);
	ck_assert_int_eq(send(stage.client, "hello", 5, 0), 5);
	accept_backend(&stage);
	if (retry) {
		reset(&stage.backend);
		wait_events(conn->side[BACKEND].fd, POLLERR);
		(void)turn(&stage, 1000);
		accept_backend(&stage);
	}
	(void)header_of(conn, "hello", want, sizeof(want));
	(void)shutdown(stage.client, SHUT_WR);
	ck_assert_int_eq(read_to_the_end(&stage, stage.backend, want), 0);
	(void)shutdown(stage.backend, SHUT_WR);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.reason, REASON_DONE);
	ck_assert_uint_eq(stage.record.retries, retry);
	ck_assert_uint_eq(stage.record.bytes_to_backend, 5);
	stage_close(&stage);
}
END_TEST

/* A client that waits for the backend to begin: the header does not wait. */
START_TEST(header_alone)
{
	struct stage stage;
	struct conn *conn;

	stage_open(&stage, _i, "send-proxy = v2\nnodelay = no\n");
	conn = begin(&stage);
	accept_backend(&stage);
	while (conn->state == CONN_CONNECTING)
		(void)turn(&stage, 1000);
	wait_queued(stage.backend, 16 + 12 + 4 + 7);
	ck_assert(!conn->preface);
	conn_kill(&stage.worker, conn);
	turn_to_the_end(&stage);
	ck_assert_uint_eq(stage.record.bytes_to_backend, 0);
	stage_close(&stage);
}
END_TEST

/* Discards `len` bytes that the backend receives. */
static void
discard(struct stage *stage, size_t len)
{
	char buf[65536];

	while (len > 0) {
		ssize_t n = recv(stage->backend, buf,
		    len < sizeof(buf) ? len : sizeof(buf), 0);

		if (n > 0)
			len -= (size_t)n;
		else
			wait_events(stage->backend, POLLIN);
	}
}

/* Fills the socket to the backend, which has just accepted, and hands on the
 * event that there was room.  Returns how many bytes precede the header. */
static size_t
fill(struct stage *stage, struct conn *conn)
{
	static const char junk[65536];
	size_t filled = 0;
	ssize_t n;

	wait_events(conn->side[BACKEND].fd, POLLOUT);
	while ((n = send(conn->side[BACKEND].fd, junk, sizeof(junk), 0)) > 0)
		filled += (size_t)n;
	on_conn_event(&stage->worker, conn, BACKEND, EPOLLOUT);
	ck_assert_int_eq(conn->state, CONN_RELAYING);
	return filled;
}

static struct conn *
only_conn(struct stage *stage)
{
	uint32_t i = 0;

	return slots_each(&stage->worker.conns, &i);
}

/* The backend's socket has no room for the header, then for a part of it; in
 * between, the conn moves to another worker (here: the same one). */
START_TEST(header_in_pieces)
{
	const size_t part = 7;
	struct stage stage;
	struct conn *conn, *moved;
	size_t filled;
	char want[256];

	stage_open(&stage, _i, "send-proxy = v1\n");
	conn = begin(&stage);
	ck_assert_int_eq(send(stage.client, "hello", 5, 0), 5);
	accept_backend(&stage);
	filled = fill(&stage, conn);
	ck_assert(conn->preface);
	ck_assert_uint_eq(conn_bytes_from(conn, CLIENT), 0);

	discard(&stage, filled);
	(void)header_of(conn, "hello", want, sizeof(want));
	ck_assert_int_eq(send(conn->side[BACKEND].fd, want, part, 0), part);
	stage.worker.prefaces[slots_index(&stage.worker.conns, conn)].sent =
	    part;
	moved = conn_detach(&stage.worker, conn);
	ck_assert_ptr_nonnull(moved);
	conn_attach(&stage.worker, moved);
	(void)shutdown(stage.client, SHUT_WR);
	ck_assert_int_eq(read_to_the_end(&stage, stage.backend, want), 0);
	(void)shutdown(stage.backend, SHUT_WR);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.reason, REASON_DONE);
	ck_assert_uint_eq(stage.record.bytes_to_backend, 5);
	stage_close(&stage);
}
END_TEST

/* Another version of lb4 has sent the beginning of another header: the stream
 * cannot go on. */
START_TEST(header_of_another)
{
	struct stage stage;
	struct conn *conn;
	struct preface *preface;
	size_t filled;

	stage_open(&stage, _i, "send-proxy = v1\n");
	conn = begin(&stage);
	accept_backend(&stage);
	filled = fill(&stage, conn);
	preface =
	    &stage.worker.prefaces[slots_index(&stage.worker.conns, conn)];
	preface->sent = 3;
	preface->sum ^= 1;
	discard(&stage, filled);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.error, EBADMSG);
	stage_close(&stage);
}
END_TEST

static const char named_v1[] = "PROXY TCP4 192.0.2.7 198.51.100.2 1025 443\r\n";
static const char named_v2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
			       "\xc0\0\2\7\xc6\x33\x64\2\4\1\1\xbb";

/* The client's header comes byte by byte, and the conn moves in the middle.
 * What is behind it is relayed; the client that it names is the conn's. */
START_TEST(header_is_read)
{
	const char *header = _i >= WAYS ? named_v2 : named_v1;
	const size_t len = (_i >= WAYS ? sizeof(named_v2) : sizeof(named_v1)) -
	    1;
	struct stage stage;
	struct conn *conn, *moved;
	char text[ENDPOINT_TEXT_MAX], want[256];

	stage_open(&stage, _i % WAYS,
	    "accept-proxy = 127.0.0.0/8\nsend-proxy = v1\n");
	conn = begin(&stage);
	for (size_t i = 0; i < len; i++) {
		ck_assert_int_eq(conn->state, CONN_PREREAD);
		ck_assert_ptr_null(conn->backend);
		ck_assert_int_eq(send(stage.client, header + i, 1, 0), 1);
		wait_queued(conn->side[CLIENT].fd, (int)i + 1);
		(void)turn(&stage, 1000);
		if (i == len / 2) {
			moved = conn_detach(&stage.worker, conn);
			ck_assert_ptr_nonnull(moved);
			conn_attach(&stage.worker, moved);
			conn = only_conn(&stage);
		}
	}
	ck_assert_int_eq(conn->state, CONN_CONNECTING);
	ck_assert_int_eq(send(stage.client, "hello", 5, 0), 5);
	accept_backend(&stage);
	(void)snprintf(want, sizeof(want), "%shello", named_v1);
	(void)shutdown(stage.client, SHUT_WR);
	ck_assert_int_eq(read_to_the_end(&stage, stage.backend, want), 0);
	(void)shutdown(stage.backend, SHUT_WR);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.reason, REASON_DONE);
	ck_assert_uint_eq(stage.record.bytes_to_backend, 5);
	ck_assert_str_eq(endpoint_format(&stage.record.client, text,
			     sizeof(text)),
	    "192.0.2.7:1025");
	stage_close(&stage);
}
END_TEST

/* A client counts for its source once it is known, and only once, although the
 * conn has moved before. */
START_TEST(header_is_counted_once)
{
	struct stage stage;
	struct throttle_sight sight;
	struct conn *conn, *moved;

	stage_open(&stage, RELAY_AUTO,
	    "accept-proxy = 127.0.0.1\nsource-maxconn = 5\n");
	(void)begin(&stage);
	moved = conn_detach(&stage.worker, only_conn(&stage));
	ck_assert_ptr_nonnull(moved);
	conn_attach(&stage.worker, moved);
	conn = only_conn(&stage);
	throttle_look(&stage.shared, stage.service, &conn->client, &sight);
	ck_assert_uint_eq(sight.conns, 0);
	ck_assert_int_eq(send(stage.client, named_v1, sizeof(named_v1) - 1, 0),
	    sizeof(named_v1) - 1);
	while (conn->state == CONN_PREREAD)
		(void)turn(&stage, 1000);
	throttle_look(&stage.shared, stage.service, &conn->client, &sight);
	ck_assert_uint_eq(sight.conns, 1);
	conn_kill(&stage.worker, conn);
	throttle_look(&stage.shared, stage.service, &conn->client, &sight);
	ck_assert_uint_eq(sight.conns, 0);
	conns_bury(&stage.worker);
	stage_close(&stage);
}
END_TEST

/* Headers that name nobody: the socket's own addresses hold. */
START_TEST(header_names_nobody)
{
	static const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
	static const char unspec[] = "\r\n\r\n\0\r\nQUIT\n\x21\0\0\0";
	static const struct {
		const char *bytes;
		size_t len;
	} headers[] = { { "PROXY UNKNOWN\r\n", 15 }, { local, 16 },
		{ unspec, 16 } };
	const int header = _i;
	struct stage stage;
	struct conn *conn;
	char want[256];

	stage_open(&stage, RELAY_AUTO,
	    "accept-proxy = 127.0.0.1\nsend-proxy = v1\n");
	conn = begin(&stage);
	ck_assert_int_eq(send(stage.client, headers[header].bytes,
			     headers[header].len, 0),
	    headers[header].len);
	while (conn->state == CONN_PREREAD)
		(void)turn(&stage, 1000);
	accept_backend(&stage);
	(void)header_of(conn, "", want, sizeof(want));
	(void)shutdown(stage.client, SHUT_WR);
	ck_assert_int_eq(read_to_the_end(&stage, stage.backend, want), 0);
	(void)shutdown(stage.backend, SHUT_WR);
	turn_to_the_end(&stage);
	stage_close(&stage);
}
END_TEST

START_TEST(header_is_refused)
{
	static const struct {
		const char *keys, *sent;
		enum { STAYS, FIN, RST } then;
		enum reason reason;
		int error;
	} cases[] = {
		{ "accept-proxy = 10.0.0.0/8 ::/0\n", "", STAYS,
		    REASON_PROXY_PEER, EACCES },
		{ "accept-proxy = 127.0.0.1\n", "GET / HTTP/1.0\r\n", STAYS,
		    REASON_PROXY_HEADER, EPROTO },
		{ "accept-proxy = 127.0.0.1\n", "PROXY TCP4 1.2.3.4\r\n", STAYS,
		    REASON_PROXY_HEADER, EPROTO },
		{ "accept-proxy = 127.0.0.1\ntimeout-proxy = 20ms\n", "PROXY ",
		    STAYS, REASON_PROXY_TIMEOUT, ETIMEDOUT },
		{ "accept-proxy = 127.0.0.1\ntimeout-proxy = 20ms\n", "", STAYS,
		    REASON_PROXY_TIMEOUT, ETIMEDOUT },
		{ "accept-proxy = 127.0.0.1\n", "", FIN, REASON_CLIENT_PREREAD,
		    0 },
		{ "accept-proxy = 127.0.0.1\n", "PROXY TCP4 1.2.3.4", FIN,
		    REASON_CLIENT_PREREAD, 0 },
		{ "accept-proxy = 127.0.0.1\n", "PROXY TCP4 1.2.3.4", RST,
		    REASON_CLIENT_PREREAD, ECONNRESET },
		{ "accept-proxy = 127.0.0.1\ndeny = 192.0.2.0/24\n", named_v1,
		    STAYS, REASON_ACCESS, 0 },
		{ "accept-proxy = 127.0.0.1\ndeny = all\nallow = 127.0.0.1\n",
		    named_v1, STAYS, REASON_ACCESS, 0 },
	};
	struct stage stage;
	const char *sent = cases[_i].sent;

	stage_open(&stage, RELAY_AUTO, cases[_i].keys);
	if (_i == 0) { /* it ends at once */
		const struct endpoint client = { .family = AF_INET };
		int pair[2];

		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		stage.client = pair[0];
		ck_assert(gate_enter(&stage.shared.gate, 4, GATE_NO_TICKET));
		ck_assert(gate_enter(&stage.service->state->gate, 0,
		    GATE_NO_TICKET));
		conn_open(&stage.worker, stage.service, 1, pair[1], &client);
	} else {
		(void)begin(&stage);
	}
	if (sent[0] != '\0')
		ck_assert_int_eq(send(stage.client, sent, strlen(sent), 0),
		    strlen(sent));
	if (cases[_i].then == FIN)
		(void)shutdown(stage.client, SHUT_WR);
	else if (cases[_i].then == RST)
		reset(&stage.client);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.reason, cases[_i].reason);
	ck_assert_int_eq(stage.record.error, cases[_i].error);
	if (cases[_i].reason == REASON_ACCESS)
		ck_assert_str_eq(stage.record.rule,
		    _i == 8 ? "deny:192.0.2.0/24" : "deny:0.0.0.0/0");
	stage_close(&stage);
}
END_TEST

/* ---- routes ------------------------------------------------------------- */

/* A ClientHello for a.example, with the protocol h2. */
static const unsigned char hello[] = { 22, 3, 1, 0, 78, 1, 0, 0, 74, 3, 3, 1, 2,
	3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
	23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 0, 0, 2, 19, 1, 1, 0, 0, 31, 0,
	0, 0, 14, 0, 12, 0, 0, 9, 'a', '.', 'e', 'x', 'a', 'm', 'p', 'l', 'e',
	0, 16, 0, 5, 0, 3, 2, 'h', '2', 0, 51, 0, 0 };

/* Keys of the service that listens, and the service that a route leads to. */
static const char routed[] =
    "route = sni:a.example t\n%s[service t]\n"
    "backend = one 127.0.0.1:%u send-proxy=v2\nmaxconn = %s\n";

static void
stage_open_routed(struct stage *stage, int way, const char *more,
    const char *maxconn)
{
	struct addr addr;
	char text[512];
	int fd = listen_on(&addr);

	(void)snprintf(text, sizeof(text), routed, more, addr_port(&addr),
	    maxconn);
	stage_open(stage, way, text);
	(void)close(stage->listeners[0]);
	stage->listeners[0] = fd;
}

/* Everything that the backend gets until `len` bytes are there. */
static void
receive(struct stage *stage, unsigned char *buf, size_t len)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = recv(stage->backend, buf + got, len - got, 0);

		if (n > 0)
			got += (size_t)n;
		else
			ck_assert_int_ge(turn(stage, 100), 0);
	}
}

/* The hello comes byte by byte.  lb4 consumes none of it, and the header tells
 * what it asks for. */
START_TEST(hello_is_read)
{
	static const size_t header = 16 + 12 + 6 + 12 + 5 + 7;
	struct stage stage;
	struct conn *conn, *moved;
	unsigned char buf[256];

	stage_open_routed(&stage, _i, "", "1");
	conn = begin(&stage);
	for (size_t i = 0; i < sizeof(hello); i++) {
		ck_assert_int_eq(conn->state, CONN_PREREAD);
		ck_assert_int_eq(send(stage.client, hello + i, 1, 0), 1);
		wait_queued(conn->side[CLIENT].fd, (int)i + 1);
		/* few looks: it is known how many bytes are needed */
		(void)turn(&stage, 0);
		if (i == 60) {
			moved = conn_detach(&stage.worker, conn);
			ck_assert_ptr_nonnull(moved);
			conn_attach(&stage.worker, moved);
			conn = only_conn(&stage);
		}
	}
	while (conn->state == CONN_PREREAD)
		(void)turn(&stage, 1000);
	ck_assert_str_eq(conn->service->name, "t");
	ck_assert_int_eq(low_water(conn->side[CLIENT].fd), 1);
	ck_assert_uint_eq(atomic_load(&stage.service->state->gate.inside), 0);
	accept_backend(&stage);
	receive(&stage, buf, header + sizeof(hello));
	ck_assert_ptr_nonnull(memmem(buf, header, "\2\0\11a.example", 12));
	ck_assert_ptr_nonnull(memmem(buf, header, "\1\0\2h2", 5));
	ck_assert_mem_eq(buf + header, hello, sizeof(hello));
	(void)shutdown(stage.client, SHUT_WR);
	(void)shutdown(stage.backend, SHUT_WR);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.reason, REASON_DONE);
	ck_assert_uint_eq(stage.record.bytes_to_backend, sizeof(hello));
	ck_assert_str_eq(stage.record.service, "t");
	stage_close(&stage);
}
END_TEST

/* The rules of the service that the route leads to hold for its clients. */
START_TEST(route_is_refused)
{
	struct stage stage;
	struct conn *conn;

	stage_open_routed(&stage, RELAY_AUTO, "",
	    _i == 0 ? "1\ndeny = 127.0.0.0/8" : "1\ndeny = 192.0.2.0/24");
	conn = begin(&stage);
	ck_assert_int_eq(send(stage.client, hello, sizeof(hello), 0),
	    sizeof(hello));
	while (conn->state == CONN_PREREAD)
		(void)turn(&stage, 1000);
	if (_i == 0) {
		ck_assert_int_eq(conn->state, CONN_CLOSED);
		ck_assert_int_eq(stage.record.reason, REASON_ACCESS);
		ck_assert_str_eq(stage.record.service, "t");
		ck_assert_str_eq(stage.record.rule, "deny:127.0.0.0/8");
	} else {
		ck_assert_int_eq(conn->state, CONN_CONNECTING);
		conn_kill(&stage.worker, conn);
	}
	conns_bury(&stage.worker);
	stage_close(&stage);
}
END_TEST

/* PostgreSQL: the client has its answer at once; the backend is asked later,
 * and gets the hello after its own answer, which the client does not see. */
START_TEST(request_is_answered)
{
	static const size_t header = 16 + 12 + 6 + 12 + 5 + 7;
	const bool refuses = _i >= WAYS;
	struct stage stage;
	struct conn *conn;
	unsigned char buf[256];

	stage_open_routed(&stage, _i % WAYS, "", "1");
	conn = begin(&stage);
	/* GSSENCRequest, then SSLRequest */
	ck_assert_int_eq(send(stage.client, "\0\0\0\10\4\322\26\60", 8, 0), 8);
	while (recv(stage.client, buf, 1, 0) != 1)
		(void)turn(&stage, 100);
	ck_assert_int_eq(buf[0], 'N');
	ck_assert_int_eq(send(stage.client, "\0\0\0\10\4\322\26\57", 8, 0), 8);
	while (recv(stage.client, buf, 1, 0) != 1)
		(void)turn(&stage, 100);
	ck_assert_int_eq(buf[0], 'S');
	ck_assert_int_eq(send(stage.client, hello, sizeof(hello), 0),
	    sizeof(hello));
	while (conn->state == CONN_PREREAD)
		(void)turn(&stage, 1000);
	accept_backend(&stage);
	receive(&stage, buf, header + 8);
	ck_assert_mem_eq(buf + header, "\0\0\0\10\4\322\26\57", 8);
	(void)turn(&stage, 0);
	ck_assert_int_eq(recv(stage.backend, buf, 1, 0), -1);
	ck_assert_int_gt(send(stage.backend, refuses ? "N" : "Swelcome",
			     refuses ? 1 : 8, 0),
	    0);
	if (refuses) {
		turn_to_the_end(&stage);
		ck_assert_int_eq(stage.record.error, EPROTO);
		ck_assert_int_eq(recv(stage.client, buf, 1, 0), -1);
		stage_close(&stage);
		return;
	}
	receive(&stage, buf, sizeof(hello));
	ck_assert_mem_eq(buf, hello, sizeof(hello));
	(void)shutdown(stage.backend, SHUT_WR);
	ck_assert_int_eq(read_to_the_end(&stage, stage.client, "welcome"), 0);
	(void)shutdown(stage.client, SHUT_WR);
	turn_to_the_end(&stage);
	ck_assert_int_eq(stage.record.reason, REASON_DONE);
	ck_assert_uint_eq(stage.record.bytes_to_client, 7);
	stage_close(&stage);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conn");
	TCase *tcase = tcase_create("conn");
	SRunner *runner;
	int failed;

	(void)signal(SIGPIPE, SIG_IGN); /* as main() does */
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, good_conn, 0, WAYS);
	tcase_add_test(tcase, reload_leaves_its_settings);
	tcase_add_loop_test(tcase, banner_and_reset, 0, WAYS);
	tcase_add_loop_test(tcase, banner_and_fin, 0, WAYS);
	tcase_add_loop_test(tcase, answered_and_reset, 0, WAYS);
	tcase_add_loop_test(tcase, client_gone_early, 0, WAYS);
	tcase_add_loop_test(tcase, both_reset, 0, WAYS);
	tcase_add_loop_test(tcase, reset_after_fin, 0, 2 * WAYS);
	tcase_add_loop_test(tcase, killed, 0, WAYS);
	tcase_add_loop_test(tcase, no_backend, 0, WAYS);
	tcase_add_loop_test(tcase, full_house, 0, WAYS);
	tcase_add_loop_test(tcase, gathers_bulk, 0, 2);
	tcase_add_loop_test(tcase, gathers_and_moves, 0, 2);
	tcase_add_loop_test(tcase, slow_reader, 0, WAYS);
	tcase_add_loop_test(tcase, cut_after_delivery, 0, 2 * WAYS);
	tcase_add_loop_test(tcase, stalled_reader, 0, WAYS);
	tcase_add_loop_test(tcase, sheds_stalled, 0, WAYS);
	tcase_add_loop_test(tcase, waits_unserved, 0, WAYS);
	tcase_add_test(tcase, aborted_while_queued);
	tcase_add_loop_test(tcase, header_first, 0, 2 * WAYS);
	tcase_add_loop_test(tcase, header_alone, 0, WAYS);
	tcase_add_loop_test(tcase, header_in_pieces, 0, WAYS);
	tcase_add_loop_test(tcase, header_of_another, 0, WAYS);
	tcase_add_loop_test(tcase, header_is_read, 0, 2 * WAYS);
	tcase_add_test(tcase, header_is_counted_once);
	tcase_add_loop_test(tcase, header_names_nobody, 0, 3);
	tcase_add_loop_test(tcase, header_is_refused, 0, 10);
	tcase_add_loop_test(tcase, hello_is_read, 0, WAYS);
	tcase_add_loop_test(tcase, route_is_refused, 0, 2);
	tcase_add_loop_test(tcase, request_is_answered, 0, 2 * WAYS);
	tcase_add_test(tcase, first_come_first_served);
	tcase_add_test(tcase, none_overtakes);
	tcase_add_loop_test(tcase, queue_is_bounded, 0, 2);
	tcase_add_loop_test(tcase, ends_in_the_queue, 0, 3);
	tcase_add_test(tcase, finished_while_queued);
	tcase_add_loop_test(tcase, moved_while_queued, 0, 2);
	tcase_add_loop_test(tcase, left_in_the_queue, 0, 2);
	tcase_add_test(tcase, waits_for_the_other);
	tcase_add_loop_test(tcase, closed_idle_or_busy, 0, 2);
	tcase_add_test(tcase, comes_up_while_queued);
	tcase_add_test(tcase, nothing_to_wait_for);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
