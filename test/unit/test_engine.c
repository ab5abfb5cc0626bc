/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The engine with two workers: conns that move between them in the middle of
 * their streams, or while they wait for a backend, lose nothing, whatever state
 * they are in.
 */
#include "common/why.h"
#include "lb4/config/config.h"
#include "lb4/engine/engine.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/sock.h"
#include "lb4/engine/conn.h"
#include "lb4/engine/engine_limits.h"
#include "lb4/engine/peers.h"
#include "lb4/engine/types.h"
#include "lb4/engine/worker_post.h"

#define STREAMS 24
#define STREAM_BYTES (3 * 1024 * 1024)

/* The engine's inside, as far as this test reaches into it. */
struct engine {
	struct worker_shared shared;
	struct worker *workers;
};

struct house {
	struct tables tables;
	struct config *config;
	struct engine *engine;
	struct mailbox control;
	struct addr front, back;
	int backend; /* listening socket */
};

static const struct hash_key seed = { 1, 2 };

static void
house_open(struct house *house, const char *relay, const char *limit)
{
	const struct sock_options none = { 0 };
	struct config_errors errors = { 0 };
	struct engine_limits limits;
	struct engine_peers peers = { .control = &house->control };
	char text[512], back[ADDR_TEXT_MAX], front[ADDR_TEXT_MAX];
	struct why why;

	ck_assert_int_eq(addr_parse(&house->back, "127.0.0.1:0",
			     ADDR_PORT_REQUIRED, NULL),
	    0);
	house->backend = sock_listen(&house->back, false, 128, &none);
	ck_assert_int_ge(house->backend, 0);
	ck_assert_int_eq(addr_parse(&house->front, "127.0.0.1:0",
			     ADDR_PORT_REQUIRED, NULL),
	    0);
	ck_assert_int_eq(sock_probe_free(&house->front, NULL), 0);
	(void)snprintf(text, sizeof(text),
	    "[global]\nworkers = 2\nmaxconn = 200\nrelay = %s\n"
	    "[service s]\nlisten = %s\nbackend = b %s %s\nretries = 0\n"
	    "timeout-queue = 1m\n",
	    relay, addr_format(&house->front, front, sizeof(front)),
	    addr_format(&house->back, back, sizeof(back)), limit);
	house->config = config_parse("test", text, strlen(text), &errors);
	ck_assert_ptr_nonnull(house->config);
	tables_init(&house->tables, 2);
	ck_assert_int_eq(tables_publish(&house->tables, house->config, &seed),
	    0);
	ck_assert_int_eq(mailbox_init(&house->control, 64,
			     sizeof(struct control_message)),
	    0);
	engine_limits(house->config, &limits);
	house->engine = engine_new(&house->tables, house->config, &limits,
	    &peers);
	ck_assert_ptr_nonnull(house->engine);
	ck_assert_int_eq(engine_listen(house->engine, house->config, &why), 0);
	ck_assert_int_eq(engine_start(house->engine), 0);
}

static void
house_close(struct house *house)
{
	engine_stop(house->engine);
	engine_free(house->engine);
	tables_done(&house->tables);
	mailbox_done(&house->control);
	config_free(house->config);
	(void)close(house->backend);
}

/* Both workers have said that they are empty. */
static void
wait_drained(struct house *house)
{
	struct pollfd pfd = { .fd = house->control.fd, .events = POLLIN };
	struct control_message message;
	int drained = 0;

	while (drained < 2) {
		ck_assert_int_eq(poll(&pfd, 1, 20000), 1);
		mailbox_open(&house->control);
		while (mailbox_take(&house->control, &message))
			drained += message.kind == CONTROL_DRAINED;
	}
}

/* ---- streams ----------------------------------------------------------- */

static unsigned char
byte_at(unsigned stream, size_t i)
{
	return (unsigned char)((i * 2654435761u >> 16) + stream);
}

/* Sends a stream, in pieces of odd sizes, and half-closes. */
static void
send_stream(int fd, unsigned stream, size_t bytes)
{
	unsigned char buf[30011];
	size_t sent = 0;

	while (sent < bytes) {
		size_t n = 1 + (sent * 7919 + stream) % sizeof(buf);
		ssize_t done;

		n = n > bytes - sent ? bytes - sent : n;
		for (size_t i = 0; i < n; i++)
			buf[i] = byte_at(stream, sent + i);
		done = send(fd, buf, n, MSG_NOSIGNAL);
		ck_assert_msg(done > 0, "send: %s", strerror(errno));
		sent += (size_t)done;
	}
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
}

