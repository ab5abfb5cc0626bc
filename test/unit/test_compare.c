/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Comparing nodes: what is accepted as an answer, what differs and who has
 * which value, and what of it is a mere warning.
 */
#include "lb4/ctl/compare.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NODES_MAX 4

/* Answers, with what is compared and no more. */
#define STATUS(version, sum, seed, random, services) \
	"{\"schema\":\"lb4.status/1\",\"version\":\"" version \
	"\",\"zone\":\"\",\"node\":\"ready\",\"configuration_checksum\":\"" sum \
	"\",\"seed_checksum\":" seed ",\"seed_random\":" random \
	",\"services\":[" services "],\"removed\":[]}"
#define SERVICE(name, sum, table, backends) \
	"{\"service\":\"" name "\",\"configuration_checksum\":\"" sum \
	"\",\"table_checksum\":\"" table \
	"\",\"available\":1,\"backends\":[" backends "]}"
#define BACKEND(name, address, weight, admin, health) \
	"{\"backend\":\"" name "\",\"address\":\"" address \
	"\",\"weight\":" weight ",\"admin\":\"" admin \
	"\",\"health\":\"" health "\"}"
#define ONE BACKEND("one", "10.0.0.1:80", "1", "ready", "up")
#define TWO BACKEND("two", "10.0.0.2:80", "1", "ready", "up")
#define WEB SERVICE("web", "c1", "t1", ONE "," TWO)
#define OTHER SERVICE("other", "c2", "t2", ONE)
#define NORMAL STATUS("1.0", "g", "\"s\"", "false", WEB "," OTHER)
#define WITH(services) STATUS("1.0", "g", "\"s\"", "false", services)

static json_t *
load(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);

	ck_assert_msg(json != NULL, "%s: %s", error.text, text);
	return json;
}

/* Compares answers, NULL for a node that gave none; the nodes are a, b, ... */
static json_t *
compare(const char *const *answers, size_t count)
{
	static const char *const names[NODES_MAX] = { "a", "b", "c", "d" };
	struct compare_node nodes[NODES_MAX];
	json_t *status[NODES_MAX];
	json_t *result;

	for (size_t i = 0; i < count; i++) {
		char why[128] = "";

		status[i] = answers[i] != NULL ? load(answers[i]) : NULL;
		ck_assert_msg(status[i] == NULL ||
			compare_accepts(status[i], why, sizeof(why)),
		    "%s", why);
		nodes[i] = (struct compare_node){ names[i], status[i],
			"asleep" };
	}
	result = compare_nodes(nodes, count);
	ck_assert_ptr_nonnull(result);
	for (size_t i = 0; i < count; i++)
		json_decref(status[i]);
	return result;
}

/* What is written of a difference: "weight web/one 1:a,b 2:c", with a "!" when
 * it is not a warning. */
static void
write_difference(const json_t *difference, FILE *out)
{
	const json_t *group, *node;
	size_t i, j;

	fprintf(out, "%s%s",
	    json_is_true(json_object_get(difference, "warning")) ? "" : "!",
	    json_string_value(json_object_get(difference, "what")));
	if (json_object_get(difference, "service") != NULL)
		fprintf(out, " %s",
		    json_string_value(json_object_get(difference, "service")));
	if (json_object_get(difference, "backend") != NULL)
		fprintf(out, "/%s",
		    json_string_value(json_object_get(difference, "backend")));
	json_array_foreach(json_object_get(difference, "values"), i, group)
	{
		char *value = json_dumps(json_object_get(group, "value"),
		    JSON_ENCODE_ANY);

		fprintf(out, " %s:", value);
		free(value);
		json_array_foreach(json_object_get(group, "nodes"), j, node)
		{
			fprintf(out, "%s", json_string_value(node));
		}
	}
	fputc('\n', out);
}

