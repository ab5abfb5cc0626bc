/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checksums, and questions to a configuration that is not running: what they
 * tell is what a pick does.
 */
#include "lb4/whatif/offline.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/balance/pick.h"
#include "policy_sim.h"
#include "table_config.h"

#define CLIENTS 1000

static const struct hash_key other_seed = { 3, 4 };

/* Publishes the simulation's changed configuration; its new checksum. */
static uint64_t
checksum_after(struct sim *sim, const struct hash_key *seed)
{
	sim_publish(sim, seed);
	return sim->service->checksum;
}

/* The same file in another order, by another route: the same.  All that
 * decides a client's place: another. */
START_TEST(checksum_tells_places)
{
	struct sim *sim = sim_new(BALANCE_SOURCE, 10, NULL);
	struct config_service *config = sim_config(sim);
	const uint64_t sum = sim->service->checksum;
	struct config_backend *backend = &config->backend[3];

	table_config_shuffle(config, 7);
	ck_assert_uint_eq(checksum_after(sim, &sim_seed), sum);
	sim_set_down(sim, 2, true);
	sim_set_admin(sim, 3, ADMIN_DRAIN);
	addr_set_port(&backend->addr, 4711);
	ck_assert_uint_eq(checksum_after(sim, &sim_seed), sum);

	ck_assert_uint_ne(checksum_after(sim, &other_seed), sum);
	backend->weight = 2;
	ck_assert_uint_ne(checksum_after(sim, &sim_seed), sum);
	backend->weight = 1;
	backend->backup = true;
	ck_assert_uint_ne(checksum_after(sim, &sim_seed), sum);
	backend->backup = false;
	backend->name[0] = 'x';
	ck_assert_uint_ne(checksum_after(sim, &sim_seed), sum);
	backend->name[0] = 'a';
	config->settings.source_prefix4 = 24;
	ck_assert_uint_ne(checksum_after(sim, &sim_seed), sum);
	config->settings.source_prefix4 = 32;
	config->settings.max_load = 125;
	ck_assert_uint_ne(checksum_after(sim, &sim_seed), sum);
	config->settings.max_load = 0;
	config->settings.balance = BALANCE_4TUPLE;
	ck_assert_uint_ne(checksum_after(sim, &sim_seed), sum);
	config->settings.balance = BALANCE_SOURCE;
	ck_assert_uint_eq(checksum_after(sim, &sim_seed), sum);
	sim_free(sim);
}
END_TEST

/* Where nothing is hashed by the client the seed means nothing; for `first`
 * the order does. */
START_TEST(checksum_without_seed)
{
	struct sim *sim = sim_new(BALANCE_FIRST, 10, NULL);
	const uint64_t sum = sim->service->checksum;

	ck_assert_uint_eq(checksum_after(sim, &other_seed), sum);
	sim_config(sim)->backend[0].order = 1;
	sim_config(sim)->backend[1].order = 0;
	ck_assert_uint_ne(checksum_after(sim, &sim_seed), sum);
	sim_free(sim);
}
END_TEST

START_TEST(clients_as_they_are_written)
{
	static const struct {
		const char *text;
		uint16_t port;
		uint8_t family;
		uint8_t last; /* byte of the address */
	} good[] = {
		{ "192.0.2.7", 0, AF_INET, 7 },
		{ "192.0.2.7:80", 80, AF_INET, 7 },
		{ "2001:db8::9", 0, AF_INET6, 9 },
		{ "[2001:db8::9]", 0, AF_INET6, 9 },
		{ "[2001:db8::9]:80", 80, AF_INET6, 9 },
		{ "[::ffff:192.0.2.7]:80", 80, AF_INET, 7 },
	};
	static const char *const bad[] = { "", ":80", "unix", "unix:/run/x",
		"name", "1.2.3", "1.2.3.4:port", "1:2:3", "-" };
	struct endpoint client;
	const char *why;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_int_eq(offline_client_parse(&client, good[i].text,
				     &why),
		    0);
		ck_assert_uint_eq(client.port, good[i].port);
		ck_assert_uint_eq(client.family, good[i].family);
		ck_assert_uint_eq(client.ip[15], good[i].last);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why = NULL;
		ck_assert_int_lt(offline_client_parse(&client, bad[i], &why),
		    0);
		ck_assert_ptr_nonnull(why);
	}
}
END_TEST

/* What is written, and what is complained of, as text. */
struct told {
	char *out;
	char *err;
	int error;
};

