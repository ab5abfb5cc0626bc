/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The access rules of a service: see access_rules.h. */
#include "lb4/config/access_rules.h"

#include <assert.h>
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/prefixes.h"
#include "common/why.h"
#include "lb4/config/values.h"

static_assert(offsetof(struct access_prefix, prefix) == 0,
    "prefixes_build() walks over the array");

static struct access_rules *
rules_new(void)
{
	struct access_rules *rules = calloc(1, sizeof(*rules));

	if (rules != NULL)
		atomic_init(&rules->refs, 1);
	return rules;
}

struct access_rules *
access_rules_ref(struct access_rules *rules)
{
	if (rules != NULL)
		(void)atomic_fetch_add_explicit(&rules->refs, 1,
		    memory_order_relaxed);
	return rules;
}

void
access_rules_unref(struct access_rules *rules)
{
	if (rules == NULL ||
	    atomic_fetch_sub_explicit(&rules->refs, 1, memory_order_acq_rel) >
		1)
		return;
	prefixes_free(rules->set);
	free(rules->prefix);
	free(rules->rule);
	free(rules);
}

const char *
access_rule_verb(const struct access_rule *rule)
{
	return rule->deny ? "deny" : "allow";
}

/* ---- adding rules -------------------------------------------------------- */

/* Adds a prefix to the last rule, or to the one given. */
static int
add_prefix(struct access_rules *rules, size_t rule, const struct prefix *prefix,
    uint32_t line)
{
	struct access_prefix *grown;
	size_t room;

	if (rules->prefixes == rules->room) {
		room = 2 * rules->room + 8;
		grown = reallocarray(rules->prefix, room, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		rules->prefix = grown;
		rules->room = room;
	}
	rules->prefix[rules->prefixes++] = (struct access_prefix){
		.prefix = *prefix,
		.rule = (uint16_t)rule,
		.line = line,
	};
	rules->rule[rule].prefixes++;
	return 0;
}

/* Adds the prefixes that a word stands for, and the word to the rule's text. */
static int
add_word(struct access_rules *rules, size_t rule, const char *word,
    struct why *why)
{
	char *text = rules->rule[rule].text;
	const char *words[] = { word, NULL };
	char canonical[PREFIX_TEXT_MAX];
	struct prefix prefix;
	const char *reason;
	int error = 0;

	if (strcmp(word, "all") == 0) {
		words[0] = "0.0.0.0/0";
		words[1] = "::/0";
	}
	for (int i = 0; error == 0 && i < 2 && words[i] != NULL; i++) {
		if (prefix_parse(&prefix, words[i], &reason) < 0)
			return why_set(why,
			    "\"%.64s\" %s: give one such as 192.0.2.0/24, "
			    "2001:db8::/32 or all",
			    word, reason);
		error = add_prefix(rules, rule, &prefix, 0);
	}
	if (text[0] != '\0')
		(void)strlcat(text, " ", CONFIG_ARGS_MAX);
	(void)strlcat(text,
	    words[1] != NULL
		? word
		: prefix_format(&prefix, canonical, sizeof(canonical)),
	    CONFIG_ARGS_MAX);
	return error;
}

static int
add_inline(struct access_rules *rules, size_t rule, const char *text,
    struct why *why)
{
	char word[CONFIG_ARGS_MAX];
	int error;

	for (;;) {
		error = value_word(&text, word, sizeof(word), why);
		if (error != 0 || word[0] == '\0')
			return error;
		if (strncmp(word, ACCESS_FILE_PREFIX,
			strlen(ACCESS_FILE_PREFIX)) == 0)
			return why_set(why,
			    "\"%.64s\" stands beside other prefixes: give it a "
			    "line of its own",
			    word);
		error = add_word(rules, rule, word, why);
		if (error != 0)
			return error;
	}
}

static int
add_file(struct access_rule *rule, const char *text, struct why *why)
{
	const size_t prefix = strlen(ACCESS_FILE_PREFIX);
	char path[CONFIG_ARGS_MAX];
	int error = value_only_word(text + prefix, path, sizeof(path) - prefix,
	    why);

	if (error != 0)
		return error;
	if (path[0] != '/')
		return why_set(why,
		    "\"%.64s\" is not an absolute path: begin it with /", path);
	(void)strlcpy(rule->text, ACCESS_FILE_PREFIX, sizeof(rule->text));
	(void)strlcat(rule->text, path, sizeof(rule->text));
	return 0;
}

/* The array may have moved. */
static void
set_paths(struct access_rules *rules)
{
	for (size_t i = 0; i < rules->rules; i++) {
		struct access_rule *rule = &rules->rule[i];
		const size_t len = strlen(ACCESS_FILE_PREFIX);

		rule->path = strncmp(rule->text, ACCESS_FILE_PREFIX, len) == 0
		    ? rule->text + len
		    : NULL;
	}
}

/* Room for one more rule, which is empty and does not count yet. */
static struct access_rule *
next_rule(struct access_rules **out, bool deny)
{
	struct access_rules *rules = *out != NULL ? *out : rules_new();
	struct access_rule *grown;

	if (rules == NULL)
		return NULL;
	*out = rules;
	assert(rules->set == NULL);
	grown = reallocarray(rules->rule, rules->rules + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	rules->rule = grown;
	set_paths(rules);
	grown += rules->rules;
	*grown = (struct access_rule){ .deny = deny };
	return grown;
}

int
access_rules_add(struct access_rules **out, bool deny, const char *text,
    struct why *why)
{
	struct access_rules *rules;
	size_t rule;
	int error;

	if (*out != NULL && (*out)->rules == ACCESS_RULES_MAX) {
		(void)why_set(why,
		    "more than %d in one service: put the "
		    "prefixes into a file",
		    ACCESS_RULES_MAX);
		return -E2BIG;
	}
	if (next_rule(out, deny) == NULL)
		return -ENOMEM;
	rules = *out;
	rule = rules->rules;
	if (strncmp(text, ACCESS_FILE_PREFIX, strlen(ACCESS_FILE_PREFIX)) == 0)
		error = add_file(&rules->rule[rule], text, why);
	else
		error = add_inline(rules, rule, text, why);
	if (error == 0)
		rules->rules++;
	else /* the prefixes are the last ones */
		rules->prefixes -= rules->rule[rule].prefixes;
	set_paths(rules);
	return error;
}

/* ---- files --------------------------------------------------------------- */

bool
access_rules_changed(const struct access_rules *rules)
{
	for (size_t i = 0; rules != NULL && i < rules->rules; i++) {
		const struct access_rule *rule = &rules->rule[i];
		struct file_stamp now;

		if (rule->path == NULL)
			continue;
		(void)file_stamp_of(rule->path, &now);
		if (!file_stamp_equal(&now, &rule->stamp))
			return true;
	}
	return false;
}

/* The text of the file, and its state: the caller frees *text. */
static int
slurp(struct access_rule *rule, char **text, size_t *len, struct why *why)
{
	int fd = file_open(rule->path, O_RDONLY, 0);
	int error = fd < 0 ? fd : file_stamp(fd, &rule->stamp);

	if (error == 0)
		error = file_read(fd, CONFIG_FILE_MAX, text, len);
	if (fd >= 0)
		(void)close(fd);
	if (error != 0 && error != -ENOMEM)
		return why_set(why, "%s: %s", rule->path, file_error(error));
	return error;
}

/* Cuts comment and spaces off a line; returns what is left. */
static char *
trim(char *line)
{
	size_t len;

	line[strcspn(line, "#")] = '\0';
	line += strspn(line, " \t\r");
	len = strlen(line);
	while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
		line[--len] = '\0';
	return line;
}

static int
add_line(struct access_rules *rules, size_t rule, char *line, uint32_t number,
    struct why *why)
{
	const char *path = rules->rule[rule].path;
	struct prefix prefix;
	const char *reason;

	line = trim(line);
	if (line[0] == '\0')
		return 0;
	if (prefix_parse(&prefix, line, &reason) < 0)
		return why_set(why,
		    "%s:%u: \"%.64s\" %s: give one such as 192.0.2.0/24 or "
		    "2001:db8::/32",
		    path, number, line, reason);
	if (rules->prefixes >= ACCESS_PREFIXES_MAX)
		return why_set(why,
		    "%s:%u: more than %d prefixes in one service: remove some",
		    path, number, ACCESS_PREFIXES_MAX);
	return add_prefix(rules, rule, &prefix, number);
}

int
access_rules_read(struct access_rules *rules, size_t rule, struct why *why)
{
	char *text = NULL, *line, *next, *end;
	uint32_t number = 0;
	size_t len = 0;
	int error;

	assert(rules->set == NULL);
	error = slurp(&rules->rule[rule], &text, &len, why);
	end = text + len;
	for (line = text; error == 0 && line < end; line = next) {
		char *newline = memchr(line, '\n', (size_t)(end - line));
		char copy[256];

		next = newline != NULL ? newline + 1 : end;
		len = (size_t)((newline != NULL ? newline : end) - line);
		number++;
		if (len >= sizeof(copy) && line[0] != '#')
			error = why_set(why,
			    "%s:%u: longer than %zu characters: one prefix "
			    "stands on a line",
			    rules->rule[rule].path, number, sizeof(copy) - 1);
		if (len >= sizeof(copy))
			continue;
		memcpy(copy, line, len);
		copy[len] = '\0';
		if (strlen(copy) != len)
			error = why_set(why,
			    "%s:%u: has a NUL byte: give a "
			    "text file",
			    rules->rule[rule].path, number);
		else
			error = add_line(rules, rule, copy, number, why);
	}
	free(text);
	return error;
}

/* ---- building and judging ------------------------------------------------ */

/* Of equal prefixes those of deny come first, then those of earlier rules. */
static int
compare_verbs(const void *left, const void *right, void *context)
{
	const struct access_prefix *a = left;
	const struct access_prefix *b = right;
	const struct access_rules *rules = context;
	const bool deny_a = rules->rule[a->rule].deny;
	const bool deny_b = rules->rule[b->rule].deny;

	if (deny_a != deny_b)
		return deny_a ? -1 : 1;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

int
access_rules_build(struct access_rules *rules)
{
	if (rules == NULL || rules->set != NULL)
		return 0;
	if (rules->prefixes > 0)
		qsort_r(rules->prefix, rules->prefixes, sizeof(*rules->prefix),
		    compare_verbs, rules);
	return prefixes_build(&rules->set,
	    rules->prefixes > 0 ? &rules->prefix->prefix : NULL,
	    rules->prefixes, sizeof(*rules->prefix));
}

/* Adds a rule with a file as it is now. */
static int
add_again(struct access_rules **made, const struct access_rule *rule,
    struct why *why)
{
	struct access_rule *next = next_rule(made, rule->deny);

	if (next == NULL)
		return -ENOMEM;
	memcpy(next->text, rule->text, sizeof(next->text));
	(*made)->rules++;
	set_paths(*made);
	return access_rules_read(*made, (*made)->rules - 1, why);
}

int
access_rules_again(struct access_rules **again,
    const struct access_rules *rules, struct why *why)
{
	struct access_rules *made = NULL;
	int error = 0;

	for (size_t i = 0; error == 0 && i < rules->rules; i++) {
		const struct access_rule *rule = &rules->rule[i];

		error = rule->path != NULL
		    ? add_again(&made, rule, why)
		    : access_rules_add(&made, rule->deny, rule->text, why);
	}
	if (error == 0)
		error = access_rules_build(made);
	if (error == 0)
		*again = made;
	else
		access_rules_unref(made);
	return error;
}

const struct access_prefix *
access_rules_judge(const struct access_rules *rules,
    const struct endpoint *client)
{
	uint32_t index;

	if (rules == NULL)
		return NULL;
	index = prefixes_find(rules->set, client);
	return index != PREFIXES_NONE ? &rules->prefix[index] : NULL;
}

bool
access_rules_refuse(const struct access_rules *rules,
    const struct access_prefix *prefix)
{
	return prefix != NULL && rules->rule[prefix->rule].deny;
}
