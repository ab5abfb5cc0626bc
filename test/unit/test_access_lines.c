/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * When the lines of lasting conns are due: by a worker without a thread and
 * conns without sockets, so the clock is what the test says.
 */
#include "lb4/engine/access_lines.h"
#include "lb4/engine/conn_state.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/slots.h"
#include "common/timer.h"
#include "lb4/model/backend.h"
#include "lb4/model/service.h"

#define START_MS 1000000
#define EVERY_MS 600000

struct house {
	struct worker_shared shared;
	struct worker worker;
	struct service_state *service;
};

static struct access_record last;
static unsigned records;

static void
on_record(struct logger *logger, const struct access_record *record)
{
	(void)logger;
	last = *record;
	records++;
}

static void
house_open(struct house *house, uint32_t conns)
{
	*house = (struct house){
		.shared = {
			.peers = { .access = on_record },
			.access_every_ms = EVERY_MS,
			.access_sample = 1,
		},
		.service = service_state_new(1, "s", 1),
		.worker = { .now_ms = START_MS, .turn = 1 },
	};
	records = 0;
	ck_assert_ptr_nonnull(house->service);
	house->worker.shared = &house->shared;
	timer_wheel_init(&house->worker.timers, START_MS);
	ck_assert_int_eq(slots_init(&house->worker.conns, conns,
			     sizeof(struct conn)),
	    0);
	ck_assert_int_eq(access_lines_init(&house->worker), 0);
	access_lines_begin(&house->worker);
}

static void
house_close(struct house *house)
{
	access_lines_done(&house->worker);
	slots_done(&house->worker.conns);
	service_state_free(house->service);
}

static struct conn *
begin(struct house *house, uint64_t accepted_ms)
{
	struct conn *conn = slots_take(&house->worker.conns);

	ck_assert_ptr_nonnull(conn);
	conn->id = ++house->worker.last_conn << 8;
	conn->service = house->service;
	conn->state = CONN_RELAYING;
	conn->established = true;
	conn->accepted_us = accepted_ms * 1000;
	conn->sampled = access_lines_sample(&house->worker, conn->id);
	conn->side[CLIENT].fd = conn->side[BACKEND].fd = -1;
	return conn;
}

static void
pass(struct house *house, uint64_t ms)
{
	house->worker.turn++;
	house->worker.now_ms += ms;
}

START_TEST(in_time)
{
	struct house house;
	struct conn *conn;

	house_open(&house, 2);
	conn = begin(&house, START_MS - 5);
	for (unsigned i = 1; i <= 3; i++) {
		const uint64_t due_ms = START_MS - 5 + i * EVERY_MS;

		ck_assert_uint_eq(access_lines_next(&house.worker, conn),
		    due_ms);
		pass(&house, due_ms - 1 - house.worker.now_ms);
		access_lines_update(&house.worker, conn);
		ck_assert_uint_eq(records, i - 1);
		pass(&house, 8); /* the timer is late */
		conn->relays.from[CLIENT].bytes += 10;
		conn->relays.from[BACKEND].bytes += 1000;
		access_lines_update(&house.worker, conn);
		access_lines_update(&house.worker, conn);
		ck_assert_uint_eq(records, i);
		ck_assert_uint_eq(last.event, ACCESS_UPDATE);
		ck_assert_uint_eq(last.total_ms, i * EVERY_MS + 7);
		ck_assert_uint_eq(last.bytes_to_backend, i * 10);
		ck_assert_uint_eq(last.more_to_backend, 10);
		ck_assert_uint_eq(last.bytes_to_client, i * 1000);
		ck_assert_uint_eq(last.more_to_client, 1000);
	}
	/* the time was longer than several intervals: one line */
	pass(&house, 10 * EVERY_MS);
	access_lines_update(&house.worker, conn);
	ck_assert_uint_eq(records, 4);
	ck_assert_uint_eq(access_lines_next(&house.worker, conn),
	    START_MS - 5 + 14 * EVERY_MS);
	house_close(&house);
}
END_TEST

