/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Lines of the file: what reaches the sink, with which number, and what is
 * refused before inih could misread it.
 */
#include "lb4/config/inifile.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the sink was told, as text: "1 [global]\n2 key=value\n3 !key what\n". */
static void
on_section(void *context, int line, const char *name)
{
	fprintf(context, "%d [%s]\n", line, name);
}

static void
on_value(void *context, int line, const char *key, const char *value)
{
	fprintf(context, "%d %s=%s\n", line, key, value);
}

static void
on_error(void *context, int line, const char *key, const char *what)
{
	fprintf(context, "%d !%s %s\n", line, key != NULL ? key : "", what);
}

/* The buffer ends where the text does, so that a sanitizer sees an overread. */
static void
check_bytes(const char *text, size_t len, const char *want)
{
	char *copy = malloc(len + (len == 0));
	char *told;
	size_t told_len;
	FILE *out = open_memstream(&told, &told_len);
	const struct inifile_sink sink = {
		.context = out,
		.on_section = on_section,
		.on_value = on_value,
		.on_error = on_error,
	};

	memcpy(copy, text, len);
	ck_assert_int_eq(inifile_read(copy, len, &sink), 0);
	fclose(out);
	ck_assert_str_eq(told, want);
	free(told);
	free(copy);
}

static void
check_text(const char *text, const char *want)
{
	check_bytes(text, strlen(text), want);
}

START_TEST(test_good)
{
	check_text("", "");
	check_text("\n\n", "");
	check_text("[a]\nb=c\nd = e f \n[ g  h ]\ni\t=\tj\n",
	    "1 [a]\n2 b=c\n3 d=e f\n4 [g  h]\n5 i=j\n");
	check_text("a=b\n", "1 a=b\n");
	check_text("a = b=c:d\n", "1 a=b=c:d\n");
	check_text("a = x'\"y\n", "1 a=x'\"y\n");
}
END_TEST

START_TEST(test_ends_of_lines)
{
	check_text("a=b\r\n\r\nc=d\r\n", "1 a=b\n3 c=d\n");
	check_text("\xef\xbb\xbf[a]\nb=c\n", "1 [a]\n2 b=c\n");
	check_text("\xef\xbb\xbf", "");
}
END_TEST

#define CUT \
	"! the file ends in the middle of this line, as if it had been cut " \
	"off: " \
	"complete the line, and end it with a newline\n"

/* What there is of a last line is read all the same. */
START_TEST(test_cut)
{
	check_text("a=b", "1 " CUT "1 a=b\n");
	check_text("[a]\nb=c\r", "1 [a]\n2 " CUT "2 b=c\n");
	check_text("[a]\n; b", "1 [a]\n2 " CUT);
	check_text("[a]\n ", "1 [a]\n2 " CUT);
	check_text("[a",
	    "1 " CUT
	    "1 ! no ']' after the section's name: write [name]\n1 [a]\n");
}
END_TEST

START_TEST(test_comments)
{
	check_text("; a = b\n# a = b\n \t; a = b\n  # c\nd=e\n", "5 d=e\n");
	check_text("a = b ; c = d\na = b\t;c\n", "1 a=b\n2 a=b\n");
	check_text("a = b;c\na = b#c\n", "1 a=b;c\n2 a=b#c\n");
	check_text("a = b \\x3b c ; d # e\n", "1 a=b \\x3b c\n");
	check_text("[a] ; b\n[c];d\n", "1 [a]\n2 [c]\n");
}
END_TEST

START_TEST(test_wrong_lines)
{
	check_text("[a]\nb=c\n  d=e\n\tf=g\n",
	    "1 [a]\n2 b=c\n"
	    "3 ! indented line: start it in the first column\n3 d=e\n"
	    "4 ! indented line: start it in the first column\n4 f=g\n");
	check_text(" [a]\n",
	    "1 ! indented line: start it in the first column\n1 [a]\n");
	check_text("[a\nb=c\n",
	    "1 ! no ']' after the section's name: write [name]\n1 [a]\n"
	    "2 b=c\n");
	check_text("[a] b\n[c]]\n[d] # e\n",
	    "1 ! text after ']': write a comment as ; comment\n1 [a]\n"
	    "2 ! text after ']': write a comment as ; comment\n2 [c]\n"
	    "3 ! text after ']': write a comment as ; comment\n3 [d]\n");
	check_text("[]\n[ ]\n", "1 []\n2 []\n");
	check_text("a\na ; = b\n",
	    "1 !a no '=': write key = value\n2 !a no '=': write key = value\n");
	check_text("a: b\na :b\n",
	    "1 !a ':' after the key: write key = value\n"
	    "2 !a ':' after the key: write key = value\n");
	check_text("a b:80\na b:c=d\n",
	    "1 !a no '=': write key = value\n2 !a no '=': write key = value\n");
	check_text("= b\n:b\n",
	    "1 ! no key: write key = value\n2 ! no key: write key = value\n");
}
END_TEST