static void
told_free(struct told *told)
{
	free(told->out);
	free(told->err);
}

static struct told
explain(const struct config *config, struct offline_explain question,
    const char *in)
{
	struct told told = { NULL, NULL, 0 };
	size_t size;
	FILE *out = open_memstream(&told.out, &size);
	FILE *err = open_memstream(&told.err, &size);

	question.in = in != NULL
	    ? fmemopen((void *)(uintptr_t)in, strlen(in), "r")
	    : NULL;
	told.error = offline_explain(config, &question, out, err);
	if (question.in != NULL)
		fclose(question.in);
	fclose(out);
	fclose(err);
	return told;
}

static struct sim *
sim_new_seeded(enum balance balance, size_t count)
{
	struct sim *sim = sim_new(balance, count, NULL);

	sim->config->hash_seed = sim_seed;
	sim->config->hash_seed_set = true;
	return sim;
}

/* A thousand clients at once, with two backends down. */
START_TEST(explain_is_the_pick)
{
	static const char *const down[] = { "web/app0001", "web/app0003" };
	const struct offline_explain question = {
		.service = "web",
		.client = "-",
		.down = down,
		.downs = 2,
	};
	struct sim *sim = sim_new_seeded(_i == 0 ? BALANCE_SOURCE
						 : BALANCE_4TUPLE,
	    5);
	char *in, *want;
	size_t size;
	FILE *in_file = open_memstream(&in, &size);
	FILE *want_file = open_memstream(&want, &size);
	struct told told;

	sim_set_down(sim, 1, true);
	sim_set_down(sim, 3, true);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct pick pick = sim_client(i);
		int index = pick_find(sim->service, &pick);
		char text[ENDPOINT_TEXT_MAX];

		endpoint_format(&pick.client, text, sizeof(text));
		fprintf(in_file, "%s\n", text);
		fprintf(want_file, "%s %s\n", text,
		    sim_backend(sim, (size_t)index)->name);
	}
	fclose(in_file);
	fclose(want_file);
	told = explain(sim->config, question, in);
	ck_assert_int_eq(told.error, 0);
	ck_assert_str_eq(told.out, want);
	ck_assert_str_eq(told.err, "");
	told_free(&told);
	free(in);
	free(want);
	sim_free(sim);
}
END_TEST

/* The slots in the order in which they were looked at, each with the reason;
 * the last one's backend is the answer. */
START_TEST(explain_in_words)
{
	struct offline_explain question = {
		.service = "web",
		.client = "192.0.2.7",
	};
	struct sim *sim = sim_new_seeded(BALANCE_SOURCE, 2);
	char down[2 * CONFIG_NAME_MAX];
	const char *down_list[] = { down };
	struct told told = explain(sim->config, question, NULL);
	char first[CONFIG_NAME_MAX];
	const char *second;
	char want[200];
	const char *slot;

	ck_assert_int_eq(told.error, 0);
	ck_assert_ptr_nonnull(strstr(told.out,
	    "\nkey        00000000000000000000ffffc0000207\n"));
	slot = strstr(told.out, "\nslot ");
	ck_assert_ptr_nonnull(slot);
	ck_assert_int_eq(sscanf(slot, " slot %*u of 4099: %63[^:]: usable",
			     first),
	    1);
	snprintf(want, sizeof(want), "\nbackend    %s 127.0.0.1:", first);
	ck_assert_ptr_nonnull(strstr(told.out, want));
	told_free(&told);

	snprintf(down, sizeof(down), "web/%s", first);
	question.down = down_list;
	question.downs = 1;
	told = explain(sim->config, question, NULL);
	snprintf(want, sizeof(want), ": %s: down\n", first);
	ck_assert_ptr_nonnull(strstr(told.out, want));
	second = strcmp(first, "app0000") == 0 ? "app0001" : "app0000";
	snprintf(want, sizeof(want), ": %s: usable\nbackend    %s ", second,
	    second);
	ck_assert_ptr_nonnull(strstr(told.out, want));
	told_free(&told);
	sim_free(sim);
}
END_TEST

