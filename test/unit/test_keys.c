/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The table of keys: that it is sound, and that a key is found by its name and
 * by one like it.
 */
#include "lb4/config/keys.h"
#include "lb4/config/kinds.h"

#include <bsd/string.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "lb4/config/config.h"

START_TEST(test_table)
{
	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys_table[i];

		ck_assert_ptr_eq(keys_find(key->section, key->name), key);
		ck_assert_uint_le(key->low, key->high);
		ck_assert_ptr_nonnull(key->kind->parse);
		/* srv=NAME is printed in place of the address */
		ck_assert(key->kind->print != NULL || key->kind == &kind_srv);
		/* Each says what it means not to be given. */
		ck_assert_int_eq((key->preset != NULL) + (key->absent != NULL) +
			key->required,
		    1);
		/* It is compared with what people write. */
		ck_assert_uint_eq(nearest_distance(key->name, key->name), 0);
	}
}
END_TEST

static char changed[256];

static void
note_change(const struct key *key)
{
	strlcat(changed, key->name, sizeof(changed));
	strlcat(changed, " ", sizeof(changed));
}

/* What a process keeps over a reload is told, and what it does not, is not. */
START_TEST(test_fixed)
{
	static const char before_text[] =
	    "[global]\nuser = nobody\npidfile = /run/long.pid\n"
	    "relay = copy\npipe-size = 64k\ncpu-affinity = no\n"
	    "control-mode = 0660\nworkers = 2\n"
	    "[service s]\nlisten = :80\nbackend = a 192.0.2.1:80\n";
	static const char after_text[] =
	    "[global]\nuser = nobody\npidfile = /run/b.pid\n"
	    "relay = peek\npipe-size = 64k\ncpu-affinity = yes\n"
	    "control-mode = 0600\nworkers = 3\n"
	    "[service s]\nlisten = :80\nbackend = a 192.0.2.1:80\n";
	struct config_errors errors;
	struct config *before = config_parse("t", before_text,
	    strlen(before_text), &errors);
	struct config *after = config_parse("t", after_text, strlen(after_text),
	    &errors);

	/* what is behind the end of a text does not count */
	memcpy(after->user + sizeof("nobody"), "x", sizeof("x"));
	keys_keep_fixed(after, before, note_change);
	ck_assert_str_eq(changed, "cpu-affinity relay pidfile control-mode ");
	ck_assert(!after->cpu_affinity);
	ck_assert_int_eq(after->relay, RELAY_COPY);
	ck_assert_str_eq(after->pidfile, "/run/long.pid");
	ck_assert_uint_eq(after->control_mode, 0660);
	ck_assert_uint_eq(after->workers, 3);
	config_free(before);
	config_free(after);
}
END_TEST

/* A default is written as the dump writes it, so the manual can quote it. */
START_TEST(test_presets)
{
	union {
		struct config config;
		struct config_service service;
		struct config_backend backend;
	} object;
	char *text;
	size_t len;

	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys_table[i];
		FILE *out = open_memstream(&text, &len);

		memset(&object, 0, sizeof(object));
		keys_preset(key->section, &object);
		if (key->preset != NULL)
			key_print(key, &object, 0, out);
		fclose(out);
		if (key->preset != NULL)
			ck_assert_str_eq(text, key->preset);
		else
			ck_assert_uint_eq(key_count(key, &object), 0);
		free(text);
	}
}
END_TEST

START_TEST(test_nearest)
{
	static const struct {
		enum key_section section;
		const char *name;
		const char *nearest;
	} samples[] = {
		{ KEY_SERVICE, "listn", "listen" },
		{ KEY_SERVICE, "Listen", "listen" },
		{ KEY_SERVICE, "bakcend", "backend" },
		{ KEY_SERVICE, "backends", "backend" },
		{ KEY_SERVICE, "balanse", "balance" },
		{ KEY_SERVICE, "timeout", "timeout-connect" },
		{ KEY_SERVICE, "timeout-idel", "timeout-idle" },
		{ KEY_SERVICE, "check-path", "check" },
		{ KEY_SERVICE, "bind", "listen" },
		{ KEY_SERVICE, "server", "backend" },
		{ KEY_GLOBAL, "nbthread", "workers" },
		{ KEY_GLOBAL, "hard-stop-after", "shutdown-timeout" },
		{ KEY_GLOBAL, "maxcon", "maxconn" },
		{ KEY_GLOBAL, "lo", "log" },
		{ KEY_BACKEND, "wieght", "weight" },
		{ KEY_SERVICE, "xyz", NULL },
		{ KEY_SERVICE, "", NULL },
		{ KEY_SERVICE, "weight", NULL },
		{ KEY_GLOBAL, "foo", NULL },
		{ KEY_GLOBAL, "listen", NULL },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct key *key = keys_nearest(samples[i].section,
		    samples[i].name);

		ck_assert_pstr_eq(key != NULL ? key->name : NULL,
		    samples[i].nearest);
	}
}
END_TEST

START_TEST(test_list)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const char *at;

	config_keys_list(out);
	fclose(out);
	at = text;
	for (size_t i = 0; i < keys_count; i++) {
		char line[64];

		snprintf(line, sizeof(line), "%s %s\n",
		    keys_section_name(keys_table[i].section),
		    keys_table[i].name);
		ck_assert_int_eq(strncmp(at, line, strlen(line)), 0);
		at += strlen(line);
	}
	ck_assert_str_eq(at, "");
	ck_assert_ptr_nonnull(strstr(text, "global hash-seed\n"));
	ck_assert_ptr_nonnull(strstr(text, "service listen\n"));
	ck_assert_ptr_nonnull(strstr(text, "backend check-addr\n"));
	free(text);
}
END_TEST

static Suite *
keys_suite(void)
{
	Suite *suite = suite_create("keys");
	TCase *tc = tcase_create("keys");

	tcase_add_test(tc, test_table);
	tcase_add_test(tc, test_fixed);
	tcase_add_test(tc, test_presets);
	tcase_add_test(tc, test_nearest);
	tcase_add_test(tc, test_list);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(keys_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
