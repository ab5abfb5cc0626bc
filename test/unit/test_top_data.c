/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Figures out of answers: rates by lb4's own clock, none that is negative, a
 * restart that is seen as one; histories that go on; what else is answered.
 */
#include "lb4/ctl/top_data.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROOM 4096

/* A process, and its service with two backends. */
struct made {
	int pid;
	unsigned uptime_ms, accepted, bytes, busy_us;
	const char *state, *check; /* of the second backend */
	const char *removed;
};

static struct top_data data;

static void
write_info(const struct made *made, char *buf)
{
	(void)snprintf(buf, ROOM,
	    "{\"schema\":\"lb4.info/1\",\"version\":\"1.2\",\"pid\":%d,"
	    "\"state\":\"running\",\"uptime_ms\":%u,\"conns\":4,"
	    "\"maxconn\":100,\"accepted\":%u,\"per_worker\":[{\"worker\":0,"
	    "\"conns\":4,\"busy_us\":%u}]}",
	    made->pid, made->uptime_ms, made->accepted, made->busy_us);
}

static void
write_status(const struct made *made, char *buf)
{
	(void)snprintf(buf, ROOM,
	    "{\"schema\":\"lb4.status/1\",\"node\":\"ready\","
	    "\"at_maxconn\":false,\"services\":[{\"service\":\"web\","
	    "\"state\":\"up\",\"balance\":\"source\",\"available\":1,"
	    "\"active\":4,\"queued\":2,\"accepted\":%u,\"listens\":[\":80\","
	    "\":81\"],\"backends\":[{\"backend\":\"a\",\"address\":\"x:1\","
	    "\"state\":\"up\",\"active\":1,\"total\":%u,"
	    "\"bytes_to_backend\":%u,\"bytes_to_client\":0,\"weight\":1,"
	    "\"check\":null},{\"backend\":\"b\",\"address\":\"x:2\","
	    "\"state\":\"%s\",\"active\":3,\"total\":0,"
	    "\"health_since_ms\":12000,\"admin_since_ms\":65000,"
	    "\"bytes_to_backend\":0,\"bytes_to_client\":%u,\"check\":%s}]}],"
	    "\"removed\":[%s]}",
	    made->accepted, made->accepted, made->bytes, made->state,
	    made->bytes, made->check, made->removed);
}

static void
take(const struct made *made, uint64_t second)
{
	char info[ROOM], status[ROOM];

	write_info(made, info);
	write_status(made, status);
	ck_assert_int_eq(top_data_take(&data, info, status, second), 0);
}

static struct made
normal(void)
{
	return (struct made){ 1, 10000, 1000, 4096, 0, "up", "null", "" };
}

START_TEST(test_rates)
{
	struct made made = normal();

	take(&made, 100);
	ck_assert_uint_eq(data.rows, 3);
	ck_assert(isnan(data.row[0].accepted_per_s));
	ck_assert(isnan(data.node.accepted_per_s));
	ck_assert(isnan(data.worker[0].busy));
	ck_assert_str_eq(data.row[0].reason,
	    "1 of 2 backends, source, 2 queued");
	ck_assert_str_eq(data.row[0].address, ":80 +1");
	ck_assert_double_eq_tol(data.row[1].share, 0.25, 1e-6);
	ck_assert_double_eq_tol(data.row[2].share, 0.75, 1e-6);

	made.uptime_ms += 2000;
	made.accepted += 10;
	made.bytes += 2048;
	made.busy_us += 500000;
	take(&made, 102);
	ck_assert_double_eq_tol(data.row[0].accepted_per_s, 5, 1e-6);
	ck_assert_double_eq_tol(data.node.accepted_per_s, 5, 1e-6);
	ck_assert_double_eq_tol(data.row[0].to_backend_per_s, 1024, 1e-6);
	ck_assert_double_eq_tol(data.row[2].to_client_per_s, 1024, 1e-6);
	ck_assert_double_eq_tol(data.node.to_client_per_s, 1024, 1e-6);
	ck_assert_double_eq_tol(data.worker[0].busy, 0.25, 1e-6);
	ck_assert_uint_eq(data.node.queued, 2);
	/* both seconds have the rate between the answers */
	ck_assert_float_eq(data.row[0].rates.value[TOP_SECONDS - 1], 5);
	ck_assert_float_eq(data.row[0].rates.value[TOP_SECONDS - 2], 5);
	ck_assert(isnan(data.row[0].rates.value[TOP_SECONDS - 3]));
	ck_assert_float_eq(data.row[0].bytes.value[TOP_SECONDS - 1], 2048);
}
END_TEST

