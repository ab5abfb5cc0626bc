/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
#include "lb4/config/expand.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/textbuf.h"
#include "lb4/config/config.h"

static struct config *
parse(const char *lines)
{
	struct config_errors errors = { .count = 0 };
	char text[1024];
	int len = snprintf(text, sizeof(text),
	    "[service s]\nlisten = :80\nbalance = first\n%s", lines);
	struct config *config = config_parse("t", text, (size_t)len, &errors);

	ck_assert_msg(config != NULL, "%s",
	    errors.count > 0 ? errors.text[0] : "");
	return config;
}

static struct addr
ip(const char *text)
{
	struct addr addr;

	ck_assert_int_eq(addr_parse(&addr, text, ADDR_PORT_OPTIONAL, NULL), 0);
	return addr;
}

/* "NAME ADDRESS order" of each backend, in the order of the file. */
static const char *
show(const struct config_service *service)
{
	static char text[1024];
	char addr[ADDR_TEXT_MAX];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned order = 0; order < service->backends; order++)
		for (size_t i = 0; i < service->backends; i++)
			if (service->backend[i].order == order)
				len += (size_t)snprintf(text + len,
				    sizeof(text) - len, "%s %s\n",
				    service->backend[i].name,
				    addr_format(&service->backend[i].addr, addr,
					sizeof(addr)));
	return text;
}

static bool
set(struct config_service *service, size_t index, const char *one,
    const char *two)
{
	struct addr addr[2];
	size_t count = 0;
	bool changed;

	if (one != NULL)
		addr[count++] = ip(one);
	if (two != NULL)
		addr[count++] = ip(two);
	ck_assert_int_eq(expand_set(service, index, addr, count, &changed), 0);
	return changed;
}

#define LINES \
	"backend = a 192.0.2.1:80\n" \
	"backend = app app.example:8080 weight=2 resolve=all\n" \
	"backend = one One.Example\n" \
	"backend = z 192.0.2.9:80\n"

START_TEST(makes_backends)
{
	struct config *config = parse(LINES), *copy;
	struct config_service *service = &config->service[0];

	ck_assert_uint_eq(service->hosts, 2);
	ck_assert_str_eq(service->host[1].host, "one.example");
	ck_assert_str_eq(show(service),
	    "a 192.0.2.1:80\napp \none \nz 192.0.2.9:80\n");
	ck_assert(!set(service, 0, NULL, NULL));
	ck_assert(set(service, 0, "10.0.0.2", "[2001:db8::1]"));
	ck_assert(set(service, 1, "10.0.0.5", NULL));
	ck_assert_str_eq(show(service),
	    "a 192.0.2.1:80\napp/10.0.0.2 10.0.0.2:8080\n"
	    "app/2001:db8::1 [2001:db8::1]:8080\none 10.0.0.5:0\n"
	    "z 192.0.2.9:80\n");
	ck_assert(!set(service, 0, "[2001:db8::1]", "10.0.0.2"));

	/* who stays keeps what an operator has changed */
	for (size_t i = 0; i < service->backends; i++)
		if (strcmp(service->backend[i].name, "app/10.0.0.2") == 0)
			service->backend[i].weight = 7;
	ck_assert(set(service, 0, "10.0.0.2", NULL));
	for (size_t i = 0; i < service->backends; i++)
		if (strcmp(service->backend[i].name, "app/10.0.0.2") == 0)
			ck_assert_uint_eq(service->backend[i].weight, 7);

	/* the only address changes: so does that of a backend of that name */
	for (size_t i = 0; i < service->backends; i++)
		if (strcmp(service->backend[i].name, "one") == 0)
			service->backend[i].weight = 5;
	ck_assert(set(service, 1, "10.0.0.6", NULL));
	ck_assert(set(service, 1, "10.0.0.5", NULL));
	for (size_t i = 0; i < service->backends; i++)
		if (strcmp(service->backend[i].name, "one") == 0)
			ck_assert_uint_eq(service->backend[i].weight, 5);

	/* a file that is read again, and another process */
	copy = parse(LINES);
	ck_assert_int_eq(expand_carry(copy, config), 0);
	ck_assert_str_eq(show(&copy->service[0]), show(service));
	config_free(copy);
	copy = parse("backend = a 192.0.2.1:80\n"
		     "backend = app other.example:8080 weight=2 resolve=all\n"
		     "backend = one One.Example\n"
		     "backend = z z.example:80\n");
	ck_assert_int_eq(expand_carry(copy, config), 0);
	ck_assert_str_eq(show(&copy->service[0]),
	    "a 192.0.2.1:80\napp \none 10.0.0.5:0\nz \n");
	config_free(copy);
	copy = parse("backend = app app.example:99\n");
	ck_assert_int_eq(expand_carry(copy, config), 0);
	ck_assert_str_eq(show(&copy->service[0]), "app \n");
	config_free(copy);
	config_free(config);
}
END_TEST