/* Reads a stream to its end and checks each byte; returns its length. */
static size_t
check_stream(int fd, int stream)
{
	unsigned char buf[16384];
	size_t got = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (got == 0 && stream < 0)
			stream = buf[0]; /* whichever it is: see byte_at() */
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] !=
			    byte_at((unsigned)stream, got + (size_t)i))
				ck_abort_msg("byte %zu is wrong",
				    got + (size_t)i);
		got += (size_t)n;
	}
	ck_assert_msg(n == 0, "recv: %s", strerror(errno));
	return got;
}

static void
set_blocking(int fd)
{
	struct timeval timeout = { .tv_sec = 20 };
	int flags = fcntl(fd, F_GETFL);

	ck_assert_int_eq(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout,
			     sizeof(timeout)),
	    0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout,
			     sizeof(timeout)),
	    0);
}

struct end {
	struct house *house;
	unsigned stream;
	int fd;
	pthread_t sender, thread;
};

static void *
sender_main(void *argument)
{
	struct end *end = argument;

	send_stream(end->fd, end->stream, STREAM_BYTES);
	return NULL;
}

/* Sends one stream and reads the other, at the same time. */
static void
both_ways(struct end *end, int expected)
{
	ck_assert_int_eq(pthread_create(&end->sender, NULL, sender_main, end),
	    0);
	ck_assert_uint_eq(check_stream(end->fd, expected), STREAM_BYTES);
	ck_assert_int_eq(pthread_join(end->sender, NULL), 0);
	(void)close(end->fd);
}

static void *
client_main(void *argument)
{
	struct end *end = argument;

	end->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(end->fd, 0);
	set_blocking(end->fd);
	ck_assert_int_eq(connect(end->fd, &end->house->front.sa,
			     end->house->front.len),
	    0);
	both_ways(end, -1);
	return NULL;
}

static void *
backend_main(void *argument)
{
	struct end *end = argument;

	set_blocking(end->fd);
	both_ways(end, -1);
	return NULL;
}

static void
accept_all(struct house *house, struct end *ends)
{
	struct pollfd pfd = { .fd = house->backend, .events = POLLIN };

	for (unsigned i = 0; i < STREAMS; i++) {
		ends[i] = (struct end){ .house = house, .stream = 100 + i };
		ck_assert_int_eq(poll(&pfd, 1, 20000), 1);
		ends[i].fd = accept(house->backend, NULL, NULL);
		ck_assert_int_ge(ends[i].fd, 0);
		ck_assert_int_eq(pthread_create(&ends[i].thread, NULL,
				     backend_main, &ends[i]),
		    0);
	}
}

/* Throws all conns from one worker to the other and back until `ends` are
 * through. */
static unsigned
shuffle_until_done(struct house *house, struct end *ends)
{
	const struct timespec pause = { .tv_nsec = 500000 };
	unsigned moves = 0;

	for (unsigned i = 0; i < STREAMS; i++) {
		while (pthread_tryjoin_np(ends[i].thread, NULL) == EBUSY) {
			struct worker_message move = {
				.kind = WORKER_MOVE,
				.to = moves % 2,
			};

			worker_post(&house->engine->workers[(moves + 1) % 2],
			    &move);
			moves++;
			(void)nanosleep(&pause, NULL);
		}
	}
	return moves;
}

static void
move_in_midstream(const char *relay)
{
	struct end clients[STREAMS], backends[STREAMS];
	struct house house = { 0 };
	unsigned moves;

	house_open(&house, relay, "");
	for (unsigned i = 0; i < STREAMS; i++) {
		clients[i] = (struct end){ .house = &house, .stream = i };
		ck_assert_int_eq(pthread_create(&clients[i].thread, NULL,
				     client_main, &clients[i]),
		    0);
	}
	accept_all(&house, backends);
	moves = shuffle_until_done(&house, clients);
	for (unsigned i = 0; i < STREAMS; i++)
		ck_assert_int_eq(pthread_join(backends[i].thread, NULL), 0);
	ck_assert_uint_gt(moves, 10);
	engine_drain(house.engine);
	wait_drained(&house);
	ck_assert_uint_eq(engine_conns(house.engine), 0);
	house_close(&house);
}

/* ---- the queue ----------------------------------------------------------- */

#define PLACES 3
#define SERVERS 8 /* more than there are places */
#define WAITERS 24
#define VISITS 30

struct visitors {
	struct house house;
	_Atomic unsigned inside, most, served;
};

struct visitor {
	struct visitors *all;
	pthread_t thread;
};

