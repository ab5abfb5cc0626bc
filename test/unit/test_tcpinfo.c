/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Samples of TCP_INFO: by a worker without a thread and a conn whose backend is
 * a socket of this test.
 */
#include "lb4/engine/tcpinfo.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/slots.h"
#include "common/sock.h"
#include "lb4/engine/types.h"
#include "lb4/model/backend.h"

struct house {
	struct worker worker;
	struct conn *conn;
	int peer;
};

static void
worker_begin(struct worker *worker)
{
	*worker = (struct worker){ .now_ms = 1000000 };
	ck_assert_int_eq(slots_init(&worker->conns, 2, sizeof(struct conn)), 0);
	ck_assert_int_eq(tcpinfo_init(worker), 0);
}

static void
worker_finish(struct worker *worker)
{
	tcpinfo_done(worker);
	slots_done(&worker->conns);
}

static void
house_open(struct house *house, const char *where)
{
	const struct sock_options none = { 0 };
	struct addr addr;
	bool pending;
	int listener;

	*house = (struct house){ .peer = -1 };
	worker_begin(&house->worker);
	house->conn = slots_take(&house->worker.conns);
	ck_assert_int_eq(addr_parse(&addr, where, ADDR_PORT_REQUIRED, NULL), 0);
	listener = sock_listen(&addr, false, 16, &none);
	ck_assert_int_ge(listener, 0);
	house->conn->side[BACKEND].fd = sock_connect(&addr, &none, &pending);
	ck_assert_int_ge(house->conn->side[BACKEND].fd, 0);
	for (int i = 0; i < 10000 && house->peer < 0; i++) {
		house->peer = accept(listener, NULL, NULL);
		if (house->peer < 0)
			(void)poll(NULL, 0, 1);
	}
	ck_assert_int_ge(house->peer, 0);
	(void)close(listener);
	house->conn->backend = backend_new(1, "s", "b", &addr, 1);
	ck_assert_ptr_nonnull(house->conn->backend);
	house->conn->established = true;
}

static void
house_close(struct house *house)
{
	(void)close(house->conn->side[BACKEND].fd);
	(void)close(house->peer);
	backend_free(house->conn->backend);
	worker_finish(&house->worker);
}

static uint64_t
count(const struct histogram *histogram)
{
	struct histogram_sums sums = { .sum_us = 0 };

	histogram_add(&sums, histogram);
	return histogram_count(&sums);
}

/* Sends a byte and waits until the peer has it. */
static void
send_one(const struct house *house)
{
	char byte = 'x';

	ck_assert_int_eq(send(house->conn->side[BACKEND].fd, &byte, 1, 0), 1);
	for (int i = 0; i < 10000 && recv(house->peer, &byte, 1, 0) != 1; i++)
		(void)poll(NULL, 0, 1);
}

/* A backend is sampled once in a while. */
START_TEST(now_and_then)
{
	struct house house;
	struct backend_stats *stats;

	house_open(&house, "127.0.0.1:0");
	stats = &house.conn->backend->stats[0];
	tcpinfo_sample(&house.worker, house.conn);
	tcpinfo_sample(&house.worker, house.conn);
	house.worker.now_ms += TCPINFO_EVERY_MS - 1;
	tcpinfo_sample(&house.worker, house.conn);
	ck_assert_uint_eq(count(&stats->rtt), 1);
	house.worker.now_ms++;
	tcpinfo_sample(&house.worker, house.conn);
	ck_assert_uint_eq(count(&stats->rtt), 2);
	ck_assert_uint_gt(stats->rtt.sum_us, 0);
	house_close(&house);
}
END_TEST

/* Shares are of what was sent since the last sample, also in another worker. */
START_TEST(since_the_last)
{
	struct house house;
	struct backend_stats *stats;
	struct worker other;
	struct tcpinfo seen;
	struct conn *moved;

	house_open(&house, "127.0.0.1:0");
	stats = &house.conn->backend->stats[0];
	tcpinfo_sample(&house.worker, house.conn); /* the SYN */
	ck_assert_uint_eq(count(&stats->retransmitted), 1);
	ck_assert_uint_eq(stats->retransmitted.sum_us, 0);
	house.worker.now_ms += TCPINFO_EVERY_MS;
	tcpinfo_sample(&house.worker, house.conn); /* nothing */
	ck_assert_uint_eq(count(&stats->retransmitted), 1);
	send_one(&house);
	house.worker.now_ms += TCPINFO_EVERY_MS;
	tcpinfo_sample(&house.worker, house.conn);
	ck_assert_uint_eq(count(&stats->retransmitted), 2);
	ck_assert_uint_eq(count(&stats->disordered), 0);
	seen = tcpinfo_leave(&house.worker, house.conn);
	ck_assert_uint_eq(seen.sent, 2);

	worker_begin(&other);
	moved = slots_take(&other.conns);
	*moved = *house.conn;
	tcpinfo_enter(&other, moved, &seen);
	other.now_ms = house.worker.now_ms + TCPINFO_EVERY_MS;
	tcpinfo_sample(&other, moved);
	ck_assert_uint_eq(count(&stats->retransmitted), 2);
	worker_finish(&other);
	house_close(&house);
}
END_TEST

START_TEST(not_tcp)
{
	struct house house;
	char name[64];

	(void)snprintf(name, sizeof(name), "unix:@lb4-test-tcpinfo-%d",
	    (int)getpid());
	house_open(&house, name);
	tcpinfo_sample(&house.worker, house.conn);
	ck_assert_uint_eq(count(&house.conn->backend->stats[0].rtt), 0);
	ck_assert(!house.conn->seen);
	house_close(&house);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tcpinfo");
	TCase *tcase = tcase_create("tcpinfo");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, now_and_then);
	tcase_add_test(tcase, since_the_last);
	tcase_add_test(tcase, not_tcp);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