START_TEST(explain_without_an_answer)
{
	struct offline_explain question = { .service = "web",
		.client = "192.0.2.7" };
	struct sim *sim = sim_new(BALANCE_SOURCE, 2, NULL);
	struct told told = explain(sim->config, question, NULL);

	/* A drawn seed: told so. */
	ck_assert_int_eq(told.error, 0);
	ck_assert_ptr_nonnull(strstr(told.err, "no hash-seed"));
	told_free(&told);

	sim->config->hash_seed_set = true;
	question.client = "-";
	told = explain(sim->config, question, "192.0.2.7\nnobody\n");
	ck_assert_int_lt(told.error, 0);
	ck_assert_ptr_nonnull(strstr(told.err, "line 2: "));
	told_free(&told);

	sim_config(sim)->settings.balance = BALANCE_ROUNDROBIN;
	told = explain(sim->config, question, "192.0.2.7\n");
	ck_assert_int_lt(told.error, 0);
	ck_assert_str_eq(told.out, "");
	told_free(&told);
	question.client = "192.0.2.7";
	told = explain(sim->config, question, NULL);
	ck_assert_int_eq(told.error, 0);
	ck_assert_ptr_nonnull(strstr(told.out, "backend    any of "));
	told_free(&told);
	sim_free(sim);
}
END_TEST

/* Simulates a change of `before` to `after`; the share that moved, -1 when
 * none was told. */
static double
simulate(const struct config *before, const struct config *after, char **text)
{
	size_t size;
	FILE *out = open_memstream(text, &size);
	const struct offline_simulate question = {
		.before = before,
		.after = after,
		.tell = offline_print_simulated,
		.owner = out,
	};
	const char *line;
	double moved = -1;

	ck_assert_int_eq(offline_simulate(&question, stderr), 0);
	fclose(out);
	line = strstr(*text, "  moved ");
	ck_assert_ptr_nonnull(line);
	if (sscanf(line, " moved %lf %%", &moved) != 1)
		moved = -1;
	return moved;
}

/* Two simulations with different clients agree within 0.1 points. */
START_TEST(simulate_predicts)
{
	struct sim *before = sim_new_seeded(BALANCE_SOURCE, 10);
	struct sim *after = sim_new_seeded(BALANCE_SOURCE, 11);
	const uint32_t count = sim_clients();
	uint32_t moved = 0;
	char *text;
	double told = simulate(before->config, after->config, &text);

	for (uint32_t i = 0; i < count; i++) {
		struct pick pick = sim_client(i);

		moved += pick_find(before->service, &pick) !=
		    pick_find(after->service, &pick);
	}
	sim_report("moved %.3f %%, told %.2f %%", 100.0 * moved / count, told);
	ck_assert_double_eq_tol(told, 100.0 * moved / count, 0.1);
	ck_assert_double_le(told, 100 * 2.0 / 11);
	ck_assert_double_ge(told, 100 * 1.0 / 11 - 0.1);
	free(text);

	/* Nothing changes; all change their seed. */
	ck_assert(simulate(before->config, before->config, &text) == 0);
	free(text);
	after->config->hash_seed = other_seed;
	told = simulate(before->config, after->config, &text);
	ck_assert_double_ge(told, 89);
	free(text);
	sim_free(before);
	sim_free(after);
}
END_TEST

/* Conns that come and stay, by weight. */
START_TEST(simulate_policies_that_count)
{
	static const unsigned weights[] = { 1, 3 };
	struct sim *before = sim_new(BALANCE_LEASTCONN, 2, weights);
	char *text;

	ck_assert(simulate(before->config, before->config, &text) == -1);
	ck_assert_ptr_nonnull(strstr(text, "   25.00 %   25.00 %\n"));
	ck_assert_ptr_nonnull(strstr(text, "   75.00 %   75.00 %\n"));
	free(text);

	/* The one that is full first leaves the rest to the other. */
	sim_config(before)->backend[0].maxconn = 300;
	sim_config(before)->backend[1].maxconn = 100;
	ck_assert(simulate(before->config, before->config, &text) == -1);
	ck_assert_ptr_nonnull(strstr(text, "   75.00 %   75.00 %\n"));
	ck_assert_ptr_null(strstr(text, "(none)"));
	free(text);
	sim_free(before);
}
END_TEST

int
main(void)
{
	SRunner *runner;
	Suite *suite = suite_create("offline");
	TCase *tcase = tcase_create("questions");
	int failed;

	tcase_set_tags(tcase, "one-thread");
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, checksum_tells_places);
	tcase_add_test(tcase, checksum_without_seed);
	tcase_add_test(tcase, clients_as_they_are_written);
	tcase_add_loop_test(tcase, explain_is_the_pick, 0, 2);
	tcase_add_test(tcase, explain_in_words);
	tcase_add_test(tcase, explain_without_an_answer);
	tcase_add_test(tcase, simulate_predicts);
	tcase_add_test(tcase, simulate_policies_that_count);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
