/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checksums of configurations: equal for what says the same in another way or
 * differs in what is a node's own, and different for anything else.
 */
#include "lb4/config/fingerprint.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/config.h"
#include "lb4/config/keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct config *
parse(const char *text)
{
	struct config_errors errors;
	struct config *config = config_parse("t.ini", text, strlen(text),
	    &errors);

	ck_assert_msg(config != NULL, "%s: %s", text,
	    errors.count > 0 ? errors.text[0] : "no error");
	config_errors_done(&errors);
	return config;
}

static uint64_t
of_service(const char *text)
{
	struct config *config = parse(text);
	uint64_t sum;

	ck_assert_int_eq(fingerprint_service(&config->service[0], &sum), 0);
	config_free(config);
	return sum;
}

static uint64_t
of_global(const char *lines)
{
	struct config *config;
	char text[512];
	uint64_t sum;

	snprintf(text, sizeof(text),
	    "[global]\n%s\n[service s]\nlisten = :80\n"
	    "backend = a 127.0.0.1:81\n",
	    lines);
	config = parse(text);
	ck_assert_int_eq(fingerprint_global(config, &sum), 0);
	config_free(config);
	return sum;
}

#define SERVICE "[service s]\nlisten = :80\n"
#define A "backend = a 10.0.0.1:81\n"
#define B "backend = b 10.0.0.2:81\n"

START_TEST(test_same)
{
	static const char *const same[] = {
		SERVICE A B,
		SERVICE B A,
		"[service s]\n" B A "listen=:80\n",
		SERVICE A B "balance = 4tuple\nretries = 3\n",
		SERVICE "backend = a 10.0.0.1:81 weight=1\n" B,
		SERVICE A B "timeout-idle = 60m\n",
		"[global]\nworkers = 3\n" SERVICE A B,
	};

	for (size_t i = 1; i < COUNT(same); i++)
		ck_assert_msg(of_service(same[i]) == of_service(same[0]), "%s",
		    same[i]);
}
END_TEST

START_TEST(test_different)
{
	static const char *const all[] = {
		SERVICE A B,
		SERVICE A,
		SERVICE B,
		"[service t]\nlisten = :80\n" A B,
		"[service s]\nlisten = :81\n" A B,
		SERVICE "listen = :81\n" A B,
		SERVICE A "backend = b 10.0.0.3:81\n",
		SERVICE A "backend = c 10.0.0.2:81\n",
		SERVICE A "backend = b 10.0.0.2:81 weight=2\n",
		SERVICE A "backend = b 10.0.0.2:81 backup\n",
		SERVICE A "backend = b 10.0.0.2:81 zone=b\n",
		SERVICE A B "balance = source\n",
		SERVICE A B "check = tcp\n",
		SERVICE A B "check = tcp\nfall = 2\n",
		SERVICE A B "timeout-idle = 61m\n",
		SERVICE A B "freebind = yes\n",
		/* what was the one's is the other's */
		SERVICE "backend = a 10.0.0.2:81\nbackend = b 10.0.0.1:81\n",
	};

	for (size_t i = 0; i < COUNT(all); i++)
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(of_service(all[i]) != of_service(all[j]),
			    "%s\n%s", all[i], all[j]);
}
END_TEST

/* What each key of [global] may be, other than its default. */
START_TEST(test_global)
{
	static const struct {
		const char *line;
		bool own;
	} keys[] = {
		{ "workers = 3", true },
		{ "cpu-affinity = no", true },
		{ "worker-rebalance = yes", true },
		{ "incoming-cpu = yes", true },
		{ "spin = 50", true },
		{ "busy-poll = 50", true },
		{ "maxconn = 10", true },
		{ "rate = 10/s", true },
		{ "maxpipes = 10", true },
		{ "pipe-size = 64k", true },
		{ "stalled-memory = 64m", true },
		{ "relay = copy", true },
		{ "hash-seed = 000102030405060708090a0b0c0d0e0f", true },
		{ "hash-seed-file = /run/seed", true },
		{ "user = nobody", true },
		{ "pidfile = /run/x", true },
		{ "control = /run/s", true },
		{ "control-owner = nobody", true },
		{ "control-group = nogroup", true },
		{ "control-mode = 0666", true },
		{ "control-read = a", true },
		{ "control-operate = a", true },
		{ "control-admin = a", true },
		{ "metrics = 127.0.0.1:9404", true },
		{ "log = syslog", true },
		{ "log-level = debug", true },
		{ "access-log = syslog", true },
		{ "access-format = json", true },
		{ "access-log-start = yes", true },
		{ "access-log-every = 10m", true },
		{ "access-log-sample = 1/2", true },
		{ "shutdown-timeout = 31s", false },
		{ "on-change = /bin/true", true },
		{ "on-change-timeout = 31s", true },
		{ "resolver = 192.0.2.53", true },
		{ "resolve-min = 2s", true },
		{ "resolve-max = 2m", true },
	};
	size_t globals = 0;

	for (size_t i = 0; i < COUNT(keys); i++)
		ck_assert_msg((of_global(keys[i].line) == of_global("")) ==
			keys[i].own,
		    "%s", keys[i].line);
	/* a new key: decide whether it is a node's own, and put it here */
	for (size_t i = 0; i < keys_count; i++)
		globals += keys_table[i].section == KEY_GLOBAL;
	ck_assert_uint_eq(globals, COUNT(keys));
}
END_TEST

START_TEST(test_seed)
{
	static const char *const seeds[] = {
		"00112233445566778899aabbccddeeff",
		"00112233445566778899aabbccddeefe",
		"10112233445566778899aabbccddeeff",
	};
	uint64_t sum[COUNT(seeds)];

	for (size_t i = 0; i < COUNT(seeds); i++) {
		char text[256];
		struct config *config;

		snprintf(text, sizeof(text),
		    "[global]\nhash-seed = %s\n" SERVICE A, seeds[i]);
		config = parse(text);
		sum[i] = fingerprint_seed(config);
		ck_assert(sum[i] != config->hash_seed.k0);
		ck_assert(sum[i] != config->hash_seed.k1);
		ck_assert(sum[i] == fingerprint_seed(config));
		config_free(config);
	}
	ck_assert(sum[0] != sum[1] && sum[0] != sum[2] && sum[1] != sum[2]);
}
END_TEST

START_TEST(test_seed_matters)
{
	static const struct {
		const char *balance;
		bool matters;
	} all[] = {
		{ "4tuple", true },
		{ "source", true },
		{ "roundrobin", false },
		{ "leastconn", false },
		{ "random", false },
		{ "first", false },
	};

	for (size_t i = 0; i < COUNT(all); i++) {
		char text[256];
		struct config *config;

		snprintf(text, sizeof(text), SERVICE A "balance = %s\n",
		    all[i].balance);
		config = parse(text);
		ck_assert_msg(fingerprint_seed_matters(config) ==
			all[i].matters,
		    "%s", all[i].balance);
		config_free(config);
	}
	ck_assert_uint_eq(COUNT(all), BALANCE_COUNT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fingerprint");
	TCase *tcase = tcase_create("fingerprint");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, test_same);
	tcase_add_test(tcase, test_different);
	tcase_add_test(tcase, test_global);
	tcase_add_test(tcase, test_seed);
	tcase_add_test(tcase, test_seed_matters);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
