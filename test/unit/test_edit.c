/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A file is brought up to what is served: lb4/config/edit.h. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/config.h"
#include "lb4/config/edit.h"
#include "lb4/config/values.h"

/* What came of it: the new text and the diff, or why there is none. */
struct result {
	char *text;
	char *diff;
	struct why why;
};

static struct config *
parse(const char *text)
{
	struct config_errors errors = { .count = 0 };
	struct config *config = config_parse("a.ini", text, strlen(text),
	    &errors);

	ck_assert_msg(config != NULL, "%s",
	    errors.count > 0 ? errors.text[0] : "?");
	config_errors_done(&errors);
	return config;
}

static int
edit(const char *file_text, const char *served_text, struct result *result)
{
	struct config *file = parse(file_text), *served = parse(served_text);
	const struct edit_source source = { file_text, strlen(file_text),
		file };
	size_t size;
	struct edits edits;
	int error;

	*result = (struct result){ .text = NULL };
	error = edits_make(&edits, &source, served, &result->why);
	if (error == 0) {
		FILE *diff = open_memstream(&result->diff, &size);

		ck_assert_int_eq(edits_diff(&edits, &source, "a.ini", diff), 0);
		ck_assert_int_eq(fclose(diff), 0);
		result->text = strndup(edits.text, edits.len);
		ck_assert_ptr_nonnull(result->text);
		edits_done(&edits);
	}
	config_free(file);
	config_free(served);
	return error;
}

static void
result_free(struct result *result)
{
	free(result->text);
	free(result->diff);
}

static void
gives(const char *file, const char *served, const char *text, const char *diff)
{
	struct result result;

	ck_assert_msg(edit(file, served, &result) == 0, "%s", result.why.text);
	ck_assert_str_eq(result.text, text);
	ck_assert_str_eq(result.diff, diff);
	result_free(&result);
}

#define HEAD "[service web]\nlisten = 127.0.0.1:80\n"

START_TEST(test_nothing)
{
	gives(HEAD "backend = a 10.0.0.1:80\n", HEAD "backend=a 10.0.0.1:80\n",
	    HEAD "backend = a 10.0.0.1:80\n", "");
}
END_TEST

/* Columns, options and comments stay; the option is put where there is none. */
START_TEST(test_weight)
{
	gives(HEAD
	    "backend  =  a 10.0.0.1:80 zone=z weight=2 backup ; ours\n"
	    "backend = b 10.0.0.2:80 ; theirs\nbackend = c 10.0.0.3:80\n",
	    HEAD "backend = a 10.0.0.1:80 zone=z backup weight=9\n"
		 "backend = b 10.0.0.2:80 weight=0\n"
		 "backend = c 10.0.0.3:80 weight=5\n",
	    HEAD "backend  =  a 10.0.0.1:80 zone=z weight=9 backup ; ours\n"
		 "backend = b 10.0.0.2:80 weight=0 ; theirs\n"
		 "backend = c 10.0.0.3:80 weight=5\n",
	    "--- a.ini\n+++ a.ini\n@@ -1,5 +1,5 @@\n"
	    " [service web]\n listen = 127.0.0.1:80\n"
	    "-backend  =  a 10.0.0.1:80 zone=z weight=2 backup ; ours\n"
	    "+backend  =  a 10.0.0.1:80 zone=z weight=9 backup ; ours\n"
	    "-backend = b 10.0.0.2:80 ; theirs\n"
	    "+backend = b 10.0.0.2:80 weight=0 ; theirs\n"
	    "-backend = c 10.0.0.3:80\n"
	    "+backend = c 10.0.0.3:80 weight=5\n");
}
END_TEST

/* Changes far from each other are told apart, with the lines they then have. */
START_TEST(test_add_and_remove)
{
	gives(HEAD "backend   = a 10.0.0.1:80\nbackend   = b 10.0.0.2:80\n"
		   "; 1\n; 2\n; 3\n; 4\n; 5\n; 6\n; 7\n; 8\n"
		   "[service other]\nlisten = 127.0.0.1:81\n"
		   "backend = x 10.0.0.9:80\nbackend = y 10.0.0.9:81\n",
	    HEAD "backend = b 10.0.0.2:80\nbackend = c 10.0.0.3:80 zone=z\n"
		 "backend = d 10.0.0.4:80 weight=3\n"
		 "[service other]\nlisten = 127.0.0.1:81\n"
		 "backend = x 10.0.0.9:80\n",
	    HEAD "backend   = b 10.0.0.2:80\n"
		 "backend   = c 10.0.0.3:80 zone=z\n"
		 "backend   = d 10.0.0.4:80 weight=3\n"
		 "; 1\n; 2\n; 3\n; 4\n; 5\n; 6\n; 7\n; 8\n"
		 "[service other]\nlisten = 127.0.0.1:81\n"
		 "backend = x 10.0.0.9:80\n",
	    "--- a.ini\n+++ a.ini\n@@ -1,7 +1,8 @@\n"
	    " [service web]\n listen = 127.0.0.1:80\n"
	    "-backend   = a 10.0.0.1:80\n backend   = b 10.0.0.2:80\n"
	    "+backend   = c 10.0.0.3:80 zone=z\n"
	    "+backend   = d 10.0.0.4:80 weight=3\n"
	    " ; 1\n ; 2\n ; 3\n"
	    "@@ -13,4 +14,3 @@\n"
	    " [service other]\n listen = 127.0.0.1:81\n"
	    " backend = x 10.0.0.9:80\n-backend = y 10.0.0.9:81\n");
}
END_TEST

