/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The queue that workers share: its bound, its order, and, with threads that
 * follow its steps (waitqueue.h names them) as workers do but never look by
 * themselves, that no freed place is lost while somebody waits and none is
 * handed out twice.
 */
#include "lb4/model/waitqueue.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "common/hash.h"
#include "common/mailbox.h"
#include "lb4/model/backend.h"

#define WORKERS 4
#define PLACES 3
#define LIMIT 16
#define ROUNDS 10000

/* How long to wait before a call counts as lost. */
#define LOST_MS 20000

START_TEST(bounded)
{
	struct waitqueue *queue = waitqueue_new(2);

	ck_assert_ptr_nonnull(queue);
	ck_assert(waitqueue_is_empty(queue));
	ck_assert(!waitqueue_enter(queue, 0));
	ck_assert(waitqueue_enter(queue, 2));
	ck_assert(waitqueue_enter(queue, 2));
	ck_assert(!waitqueue_enter(queue, 2));
	ck_assert(!waitqueue_enter(queue, 1));
	waitqueue_leave(queue);
	ck_assert(waitqueue_enter(queue, 2));
	waitqueue_leave(queue);
	waitqueue_leave(queue);
	ck_assert(waitqueue_is_empty(queue));
	waitqueue_free(queue);
	waitqueue_free(NULL);
}
END_TEST

START_TEST(oldest_first)
{
	struct waitqueue *queue = waitqueue_new(3);

	ck_assert_uint_eq(waitqueue_ticket(queue), 1);
	ck_assert_uint_eq(waitqueue_ticket(queue), 2);
	ck_assert_int_eq(waitqueue_oldest(queue, 0), -1);
	waitqueue_set_oldest(&queue->part[1], 7);
	/* nobody is in it: not looked at */
	ck_assert_int_eq(waitqueue_oldest(queue, 0), -1);
	ck_assert(waitqueue_enter(queue, 9));
	ck_assert_int_eq(waitqueue_oldest(queue, 0), 1);
	ck_assert_int_eq(waitqueue_oldest(queue, 6), 1);
	ck_assert_int_eq(waitqueue_oldest(queue, 7), -1);
	waitqueue_set_oldest(&queue->part[2], 5);
	waitqueue_set_oldest(&queue->part[0], 8);
	ck_assert_int_eq(waitqueue_oldest(queue, 0), 2);
	ck_assert_int_eq(waitqueue_oldest(queue, 5), 1);
	ck_assert_int_eq(waitqueue_oldest(queue, 7), 0);
	waitqueue_set_oldest(&queue->part[2], WAITQUEUE_NOBODY);
	ck_assert_int_eq(waitqueue_oldest(queue, 0), 1);
	waitqueue_leave(queue);
	waitqueue_free(queue);
}
END_TEST

START_TEST(a_call_counts_once)
{
	struct waitqueue *queue = waitqueue_new(2);

	ck_assert(!waitqueue_answer(&queue->part[1]));
	waitqueue_call(queue, 1);
	waitqueue_call(queue, 1);
	ck_assert(!waitqueue_answer(&queue->part[0]));
	ck_assert(waitqueue_answer(&queue->part[1]));
	ck_assert(!waitqueue_answer(&queue->part[1]));
	waitqueue_free(queue);
}
END_TEST