/* A backend's thread: one conn after the other, each to its end. */
static void *
server_main(void *argument)
{
	struct visitors *all = ((struct visitor *)argument)->all;
	unsigned char byte;
	unsigned inside, most;
	int fd;

	while ((fd = accept(all->house.backend, NULL, NULL)) >= 0) {
		set_blocking(fd);
		inside = atomic_fetch_add(&all->inside, 1) + 1;
		most = atomic_load(&all->most);
		while (inside > most &&
		    !atomic_compare_exchange_weak(&all->most, &most, inside))
			;
		while (recv(fd, &byte, 1, 0) == 1)
			(void)send(fd, &byte, 1, MSG_NOSIGNAL);
		/* before its end can be seen */
		atomic_fetch_sub(&all->inside, 1);
		(void)close(fd);
	}
	return NULL;
}

/* Asks one byte, and gets it back. */
static bool
visit(const struct visitors *all)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned char byte = 'x';
	bool good;

	set_blocking(fd);
	good = connect(fd, &all->house.front.sa, all->house.front.len) == 0 &&
	    send(fd, &byte, 1, MSG_NOSIGNAL) == 1 &&
	    shutdown(fd, SHUT_WR) == 0 && recv(fd, &byte, 1, 0) == 1 &&
	    recv(fd, &byte, 1, 0) == 0;
	(void)close(fd);
	return good;
}

static void *
visitor_main(void *argument)
{
	struct visitors *all = ((struct visitor *)argument)->all;

	for (unsigned i = 0; i < VISITS; i++)
		if (visit(all))
			atomic_fetch_add(&all->served, 1);
	return NULL;
}

static void
start_all(struct visitors *all, struct visitor *visitors, size_t count,
    void *(*run)(void *))
{
	for (size_t i = 0; i < count; i++) {
		visitors[i].all = all;
		ck_assert_int_eq(pthread_create(&visitors[i].thread, NULL, run,
				     &visitors[i]),
		    0);
	}
}

/* Conns that wait for a place, and those that have one, are thrown to and fro:
 * each is served, and never more at a time than there are places. */
START_TEST(moves_in_the_queue)
{
	static struct visitors all;
	struct visitor servers[SERVERS], visitors[WAITERS];
	const struct timespec pause = { .tv_nsec = 200000 };
	const struct service *service;
	unsigned moves = 0;

	house_open(&all.house, "auto", "maxconn=3");
	ck_assert_int_eq(fcntl(all.house.backend, F_SETFL, 0), 0);
	start_all(&all, servers, SERVERS, server_main);
	start_all(&all, visitors, WAITERS, visitor_main);
	for (size_t i = 0; i < WAITERS; i++)
		while (pthread_tryjoin_np(visitors[i].thread, NULL) == EBUSY) {
			struct worker_message move = {
				.kind = WORKER_MOVE,
				.to = moves % 2,
			};

			worker_post(&all.house.engine->workers[(moves + 1) % 2],
			    &move);
			moves++;
			(void)nanosleep(&pause, NULL);
		}
	ck_assert_uint_eq(atomic_load(&all.served), WAITERS * VISITS);
	ck_assert_uint_eq(atomic_load(&all.most), PLACES);
	ck_assert_uint_gt(moves, 10);
	(void)shutdown(all.house.backend, SHUT_RDWR);
	for (size_t i = 0; i < SERVERS; i++)
		ck_assert_int_eq(pthread_join(servers[i].thread, NULL), 0);
	engine_drain(all.house.engine);
	wait_drained(&all.house);
	service = table_service(table_current(&all.house.tables), 0);
	ck_assert_uint_eq(atomic_load(&service->backend[0].backend->active), 0);
	ck_assert(waitqueue_is_empty(atomic_load(&service->state->waitqueue)));
	house_close(&all.house);
}
END_TEST

/* ---- limits ------------------------------------------------------------ */

static struct engine_limits
limits_of(const char *maxconn, const char *more)
{
	struct config_errors errors = { 0 };
	struct engine_limits limits;
	struct config *config;
	char text[256];

	(void)snprintf(text, sizeof(text),
	    "[global]\nworkers = 1\nmaxconn = %s\n[service s]\n"
	    "listen = :80\nbackend = b 192.0.2.1:80\n%s\n",
	    maxconn, more);
	config = config_parse("test", text, strlen(text), &errors);
	ck_assert_ptr_nonnull(config);
	engine_limits_within(config, 10000, &limits);
	config_free(config);
	return limits;
}

