/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The bounded queue: order, fullness, wrapping, and several producers at once,
 * of whose records none may be lost, doubled, torn or out of its producer's
 * order.
 */
#include "common/queue.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/timer.h"

START_TEST(test_refuses)
{
	struct queue queue;

	ck_assert_int_eq(queue_init(&queue, 0, 8), -EINVAL);
	ck_assert_int_eq(queue_init(&queue, 8, 0), -EINVAL);
	ck_assert_int_eq(queue_init(&queue, SIZE_MAX / 2 + 1, 8), -EINVAL);
	ck_assert_int_eq(queue_init(&queue, 8, SIZE_MAX), -EINVAL);
	ck_assert_int_eq(queue_init(&queue, SIZE_MAX / 2, 8), -ENOMEM);
	queue_done(&queue); /* what a failed init left */
	queue_done(NULL);
}
END_TEST

/* At least as many as asked for, and then no more; what is full takes again
 * once one record has left. */
START_TEST(test_full)
{
	static const size_t counts[] = { 1, 2, 3, 8, 1000 };
	struct queue queue;

	for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
		uint32_t put = 0;
		uint32_t got;

		ck_assert_int_eq(queue_init(&queue, counts[n], 4), 0);
		ck_assert(!queue_take(&queue, &got));
		while (queue_put(&queue, &put, sizeof(put)))
			put++;
		ck_assert_uint_ge(put, counts[n]);
		ck_assert_uint_le(put, 2 * counts[n]);
		ck_assert(queue_take(&queue, &got));
		ck_assert_uint_eq(got, 0);
		ck_assert(queue_put(&queue, &put, sizeof(put)));
		ck_assert(!queue_put(&queue, &put, sizeof(put)));
		for (uint32_t i = 1; i <= put; i++) {
			ck_assert(queue_take(&queue, &got));
			ck_assert_uint_eq(got, i);
		}
		ck_assert(!queue_take(&queue, &got));
		queue_done(&queue);
	}
}
END_TEST

/* Many times round, at every fill. */
START_TEST(test_wraps)
{
	struct queue queue;
	uint64_t put = 0;
	uint64_t taken = 0;
	uint64_t got;

	ck_assert_int_eq(queue_init(&queue, 8, sizeof(got)), 0);
	for (uint64_t round = 0; round < 10000; round++) {
		uint64_t random = hash_mix(round);

		for (uint64_t n = random % 9; n > 0; n--)
			if (queue_put(&queue, &put, sizeof(put)))
				put++;
			else
				ck_assert_uint_eq(put - taken, 8);
		for (uint64_t n = random / 16 % 9; n > 0; n--)
			if (queue_take(&queue, &got))
				ck_assert_uint_eq(got, taken++);
			else
				ck_assert_uint_eq(put, taken);
	}
	ck_assert_uint_gt(taken, 10000);
	queue_done(&queue);
}
END_TEST

/* Any size of record; of a short one, the used bytes arrive. */
START_TEST(test_sizes)
{
	static const size_t sizes[] = { 1, 7, 16, 48, 49, 440, 5000 };
	unsigned char in[5000];
	unsigned char out[5001];
	struct queue queue;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)hash_mix(i);
	for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		size_t size = sizes[n];

		ck_assert_int_eq(queue_init(&queue, 4, size), 0);
		for (int i = 0; i < 4; i++)
			ck_assert(queue_put(&queue, in + i,
			    size - (size_t)i % size));
		for (int i = 0; i < 4; i++) {
			memset(out, 0x5a, sizeof(out));
			ck_assert(queue_take(&queue, out));
			ck_assert_mem_eq(out, in + i, size - (size_t)i % size);
			ck_assert_uint_eq(out[size], 0x5a);
		}
		queue_done(&queue);
	}
}
END_TEST

#define PRODUCERS 4

struct record {
	uint32_t producer;
	uint32_t number;
	uint64_t words[6]; /* all made from the two above */
};

struct producer {
	struct queue *queue;
	_Atomic unsigned *running;
	pthread_t thread;
	uint32_t name;
	uint32_t count; /* at most so many; then, so many were put */
	uint64_t end_ms;
};

static uint64_t
word_of(uint32_t producer, uint32_t number, uint64_t i)
{
	return hash_mix((uint64_t)producer << 40 ^ (uint64_t)number << 8 ^ i);
}

static void *
produce(void *arg)
{
	struct producer *self = arg;
	struct record record = { .producer = self->name };
	uint32_t n = 0;

	for (; n < self->count && timer_now_ms() < self->end_ms; n++) {
		record.number = n;
		for (uint64_t i = 0; i < 6; i++)
			record.words[i] = word_of(self->name, n, i);
		while (!queue_put(self->queue, &record, sizeof(record)))
			sched_yield();
	}
	self->count = n;
	atomic_fetch_sub(self->running, 1);
	return NULL;
}

/* The queue is small, so that it is full and empty all the time.  Who yields to
 * another program waits for its whole time slice: then fewer are put. */
START_TEST(test_many_producers)
{
	struct queue queue;
	struct producer producer[PRODUCERS];
	uint32_t next[PRODUCERS] = { 0 };
	uint32_t count = getenv("SANITIZED") != NULL ? 20000 : 100000;
	const uint64_t end_ms = timer_now_ms() + 10000;
	_Atomic unsigned running = PRODUCERS;
	struct record record;
	bool last;

	ck_assert_int_eq(queue_init(&queue, 1u << _i, sizeof(record)), 0);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		producer[i] = (struct producer){ .queue = &queue,
			.running = &running,
			.name = i,
			.count = count,
			.end_ms = end_ms };
		ck_assert_int_eq(pthread_create(&producer[i].thread, NULL,
				     produce, &producer[i]),
		    0);
	}
	for (;;) {
		last = atomic_load(&running) == 0;
		if (!queue_take(&queue, &record)) {
			if (last)
				break;
			sched_yield();
			continue;
		}
		if (record.producer >= PRODUCERS ||
		    record.number != next[record.producer])
			ck_abort_msg("number %u of producer %u", record.number,
			    record.producer);
		for (uint64_t i = 0; i < 6; i++)
			if (record.words[i] !=
			    word_of(record.producer, record.number, i))
				ck_abort_msg("a torn record");
		next[record.producer]++;
	}
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		pthread_join(producer[i].thread, NULL);
		ck_assert_uint_eq(next[i], producer[i].count);
	}
	ck_assert(!queue_take(&queue, &record));
	queue_done(&queue);
}
END_TEST

static Suite *
queue_suite(void)
{
	Suite *suite = suite_create("queue");
	TCase *tc = tcase_create("queue");

	tcase_add_test(tc, test_refuses);
	tcase_add_test(tc, test_full);
	tcase_add_test(tc, test_wraps);
	tcase_add_test(tc, test_sizes);
	tcase_add_loop_test(tc, test_many_producers, 1, 7); /* 2 to 64 cells */
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(queue_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