START_TEST(test_wrong_values)
{
	check_text("a =\nb = ; c\n",
	    "1 !a no value: give one, or comment the line out (;)\n"
	    "2 !b no value: give one, or comment the line out (;)\n");
	check_text("a =;b\n",
	    "1 !a no value before ';': for a ';' in the value, write \\x3b\n");
	check_text("a = b # c\na = #c\na =#c\n",
	    "1 !a '#' does not start a comment after a value: write ';', or "
	    "\\x23 for a '#' in the value\n"
	    "2 !a '#' does not start a comment after a value: write ';', or "
	    "\\x23 for a '#' in the value\n"
	    "3 !a '#' does not start a comment after a value: write ';', or "
	    "\\x23 for a '#' in the value\n");
	check_text("a = \"b\"\na = 'b'\n",
	    "1 !a the value is in quotes: remove them\n"
	    "2 !a the value is in quotes: remove them\n");
}
END_TEST

START_TEST(test_control_characters)
{
	check_bytes("a=b\0c\nd=e\n", 10,
	    "1 ! control character (byte 0x00): remove it\n2 d=e\n");
	check_bytes("; \0\n", 4,
	    "1 ! control character (byte 0x00): remove it\n");
	check_text("a=b\rc\n",
	    "1 ! control character (byte 0x0d): remove it\n");
	check_text("a=b\vc\n\x7f\n",
	    "1 ! control character (byte 0x0b): remove it\n"
	    "2 ! control character (byte 0x7f): remove it\n");
	check_text("a=\xc3\xa9\n", "1 a=\xc3\xa9\n");
}
END_TEST

/* At the limit, above it, and so long that inih would read it as two. */
START_TEST(test_long_lines)
{
	static const size_t lens[] = { INIFILE_LINE_MAX - 1, INIFILE_LINE_MAX,
		INIFILE_LINE_MAX + 1, INIFILE_LINE_MAX + 2, 400, 5000 };
	char text[5100];
	char want[5100];
	char tail[] = "\nb=c\n";

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		size_t len = lens[i];

		memset(text, 'x', len);
		text[0] = 'a';
		text[1] = '=';
		memcpy(text + len, tail, sizeof(tail));
		if (len <= INIFILE_LINE_MAX)
			snprintf(want, sizeof(want), "1 %.*s\n2 b=c\n",
			    (int)len, text);
		else
			snprintf(want, sizeof(want),
			    "1 ! line is longer than 198 characters: shorten "
			    "it\n2 b=c\n");
		check_text(text, want);

		text[0] = ';'; /* comments may be as long as they like */
		check_text(text, "2 b=c\n");
	}
}
END_TEST

/* inih cuts such names. */
START_TEST(test_long_section)
{
	char text[INIFILE_LINE_MAX + 4] = "[";
	char want[INIFILE_LINE_MAX + 16];

	memset(text + 1, 's', INIFILE_LINE_MAX - 2);
	memcpy(text + INIFILE_LINE_MAX - 1, "]\n", 3);
	snprintf(want, sizeof(want), "1 %s", text);
	check_text(text, want);
}
END_TEST

static Suite *
inifile_suite(void)
{
	Suite *suite = suite_create("inifile");
	TCase *tc = tcase_create("inifile");

	tcase_add_test(tc, test_good);
	tcase_add_test(tc, test_ends_of_lines);
	tcase_add_test(tc, test_cut);
	tcase_add_test(tc, test_comments);
	tcase_add_test(tc, test_wrong_lines);
	tcase_add_test(tc, test_wrong_values);
	tcase_add_test(tc, test_control_characters);
	tcase_add_test(tc, test_long_lines);
	tcase_add_test(tc, test_long_section);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(inifile_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
