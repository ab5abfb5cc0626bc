/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The mailbox: its bell rings once a burst, and never fails to ring, whatever
 * posters and owner do at the same time.
 */
#include "common/mailbox.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>

/* How long to wait before a wakeup counts as lost. */
#define LOST_MS 5000

static bool
readable(const struct mailbox *box, int timeout_ms)
{
	struct pollfd pfd = { .fd = box->fd, .events = POLLIN };
	int got;

	do
		got = poll(&pfd, 1, timeout_ms);
	while (got < 0 && errno == EINTR);
	return got == 1;
}

START_TEST(test_descriptor)
{
	struct mailbox box;

	ck_assert_int_eq(mailbox_init(&box, 0, 4), -EINVAL);
	mailbox_done(&box); /* what a failed init left */
	mailbox_done(NULL);
	ck_assert_int_eq(mailbox_init(&box, 4, 4), 0);
	ck_assert_int_ne(fcntl(box.fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(box.fd, F_GETFD) & FD_CLOEXEC, 0);
	mailbox_open(&box); /* not rung: does not wait */
	mailbox_done(&box);
	ck_assert_int_eq(box.fd, -1);
}
END_TEST

START_TEST(test_burst_rings_once)
{
	struct mailbox box;
	eventfd_t count;
	int message;

	ck_assert_int_eq(mailbox_init(&box, 8, sizeof(message)), 0);
	ck_assert(!readable(&box, 0));
	for (message = 0; message < 8; message++)
		ck_assert(mailbox_post(&box, &message));
	ck_assert(!mailbox_post(&box, &message));
	ck_assert(readable(&box, 0));
	ck_assert_int_eq(eventfd_read(box.fd, &count), 0);
	ck_assert_uint_eq(count, 1);

	mailbox_open(&box);
	for (int want = 0; want < 8; want++) {
		ck_assert(mailbox_take(&box, &message));
		ck_assert_int_eq(message, want);
	}
	ck_assert(!mailbox_take(&box, &message));
	ck_assert(!readable(&box, 0));
	mailbox_done(&box);
}
END_TEST

/* A message between opening and the end of taking rings again: the owner looks
 * once in vain at worst. */
START_TEST(test_rings_again_once_opened)
{
	struct mailbox box;
	int message = 1;

	ck_assert_int_eq(mailbox_init(&box, 8, sizeof(message)), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert(mailbox_post(&box, &message));
		ck_assert(readable(&box, 0));
		mailbox_open(&box);
		ck_assert(!readable(&box, 0));
		ck_assert(mailbox_post(&box, &message));
		ck_assert(readable(&box, 0));
		ck_assert(mailbox_take(&box, &message));
		ck_assert(mailbox_take(&box, &message));
		ck_assert(readable(&box, 0));
		mailbox_open(&box);
		ck_assert(!mailbox_take(&box, &message));
		ck_assert(!readable(&box, 0));
	}
	mailbox_done(&box);
}
END_TEST

START_TEST(test_ring_without_message)
{
	struct mailbox box;
	int message;

	ck_assert_int_eq(mailbox_init(&box, 1, sizeof(message)), 0);
	mailbox_ring(&box);
	mailbox_ring(&box);
	ck_assert(readable(&box, 0));
	mailbox_open(&box);
	ck_assert(!mailbox_take(&box, &message));
	ck_assert(!readable(&box, 0));
	mailbox_done(&box);
}
END_TEST

#define POSTERS 3

struct poster {
	struct mailbox *box;
	pthread_t thread;
	uint32_t name;
	uint32_t count;
	bool lockstep; /* wait for `seen` before the next message */
	_Alignas(64) _Atomic uint32_t seen; /* written by the owner */
};

struct message {
	uint32_t name;
	uint32_t number;
};

static void *
post_all(void *arg)
{
	struct poster *self = arg;
	struct message message = { .name = self->name };

	for (uint32_t n = 0; n < self->count; n++) {
		message.number = n;
		while (!mailbox_post(self->box, &message))
			sched_yield();
		while (self->lockstep && atomic_load(&self->seen) == n)
			sched_yield();
	}
	return NULL;
}

/*
 * The owner sleeps in poll(2) whenever the mailbox is empty.  In lockstep each
 * poster waits until its message was taken, so one lost wakeup stops everybody
 * soon: poll(2) runs into its time limit.  Otherwise the mailbox is mostly
 * full and the bell is rung while the owner takes.
 */
static void
run_posters(int posters, uint32_t count, bool lockstep)
{
	struct mailbox box;
	struct poster poster[POSTERS];
	struct message message;
	uint32_t left = count * (uint32_t)posters;

	ck_assert_int_eq(mailbox_init(&box, 16, sizeof(message)), 0);
	for (int i = 0; i < posters; i++) {
		poster[i] = (struct poster){ .box = &box,
			.name = (uint32_t)i,
			.count = count,
			.lockstep = lockstep };
		ck_assert_int_eq(pthread_create(&poster[i].thread, NULL,
				     post_all, &poster[i]),
		    0);
	}
	while (left > 0) {
		if (!readable(&box, LOST_MS))
			ck_abort_msg("a wakeup was lost, %u messages to come",
			    left);
		mailbox_open(&box);
		while (mailbox_take(&box, &message)) {
			struct poster *from = &poster[message.name];

			if (message.number != atomic_load(&from->seen))
				ck_abort_msg("message %u out of order",
				    message.number);
			atomic_store(&from->seen, message.number + 1);
			left--;
		}
	}
	for (int i = 0; i < posters; i++)
		pthread_join(poster[i].thread, NULL);
	ck_assert(!mailbox_take(&box, &message));
	mailbox_done(&box);
}

static uint32_t
rounds(uint32_t count)
{
	return getenv("SANITIZED") != NULL ? count / 5 : count;
}

START_TEST(test_no_wakeup_lost_in_lockstep)
{
	run_posters(_i, rounds(50000), true);
}
END_TEST

START_TEST(test_no_wakeup_lost_in_bursts)
{
	run_posters(_i, rounds(200000), false);
}
END_TEST

static Suite *
mailbox_suite(void)
{
	Suite *suite = suite_create("mailbox");
	TCase *tc = tcase_create("mailbox");

	tcase_add_test(tc, test_descriptor);
	tcase_add_test(tc, test_burst_rings_once);
	tcase_add_test(tc, test_rings_again_once_opened);
	tcase_add_test(tc, test_ring_without_message);
	tcase_add_loop_test(tc, test_no_wakeup_lost_in_lockstep, 1,
	    POSTERS + 1);
	tcase_add_loop_test(tc, test_no_wakeup_lost_in_bursts, 1, POSTERS + 1);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(mailbox_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
