/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The access log's lines: every reason has a code of its own, key=value can be
 * taken apart at spaces, JSON is JSON with the same keys.
 */
#include "lb4/log/access_format.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"

/* 2026-11-23T08:14:17.123Z */
#define END_MS INT64_C(1795421657123)

static struct access_record
sample(void)
{
	struct access_record record = {
		.realtime_ms = END_MS,
		.conn = 17,
		.service = "web",
		.backend = "app1",
		.client = { .port = 4000, .family = AF_INET },
		.worker = 3,
		.reason = REASON_DONE,
		.queue_ms = 1,
		.connect_ms = 2,
		.total_ms = 23,
		.bytes_to_backend = 16,
		.bytes_to_client = UINT64_C(5000000000),
		.bytes_discarded = 7,
		.retries = 2,
	};

	ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:192.0.2.1",
			     record.client.ip),
	    1);
	return record;
}

static const char *
line_of(enum access_format format, const struct access_record *record)
{
	static char line[ACCESS_LINE_MAX];
	size_t len = access_format(format, record, line, sizeof(line));

	ck_assert_uint_gt(len, 0);
	ck_assert_uint_eq(len, strlen(line));
	ck_assert_ptr_null(strchr(line, '\n'));
	return line;
}

START_TEST(test_codes)
{
	static const char first[] = "-CScsROKDBHMPU",
			  second[] = "-QCDLISWPAUMRGHNF";

	for (int i = 0; i < REASON_COUNT; i++) {
		const char *code = reason_code((enum reason)i);

		ck_assert_uint_eq(strlen(code), 2);
		ck_assert_ptr_nonnull(strchr(first, code[0]));
		ck_assert_ptr_nonnull(strchr(second, code[1]));
		ck_assert_uint_gt(strlen(reason_text((enum reason)i)), 5);
		for (int j = 0; j < i; j++) {
			ck_assert_str_ne(code, reason_code((enum reason)j));
			ck_assert_str_ne(reason_text((enum reason)i),
			    reason_text((enum reason)j));
		}
	}
	ck_assert_str_eq(reason_code(REASON_COUNT), "??");
	ck_assert_str_eq(reason_code((enum reason) - 1), "??");
	ck_assert_ptr_nonnull(reason_text((enum reason) - 1));
}
END_TEST