/* Compares, and wants these differences, one a line. */
static void
wants(const char *differences, bool agree, const char *const *answers,
    size_t count)
{
	json_t *result = compare(answers, count);
	const json_t *difference;
	char *text = NULL;
	size_t len, i;
	FILE *out = open_memstream(&text, &len);

	json_array_foreach(json_object_get(result, "differences"), i,
	    difference)
	{
		write_difference(difference, out);
	}
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_str_eq(text, differences);
	ck_assert_int_eq(json_is_true(json_object_get(result, "agree")), agree);
	ck_assert_uint_eq(json_array_size(json_object_get(result, "nodes")),
	    count);
	free(text);
	json_decref(result);
}
#define WANTS(differences, agree, ...) \
	wants(differences, agree, (const char *const[]){ __VA_ARGS__ }, \
	    COUNT(((const char *const[]){ __VA_ARGS__ })))

START_TEST(test_equal)
{
	WANTS("", true, NORMAL);
	WANTS("", true, NORMAL, NORMAL, NORMAL);
	/* neither services nor backends come in an order */
	WANTS("", true, NORMAL,
	    WITH(OTHER "," SERVICE("web", "c1", "t1", TWO "," ONE)));
}
END_TEST

START_TEST(test_head)
{
	WANTS("!version \"1.0\":ac \"1.1\":b\n", false, NORMAL,
	    STATUS("1.1", "g", "\"s\"", "false", WEB "," OTHER), NORMAL);
	WANTS("!configuration \"g\":a \"h\":b\n", false, NORMAL,
	    STATUS("1.0", "h", "\"s\"", "false", WEB "," OTHER));
	WANTS("!seed \"s\":a \"r\":b \"q\":c\n", false, NORMAL,
	    STATUS("1.0", "g", "\"r\"", "true", WEB "," OTHER),
	    STATUS("1.0", "g", "\"q\"", "false", WEB "," OTHER));
	/* a seed that decides nothing */
	WANTS("", true, STATUS("1.0", "g", "null", "true", WEB),
	    STATUS("1.0", "g", "null", "false", WEB));
	WANTS("!seed \"s\":b \"r\":c\n", false,
	    STATUS("1.0", "g", "null", "false", WEB),
	    STATUS("1.0", "g", "\"s\"", "false", WEB),
	    STATUS("1.0", "g", "\"r\"", "false", WEB));
}
END_TEST

START_TEST(test_services)
{
	/* one that is missing says no more */
	WANTS("!service other true:ac false:b\n", false, NORMAL, WITH(WEB),
	    NORMAL);
	WANTS("!service other false:a true:b\n", false, WITH(WEB), NORMAL);
	WANTS("!configuration web \"c1\":a \"x\":b\n"
	      "!table web \"t1\":a \"y\":b\n",
	    false, WITH(WEB), WITH(SERVICE("web", "x", "y", ONE "," TWO)));
	WANTS("!backend web/two true:a false:b\n", false, WITH(WEB),
	    WITH(SERVICE("web", "c1", "t1", ONE)));
}
END_TEST

#define ONLY(backend) WITH(SERVICE("web", "c1", "t1", backend))
START_TEST(test_backends)
{
	WANTS("!weight web/one 1:a 2:b\n", false, ONLY(ONE),
	    ONLY(BACKEND("one", "10.0.0.1:80", "2", "ready", "up")));
	WANTS("!address web/one \"10.0.0.1:80\":a \"10.0.0.1:81\":b\n", false,
	    ONLY(ONE), ONLY(BACKEND("one", "10.0.0.1:81", "1", "ready", "up")));
	WANTS("admin web/one \"ready\":ac \"drain\":b\n", true, ONLY(ONE),
	    ONLY(BACKEND("one", "10.0.0.1:80", "1", "drain", "up")), ONLY(ONE));
	WANTS("health web/one \"up\":a \"down\":b\n", true, ONLY(ONE),
	    ONLY(BACKEND("one", "10.0.0.1:80", "1", "ready", "down")));
	WANTS("health web/one \"up\":a \"down\":c\n", true, ONLY(ONE),
	    ONLY(BACKEND("one", "10.0.0.1:80", "1", "ready", "unknown")),
	    ONLY(BACKEND("one", "10.0.0.1:80", "1", "ready", "down")),
	    ONLY(BACKEND("one", "10.0.0.1:80", "1", "ready", "unchecked")));
}
END_TEST