/* Mirrors get descriptors of their own, or those that conns do not need. */
START_TEST(mirrors_take_nothing_from_conns)
{
	static const char mirror[] = "mirror = m 192.0.2.2:80";
	const struct engine_limits without = limits_of("auto", "");
	const struct engine_limits with = limits_of("auto", mirror);
	struct engine_limits limits;
	char most[32];

	ck_assert_uint_eq(without.mirrors, 0);
	ck_assert_uint_eq(with.maxconn, without.maxconn * 2 / 3);
	ck_assert_uint_eq(with.mirrors, with.maxconn);
	limits = limits_of("100", mirror);
	ck_assert_uint_eq(limits.mirrors, 100);
	(void)snprintf(most, sizeof(most), "%" PRIu64, without.maxconn);
	limits = limits_of(most, mirror);
	ck_assert(!limits.short_of_files);
	ck_assert_uint_le(limits.mirrors, 1);
}
END_TEST

/* Two descriptors fewer are one conn fewer. */
START_TEST(agents_have_descriptors)
{
	const char *second = "backend = c 192.0.2.2:80";
	const char *all = "backend = c 192.0.2.2:80\nagent = 9";
	const char *own = "backend = c 192.0.2.2:80 agent-port=9\n"
			  "backend = d 192.0.2.3:80 agent-port=9";
	const char *third = "backend = c 192.0.2.2:80\n"
			    "backend = d 192.0.2.3:80";

	ck_assert_uint_eq(limits_of("auto", all).maxconn,
	    limits_of("auto", second).maxconn - 1);
	ck_assert_uint_eq(limits_of("auto", own).maxconn,
	    limits_of("auto", third).maxconn - 1);
}
END_TEST

/* ---- changes ----------------------------------------------------------- */

/* The house's configuration with so many workers, and one more address. */
static struct config *
changed_config(const struct house *house, unsigned workers,
    const struct addr *more)
{
	struct config_errors errors = { 0 };
	char text[512], back[ADDR_TEXT_MAX], front[ADDR_TEXT_MAX];
	char second[ADDR_TEXT_MAX];
	struct config *config;

	(void)snprintf(text, sizeof(text),
	    "[global]\nworkers = %u\nmaxconn = 200\n[service s]\n"
	    "listen = %s\nlisten = %s\nbackend = b %s\n",
	    workers, addr_format(&house->front, front, sizeof(front)),
	    addr_format(more, second, sizeof(second)),
	    addr_format(&house->back, back, sizeof(back)));
	config = config_parse("test", text, strlen(text), &errors);
	ck_assert_ptr_nonnull(config);
	return config;
}

/* As change_apply() does; 0 or -errno. */
static int
change(struct house *house, struct config *config, struct why *why)
{
	struct engine_change *engine_change;
	struct engine_limits limits;
	struct engine_next next;
	struct table *table;
	int error;

	engine_limits(config, &limits);
	ck_assert_int_eq(tables_prepare(&house->tables, config, &seed, &table),
	    0);
	next = (struct engine_next){ config, &limits, table };
	error = engine_prepare(house->engine, &next, &engine_change, why);
	if (error < 0) {
		tables_discard(&house->tables, table);
		config_free(config);
		return error;
	}
	engine_leave(house->engine, engine_change);
	tables_commit(&house->tables, table);
	engine_commit(house->engine, engine_change);
	config_free(house->config);
	house->config = config;
	return 0;
}

/* Connects so many clients; each must reach the backend. */
static void
reach(struct house *house, struct addr *addr, int clients)
{
	struct pollfd ready = { .fd = house->backend, .events = POLLIN };
	bool pending;
	int client, fd;

	for (int i = 0; i < clients; i++) {
		client = sock_connect(addr, NULL, &pending);
		ck_assert_int_ge(client, 0);
		ck_assert_int_eq(poll(&ready, 1, 20000), 1);
		fd = accept(house->backend, NULL, NULL);
		ck_assert_int_ge(fd, 0);
		(void)close(fd);
		(void)close(client);
	}
}

