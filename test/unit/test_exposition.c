/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The exact text of metrics in both formats; labels and their escapes; and that
 * the text grows. */
#include "lb4/http/exposition.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void
require_text(struct exposition *out, const char *want)
{
	size_t len;
	char *text = exposition_take(out, &len);

	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(len, strlen(want));
	ck_assert_mem_eq(text, want, len);
	free(text);
}

static void
put(struct exposition *out, const char *text, const char *key, const char *word,
    uint64_t value)
{
	exposition_count(out, "lb4_x_bytes_total",
	    &(struct exposition_labels){ text, key, word }, value);
}

static void
write_some(struct exposition *out, bool openmetrics)
{
	exposition_begin(out, openmetrics, 0);
	exposition_family(out, "lb4_x_bytes_total", METRIC_COUNTER, "bytes",
	    "Some bytes.");
	put(out, "", NULL, NULL, UINT64_MAX);
	put(out, "a=\"b\"", NULL, NULL, 0);
	put(out, "", "c", "d", 7);
	put(out, "a=\"b\"", "c", "d", 10);
	exposition_family(out, "lb4_y", METRIC_GAUGE, NULL, "A gauge.");
	exposition_real(out, "lb4_y", "", 1795999999.25);
}

START_TEST(test_prometheus)
{
	struct exposition out;

	write_some(&out, false);
	require_text(&out,
	    "# HELP lb4_x_bytes_total Some bytes.\n"
	    "# TYPE lb4_x_bytes_total counter\n"
	    "lb4_x_bytes_total 18446744073709551615\n"
	    "lb4_x_bytes_total{a=\"b\"} 0\n"
	    "lb4_x_bytes_total{c=\"d\"} 7\n"
	    "lb4_x_bytes_total{a=\"b\",c=\"d\"} 10\n"
	    "# HELP lb4_y A gauge.\n"
	    "# TYPE lb4_y gauge\n"
	    "lb4_y 1795999999.25\n");
}
END_TEST

START_TEST(test_openmetrics)
{
	struct exposition out;

	write_some(&out, true);
	require_text(&out,
	    "# HELP lb4_x_bytes Some bytes.\n"
	    "# TYPE lb4_x_bytes counter\n"
	    "# UNIT lb4_x_bytes bytes\n"
	    "lb4_x_bytes_total 18446744073709551615\n"
	    "lb4_x_bytes_total{a=\"b\"} 0\n"
	    "lb4_x_bytes_total{c=\"d\"} 7\n"
	    "lb4_x_bytes_total{a=\"b\",c=\"d\"} 10\n"
	    "# HELP lb4_y A gauge.\n"
	    "# TYPE lb4_y gauge\n"
	    "lb4_y 1795999999.25\n"
	    "# EOF\n");
}
END_TEST

/* Buckets are cumulative, and the bound itself is inside. */
START_TEST(test_histogram)
{
	struct histogram histogram = { .sum_us = 0 };
	struct histogram_sums sums = { .sum_us = 0 };
	struct exposition out;
	char *text;
	size_t len;

	histogram_observe(&histogram, &histogram_short, 0);
	histogram_observe(&histogram, &histogram_short, 10);
	histogram_observe(&histogram, &histogram_short, 11);
	histogram_observe(&histogram, &histogram_short, 5000000);
	histogram_observe(&histogram, &histogram_short, 5000001);
	histogram_add(&sums, &histogram);
	ck_assert_uint_eq(histogram_count(&sums), 5);
	exposition_begin(&out, false, 0);
	exposition_histogram(&out, "h", "a=\"b\"", &histogram_short, &sums);
	text = exposition_take(&out, &len);
	text[len - 1] = '\0';
	ck_assert_ptr_nonnull(strstr(text,
	    "h_bucket{a=\"b\",le=\"0.00001\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(text,
	    "h_bucket{a=\"b\",le=\"0.000025\"} 3\n"));
	ck_assert_ptr_nonnull(strstr(text, "h_bucket{a=\"b\",le=\"2.5\"} 3\n"));
	ck_assert_ptr_nonnull(strstr(text, "h_bucket{a=\"b\",le=\"5.0\"} 4\n"));
	ck_assert_ptr_nonnull(strstr(text,
	    "h_bucket{a=\"b\",le=\"+Inf\"} 5\n"
	    "h_sum{a=\"b\"} 10.000022\nh_count{a=\"b\"} 5"));
	free(text);
}
END_TEST