/* In doubt one conn goes at a time, until a backend has answered. */
START_TEST(doubt_lets_one_go_at_a_time)
{
	struct waitqueue *queue = waitqueue_new(1);

	ck_assert(!waitqueue_is_in_doubt(queue));
	ck_assert(!waitqueue_trust(queue));
	for (int i = 0; i < 3; i++)
		ck_assert(waitqueue_let_go(queue, 1000));
	waitqueue_doubt(queue, 1000);
	waitqueue_doubt(queue, 1050); /* does not put it off */
	ck_assert(waitqueue_is_in_doubt(queue));
	ck_assert(!waitqueue_is_open(queue, 1000 + WAITQUEUE_TRY_MS - 1));
	ck_assert(!waitqueue_let_go(queue, 1000 + WAITQUEUE_TRY_MS - 1));
	ck_assert(waitqueue_is_open(queue, 1000 + WAITQUEUE_TRY_MS));
	ck_assert(waitqueue_let_go(queue, 1000 + WAITQUEUE_TRY_MS));
	ck_assert(!waitqueue_let_go(queue, 1000 + WAITQUEUE_TRY_MS));
	ck_assert(waitqueue_let_go(queue, 1000 + 2 * WAITQUEUE_TRY_MS));
	ck_assert(waitqueue_trust(queue));
	ck_assert(waitqueue_let_go(queue, 1000 + 2 * WAITQUEUE_TRY_MS));
	waitqueue_free(queue);
}
END_TEST

/* ---- threads ------------------------------------------------------------- */

struct hall {
	struct waitqueue *queue;
	struct backend *backend;
	struct mailbox mailbox[WORKERS];
	pthread_barrier_t barrier;
	_Atomic uint32_t inside; /* counted apart from the backend's own */
	_Atomic uint32_t most;
	_Atomic uint64_t served, left, refused;
};

/* A worker: the tickets in its line, and the places that it holds. */
struct walker {
	struct hall *hall;
	unsigned index;
	pthread_t thread;
	uint64_t random;
	uint64_t line[LIMIT];
	unsigned waiting, held;
};

static unsigned
draw(struct walker *walker, unsigned bound)
{
	return (unsigned)(hash_mix(++walker->random) % bound);
}

/* Another thread may come between two steps. */
static void
pause_now_and_then(struct walker *walker)
{
	if (draw(walker, 3) == 0)
		(void)sched_yield();
}

static struct waitqueue_part *
part_of(const struct walker *walker)
{
	return &walker->hall->queue->part[walker->index];
}

static void
call_oldest(const struct walker *walker)
{
	int oldest = waitqueue_oldest(walker->hall->queue, 0);

	if (oldest < 0)
		return;
	waitqueue_call(walker->hall->queue, (unsigned)oldest);
	mailbox_ring(&walker->hall->mailbox[oldest]);
}

static void
call_if_room(const struct walker *walker)
{
	if (!backend_is_full(walker->hall->backend, PLACES))
		call_oldest(walker);
}

static void
show_oldest(const struct walker *walker)
{
	waitqueue_set_oldest(part_of(walker),
	    walker->waiting > 0 ? walker->line[0] : WAITQUEUE_NOBODY);
}

static bool
take(struct walker *walker)
{
	struct hall *hall = walker->hall;
	uint32_t inside, most;

	if (!backend_reserve(hall->backend, PLACES))
		return false;
	inside = atomic_fetch_add(&hall->inside, 1) + 1;
	most = atomic_load(&hall->most);
	while (inside > most &&
	    !atomic_compare_exchange_weak(&hall->most, &most, inside))
		;
	walker->held++;
	atomic_fetch_add(&hall->served, 1);
	return true;
}

static void
give(struct walker *walker)
{
	walker->held--;
	atomic_fetch_sub(&walker->hall->inside, 1);
	backend_release(walker->hall->backend);
	pause_now_and_then(walker);
	call_oldest(walker);
}

static void
queue_up(struct walker *walker)
{
	struct waitqueue *queue = walker->hall->queue;

	pause_now_and_then(walker);
	if (!waitqueue_enter(queue, LIMIT)) {
		atomic_fetch_add(&walker->hall->refused, 1);
		return;
	}
	ck_assert_uint_lt(walker->waiting, LIMIT);
	pause_now_and_then(walker);
	walker->line[walker->waiting++] = waitqueue_ticket(queue);
	show_oldest(walker);
	call_if_room(walker); /* Q3 */
}

static void
leave(struct walker *walker, unsigned at)
{
	walker->waiting--;
	for (unsigned i = at; i < walker->waiting; i++)
		walker->line[i] = walker->line[i + 1];
	show_oldest(walker);
	waitqueue_leave(walker->hall->queue);
	call_if_room(walker); /* L3 */
}