START_TEST(test_unasked)
{
	WANTS("", false, NORMAL, NULL);
	WANTS("", false, NULL, NULL);
	WANTS("!version \"1.0\":b \"2\":d\n", false, NULL,
	    STATUS("1.0", "g", "null", "false", ""), NULL,
	    STATUS("2", "g", "null", "false", ""));
}
END_TEST

/* The checksums of all services together. */
START_TEST(test_sums)
{
	static const char *const answers[] = {
		NORMAL,
		WITH(OTHER "," WEB),
		WITH(SERVICE("web", "c2", "t2", ONE) "," SERVICE("other", "c1",
		    "t1", ONE)),
		WITH(WEB),
	};
	json_t *result = compare(answers, COUNT(answers));
	const json_t *nodes = json_object_get(result, "nodes");
	const char *sum[2][COUNT(answers)];

	for (size_t i = 0; i < COUNT(answers); i++) {
		const json_t *node = json_array_get(nodes, i);

		sum[0][i] = json_string_value(json_object_get(node,
		    "configuration_checksum"));
		sum[1][i] = json_string_value(json_object_get(node,
		    "tables_checksum"));
	}
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(strlen(sum[i][0]), 16);
		ck_assert_str_eq(sum[i][0], sum[i][1]);
		ck_assert_str_ne(sum[i][0], sum[i][2]);
		ck_assert_str_ne(sum[i][0], sum[i][3]);
		ck_assert_str_ne(sum[i][2], sum[i][3]);
	}
	json_decref(result);
}
END_TEST

START_TEST(test_refused)
{
	static const struct {
		const char *answer, *why;
	} all[] = {
		{ "{}", "the answer is not one to lb4ctl status --json" },
		{ "[]", "the answer is not one to lb4ctl status --json" },
		{ "{\"schema\":\"lb4.info/1\"}",
		    "the answer is not one to lb4ctl status --json" },
		{ "{\"schema\":1}",
		    "the answer is not one to lb4ctl status --json" },
		{ "{\"schema\":\"lb4.status/1\",\"services\":[]}",
		    "the answer has no version: is its lb4 too old?" },
		{ STATUS("1.0", "g", "1", "false", ""),
		    "the answer has a wrong seed_checksum" },
		{ STATUS("1.0", "g", "null", "0", ""),
		    "the answer has a wrong seed_random" },
		{ STATUS("1\\u001b[2J", "g", "null", "false", ""),
		    "the answer has a wrong version" },
		{ STATUS("1\\u009b", "g", "null", "false", ""),
		    "the answer has a wrong version" },
		{ WITH("1"), "a service is no JSON object" },
		{ WITH("{}"), "a service has no service: is its lb4 too old?" },
		{ WITH(SERVICE("web", "c", "t", "null")),
		    "a backend is no JSON object" },
		{ ONLY(BACKEND("one", "1.1.1.1:1", "\"1\"", "ready", "up")),
		    "a backend has a wrong weight" },
		{ ONLY(BACKEND("one", "1.1.1.1:1", "-1", "ready", "up")),
		    "a backend has a wrong weight" },
		{ WITH("{\"service\":\"a\",\"configuration_checksum\":\"c\","
		       "\"table_checksum\":\"t\","
		       "\"available\":9223372036854775807,"
		       "\"backends\":[]}"),
		    "a service has a wrong available" },
		{ ONLY(BACKEND("one", "1.1.1.1:1", "1", "ready", "\\n")),
		    "a backend has a wrong health" },
	};

	for (size_t i = 0; i < COUNT(all); i++) {
		json_t *status = load(all[i].answer);
		char why[128] = "";

		ck_assert_msg(!compare_accepts(status, why, sizeof(why)), "%s",
		    all[i].answer);
		ck_assert_str_eq(why, all[i].why);
		json_decref(status);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("compare");
	TCase *tcase = tcase_create("compare");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, test_equal);
	tcase_add_test(tcase, test_head);
	tcase_add_test(tcase, test_services);
	tcase_add_test(tcase, test_backends);
	tcase_add_test(tcase, test_unasked);
	tcase_add_test(tcase, test_sums);
	tcase_add_test(tcase, test_refused);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