/* The dump has the lines, in their order, and reads back as the same. */
START_TEST(dumps_lines)
{
	struct config *config = parse(LINES), *back;
	struct config_errors errors = { .count = 0 };
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);
	const char *at;

	(void)set(&config->service[0], 0, "10.0.0.2", "10.0.0.3");
	config_dump(config, out);
	ck_assert_int_eq(textbuf_close(&buf), 0);
	at = strstr(buf.text, "backend = a ");
	ck_assert_ptr_nonnull(at);
	ck_assert_str_ne(at, "");
	at = strstr(at, "backend = app app.example:8080 weight=2 maxconn=0 ");
	ck_assert_ptr_nonnull(at);
	at = strstr(at, "resolve=all\nbackend = one one.example weight=1");
	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_nonnull(strstr(at, "\nbackend = z "));
	ck_assert_ptr_null(strstr(buf.text, "10.0.0.2"));
	back = config_parse("dump", buf.text, buf.len, &errors);
	ck_assert_ptr_nonnull(back);
	ck_assert_uint_eq(back->service[0].hosts, 2);
	config_free(back);
	textbuf_done(&buf);
	config_free(config);
}
END_TEST

/* The weights of records of one rank. */
START_TEST(weighs)
{
	ck_assert_uint_eq(expand_weight(60, 60, 2, false), 60);
	ck_assert_uint_eq(expand_weight(256, 256, 2, false), 256);
	/* all are 0 */
	ck_assert_uint_eq(expand_weight(0, 0, 3, true), 1);
	/* one is 0: it has little to do */
	ck_assert_uint_eq(expand_weight(0, 2, 3, true), 1);
	ck_assert_uint_eq(expand_weight(1, 2, 3, true), 128);
	ck_assert_uint_eq(expand_weight(2, 2, 3, true), 256);
	/* large ones */
	ck_assert_uint_eq(expand_weight(65535, 65535, 2, false), 256);
	ck_assert_uint_eq(expand_weight(32768, 65535, 2, false), 128);
	ck_assert_uint_eq(expand_weight(1, 65535, 2, false), 1);
	ck_assert_uint_eq(expand_weight(0, 65535, 2, true), 1);
	/* many */
	ck_assert_uint_eq(expand_weight(100, 100, 256, false), 39);
	ck_assert_uint_eq(expand_weight(50, 100, 256, false), 20);
}
END_TEST

#define SRV_LINES \
	"backend = a 192.0.2.1:80\n" \
	"backend = pg srv=_PG._tcp.Example\n" \
	"backend = z 192.0.2.9:80\n"

static struct expand_record
record(const char *target, unsigned priority, unsigned weight, const char *addr)
{
	struct expand_record made = {
		.target = target,
		.priority = priority,
		.weight = weight,
		.port = 5432,
	};

	if (addr != NULL)
		made.addr = ip(addr);
	return made;
}

static bool
set_records(struct config_service *service, const struct expand_record *list,
    size_t count)
{
	bool changed;

	ck_assert_int_eq(expand_set_records(service, 0, list, count, &changed),
	    0);
	return changed;
}

static const struct config_backend *
pg(const struct config_service *service, const char *target)
{
	const struct config_backend *found = expand_find(service, 0, target,
	    5432);

	ck_assert_ptr_nonnull(found);
	return found;
}