/* Counters begin anew: the rates are unknown, and the history has a gap. */
START_TEST(test_restart)
{
	struct made made = normal();

	take(&made, 100);
	made.uptime_ms += 1000;
	made.accepted += 7;
	take(&made, 101);
	ck_assert_float_eq(data.row[0].rates.value[TOP_SECONDS - 1], 7);

	/* also when they are higher than before already */
	made.pid = 2;
	made.accepted += 100000;
	take(&made, 104);
	ck_assert(isnan(data.row[0].accepted_per_s));
	ck_assert(isnan(data.row[0].rates.value[TOP_SECONDS - 1]));
	ck_assert(isnan(data.row[0].rates.value[TOP_SECONDS - 3]));
	ck_assert_float_eq(data.row[0].rates.value[TOP_SECONDS - 4], 7);
	ck_assert(isnan(data.worker[0].busy));
	/* the same pid again, in a container */
	made.uptime_ms = 500;
	take(&made, 105);
	ck_assert(isnan(data.row[0].accepted_per_s));
	/* one counter of an lb4 that goes on */
	made.uptime_ms += 1000;
	made.accepted = 0;
	made.bytes += 100;
	take(&made, 106);
	ck_assert(isnan(data.row[0].accepted_per_s));
	ck_assert_double_eq_tol(data.row[1].to_backend_per_s, 100, 1e-6);
}
END_TEST

START_TEST(test_history_ends)
{
	struct made made = normal();

	take(&made, 100);
	made.uptime_ms += 1000;
	take(&made, 101);
	ck_assert_float_eq(data.row[0].rates.value[TOP_SECONDS - 1], 0);
	/* within a second, the latest stands */
	made.uptime_ms += 500;
	made.accepted += 1;
	take(&made, 101);
	ck_assert_float_eq(data.row[0].rates.value[TOP_SECONDS - 1], 2);
	ck_assert(isnan(data.row[0].rates.value[TOP_SECONDS - 2]));
	/* longer than the history */
	made.uptime_ms += 1000000;
	take(&made, 1101);
	ck_assert_float_eq(data.row[0].rates.value[0], 0);
}
END_TEST

START_TEST(test_reasons)
{
	struct made made = normal();

	take(&made, 1);
	ck_assert_str_eq(data.row[2].reason, "not checked");
	ck_assert_uint_eq(data.row[0].trouble, 0);
	made.check = "{\"result\":\"status 503\",\"took_ms\":1.25}";
	take(&made, 2);
	ck_assert_str_eq(data.row[2].reason, "status 503 in 1.2 ms");
	made.state = "down";
	take(&made, 3);
	ck_assert_str_eq(data.row[2].reason, "status 503, down for 12s");
	ck_assert_uint_eq(data.row[0].trouble, 6);
	made.state = "drain";
	take(&made, 4);
	ck_assert_str_eq(data.row[2].reason, "set 1m05s ago");
}
END_TEST

/* Those that were removed are shown with their service, or one of its name. */
START_TEST(test_removed)
{
	struct made made = normal();

	made.removed = "{\"service\":\"web\",\"backend\":\"old\","
		       "\"address\":\"x:3\",\"state\":\"removed\","
		       "\"active\":1,\"check\":null},{\"service\":\"gone\","
		       "\"backend\":\"c\",\"address\":\"x:4\","
		       "\"state\":\"removed\",\"active\":1,\"check\":null}";
	take(&made, 1);
	ck_assert_uint_eq(data.rows, 6);
	ck_assert_str_eq(data.row[3].backend, "old");
	ck_assert_uint_eq(data.row[3].group, 0);
	ck_assert_str_eq(data.row[4].service, "gone");
	ck_assert_str_eq(data.row[4].backend, "");
	ck_assert_str_eq(data.row[5].backend, "c");
	ck_assert_uint_eq(data.row[5].group, 4);
}
END_TEST

/* What is not known changes nothing; what comes from outside is escaped. */
START_TEST(test_others)
{
	struct made made = normal();
	char info[ROOM], why[TOP_LONG_MAX];

	take(&made, 1);
	write_info(&made, info);
	ck_assert_int_eq(top_data_take(&data, info, "{}", 2), -EPROTO);
	ck_assert_int_eq(top_data_take(&data, info, "no JSON", 2), -EPROTO);
	ck_assert_int_eq(top_data_take(&data, "[1]", info, 2), -EPROTO);
	ck_assert_uint_eq(data.rows, 3);
	ck_assert_uint_eq(data.second, 1);
	made.check = "{\"result\":\"\\u001b[2J\",\"took_ms\":1}";
	take(&made, 2);
	ck_assert_str_eq(data.row[2].reason, "\\x1b[2J in 1.0 ms");
	top_data_error("{\"error\":{\"code\":\"denied\",\"message\":"
		       "\"no\\u0007\"}}",
	    why);
	ck_assert_str_eq(why, "no\\x07");
	top_data_error("error: full", why);
	ck_assert_str_eq(why, "error: full");
}
END_TEST

static void
done(void)
{
	top_data_done(&data);
}

int
main(void)
{
	Suite *suite = suite_create("top_data");
	TCase *tc = tcase_create("top_data");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, NULL, done);
	tcase_add_test(tc, test_rates);
	tcase_add_test(tc, test_restart);
	tcase_add_test(tc, test_history_ends);
	tcase_add_test(tc, test_reasons);
	tcase_add_test(tc, test_removed);
	tcase_add_test(tc, test_others);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