/* Which code stands for what is part of the log's format. */
START_TEST(test_code_of_reason)
{
	static const struct {
		enum reason reason;
		const char *code;
	} want[] = {
		{ REASON_DONE, "--" },
		{ REASON_CLIENT_QUEUED, "CQ" },
		{ REASON_CLIENT_CONNECT, "CC" },
		{ REASON_CLIENT_RESET, "CD" },
		{ REASON_CLIENT_RESET_LAST, "CL" },
		{ REASON_BACKEND_CONNECT, "SC" },
		{ REASON_BACKEND_RESET, "SD" },
		{ REASON_BACKEND_RESET_LAST, "SL" },
		{ REASON_QUEUE_TIMEOUT, "sQ" },
		{ REASON_CONNECT_TIMEOUT, "sC" },
		{ REASON_CLIENT_IDLE, "cD" },
		{ REASON_BACKEND_IDLE, "sD" },
		{ REASON_CLIENT_LINGERS, "cL" },
		{ REASON_BACKEND_LINGERS, "sL" },
		{ REASON_CLIENT_STALLED, "cS" },
		{ REASON_BACKEND_STALLED, "sS" },
		{ REASON_QUEUE_FULL, "RQ" },
		{ REASON_RESOURCE_CONNECT, "RC" },
		{ REASON_RESOURCE_DATA, "RD" },
		{ REASON_SHED, "RS" },
		{ REASON_OWN, "OC" },
		{ REASON_KILLED_QUEUED, "KQ" },
		{ REASON_KILLED_CONNECT, "KC" },
		{ REASON_KILLED, "KD" },
		{ REASON_STOPPED, "KI" },
		{ REASON_DRAINED, "DI" },
		{ REASON_DRAINED_CUT, "DD" },
		{ REASON_REBALANCED, "BI" },
		{ REASON_DOWN, "HI" },
		{ REASON_DOWN_CUT, "HD" },
		{ REASON_DOWN_STUCK, "HS" },
		{ REASON_LIFETIME, "MI" },
		{ REASON_LIFETIME_CUT, "MD" },
		{ REASON_WAIT_TIMEOUT, "sW" },
		{ REASON_CLIENT_PREREAD, "CP" },
		{ REASON_PROXY_TIMEOUT, "cP" },
		{ REASON_ACCESS, "PA" },
		{ REASON_PROXY_PEER, "PU" },
		{ REASON_PROXY_HEADER, "PP" },
		{ REASON_UPGRADE, "UD" },
		{ REASON_SOURCE_MAXCONN, "PM" },
		{ REASON_SOURCE_RATE, "PR" },
		{ REASON_RATE, "PS" },
		{ REASON_RATE_ALL, "PG" },
		{ REASON_CLIENT_HELLO, "CH" },
		{ REASON_HELLO_TIMEOUT, "cH" },
		{ REASON_HELLO, "PH" },
		{ REASON_ROUTE, "PN" },
		{ REASON_ROUTE_FULL, "PF" },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		ck_assert_str_eq(reason_code(want[i].reason), want[i].code);
	ck_assert_uint_eq(sizeof(want) / sizeof(want[0]), REASON_COUNT);
}
END_TEST

START_TEST(test_kv)
{
	struct access_record record = sample();

	ck_assert_str_eq(line_of(ACCESS_KV, &record),
	    "time=2026-11-23T08:14:17.123Z conn=17 worker=3 service=web "
	    "client=192.0.2.1:4000 backend=app1 reason=-- error=- queue=1 "
	    "connect=2 total=23 to_backend=16 to_client=5000000000 "
	    "discarded=7 retries=2 waited_for=room");
}
END_TEST

START_TEST(test_kv_odd)
{
	struct access_record record = sample();

	record.backend[0] = '\0';
	record.reason = REASON_BACKEND_CONNECT;
	record.error = ECONNREFUSED;
	memset(&record.client, 0, sizeof(record.client));
	record.client.family = AF_UNIX;
	ck_assert_ptr_nonnull(strstr(line_of(ACCESS_KV, &record),
	    " client=unix backend=- reason=SC error=ECONNREFUSED "));
	record.error = 4242;
	ck_assert_ptr_nonnull(strstr(line_of(ACCESS_KV, &record),
	    " error=4242 "));
	record = sample();
	ck_assert_int_eq(inet_pton(AF_INET6, "2001:db8::1", record.client.ip),
	    1);
	record.client.family = AF_INET6;
	ck_assert_ptr_nonnull(strstr(line_of(ACCESS_KV, &record),
	    " client=[2001:db8::1]:4000 "));
}
END_TEST

/* The longest record there can be. */
static struct access_record
longest(enum reason reason)
{
	struct access_record record;

	memset(&record, 0xff, sizeof(record));
	memset(record.service, 's', sizeof(record.service) - 1);
	memset(record.backend, 'b', sizeof(record.backend) - 1);
	record.service[sizeof(record.service) - 1] = '\0';
	record.backend[sizeof(record.backend) - 1] = '\0';
	record.rule[sizeof(record.rule) - 1] = '\0';
	record.client.family = AF_INET6;
	record.reason = reason;
	record.error = EPFNOSUPPORT;
	/* json_int_t is signed */
	record.conn = record.total_ms = record.bytes_to_backend =
	    record.bytes_to_client = record.bytes_discarded = INT64_MAX;
	record.more_to_backend = record.more_to_client = INT64_MAX;
	record.realtime_ms = INT64_MAX;
	record.event = ACCESS_END;
	record.one_of_several = record.held = true;
	return record;
}

START_TEST(test_longest)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		struct access_record record = longest((enum reason)i);
		const char *line = line_of(ACCESS_KV, &record);
		size_t fields = 1;

		for (const char *at = line; (at = strchr(at, ' ')) != NULL;
		     at++)
			fields++;
		ck_assert_uint_eq(fields, 20);
		ck_assert_ptr_nonnull(strstr(line, " retries=4294967295 "));
		ck_assert_ptr_nonnull(strstr(line,
		    "time=9999-12-31T23:59:59.999Z"));
		line = line_of(ACCESS_JSON, &record);
		ck_assert_int_eq(line[strlen(line) - 1], '}');
		ck_assert_uint_lt(strlen(line), ACCESS_LINE_MAX - 64);
	}
}
END_TEST

/* The n-th key of a line of key=value. */
static void
nth_key(const char *line, size_t n, char *key, size_t size)
{
	for (; n > 0; n--)
		line = strchr(line, ' ') + 1;
	snprintf(key, size, "%.*s", (int)strcspn(line, "="), line);
}

START_TEST(test_json)
{
	struct access_record record = sample();
	json_t *object = json_loads(line_of(ACCESS_JSON, &record), 0, NULL);

	ck_assert_ptr_nonnull(object);
	ck_assert_str_eq(json_string_value(json_object_get(object, "time")),
	    "2026-11-23T08:14:17.123Z");
	ck_assert_str_eq(json_string_value(json_object_get(object, "client")),
	    "192.0.2.1:4000");
	ck_assert_str_eq(json_string_value(json_object_get(object, "backend")),
	    "app1");
	ck_assert_str_eq(json_string_value(json_object_get(object, "reason")),
	    "--");
	ck_assert_str_eq(json_string_value(json_object_get(object, "why")),
	    "both sides finished");
	ck_assert(json_is_null(json_object_get(object, "error")));
	ck_assert(json_is_integer(json_object_get(object, "conn")));
	ck_assert_int_eq(json_integer_value(json_object_get(object,
			     "to_client")),
	    5000000000);
	ck_assert_int_eq(json_integer_value(json_object_get(object, "total")),
	    23);
	json_decref(object);

	record.error = ECONNRESET;
	record.backend[0] = '\0';
	object = json_loads(line_of(ACCESS_JSON, &record), 0, NULL);
	ck_assert_ptr_nonnull(object);
	ck_assert_str_eq(json_string_value(json_object_get(object, "error")),
	    "ECONNRESET");
	ck_assert(json_is_null(json_object_get(object, "backend")));
	json_decref(object);
}
END_TEST