START_TEST(makes_backends_of_records)
{
	struct config *config = parse(SRV_LINES), *copy;
	struct config_service *service = &config->service[0];
	struct expand_record list[] = {
		record("one.example", 10, 60, "10.0.0.1"),
		record("two.example", 10, 30, NULL),
		record("spare.example", 20, 0, "10.0.0.3"),
	};

	ck_assert_str_eq(service->host[0].host, "_pg._tcp.example");
	ck_assert_str_eq(show(service),
	    "a 192.0.2.1:80\npg \nz 192.0.2.9:80\n");
	ck_assert(set_records(service, list, 3));
	ck_assert_str_eq(show(service),
	    "a 192.0.2.1:80\npg/one.example:5432 10.0.0.1:5432\n"
	    "pg/spare.example:5432 10.0.0.3:5432\nz 192.0.2.9:80\n");
	ck_assert_uint_eq(pg(service, "one.example")->weight, 60);
	ck_assert(!pg(service, "one.example")->backup);
	ck_assert_uint_eq(pg(service, "spare.example")->weight, 1);
	ck_assert(pg(service, "spare.example")->backup);
	ck_assert(!set_records(service, list, 3));

	/* an address that is not known any more stays; so does the weight that
	 * an operator has set, until the record has another one */
	for (size_t i = 0; i < service->backends; i++)
		if (&service->backend[i] == pg(service, "one.example"))
			service->backend[i].weight = 7;
	list[0].addr.len = 0;
	list[1].addr = ip("10.0.0.2");
	ck_assert(set_records(service, list, 3));
	ck_assert_str_eq(show(service),
	    "a 192.0.2.1:80\npg/one.example:5432 10.0.0.1:5432\n"
	    "pg/two.example:5432 10.0.0.2:5432\n"
	    "pg/spare.example:5432 10.0.0.3:5432\nz 192.0.2.9:80\n");
	ck_assert_uint_eq(pg(service, "one.example")->weight, 7);
	list[0].weight = 90;
	ck_assert(set_records(service, list, 3));
	ck_assert_uint_eq(pg(service, "one.example")->weight, 90);

	/* a file that is read again */
	copy = parse(SRV_LINES);
	ck_assert_int_eq(expand_carry(copy, config), 0);
	ck_assert_str_eq(show(&copy->service[0]), show(service));
	ck_assert_uint_eq(pg(&copy->service[0], "one.example")->weight, 90);
	ck_assert(pg(&copy->service[0], "spare.example")->backup);
	config_free(copy);
	copy = parse("backend = pg pg.example:99 resolve=all\n");
	ck_assert_int_eq(expand_carry(copy, config), 0);
	ck_assert_str_eq(show(&copy->service[0]), "pg \n");
	config_free(copy);

	/* records without any address change nothing; none at all do */
	list[0].target = "other.example";
	ck_assert(!set_records(service, list, 1));
	ck_assert(set_records(service, list, 0));
	ck_assert_str_eq(show(service),
	    "a 192.0.2.1:80\npg \nz 192.0.2.9:80\n");
	config_free(config);
}
END_TEST

/* A target that is too long for a name is cut, and stays unique. */
START_TEST(cuts_targets)
{
	struct config *config = parse(SRV_LINES);
	struct config_service *service = &config->service[0];
	char one[] = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee.y.one";
	char two[] = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee.y.two";
	const struct expand_record list[] = {
		record(one, 10, 1, "10.0.0.1"),
		record(two, 10, 1, "10.0.0.2"),
	};

	ck_assert(set_records(service, list, 2));
	ck_assert_uint_eq(strlen(pg(service, one)->name), CONFIG_NAME_MAX - 1);
	ck_assert_str_eq(strrchr(pg(service, one)->name, ':'), ":5432");
	ck_assert_ptr_nonnull(strchr(pg(service, one)->name, '~'));
	ck_assert_str_ne(pg(service, one)->name, pg(service, two)->name);
	config_free(config);
}
END_TEST

START_TEST(dumps_records)
{
	struct config *config = parse(SRV_LINES), *back;
	struct config_errors errors = { .count = 0 };
	const struct expand_record list[] = {
		record("one.example", 10, 60, "10.0.0.1"),
	};
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);

	ck_assert(set_records(&config->service[0], list, 1));
	config_dump(config, out);
	ck_assert_int_eq(textbuf_close(&buf), 0);
	ck_assert_ptr_nonnull(strstr(buf.text,
	    "backend = pg srv=_pg._tcp.example maxconn=0"));
	ck_assert_ptr_null(strstr(buf.text, "10.0.0.1"));
	back = config_parse("dump", buf.text, buf.len, &errors);
	ck_assert_ptr_nonnull(back);
	ck_assert(back->service[0].host[0].line.of_srv);
	config_free(back);
	textbuf_done(&buf);
	config_free(config);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("expand");
	TCase *tcase = tcase_create("expand");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, makes_backends);
	tcase_add_test(tcase, dumps_lines);
	tcase_add_test(tcase, weighs);
	tcase_add_test(tcase, makes_backends_of_records);
	tcase_add_test(tcase, cuts_targets);
	tcase_add_test(tcase, dumps_records);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