/* Ratios and rates have fewer buckets, and units of their own. */
START_TEST(test_other_units)
{
	struct histogram ratios = { .sum_us = 0 }, rates = { .sum_us = 0 };
	struct histogram_sums ratio = { .sum_us = 0 }, rate = { .sum_us = 0 };
	struct exposition out;
	char *text;
	size_t len;

	histogram_observe(&ratios, &histogram_ratio, 0);
	histogram_observe(&ratios, &histogram_ratio, 1);
	histogram_observe(&ratios, &histogram_ratio, 1000000);
	histogram_observe(&rates, &histogram_rate, 10000);
	histogram_observe(&rates, &histogram_rate, 70000000000);
	histogram_add(&ratio, &ratios);
	histogram_add(&rate, &rates);
	exposition_begin(&out, false, 0);
	exposition_histogram(&out, "p", "", &histogram_ratio, &ratio);
	exposition_histogram(&out, "r", "", &histogram_rate, &rate);
	text = exposition_take(&out, &len);
	text[len - 1] = '\0';
	ck_assert_ptr_nonnull(strstr(text,
	    "p_bucket{le=\"0.0\"} 1\n"
	    "p_bucket{le=\"0.001\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(text,
	    "p_bucket{le=\"0.25\"} 2\n"
	    "p_bucket{le=\"+Inf\"} 3\np_sum 1.000001\np_count 3\n"));
	ck_assert_ptr_nonnull(strstr(text, "r_bucket{le=\"10000.0\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(text,
	    "r_bucket{le=\"5000000000.0\"} 1\n"
	    "r_bucket{le=\"+Inf\"} 2\nr_sum 70000010000.0\nr_count 2"));
	free(text);
}
END_TEST

/* The text of a bound is its value, and bounds grow. */
START_TEST(test_scales)
{
	static const struct histogram_scale *const scales[] = {
		&histogram_short, &histogram_long, &histogram_rtt,
		&histogram_ratio, &histogram_rate
	};

	for (int s = 0; s < 5; s++) {
		const struct histogram_scale *scale = scales[s];

		ck_assert_uint_ge(scale->bounds, 9);
		ck_assert_uint_le(scale->bounds, HISTOGRAM_BOUNDS);
		for (unsigned i = 0; i < scale->bounds; i++) {
			ck_assert_double_eq_tol(strtod(scale->text[i], NULL),
			    (double)scale->bound_us[i] / scale->unit, 1e-9);
			ck_assert(i == 0 ||
			    scale->bound_us[i] > scale->bound_us[i - 1]);
		}
	}
}
END_TEST

START_TEST(test_labels)
{
	char buf[32] = "";

	exposition_label(buf, sizeof(buf), "a", "b");
	ck_assert_str_eq(buf, "a=\"b\"");
	exposition_label(buf, sizeof(buf), "c", "\"\\\nd");
	ck_assert_str_eq(buf, "a=\"b\",c=\"\\\"\\\\\\nd\"");
	/* what does not fit is left out, whole */
	exposition_label(buf, sizeof(buf), "e", "0123456789");
	ck_assert_str_eq(buf, "a=\"b\",c=\"\\\"\\\\\\nd\"");
	exposition_label(buf, sizeof(buf), "a-very-long-name-of-a-label", "");
	ck_assert_str_eq(buf, "a=\"b\",c=\"\\\"\\\\\\nd\"");
}
END_TEST

/* Every length near the end of the buffer. */
START_TEST(test_labels_fit)
{
	char value[40] = "";

	for (size_t len = 0; len + 1 < sizeof(value); len++) {
		char buf[24] = "";

		memset(value, '"', len);
		value[len] = '\0';
		exposition_label(buf, sizeof(buf), "k", value);
		ck_assert_uint_eq(strlen(buf),
		    4 + 2 * len < sizeof(buf) - 1 ? 4 + 2 * len : 0);
	}
}
END_TEST

START_TEST(test_growing)
{
	struct exposition out;
	size_t len;
	char *text = NULL;

	exposition_begin(&out, false, 0);
	for (unsigned i = 0; i < 100000; i++)
		exposition_count(&out, "name",
		    &(struct exposition_labels){ .text = "" }, 1);
	text = exposition_take(&out, &len);
	ck_assert_uint_eq(len, 700000);
	ck_assert_mem_eq(text + len - 14, "name 1\nname 1\n", 14);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("exposition");
	TCase *tests = tcase_create("text");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, test_prometheus);
	tcase_add_test(tests, test_openmetrics);
	tcase_add_test(tests, test_histogram);
	tcase_add_test(tests, test_other_units);
	tcase_add_test(tests, test_scales);
	tcase_add_test(tests, test_labels);
	tcase_add_test(tests, test_labels_fit);
	tcase_add_test(tests, test_growing);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
