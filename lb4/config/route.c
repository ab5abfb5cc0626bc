/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What a route matches: see route.h. */
#include "lb4/config/route.h"

#include <ctype.h>
#include <string.h>

#define SNI "sni:"
#define ALPN "alpn:"
#define NO_SNI "no-sni"
#define PLAIN "plain"
#define ANY "any"

/* A term of the text. */
struct term {
	const char *text;
	size_t len;
};

/* Takes the next term.  False at the end. */
static bool
next_term(const char **match, struct term *term)
{
	if (**match == '\0')
		return false;
	term->text = *match;
	term->len = strcspn(*match, ",");
	*match += term->len;
	*match += **match == ',';
	return true;
}

static bool
is(const struct term *term, const char *word)
{
	return term->len == strlen(word) &&
	    memcmp(term->text, word, term->len) == 0;
}

/* Whether it begins with the word; then it becomes what follows. */
static bool
skip(struct term *term, const char *word)
{
	const size_t len = strlen(word);

	if (term->len < len || memcmp(term->text, word, len) != 0)
		return false;
	term->text += len;
	term->len -= len;
	return true;
}

/* ---- checking ----------------------------------------------------------- */

static bool
is_name(struct term name)
{
	(void)skip(&name, "*.");
	if (name.len == 0 || name.len > 253 || name.text[0] == '.' ||
	    name.text[name.len - 1] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.text[i]) &&
		    strchr("-_.", name.text[i]) == NULL)
			return false;
	return true;
}

static int
check_term(struct term term, bool alone, struct why *why)
{
	struct term value = term;

	if (skip(&value, SNI))
		return is_name(value)
		    ? 0
		    : why_set(why,
			  "\"%.*s\" is no name: give one such as "
			  "app.example.org or *.example.org",
			  (int)(value.len < 64 ? value.len : 64), value.text);
	if (skip(&value, ALPN))
		return value.len > 0
		    ? 0
		    : why_set(why, "alpn: has no protocol: write alpn:h2");
	if (is(&term, NO_SNI))
		return 0;
	if (!is(&term, PLAIN) && !is(&term, ANY))
		return why_set(why,
		    "\"%.*s\" is unknown: give sni:NAME, no-sni, alpn:PROTOCOL, "
		    "plain or any",
		    (int)(term.len < 64 ? term.len : 64), term.text);
	return alone ? 0
		     : why_set(why, "%.*s stands alone: remove the rest",
			   (int)term.len, term.text);
}

int
route_check(char *match, struct why *why)
{
	const bool alone = strchr(match, ',') == NULL;
	const char *at = match;
	struct term term;
	int error = 0;

	if (match[0] == '\0' || match[0] == ',' ||
	    match[strlen(match) - 1] == ',' || strstr(match, ",,") != NULL)
		return why_set(why,
		    "a comma with nothing beside it: remove it");
	while (error == 0 && next_term(&at, &term)) {
		error = check_term(term, alone, why);
		if (error == 0 && skip(&term, SNI))
			for (size_t i = 0; i < term.len; i++)
				match[term.text - match + (ptrdiff_t)i] = (char)
				    tolower((unsigned char)term.text[i]);
	}
	return error;
}

/* ---- matching ----------------------------------------------------------- */

static bool
is_asked_for(struct term want, const char *name)
{
	const size_t len = strlen(name);

	if (!skip(&want, "*."))
		return is(&want, name);
	return len > want.len + 1 && name[len - want.len - 1] == '.' &&
	    memcmp(name + len - want.len, want.text, want.len) == 0;
}

static bool
is_offered(const struct term *want, const struct route_facts *facts)
{
	size_t at = 0;

	while (at < facts->alpn_len) {
		const size_t len = facts->alpn[at];

		if (len == want->len &&
		    memcmp(facts->alpn + at + 1, want->text, len) == 0)
			return true;
		at += 1 + len;
	}
	return false;
}

bool
route_matches(const char *match, const struct route_facts *facts)
{
	bool names = false, named = false, protocols = false, offered = false;
	struct term term;

	if (strcmp(match, ANY) == 0)
		return true;
	if (strcmp(match, PLAIN) == 0 || facts->plain)
		return strcmp(match, PLAIN) == 0 && facts->plain;
	while (next_term(&match, &term)) {
		if (skip(&term, SNI)) {
			names = true;
			named |= is_asked_for(term, facts->name);
		} else if (skip(&term, ALPN)) {
			protocols = true;
			offered |= is_offered(&term, facts);
		} else {
			names = true;
			named |= facts->name[0] == '\0';
		}
	}
	return (!names || named) && (!protocols || offered);
}
