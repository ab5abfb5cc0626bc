/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Slots: who gets which slot, that old handles miss, that objects are zeroed
 * and do not touch each other.
 */
#include "common/slots.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/hash.h"

static bool
all_bytes_are(const void *object, int byte, size_t size)
{
	const unsigned char *p = object;

	for (size_t i = 0; i < size; i++)
		if (p[i] != byte)
			return false;
	return true;
}

/* What the layout promises: aligned objects, and the header costs no cache line
 * of its own unless the object fills its last one. */
START_TEST(test_layout)
{
	static const size_t sizes[] = { 1, 56, 57, 64, 192, 200, 248, 249,
		256 };
	static const size_t strides[] = { 64, 64, 128, 128, 256, 256, 256, 320,
		320 };
	struct slots slots;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ck_assert_int_eq(slots_init(&slots, 3, sizes[i]), 0);
		ck_assert_uint_eq(slots.stride, strides[i]);
		for (int n = 0; n < 3; n++)
			ck_assert_uint_eq((uintptr_t)slots_take(&slots) % 64,
			    0);
		slots_done(&slots);
	}
}
END_TEST

START_TEST(test_refuses)
{
	struct slots slots;

	ck_assert_int_eq(slots_init(&slots, 0, 64), -EINVAL);
	ck_assert_int_eq(slots_init(&slots, UINT32_MAX, 64), -EINVAL);
	ck_assert_int_eq(slots_init(&slots, 1, 0), -EINVAL);
	ck_assert_int_eq(slots_init(&slots, 1, SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(slots_init(&slots, 1000000, SIZE_MAX / 1000), -ENOMEM);
	slots_done(&slots); /* what a failed init left */
	slots_done(NULL);
}
END_TEST

/* A hundred million conns are reserved, one is touched. */
START_TEST(test_untouched_memory_is_free)
{
	struct slots slots;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char resident[4];

	ck_assert_int_eq(slots_init(&slots, 100000000, 200), 0);
	ck_assert_ptr_nonnull(slots_take(&slots));
	ck_assert_ptr_null(slots_find(&slots, 50, 1));
	ck_assert_ptr_null(slots_find(&slots, 99999999, 1));
	ck_assert_int_eq(mincore(slots.memory, 4 * page, resident), 0);
	ck_assert_int_eq(resident[0] & 1, 1);
	ck_assert_int_eq(resident[50 * slots.stride / page] & 1, 0);
	slots_done(&slots);
}
END_TEST

START_TEST(test_take_all_and_refuse)
{
	struct slots slots;
	void *object[5];

	ck_assert_int_eq(slots_init(&slots, 5, 100), 0);
	for (uint32_t i = 0; i < 5; i++) {
		object[i] = slots_take(&slots);
		ck_assert_ptr_nonnull(object[i]);
		ck_assert_uint_eq(slots_index(&slots, object[i]), i);
		ck_assert_uint_eq(slots.used, i + 1);
	}
	ck_assert_ptr_null(slots_take(&slots));
	ck_assert_uint_eq(slots.used, 5);
	slots_release(&slots, object[2]);
	slots_release(&slots, object[4]);
	ck_assert_uint_eq(slots.used, 3);
	/* The last one freed is the warmest. */
	ck_assert_ptr_eq(slots_take(&slots), object[4]);
	ck_assert_ptr_eq(slots_take(&slots), object[2]);
	ck_assert_ptr_null(slots_take(&slots));
	slots_done(&slots);
}
END_TEST

START_TEST(test_zeroed_and_apart)
{
	enum { SIZE = 201 };
	struct slots slots;
	unsigned char *a;
	unsigned char *b;
	unsigned char *c;

	ck_assert_int_eq(slots_init(&slots, 3, SIZE), 0);
	a = slots_take(&slots);
	b = slots_take(&slots);
	c = slots_take(&slots);
	memset(a, 0xaa, SIZE);
	memset(b, 0xbb, SIZE);
	memset(c, 0xcc, SIZE);
	ck_assert_ptr_eq(slots_find(&slots, 0, 1), a);
	ck_assert_ptr_eq(slots_find(&slots, 1, 1), b);
	ck_assert_ptr_eq(slots_find(&slots, 2, 1), c);

	slots_release(&slots, b);
	ck_assert_ptr_eq(slots_take(&slots), b);
	ck_assert(all_bytes_are(a, 0xaa, SIZE));
	ck_assert(all_bytes_are(b, 0, SIZE));
	ck_assert(all_bytes_are(c, 0xcc, SIZE));
	ck_assert_uint_eq(slots_generation(&slots, b), 2);
	slots_done(&slots);
}
END_TEST

START_TEST(test_old_handles_miss)
{
	struct slots slots;
	void *object;
	uint32_t generation;

	ck_assert_int_eq(slots_init(&slots, 2, 64), 0);
	ck_assert_ptr_null(slots_find(&slots, 0, 0));
	ck_assert_ptr_null(slots_find(&slots, 0, 1));
	object = slots_take(&slots);
	generation = slots_generation(&slots, object);
	ck_assert_uint_ne(generation, 0);
	ck_assert_ptr_eq(slots_find(&slots, 0, generation), object);
	ck_assert_ptr_null(slots_find(&slots, 0, generation + 1));
	ck_assert_ptr_null(slots_find(&slots, 1, generation));
	ck_assert_ptr_null(slots_find(&slots, 2, generation));
	ck_assert_ptr_null(slots_find(&slots, UINT32_MAX, generation));

	slots_release(&slots, object);
	ck_assert_ptr_null(slots_find(&slots, 0, generation));
	/* Not yet taken again: nobody may hold the next generation either. */
	ck_assert_ptr_null(slots_find(&slots, 0, generation + 1));
	ck_assert_ptr_eq(slots_take(&slots), object);
	ck_assert_ptr_null(slots_find(&slots, 0, generation));
	ck_assert_ptr_eq(slots_find(&slots, 0, generation + 1), object);
	slots_done(&slots);
}
END_TEST

START_TEST(test_generation_never_zero)
{
	struct slots slots;
	void *object;

	ck_assert_int_eq(slots_init(&slots, 1, 64), 0);
	object = slots_take(&slots);
	slots_header(&slots, object)->generation = UINT32_MAX;
	slots_release(&slots, object);
	ck_assert_ptr_eq(slots_take(&slots), object);
	ck_assert_uint_eq(slots_generation(&slots, object), 1);
	slots_done(&slots);
}
END_TEST

START_TEST(test_each)
{
	struct slots slots;
	void *object[10];
	uint32_t index = 0;

	ck_assert_int_eq(slots_init(&slots, 20, 64), 0);
	ck_assert_ptr_null(slots_each(&slots, &index));
	for (int i = 0; i < 10; i++)
		object[i] = slots_take(&slots);
	for (int i = 0; i < 10; i += 3)
		slots_release(&slots, object[i]); /* 0, 3, 6, 9 */

	index = 0;
	for (int i = 0; i < 10; i++) {
		if (i % 3 == 0)
			continue;
		ck_assert_ptr_eq(slots_each(&slots, &index), object[i]);
		ck_assert_uint_eq(index, (unsigned)i + 1);
		slots_release(&slots, object[i]); /* allowed on the way */
	}
	ck_assert_ptr_null(slots_each(&slots, &index));
	ck_assert_uint_eq(slots.used, 0);
	slots_done(&slots);
}
END_TEST

START_TEST(test_double_release_is_caught)
{
	struct slots slots;
	void *object;

	if (freopen("/dev/null", "w", stderr) == NULL)
		ck_abort();
	ck_assert_int_eq(slots_init(&slots, 2, 64), 0);
	object = slots_take(&slots);
	slots_release(&slots, object);
	slots_release(&slots, object);
}
END_TEST

#define COUNT 100
#define STEPS 200000

/* Against a model: what was handed out, its mark, and the handles that died. */
START_TEST(test_random_against_model)
{
	struct slots slots;
	uint64_t *object[COUNT] = { NULL };
	uint32_t generation[COUNT] = { 0 };
	unsigned used = 0;
	int steps = getenv("SANITIZED") != NULL ? STEPS / 10 : STEPS;

	ck_assert_int_eq(slots_init(&slots, COUNT, sizeof(uint64_t)), 0);
	for (int step = 0; step < steps; step++) {
		uint64_t random = hash_mix((uint64_t)step);
		uint32_t i = hash_reduce(random, COUNT);

		if (object[i] != NULL && random % 2 == 0) {
			slots_release(&slots, object[i]);
			object[i] = NULL;
			used--;
		} else if (object[i] == NULL) {
			uint64_t *taken = slots_take(&slots);
			uint32_t at = slots_index(&slots, taken);

			ck_assert_ptr_null(object[at]);
			ck_assert_uint_eq(*taken, 0);
			ck_assert_uint_eq(slots_generation(&slots, taken),
			    generation[at] + 1);
			object[at] = taken;
			generation[at]++;
			*taken = at;
			used++;
		}
		ck_assert_uint_eq(slots.used, used);
		ck_assert_ptr_eq(slots_find(&slots, i, generation[i]),
		    object[i]);
		ck_assert_ptr_null(slots_find(&slots, i, generation[i] - 1));
		if (object[i] != NULL)
			ck_assert_uint_eq(*object[i], i);
	}
	slots_done(&slots);
}
END_TEST

static Suite *
slots_suite(void)
{
	Suite *suite = suite_create("slots");
	TCase *tc = tcase_create("slots");

	tcase_set_tags(tc, "one-thread");
	tcase_set_timeout(tc, 60); /* of the clock: the machine may be busy */
	tcase_add_test(tc, test_layout);
	tcase_add_test(tc, test_refuses);
	tcase_add_test(tc, test_untouched_memory_is_free);
	tcase_add_test(tc, test_take_all_and_refuse);
	tcase_add_test(tc, test_zeroed_and_apart);
	tcase_add_test(tc, test_old_handles_miss);
	tcase_add_test(tc, test_generation_never_zero);
	tcase_add_test(tc, test_each);
	tcase_add_test_raise_signal(tc, test_double_release_is_caught, SIGABRT);
	tcase_add_test(tc, test_random_against_model);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(slots_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