static struct addr
free_address(void)
{
	struct addr addr;

	ck_assert_int_eq(addr_parse(&addr, "127.0.0.1:0", ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	ck_assert_int_eq(sock_probe_free(&addr, NULL), 0);
	return addr;
}

/* Each client of a group of sockets is served, whoever is there to accept. */
START_TEST(workers_come_and_go)
{
	struct house house;
	struct addr more = free_address();
	struct why why = { "" };

	house_open(&house, "auto", "");
	for (unsigned i = 0; i < 6; i++) {
		ck_assert_msg(change(&house,
				  changed_config(&house, 1 + i % 2, &more),
				  &why) == 0,
		    "%s", why.text);
		reach(&house, &house.front, 20);
		reach(&house, &more, 20);
	}
	engine_drain(house.engine);
	wait_drained(&house);
	ck_assert(engine_drained(house.engine));
	house_close(&house);
}
END_TEST

/* More workers than the tables are made for, or an address that is taken. */
START_TEST(refused_changes_change_nothing)
{
	struct house house;
	struct addr taken;
	struct why why = { "" };
	uint64_t generation;
	int fd;

	house_open(&house, "auto", "");
	ck_assert_int_eq(addr_parse(&taken, "127.0.0.1:0", ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	fd = sock_listen(&taken, false, 1, NULL);
	ck_assert_int_ge(fd, 0);
	generation = table_current(&house.tables)->generation;
	ck_assert_int_eq(change(&house, changed_config(&house, 3, &taken),
			     &why),
	    -ENOSPC);
	ck_assert_ptr_nonnull(strstr(why.text, "workers: 3 exceed the 2"));
	ck_assert_int_eq(change(&house, changed_config(&house, 1, &taken),
			     &why),
	    -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(why.text, "service s: cannot listen on"));
	ck_assert_uint_eq(table_current(&house.tables)->generation, generation);
	reach(&house, &house.front, 20);
	(void)close(fd);
	house_close(&house);
}
END_TEST

START_TEST(moves_lose_nothing_auto)
{
	move_in_midstream("auto");
}
END_TEST

START_TEST(moves_lose_nothing_copy)
{
	move_in_midstream("copy");
}
END_TEST

START_TEST(moves_lose_nothing_splice)
{
	move_in_midstream("splice");
}
END_TEST

START_TEST(moves_lose_nothing_peek)
{
	move_in_midstream("peek");
}
END_TEST

/* Each worker's word says when its present turn began, or that it sleeps. */
START_TEST(longest_turn_is_told)
{
	struct worker workers[3] = { 0 };
	struct engine engine = { .shared.count = 3, .workers = workers };
	struct pulse_sight seen[3] = { 0 };
	unsigned worker = 7;
	bool overdue;

	ck_assert_uint_eq(engine_stuck_ms(&engine, 5000, seen, &worker,
			      &overdue),
	    0);
	ck_assert_uint_eq(worker, 0);
	ck_assert(!overdue);
	atomic_store(&workers[1].turn_ms, 4990);
	ck_assert_uint_eq(engine_stuck_ms(&engine, 5000, seen, &worker,
			      &overdue),
	    10);
	ck_assert_uint_eq(worker, 1);
	atomic_store(&workers[2].turn_ms, 1000);
	ck_assert_uint_eq(engine_stuck_ms(&engine, 5000, seen, &worker,
			      &overdue),
	    4000);
	ck_assert_uint_eq(worker, 2);
	ck_assert(overdue);
	atomic_store(&workers[2].turn_ms,
	    5003); /* later than the caller's clock */
	ck_assert_uint_eq(engine_stuck_ms(&engine, 5000, seen, &worker,
			      &overdue),
	    10);
	ck_assert_uint_eq(worker, 1);
}
END_TEST

/* Workers that have nothing to do sleep: their words come to rest. */
START_TEST(sleepers_are_not_stuck)
{
	static struct pulse_sight seen[TABLE_WORKERS_MAX];
	struct house house;
	unsigned worker;
	bool overdue;
	const struct timespec pause = { .tv_nsec = 1000000 };

	house_open(&house, "auto", "");
	while (engine_stuck_ms(house.engine, UINT64_MAX, seen, &worker,
		   &overdue) != 0)
		(void)nanosleep(&pause, NULL);
	house_close(&house);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("engine");
	TCase *tcase = tcase_create("moving");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, moves_lose_nothing_auto);
	tcase_add_test(tcase, moves_lose_nothing_copy);
	tcase_add_test(tcase, moves_lose_nothing_splice);
	tcase_add_test(tcase, moves_lose_nothing_peek);
	tcase_add_test(tcase, moves_in_the_queue);
	tcase_add_test(tcase, workers_come_and_go);
	tcase_add_test(tcase, refused_changes_change_nothing);
	tcase_add_test(tcase, longest_turn_is_told);
	tcase_add_test(tcase, mirrors_take_nothing_from_conns);
	tcase_add_test(tcase, agents_have_descriptors);
	tcase_add_test(tcase, sleepers_are_not_stuck);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
