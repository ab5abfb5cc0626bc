/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The answers of agents, what they add up to, and the word that keeps it.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/health/agent_answer.h"

#define PERCENT(n) .has_percent = true, .percent = (n)
#define MAXCONN(n) .has_maxconn = true, .maxconn = (n)

static const struct {
	const char *line;
	struct agent_said said;
	const char *unknown;
} samples[] = {
	{ "up", { .word = AGENT_WORD_UP }, "" },
	{ "UP\t", { .word = AGENT_WORD_UP }, "" },
	{ "down", { .word = AGENT_WORD_DOWN }, "" },
	{ "Fail", { .word = AGENT_WORD_FAIL }, "" },
	{ " ,\tstopped", { .word = AGENT_WORD_STOPPED }, "" },
	{ "ready", { .mode = AGENT_MODE_READY }, "" },
	{ "drain", { .mode = AGENT_MODE_DRAIN }, "" },
	{ "maint", { .mode = AGENT_MODE_MAINT }, "" },
	{ "0%", { PERCENT(0) }, "" },
	{ "075%", { PERCENT(75) }, "" },
	{ "25600%", { PERCENT(25600) }, "" },
	{ "maxconn:30", { MAXCONN(30) }, "" },
	{ "MaxConn:0", { MAXCONN(0) }, "" },
	{ "maxconn:10000000", { MAXCONN(10000000) }, "" },
	{ "up,ready 75%\tmaxconn:9",
	    { .word = AGENT_WORD_UP, PERCENT(75), MAXCONN(9) }, "" },
	/* of several, the last one counts */
	{ "up down 1% 2% drain maint",
	    { .word = AGENT_WORD_DOWN, .mode = AGENT_MODE_MAINT, PERCENT(2) },
	    "" },
	/* what follows # is text */
	{ "fail#up ready", { .word = AGENT_WORD_FAIL }, "" },
	{ "down # 50%", { .word = AGENT_WORD_DOWN }, "" },
	{ "up upp", { .word = AGENT_WORD_UP }, "upp" },
	{ "-1% up %", { .word = AGENT_WORD_UP }, "-1%" },
	{ "up \x01\xff", { .word = AGENT_WORD_UP }, "?\?" },
};

/* Without any known word. */
static const char *const refused[] = { "", " ", ",,\t", "#up", "# up",
	"hello world", "u p", "up\x01", "%", "1", "1.5%", "25601%",
	"99999999999999999999%", "1 %", "-1%", "+1%", "0x1%", "maxconn",
	"maxconn:", "maxconn: 5", "maxconn:-1", "maxconn:1x",
	"maxconn:10000001", "maxconn:99999999999999999999", "readyup" };

START_TEST(reads_its_words)
{
	struct agent_said want = samples[_i].said;
	struct agent_answer answer;

	want.answered = true;
	ck_assert(agent_answer_read(&answer, samples[_i].line,
	    strlen(samples[_i].line)));
	ck_assert_uint_eq(agent_pack(&answer.said), agent_pack(&want));
	ck_assert_str_eq(answer.unknown, samples[_i].unknown);
	ck_assert_int_eq(answer.has_word, want.word != AGENT_WORD_NONE);
}
END_TEST

START_TEST(refuses_all_else)
{
	struct agent_answer answer;

	ck_assert_msg(!agent_answer_read(&answer, refused[_i],
			  strlen(refused[_i])),
	    "%s", refused[_i]);
	ck_assert(!answer.said.answered);
}
END_TEST

/* Zeros, and a text that is longer than its copy. */
START_TEST(keeps_the_text_plain)
{
	char line[AGENT_LINE_MAX];
	struct agent_answer answer;

	ck_assert(agent_answer_read(&answer, "up \0#a\nb", 8));
	ck_assert_str_eq(answer.text, "up ?#a?b");
	ck_assert_str_eq(answer.unknown, "?");
	memset(line, 'x', sizeof(line));
	ck_assert(!agent_answer_read(&answer, line, sizeof(line)));
	ck_assert_uint_eq(strlen(answer.text), sizeof(answer.text) - 1);
	ck_assert_uint_eq(strlen(answer.unknown), sizeof(answer.unknown) - 1);
}
END_TEST

static void
say(struct agent_said *said, const char *line, enum agent_state want)
{
	struct agent_answer answer;

	ck_assert(agent_answer_read(&answer, line, strlen(line)));
	agent_answer_add(&answer, said);
	ck_assert_int_eq(agent_state_of(said), want);
}

/* An answer changes only what it mentions. */
START_TEST(adds_up_the_answers)
{
	struct agent_said said = { .answered = false };

	ck_assert_int_eq(agent_state_of(&said), AGENT_NONE);
	say(&said, "50%", AGENT_UP);
	say(&said, "drain", AGENT_DRAIN);
	say(&said, "up", AGENT_DRAIN);
	say(&said, "down maint", AGENT_MAINT);
	say(&said, "ready", AGENT_DOWN);
	say(&said, "maxconn:7", AGENT_DOWN);
	say(&said, "up", AGENT_UP);
	ck_assert_uint_eq(said.percent, 50);
	ck_assert_uint_eq(said.maxconn, 7);
	ck_assert_uint_eq(agent_percent(agent_pack(&said)), 50);
	ck_assert_uint_eq(agent_maxconn(agent_pack(&said), 3), 7);
	ck_assert_uint_eq(agent_percent(0), 100);
	ck_assert_uint_eq(agent_maxconn(0, 3), 3);
}
END_TEST

/* The word keeps all of it; a foreign word does no harm. */
START_TEST(packs_and_unpacks)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const uint64_t word = agent_pack(&samples[i].said);
		const struct agent_said said = agent_unpack(word);

		ck_assert_uint_eq(agent_pack(&said), word);
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		const struct agent_said said = agent_unpack(UINT64_C(1) << bit);
		const struct agent_said all = agent_unpack(UINT64_MAX >> bit);

		ck_assert_uint_le(said.percent, AGENT_PERCENT_MAX);
		ck_assert_uint_le(said.maxconn, AGENT_MAXCONN_MAX);
		ck_assert_uint_le(all.percent, AGENT_PERCENT_MAX);
		ck_assert_uint_le(all.maxconn, AGENT_MAXCONN_MAX);
		ck_assert_int_lt(all.mode, AGENT_MODE_COUNT);
		ck_assert_int_lt(all.word, AGENT_WORD_COUNT);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("agent");
	TCase *tc = tcase_create("agent");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, reads_its_words, 0,
	    sizeof(samples) / sizeof(samples[0]));
	tcase_add_loop_test(tc, refuses_all_else, 0,
	    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, keeps_the_text_plain);
	tcase_add_test(tc, adds_up_the_answers);
	tcase_add_test(tc, packs_and_unpacks);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