START_TEST(not_wanted)
{
	struct house house;
	struct conn *conn, *other;

	house_open(&house, 2);
	house.shared.access_sample = 1000000;
	conn = begin(&house, START_MS);
	ck_assert(!conn->sampled);
	ck_assert_uint_eq(access_lines_next(&house.worker, conn), UINT64_MAX);
	house.shared.access_sample = 1;
	house.shared.access_every_ms = 0;
	access_lines_change(&house.worker);
	other = begin(&house, START_MS);
	ck_assert_uint_eq(access_lines_next(&house.worker, other), UINT64_MAX);
	house.shared.access_start = true;
	access_lines_start(&house.worker, conn);
	ck_assert_uint_eq(records, 0);
	access_lines_start(&house.worker, other);
	ck_assert_uint_eq(records, 1);
	ck_assert_uint_eq(last.event, ACCESS_START);

	/* turned off: at once, before the message about the interval */
	house.shared.access_every_ms = 1000;
	access_lines_change(&house.worker);
	other->last_ms = house.worker.now_ms += 5000;
	ck_assert_uint_le(access_lines_next(&house.worker, other),
	    house.worker.now_ms);
	house.shared.silent = true;
	ck_assert_uint_eq(access_lines_next(&house.worker, other), UINT64_MAX);
	house.shared.silent = false;

	/* an error is always written */
	conn->reason = REASON_DONE;
	access_lines_end(&house.worker, conn,
	    &(struct outcome){ .discarded = 0 });
	ck_assert_uint_eq(records, 1);
	conn->reason = REASON_BACKEND_RESET;
	access_lines_end(&house.worker, conn,
	    &(struct outcome){ .discarded = 3 });
	ck_assert_uint_eq(records, 2);
	ck_assert_uint_eq(last.conn, conn->id);
	ck_assert_uint_eq(last.reason, REASON_BACKEND_RESET);
	house_close(&house);
}
END_TEST

/* A reload changes the interval: timers that are too late are set earlier, and
 * no conn is told of a time that has passed. */
START_TEST(changed)
{
	enum { CONNS = 5000 };
	struct house house;
	struct worker *worker = &house.worker;
	struct conn *conn;
	unsigned turns = 0, early = 0;
	uint32_t i = 0;

	house_open(&house, CONNS);
	for (unsigned n = 0; n < CONNS; n++) {
		conn = begin(&house, START_MS - n * 100);
		timer_arm(&worker->timers, &conn->timer,
		    START_MS + (n % 2 == 0 ? 10 : 3600000));
	}
	ck_assert(!access_lines_pending(worker));
	access_lines_change(worker);
	ck_assert(!access_lines_pending(worker));
	house.shared.access_every_ms = 60000;
	access_lines_change(worker);
	for (; access_lines_pending(worker); turns++)
		access_lines_run(worker);
	ck_assert_uint_ge(turns, 3);
	while ((conn = slots_each(&worker->conns, &i)) != NULL) {
		const uint64_t age_ms = START_MS - conn_accepted_ms(conn);
		const uint64_t next_ms = access_lines_next(worker, conn);

		ck_assert_uint_gt(next_ms, START_MS);
		ck_assert_uint_le(next_ms, START_MS + 60000);
		ck_assert_uint_eq((next_ms - conn_accepted_ms(conn)) % 60000,
		    0);
		ck_assert_uint_le(conn->timer.deadline_ms, next_ms);
		early += conn->timer.deadline_ms == START_MS + 10;
		access_lines_update(worker, conn);
		ck_assert_uint_eq(records, 0);
		ck_assert_uint_lt(age_ms, CONNS * 100);
	}
	ck_assert_uint_ge(early, CONNS / 2); /* left as they were */
	house_close(&house);
}
END_TEST

/* All are due at once: a turn writes some, and the others have a few seconds.
 */
