/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Records: what one version writes, another one reads. */
#include "lb4/handover/record.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A kind as one version has it, and as the next one does: `more` is new, `gone`
 * was dropped, and `wide` has grown. */
struct before {
	uint8_t small;
	uint32_t wide;
	int number;
	char text[8];
	uint64_t list[3];
	uint64_t gone;
};
struct after {
	char text[4];
	uint64_t more;
	uint64_t wide;
	uint64_t list[3];
	int number;
	uint8_t small;
};

static const struct record_field before_fields[] = {
	RECORD_FIELD(before, small, RECORD_UINT),
	RECORD_FIELD(before, wide, RECORD_UINT),
	RECORD_FIELD(before, number, RECORD_INT),
	RECORD_FIELD(before, text, RECORD_TEXT),
	RECORD_FIELD(before, list, RECORD_UINTS),
	RECORD_FIELD(before, gone, RECORD_UINT),
};
static RECORD_KIND(before_kind, "thing", before, before_fields);

static const struct record_field after_fields[] = {
	RECORD_FIELD(after, text, RECORD_TEXT),
	RECORD_FIELD(after, more, RECORD_UINT),
	RECORD_FIELD(after, wide, RECORD_UINT),
	RECORD_FIELD(after, list, RECORD_UINTS),
	RECORD_FIELD(after, number, RECORD_INT),
	RECORD_FIELD(after, small, RECORD_UINT),
};
static RECORD_KIND(after_kind, "thing", after, after_fields);

static const struct before thing = {
	.small = 200,
	.wide = 4000000000,
	.number = -7,
	.text = "seven",
	.list = { 1, 0, UINT64_MAX },
	.gone = 5,
};

START_TEST(same_version)
{
	unsigned char buf[RECORD_MAX];
	struct before read;
	int len = record_write(&before_kind, &thing, buf, sizeof(buf));

	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(record_read(&before_kind, buf, (size_t)len, &read), 0);
	ck_assert_mem_eq(&read, &thing, sizeof(thing));
}
END_TEST

START_TEST(next_version)
{
	unsigned char buf[RECORD_MAX];
	struct after read;
	int len = record_write(&before_kind, &thing, buf, sizeof(buf));

	ck_assert_int_eq(record_read(&after_kind, buf, (size_t)len, &read), 0);
	ck_assert_uint_eq(read.small, 200);
	ck_assert_uint_eq(read.wide, 4000000000);
	ck_assert_int_eq(read.number, -7);
	ck_assert_str_eq(read.text, "sev");
	ck_assert_uint_eq(read.list[2], UINT64_MAX);
	ck_assert_uint_eq(read.more, 0);
}
END_TEST

START_TEST(version_before)
{
	const struct after newer = { .more = 9, .wide = UINT64_C(1) << 40 };
	unsigned char buf[RECORD_MAX];
	struct before read;
	int len = record_write(&after_kind, &newer, buf, sizeof(buf));

	ck_assert_int_eq(record_read(&before_kind, buf, (size_t)len, &read), 0);
	ck_assert_uint_eq(read.wide, 0); /* it does not fit: its default */
	ck_assert_uint_eq(read.gone, 0);
}
END_TEST

/* Every beginning of a record is refused, or is a record with fewer fields. */
START_TEST(cut_anywhere)
{
	unsigned char buf[RECORD_MAX];
	struct before read;
	int len = record_write(&before_kind, &thing, buf, sizeof(buf));
	unsigned whole = 0;

	for (int cut = 0; cut < len; cut++) {
		unsigned char *copy = malloc((size_t)cut + 1);

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, buf, (size_t)cut);
		whole += record_read(&before_kind, copy, (size_t)cut, &read) ==
		    0;
		free(copy);
	}
	ck_assert_uint_eq(whole, 6); /* with none to five of six fields */
}
END_TEST

START_TEST(refused)
{
	static const struct record_kind other = { "things",
		sizeof(struct before), before_fields, 1 };
	unsigned char buf[RECORD_MAX];
	struct before read;
	int len = record_write(&before_kind, &thing, buf, sizeof(buf));

	ck_assert(record_is(&before_kind, buf, (size_t)len));
	ck_assert(!record_is(&other, buf, (size_t)len));
	ck_assert_int_eq(record_read(&other, buf, (size_t)len, &read),
	    -EBADMSG);
	ck_assert_int_eq(record_write(&before_kind, &thing, buf, 20),
	    -EMSGSIZE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("record");
	TCase *tc = tcase_create("record");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, same_version);
	tcase_add_test(tc, next_version);
	tcase_add_test(tc, version_before);
	tcase_add_test(tc, cut_anywhere);
	tcase_add_test(tc, refused);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