/* Both forms have the same keys in the same order, but for "why". */
START_TEST(test_json_keys)
{
	struct access_record record = sample();
	json_t *object = json_loads(line_of(ACCESS_JSON, &record), 0, NULL);
	char kv[ACCESS_LINE_MAX], key[32];
	const char *name;
	json_t *value;
	size_t n = 0;

	snprintf(kv, sizeof(kv), "%s", line_of(ACCESS_KV, &record));
	json_object_foreach(object, name, value)
	{
		if (strcmp(name, "why") == 0)
			continue;
		nth_key(kv, n++, key, sizeof(key));
		ck_assert_str_eq(name, key);
	}
	ck_assert_uint_eq(n, 16);
	json_decref(object);
}
END_TEST

/* With lines of several events, each line tells its own and what is new. */
START_TEST(test_events)
{
	static const char *const events[] = { "end", "start", "update" };
	struct access_record record = sample();
	json_t *object;
	char want[96];

	record.one_of_several = true;
	record.more_to_backend = 6;
	record.more_to_client = UINT64_C(4000000000);
	for (int i = 0; i < ACCESS_EVENT_COUNT; i++) {
		const char *line;

		record.event = (enum access_event)i;
		line = line_of(ACCESS_KV, &record);
		snprintf(want, sizeof(want),
		    " retries=2 waited_for=room event=%s more_to_backend=6 "
		    "more_to_client=4000000000",
		    events[i]);
		ck_assert_str_eq(strstr(line, " retries="), want);
		ck_assert_ptr_nonnull(strstr(line,
		    i == ACCESS_END ? " reason=-- " : " reason=- "));

		object = json_loads(line_of(ACCESS_JSON, &record), 0, NULL);
		ck_assert_ptr_nonnull(object);
		ck_assert_str_eq(json_string_value(json_object_get(object,
				     "event")),
		    events[i]);
		ck_assert_int_eq(json_integer_value(json_object_get(object,
				     "more_to_client")),
		    4000000000);
		ck_assert_int_eq(json_is_null(json_object_get(object,
				     "reason")),
		    i != ACCESS_END);
		ck_assert_int_eq(json_is_null(json_object_get(object, "why")),
		    i != ACCESS_END);
		json_decref(object);
	}
	ck_assert_str_eq(access_event_name(ACCESS_EVENT_COUNT), "unknown");
}
END_TEST

/* A name drives no terminal, and JSON stays UTF-8 whatever is in it. */
START_TEST(test_escaped)
{
	static const char *const shown = "a\\x9b31m\\xff\\x0a\xc3\xbc";
	struct access_record record = { .service = "a\x9b"
						   "31m\xff\n\xc3\xbc" };
	char line[ACCESS_LINE_MAX];
	json_t *object;

	access_format(ACCESS_KV, &record, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, shown));
	ck_assert(escape_is_plain(line));
	access_format(ACCESS_JSON, &record, line, sizeof(line));
	ck_assert(escape_is_plain(line));
	object = json_loads(line, 0, NULL);
	ck_assert_ptr_nonnull(object);
	ck_assert_str_eq(json_string_value(json_object_get(object, "service")),
	    shown);
	json_decref(object);
}
END_TEST

START_TEST(test_time)
{
	static const struct {
		int64_t ms;
		const char *text;
	} want[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ -5, "1970-01-01T00:00:00.000Z" },
		{ 951782399999, "2000-02-28T23:59:59.999Z" },
		{ 951782400001, "2000-02-29T00:00:00.001Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
	};
	char text[ACCESS_TIME_MAX];

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		access_format_time(want[i].ms, text);
		ck_assert_str_eq(text, want[i].text);
	}
}
END_TEST

static Suite *
access_suite(void)
{
	Suite *suite = suite_create("access");
	TCase *tc = tcase_create("access");

	tcase_add_test(tc, test_codes);
	tcase_add_test(tc, test_code_of_reason);
	tcase_add_test(tc, test_kv);
	tcase_add_test(tc, test_kv_odd);
	tcase_add_test(tc, test_longest);
	tcase_add_test(tc, test_json);
	tcase_add_test(tc, test_json_keys);
	tcase_add_test(tc, test_events);
	tcase_add_test(tc, test_escaped);
	tcase_add_test(tc, test_time);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(access_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
