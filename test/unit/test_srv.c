/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
#include "lb4/wire/srv.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The message that is being written. */
static unsigned char buf[65536];
static size_t len;
static struct srv_answer *answer;

#define QUESTION 12 /* where its name is */

static void
put16(unsigned value)
{
	buf[len++] = (unsigned char)(value >> 8);
	buf[len++] = (unsigned char)value;
}

static void
put_name(const char *name)
{
	while (*name != '\0') {
		const size_t label = strcspn(name, ".");

		buf[len++] = (unsigned char)label;
		memcpy(buf + len, name, label);
		len += label;
		name += label + (name[label] == '.');
	}
	buf[len++] = 0;
}

static void
begin(unsigned answers, unsigned additional)
{
	len = 0;
	put16(7);
	put16(0x8180);
	put16(1);
	put16(answers);
	put16(0);
	put16(additional);
	put_name("_pg._tcp.db.internal");
	put16(33);
	put16(1);
}

static void
put_fixed(unsigned type, unsigned ttl, unsigned length)
{
	put16(type);
	put16(1);
	put16(0);
	put16(ttl);
	put16(length);
}

struct numbers {
	unsigned priority, weight, port;
};

static void
put_srv(struct numbers numbers, unsigned ttl, const char *target)
{
	size_t at;

	put16(0xc000 | QUESTION);
	put_fixed(33, ttl, 0);
	at = len;
	put16(numbers.priority);
	put16(numbers.weight);
	put16(numbers.port);
	put_name(target);
	buf[at - 2] = (unsigned char)((len - at) >> 8);
	buf[at - 1] = (unsigned char)(len - at);
}

static void
put_a(const char *name, const char *ip)
{
	put_name(name);
	put_fixed(1, 30, 4);
	memcpy(buf + len, ip, 4);
	len += 4;
}

/* "PRIORITY WEIGHT TARGET:PORT" of each record, or why it is refused. */
static const char *
parsed(void)
{
	static char text[8192];
	const char *why = "";
	const int error = srv_parse(buf, len, answer, &why);
	size_t used = 0;

	if (error < 0)
		return error == -E2BIG ? "too many" : why;
	text[0] = '\0';
	for (size_t i = 0; i < answer->records; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "%u %u %s:%u\n", answer->record[i].priority,
		    answer->record[i].weight, answer->record[i].target,
		    answer->record[i].port);
	return text;
}

START_TEST(takes_records)
{
	begin(5, 2);
	put_srv((struct numbers){ 20, 1, 5432 }, 60, "Spare.DB.internal");
	put_srv((struct numbers){ 10, 5, 5432 }, 30, "b.db.internal");
	put_srv((struct numbers){ 10, 70, 5432 }, 90, "c.db.internal");
	put_srv((struct numbers){ 10, 70, 5433 }, 90, "a.db.internal");
	put_srv((struct numbers){ 15, 9, 5432 }, 90, "C.db.internal");
	put_a("C.db.internal", "\x0a\0\0\x03");
	put_a("x y.internal", "\x0a\0\0\x04"); /* is left out */
	ck_assert_str_eq(parsed(),
	    "10 70 a.db.internal:5433\n10 70 c.db.internal:5432\n"
	    "10 5 b.db.internal:5432\n20 1 spare.db.internal:5432\n");
	ck_assert_uint_eq(answer->ttl_s, 30);
	ck_assert(!answer->none);
	ck_assert_uint_eq(answer->addresses, 1);
	ck_assert_str_eq(answer->address[0].name, "c.db.internal");
	ck_assert_uint_eq(answer->address[0].ttl_s, 30);
	ck_assert_int_eq(answer->address[0].addr.sa.sa_family, AF_INET);
}
END_TEST

START_TEST(takes_no_service)
{
	begin(1, 0);
	put_srv((struct numbers){ 0, 0, 0 }, 60, "");
	ck_assert_str_eq(parsed(), "");
	ck_assert(answer->none);

	/* beside a real record, it means nothing */
	begin(2, 0);
	put_srv((struct numbers){ 0, 0, 0 }, 60, "");
	put_srv((struct numbers){ 1, 0, 80 }, 60, "a");
	ck_assert_str_eq(parsed(), "1 0 a:80\n");
	ck_assert(!answer->none);

	begin(0, 0);
	ck_assert_str_eq(parsed(), "");
	ck_assert(!answer->none);
}
END_TEST

START_TEST(refuses)
{
	char name[300];

	begin(1, 0);
	put_srv((struct numbers){ 1, 1, 0 }, 60, "a.internal");
	ck_assert_str_eq(parsed(), "a record has port 0");
	begin(1, 0);
	put_srv((struct numbers){ 1, 1, 1 }, 60, "a\"b.internal");
	ck_assert_str_eq(parsed(), "a target is no host name");
	memset(name, 'a', sizeof(name));
	for (size_t i = 50; i < 254; i += 51)
		name[i] = '.';
	name[254] = '\0';
	begin(1, 0);
	put_srv((struct numbers){ 1, 1, 1 }, 60, name);
	ck_assert_str_eq(parsed(), "a target is no host name");
	name[253] = '\0';
	begin(1, 0);
	put_srv((struct numbers){ 1, 1, 1 }, 60, name);
	ck_assert_uint_eq(strlen(parsed()), 253 + strlen("1 1 :1\n"));

	/* a pointer at itself */
	begin(1, 0);
	put_srv((struct numbers){ 1, 1, 1 }, 60, "ab");
	buf[len - 4] = 0xc0;
	buf[len - 3] = (unsigned char)(len - 4);
	ck_assert_str_eq(parsed(), "a target is no host name");

	/* cut off anywhere */
	begin(1, 1);
	put_srv((struct numbers){ 1, 1, 1 }, 60, "a");
	put_a("a", "\x0a\0\0\x03");
	ck_assert_str_eq(parsed(), "1 1 a:1\n");
	while (len-- > 0)
		ck_assert_str_eq(parsed(), "it is cut off");
}
END_TEST

START_TEST(has_bounds)
{
	begin(SRV_RECORDS_MAX, 600);
	for (unsigned i = 0; i < SRV_RECORDS_MAX; i++)
		put_srv((struct numbers){ 1, 1, 1000 + i }, 60, "a");
	for (unsigned i = 0; i < 600; i++)
		put_a("a", "\x0a\0\0\x03");
	(void)parsed();
	ck_assert_uint_eq(answer->records, SRV_RECORDS_MAX);
	ck_assert_uint_eq(answer->addresses, SRV_ADDRESSES_MAX);
	begin(SRV_RECORDS_MAX + 1, 0);
	for (unsigned i = 0; i < SRV_RECORDS_MAX + 1; i++)
		put_srv((struct numbers){ 1, 1, 1000 + i }, 60, "a");
	ck_assert_str_eq(parsed(), "too many");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("srv");
	TCase *tcase = tcase_create("srv");
	SRunner *runner;
	int failed;

	answer = malloc(sizeof(*answer));
	if (answer == NULL)
		return EXIT_FAILURE;
	tcase_add_test(tcase, takes_records);
	tcase_add_test(tcase, takes_no_service);
	tcase_add_test(tcase, refuses);
	tcase_add_test(tcase, has_bounds);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	free(answer);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