START_TEST(many)
{
	enum { CONNS = 5000 };
	struct house house;
	struct worker *worker = &house.worker;
	struct conn *conn;
	unsigned busiest = 0;
	uint64_t begin_ms;

	house_open(&house, CONNS);
	for (unsigned n = 0; n < CONNS; n++) {
		conn = begin(&house, START_MS);
		timer_arm(&worker->timers, &conn->timer,
		    access_lines_next(worker, conn));
	}
	pass(&house, EVERY_MS + 1000);
	for (begin_ms = worker->now_ms; records < CONNS; pass(&house, 1)) {
		const unsigned before = records;
		struct timer *timer;

		while ((timer = timer_wheel_next(&worker->timers,
			    worker->now_ms)) != NULL) {
			conn = (struct conn *)((unsigned char *)timer -
			    offsetof(struct conn, timer));
			access_lines_update(worker, conn);
			ck_assert_uint_gt(access_lines_next(worker, conn),
			    worker->now_ms);
			timer_arm(&worker->timers, timer,
			    access_lines_next(worker, conn));
		}
		if (records - before > busiest)
			busiest = records - before;
		ck_assert_uint_le(worker->now_ms - begin_ms, 6000);
	}
	ck_assert_uint_eq(records, CONNS);
	ck_assert_uint_lt(busiest, 1000);
	ck_assert_uint_ge(worker->now_ms - begin_ms, 3000);
	house_close(&house);
}
END_TEST

/* What was told goes with a conn, and is not its successor's. */
START_TEST(moved)
{
	struct house one, other;
	struct conn *conn, *next;
	struct told told;

	house_open(&one, 1);
	house_open(&other, 1);
	conn = begin(&one, START_MS);
	conn->relays.from[CLIENT].bytes = 70;
	pass(&one, EVERY_MS);
	pass(&other, EVERY_MS);
	access_lines_update(&one.worker, conn);
	ck_assert_uint_eq(last.more_to_backend, 70);
	told = access_lines_leave(&one.worker, conn);
	next = begin(&other, 0);
	*next = *conn;
	access_lines_enter(&other.worker, next, &told);
	slots_release(&one.worker.conns, conn);
	next->relays.from[CLIENT].bytes = 75;
	ck_assert_uint_eq(access_lines_next(&other.worker, next),
	    START_MS + 2 * EVERY_MS);
	access_lines_end(&other.worker, next,
	    &(struct outcome){ .delivered = { 0, 75 } });
	ck_assert_uint_eq(last.more_to_backend, 5);

	conn = begin(&one, one.worker.now_ms);
	ck_assert_uint_eq(access_lines_next(&one.worker, conn),
	    START_MS + 2 * EVERY_MS);
	access_lines_end(&one.worker, conn,
	    &(struct outcome){ .delivered = { 0, 7 } });
	ck_assert_uint_eq(last.more_to_backend, 7);
	house_close(&one);
	house_close(&other);
}
END_TEST

START_TEST(samples)
{
	static const unsigned one_in[] = { 1, 2, 3, 10, 100, 1000 };
	struct house house;

	house_open(&house, 1);
	for (size_t i = 0; i < sizeof(one_in) / sizeof(one_in[0]); i++) {
		const unsigned conns = 1000 * one_in[i];
		unsigned sampled = 0;

		house.shared.access_sample = one_in[i];
		for (uint64_t id = 1; id <= conns; id++)
			sampled += access_lines_sample(&house.worker, id << 8);
		/* 1000, give or take four standard deviations */
		ck_assert_uint_gt(sampled, 870);
		ck_assert_uint_lt(sampled, 1130);
	}
	house_close(&house);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("access lines");
	TCase *tcase = tcase_create("access lines");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, in_time);
	tcase_add_test(tcase, not_wanted);
	tcase_add_test(tcase, changed);
	tcase_add_test(tcase, many);
	tcase_add_test(tcase, moved);
	tcase_add_test(tcase, samples);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
