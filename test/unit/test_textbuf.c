/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Text that grows in memory: common/textbuf.h. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/textbuf.h"

START_TEST(test_empty)
{
	struct textbuf buf;

	ck_assert_ptr_nonnull(textbuf_open(&buf));
	ck_assert_int_eq(textbuf_close(&buf), 0);
	ck_assert_str_eq(buf.text, "");
	ck_assert_uint_eq(buf.len, 0);
	textbuf_done(&buf);
	ck_assert_ptr_null(buf.text);
}
END_TEST

/* Longer than any chunk, with a NUL within. */
START_TEST(test_long)
{
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);

	ck_assert_ptr_nonnull(out);
	for (int i = 0; i < 100000; i++)
		fprintf(out, "%05d\n", i);
	fputc('\0', out);
	fputs("end", out);
	ck_assert_int_eq(textbuf_close(&buf), 0);
	ck_assert_uint_eq(buf.len, 600004);
	ck_assert_int_eq(strncmp(buf.text + 600 * 6, "00600\n", 6), 0);
	ck_assert_str_eq(buf.text + 600001, "end");
	textbuf_done(&buf);
}
END_TEST

/* What cannot grow is lost as a whole, though only its middle was. */
START_TEST(test_no_memory)
{
	struct rlimit limit = { 64 << 20, RLIM_INFINITY }, before;
	const size_t chunk = 1 << 20;
	char *bytes = calloc(1, chunk);
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
	limit.rlim_max = before.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	for (int i = 0; i < 100; i++)
		(void)fwrite(bytes, 1, chunk, out);
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
	fputs("small", out);
	ck_assert_int_eq(textbuf_close(&buf), -ENOMEM);
	ck_assert_ptr_null(buf.text);
	free(bytes);
}
END_TEST

START_TEST(test_never_open)
{
	struct textbuf buf = { .out = NULL };

	ck_assert_int_eq(textbuf_close(&buf), -ENOMEM);
	ck_assert_ptr_null(buf.text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("textbuf");
	TCase *tc = tcase_create("textbuf");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_empty);
	tcase_add_test(tc, test_long);
	/* AddressSanitizer needs all addresses, and ends what has no memory */
	if (getenv("SANITIZED") == NULL)
		tcase_add_test(tc, test_no_memory);
	tcase_add_test(tc, test_never_open);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