static void
answer(struct walker *walker)
{
	mailbox_open(&walker->hall->mailbox[walker->index]);
	while (walker->waiting > 0 && waitqueue_answer(part_of(walker)))
		if (take(walker))
			leave(walker, 0);
}

static bool
rung(const struct walker *walker, int timeout_ms)
{
	struct pollfd pfd = {
		.fd = walker->hall->mailbox[walker->index].fd,
		.events = POLLIN,
	};
	int n;

	do
		n = poll(&pfd, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

static void
go_away(struct walker *walker, unsigned at)
{
	leave(walker, at);
	atomic_fetch_add(&walker->hall->left, 1);
}

static void
step(struct walker *walker)
{
	switch (draw(walker, 4)) {
	case 0:
	case 1:
		if (!waitqueue_is_empty(walker->hall->queue) || !take(walker))
			queue_up(walker);
		break;
	case 2:
		if (walker->held > 0)
			give(walker);
		break;
	default:
		if (walker->waiting > 0)
			go_away(walker, draw(walker, walker->waiting));
		break;
	}
	if (rung(walker, 0))
		answer(walker);
}

/* All that it holds is given back, and nothing is looked for: whoever waits
 * then is served by being called, or never.  Some leave when they are. */
static void
finish_round(struct walker *walker)
{
	for (;;) {
		while (walker->held > 0)
			give(walker);
		if (walker->waiting == 0)
			return;
		ck_assert_msg(rung(walker, LOST_MS),
		    "worker %u: a call was lost", walker->index);
		if (draw(walker, 3) == 0)
			go_away(walker, 0);
		answer(walker);
	}
}

/* After each round all have finished theirs: nothing that comes later makes up
 * for a call that was lost. */
static void *
walk(void *argument)
{
	struct walker *walker = argument;

	for (unsigned round = 0; round < ROUNDS; round++) {
		(void)pthread_barrier_wait(&walker->hall->barrier);
		for (unsigned i = draw(walker, 12); i > 0; i--)
			step(walker);
		finish_round(walker);
	}
	return NULL;
}

START_TEST(no_place_is_lost)
{
	static struct walker walkers[WORKERS];
	struct addr addr = { .len = 0 };
	struct hall hall = { .queue = waitqueue_new(WORKERS) };

	ck_assert_int_eq(pthread_barrier_init(&hall.barrier, NULL, WORKERS), 0);
	hall.backend = backend_new(1, "s", "b", &addr, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert_int_eq(mailbox_init(&hall.mailbox[i], 2, 8), 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		walkers[i] = (struct walker){
			.hall = &hall,
			.index = i,
			.random = (uint64_t)i << 32,
		};
		ck_assert_int_eq(pthread_create(&walkers[i].thread, NULL, walk,
				     &walkers[i]),
		    0);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert_int_eq(pthread_join(walkers[i].thread, NULL), 0);

	/* never too many, and at times as many as may be */
	ck_assert_uint_eq(atomic_load(&hall.most), PLACES);
	ck_assert_uint_eq(atomic_load(&hall.backend->active), 0);
	ck_assert(waitqueue_is_empty(hall.queue));
	ck_assert_uint_gt(atomic_load(&hall.served), ROUNDS);
	ck_assert_uint_gt(atomic_load(&hall.left), 0);
	for (unsigned i = 0; i < WORKERS; i++)
		mailbox_done(&hall.mailbox[i]);
	(void)pthread_barrier_destroy(&hall.barrier);
	backend_free(hall.backend);
	waitqueue_free(hall.queue);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("waitqueue");
	TCase *tcase = tcase_create("waitqueue");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, bounded);
	tcase_add_test(tcase, oldest_first);
	tcase_add_test(tcase, a_call_counts_once);
	tcase_add_test(tcase, doubt_lets_one_go_at_a_time);
	tcase_add_test(tcase, no_place_is_lost);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