/* All of a service's backends are others. */
START_TEST(test_replace_all)
{
	gives(HEAD "backend = a 10.0.0.1:80\r\n", HEAD "backend = b [::1]:80\n",
	    HEAD "backend = b [::1]:80\r\n",
	    "--- a.ini\n+++ a.ini\n@@ -1,3 +1,3 @@\n"
	    " [service web]\n listen = 127.0.0.1:80\n"
	    "-backend = a 10.0.0.1:80\r\n+backend = b [::1]:80\r\n");
}
END_TEST

/* The diff has the ends of lines that the file has, for patch(1) wants them. */
START_TEST(test_ends_of_lines)
{
	gives("[service web]\r\nlisten = 127.0.0.1:80\r\n"
	      "backend = a 10.0.0.1:80\r\n",
	    HEAD "backend = a 10.0.0.1:80\nbackend = b 10.0.0.2:80\n",
	    "[service web]\r\nlisten = 127.0.0.1:80\r\n"
	    "backend = a 10.0.0.1:80\r\nbackend = b 10.0.0.2:80\r\n",
	    "--- a.ini\n+++ a.ini\n@@ -1,3 +1,4 @@\n"
	    " [service web]\r\n listen = 127.0.0.1:80\r\n"
	    " backend = a 10.0.0.1:80\r\n+backend = b 10.0.0.2:80\r\n");
}
END_TEST

/* With `first` the order of lines is what counts: another one is no edit. */
START_TEST(test_order)
{
	struct result result;

	gives(HEAD "balance = first\nbackend = b 10.0.0.1:80\n"
		   "backend = a 10.0.0.2:80\n",
	    HEAD "balance = first\nbackend = b 10.0.0.1:80\n"
		 "backend = a 10.0.0.2:80\nbackend = aa 10.0.0.3:80\n",
	    HEAD "balance = first\nbackend = b 10.0.0.1:80\n"
		 "backend = a 10.0.0.2:80\nbackend = aa 10.0.0.3:80\n",
	    "--- a.ini\n+++ a.ini\n@@ -2,4 +2,5 @@\n listen = 127.0.0.1:80\n"
	    " balance = first\n backend = b 10.0.0.1:80\n"
	    " backend = a 10.0.0.2:80\n"
	    "+backend = aa 10.0.0.3:80\n");
	ck_assert_int_lt(edit(HEAD "balance = first\nbackend = b 10.0.0.1:80\n"
				   "backend = a 10.0.0.2:80\n",
			     HEAD "balance = first\nbackend = a 10.0.0.2:80\n"
				  "backend = b 10.0.0.1:80\n",
			     &result),
	    0);
}
END_TEST

/* What edits of backends cannot bring is refused, and nothing is written. */
START_TEST(test_other_changes)
{
	static const char *const served[] = {
		HEAD "balance = source\nbackend = a 10.0.0.1:80\n",
		HEAD "backend = a 10.0.0.2:80\n",
		HEAD
		"backend = a 10.0.0.1:80 backup\nbackend = b 10.0.0.1:80\n",
		HEAD "listen = 127.0.0.1:81\nbackend = a 10.0.0.1:80\n",
		HEAD "backend = a 10.0.0.1:80\n[service more]\n"
		     "listen = 127.0.0.1:81\nbackend = a 10.0.0.1:80\n",
	};
	struct result result;

	for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
		ck_assert_int_lt(edit(HEAD "backend = a 10.0.0.1:80\n",
				     served[i], &result),
		    0);
		ck_assert_ptr_nonnull(strstr(result.why.text, "reload it"));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("edit");
	TCase *tcase = tcase_create("edit");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, test_nothing);
	tcase_add_test(tcase, test_weight);
	tcase_add_test(tcase, test_add_and_remove);
	tcase_add_test(tcase, test_replace_all);
	tcase_add_test(tcase, test_ends_of_lines);
	tcase_add_test(tcase, test_order);
	tcase_add_test(tcase, test_other_changes);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
