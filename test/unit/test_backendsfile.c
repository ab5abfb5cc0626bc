/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
#include "lb4/config/backendsfile.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/textbuf.h"
#include "lb4/config/config.h"

static char dir[] = P_tmpdir "/lb4-backendsfile-XXXXXX";
static char path[sizeof(dir) + 16], ini[sizeof(dir) + 16];

static void
make_dir(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/list", dir);
	(void)snprintf(ini, sizeof(ini), "%s/ini", dir);
}

static void
remove_dir(void)
{
	(void)unlink(path);
	(void)unlink(ini);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void
write_file(const char *name, const char *text, size_t len)
{
	FILE *file = fopen(name, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

static void
write_ini(const char *lines)
{
	char text[1024];
	int len = snprintf(text, sizeof(text),
	    "[service s]\nlisten = :80\nbackends-file = %s\n%s", path, lines);

	write_file(ini, text, (size_t)len);
}

/* The configuration with that list; NULL with the errors. */
static struct config *
load(const char *list, const char *lines, struct config_errors *errors)
{
	memset(errors, 0, sizeof(*errors));
	write_file(path, list, strlen(list));
	write_ini(lines);
	return config_load(ini, errors);
}

START_TEST(lists_backends)
{
	static const char list[] = "# ours\n"
				   "z 192.0.2.3:80 weight=2 ; heavy\n"
				   "\n"
				   "\t ; nothing\n"
				   "  a [2001:db8::1]:80 backup\r\n"
				   "m 192.0.2.4:80";
	struct config_errors errors;
	struct config *config = load(list,
	    "backend = own 192.0.2.1:80\nbalance = first\n", &errors);
	const struct config_service *service;
	static const struct {
		const char *name;
		unsigned order;
	} want[] = { { "a", 2 }, { "m", 3 }, { "own", 0 }, { "z", 1 } };
	struct config *copy;
	struct textbuf buf;
	FILE *out;

	ck_assert_ptr_nonnull(config);
	service = &config->service[0];
	ck_assert_uint_eq(service->backends, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_str_eq(service->backend[i].name, want[i].name);
		ck_assert_uint_eq(service->backend[i].order, want[i].order);
		ck_assert(service->backend[i].in_file == (i != 2));
	}
	ck_assert(service->backend[0].backup);
	ck_assert_uint_eq(service->backend[3].weight, 2);

	/* the dump names the file, and not what is in it */
	out = textbuf_open(&buf);
	config_dump(config, out);
	ck_assert_int_eq(textbuf_close(&buf), 0);
	ck_assert_ptr_nonnull(strstr(buf.text, "backends-file = /"));
	ck_assert_ptr_nonnull(strstr(buf.text, "backend = own "));
	ck_assert_ptr_null(strstr(buf.text, "backend = z "));
	textbuf_done(&buf);

	copy = config_copy(config);
	ck_assert(backendsfile_equal(&copy->service[0], service));
	copy->service[0].backend[3].weight = 3;
	ck_assert(!backendsfile_equal(&copy->service[0], service));
	config_free(copy);
	config_free(config);
}
END_TEST

/* Each is refused as a whole, with the place and the reason. */
START_TEST(refuses)
{
	static const struct {
		const char *list, *lines, *error;
	} want[] = {
		{ "a 192.0.2.1:80\nb 1.2.3\n", "",
		    ":2: [service s] backend: \"1.2.3\"" },
		{ "a app.example:80\n", "",
		    ":1: [service s] backend: a name that DNS resolves: give an address" },
		{ "a 192.0.2.1:80 weigth=2\n", "",
		    ":1: [service s] backend: unknown option \"weigth\": did" },
		{ "a 192.0.2.1:80\n\na 192.0.2.2:80\n", "",
		    ":3: [service s] backend: the name a is taken by line 1" },
		{ "own 192.0.2.2:80\n", "backend = own 192.0.2.1:80\n",
		    ":1: [service s] backend: the name own is taken by a "
		    "backend of the configuration" },
		{ "# none\n", "backend = own 192.0.2.1:80\n",
		    ": [service s]: no backend: add one, or set" },
		{ "", "backends-file-empty = yes\n",
		    ": [service s]: no backend, and the service has no other" },
	};
	struct config_errors errors;

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		ck_assert_ptr_null(load(want[i].list, want[i].lines, &errors));
		ck_assert_uint_eq(errors.count, 1);
		ck_assert_mem_eq(errors.text[0], path, strlen(path));
		ck_assert_msg(strncmp(errors.text[0] + strlen(path),
				  want[i].error, strlen(want[i].error)) == 0,
		    "%s", errors.text[0]);
		config_errors_done(&errors);
	}
}
END_TEST

/* A list that is refused changes nothing in the service. */
START_TEST(all_or_nothing)
{
	static const char zeros[] = "b 192.0.2.2:80\n\0\n";
	struct config_errors errors;
	struct config *config = load("a 192.0.2.1:80\n",
	    "backend = own 192.0.2.9:80\nbackends-file-empty = yes\n", &errors);
	struct config_service *service = &config->service[0];

	write_file(path, zeros, sizeof(zeros) - 1);
	ck_assert_int_eq(backendsfile_read(service, &errors), -EINVAL);
	ck_assert_ptr_nonnull(strstr(errors.text[0], ":2: [service s]: a NUL"));
	config_errors_done(&errors);
	(void)unlink(path);
	memset(&errors, 0, sizeof(errors));
	ck_assert_int_eq(backendsfile_read(service, &errors), -EINVAL);
	ck_assert_uint_eq(errors.count, 1);
	config_errors_done(&errors);
	ck_assert_uint_eq(service->backends, 2);
	ck_assert_str_eq(service->backend[0].name, "a");

	write_file(path, "", 0);
	memset(&errors, 0, sizeof(errors));
	ck_assert_int_eq(backendsfile_read(service, &errors), 0);
	ck_assert_uint_eq(service->backends, 1);
	config_free(config);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("backendsfile");
	TCase *tcase = tcase_create("backendsfile");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, make_dir, remove_dir);
	tcase_add_test(tcase, lists_backends);
	tcase_add_test(tcase, refuses);
	tcase_add_test(tcase, all_or_nothing);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
