/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * When lb4 warns of a certificate, and in which words.
 */
#include "lb4/health/certificate.h"

#include <check.h>
#include <stdlib.h>

#define NOW UINT64_C(1796000000) /* 2026-11-30 00:53:20 UTC */
#define HOUR 3600
#define DAY (24 * HOUR)
#define WARN_MS (14U * DAY * 1000)

START_TEST(once_a_day)
{
	struct certificate seen = { .expires_s = 0 };
	const uint64_t end = NOW + 14 * DAY;

	ck_assert(!certificate_warns(&seen, end, NOW - 1, WARN_MS));
	ck_assert(certificate_warns(&seen, end, NOW, WARN_MS));
	ck_assert(!certificate_warns(&seen, end, NOW + DAY - 1, WARN_MS));
	ck_assert(certificate_warns(&seen, end, NOW + DAY, WARN_MS));
	/* another one is another matter */
	ck_assert(certificate_warns(&seen, end + 1, NOW + DAY + 1, WARN_MS));
	ck_assert(!certificate_warns(&seen, end + 365 * DAY, NOW + 3 * DAY,
	    WARN_MS));
	/* it has expired, and nobody cares */
	ck_assert(certificate_warns(&seen, end, end + DAY, WARN_MS));
	ck_assert(!certificate_warns(&seen, end, end + 3 * DAY, 0));
}
END_TEST

START_TEST(text)
{
	static const struct {
		uint64_t expires_s;
		const char *text;
	} samples[] = {
		{ NOW + 13 * DAY + 5,
		    "expires in 13 days, at 2026-12-13 00:53:25 UTC" },
		{ NOW + 2 * DAY,
		    "expires in 2 days, at 2026-12-02 00:53:20 "
		    "UTC" },
		{ NOW + 2 * DAY - 1,
		    "expires in 48 hours, at 2026-12-02 00:53:19 UTC" },
		{ NOW + 1, "expires in 1 hour, at 2026-11-30 00:53:21 UTC" },
		{ NOW, "has expired at 2026-11-30 00:53:20 UTC" },
		{ 1, "has expired at 1970-01-01 00:00:01 UTC" },
	};
	char buf[CERTIFICATE_TEXT_MAX];

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		ck_assert_str_eq(certificate_text(samples[i].expires_s, NOW,
				     buf, sizeof(buf)),
		    samples[i].text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("certificate");
	TCase *tc = tcase_create("certificate");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, once_a_day);
	tcase_add_test(tc, text);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
