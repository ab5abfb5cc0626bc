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

	/* a file that is read again, and another process */
	copy = parse(LINES);
	ck_assert_int_eq(expand_carry(copy, config), 0);
	ck_assert_str_eq(show(&copy->service[0]), show(service));
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

int
main(void)
{
	Suite *suite = suite_create("expand");
	TCase *tcase = tcase_create("expand");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, makes_backends);
	tcase_add_test(tcase, dumps_lines);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
