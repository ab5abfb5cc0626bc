/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kinds that fill one field: numbers, times, sizes, words.
 */
#include "lb4/config/kinds.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "lb4/config/inifile.h"
#include "lb4/config/settings.h"

static void *
field_of(const struct key *key, void *object)
{
	return (char *)object + key->offset;
}

static const void *
const_field_of(const struct key *key, const void *object)
{
	return (const char *)object + key->offset;
}

static void
store(const struct key *key, void *object, uint64_t value)
{
	uint32_t narrow = (uint32_t)value;

	if (key->size == sizeof(value)) {
		memcpy(field_of(key, object), &value, sizeof(value));
	} else {
		assert(key->size == sizeof(narrow) && value == narrow);
		memcpy(field_of(key, object), &narrow, sizeof(narrow));
	}
}

static uint64_t
load(const struct key *key, const void *object)
{
	uint64_t value;
	uint32_t narrow;

	if (key->size == sizeof(value)) {
		memcpy(&value, const_field_of(key, object), sizeof(value));
		return value;
	}
	memcpy(&narrow, const_field_of(key, object), sizeof(narrow));
	return narrow;
}

/* Reads a number within the key's range, or its word for 0. */
static int
parse_ranged(const struct key *key, void *object, const char *text,
    struct why *why)
{
	const struct kind *kind = key->kind;
	char low[VALUE_TEXT_MAX];
	char high[VALUE_TEXT_MAX];
	const char *problem;
	uint64_t value = 0;

	if (key->zero != NULL && strcmp(text, key->zero) == 0) {
		store(key, object, 0);
		return 0;
	}
	problem = kind->read(text, &value);
	if (problem == NULL && value < key->low)
		problem = "is too low";
	if (problem == NULL && value > key->high)
		problem = "is too high";
	if (problem != NULL)
		return why_set(why, "\"%.64s\" %s: give %s%s%s to %s", text,
		    problem, key->zero != NULL ? key->zero : "",
		    key->zero != NULL ? " or " : "",
		    kind->format(key->low, low, sizeof(low)),
		    kind->format(key->high, high, sizeof(high)));
	store(key, object, value);
	return 0;
}

static void
print_ranged(const struct key *key, const void *object, size_t index, FILE *out)
{
	char buf[VALUE_TEXT_MAX];
	uint64_t value = load(key, object);

	(void)index;
	if (value == 0 && key->zero != NULL)
		fputs(key->zero, out);
	else
		fputs(key->kind->format(value, buf, sizeof(buf)), out);
}

static const char *
format_number(uint64_t value, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRIu64, value);
	return buf;
}

static const char *
format_rate(uint64_t value, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRIu64 "/s", value);
	return buf;
}

static const char *
format_sample(uint64_t value, char *buf, size_t size)
{
	snprintf(buf, size, "1/%" PRIu64, value);
	return buf;
}

static const char *
format_percent(uint64_t value, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRIu64 "%%", value);
	return buf;
}

#define RANGED(name, read_text, format_value) \
	const struct kind name = { \
		.parse = parse_ranged, \
		.print = print_ranged, \
		.read = read_text, \
		.format = format_value, \
	}

RANGED(kind_number, value_number, format_number);
RANGED(kind_rate, value_rate, format_rate);
RANGED(kind_sample, value_sample, format_sample);
RANGED(kind_percent, value_percent, format_percent);
RANGED(kind_time, value_time, value_format_time);
RANGED(kind_size, value_size, value_format_size);

static size_t
count_port(const struct key *key, const void *object)
{
	return load(key, object) != 0;
}

const struct kind kind_port = {
	.parse = parse_ranged,
	.count = count_port,
	.print = print_ranged,
	.read = value_number,
	.format = format_number,
};

static int
parse_yesno(const struct key *key, void *object, const char *text,
    struct why *why)
{
	bool value = strcmp(text, "yes") == 0;

	assert(key->size == sizeof(value));
	if (!value && strcmp(text, "no") != 0)
		return why_set(why,
		    "\"%.64s\" is neither yes nor no: give one of them", text);
	memcpy(field_of(key, object), &value, sizeof(value));
	return 0;
}

static void
print_yesno(const struct key *key, const void *object, size_t index, FILE *out)
{
	bool value;

	(void)index;
	memcpy(&value, const_field_of(key, object), sizeof(value));
	fputs(value ? "yes" : "no", out);
}

const struct kind kind_yesno = {
	.parse = parse_yesno,
	.print = print_yesno,
};

/* A flag has no value: its caller checks that. */
static int
parse_flag(const struct key *key, void *object, const char *text,
    struct why *why)
{
	bool value = true;

	(void)text;
	(void)why;
	assert(key->size == sizeof(value));
	memcpy(field_of(key, object), &value, sizeof(value));
	return 0;
}

static size_t
count_flag(const struct key *key, const void *object)
{
	bool value;

	memcpy(&value, const_field_of(key, object), sizeof(value));
	return value;
}

static void
print_flag(const struct key *key, const void *object, size_t index, FILE *out)
{
	(void)key;
	(void)object;
	(void)index;
	(void)out;
}

const struct kind kind_flag = {
	.parse = parse_flag,
	.count = count_flag,
	.print = print_flag,
};

/* "a, b or c": the words, and `more` as the last if it is not NULL. */
static const char *
list_words(const struct names *names, const char *more, char *buf, size_t size)
{
	size_t count = names != NULL ? names->count : 0;
	size_t all = count + (more != NULL);
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < all; i++) {
		snprintf(buf + len, size - len, "%s%s",
		    i == 0	       ? ""
			: i + 1 == all ? " or "
				       : ", ",
		    i < count ? names->text[i] : more);
		len = strlen(buf);
	}
	return buf;
}

static int
parse_names(const struct key *key, void *object, const char *text,
    struct why *why)
{
	char list[128];
	int value = names_find(key->names, text);

	if (value < 0)
		return why_set(why, "\"%.64s\" is unknown: give %s", text,
		    list_words(key->names, NULL, list, sizeof(list)));
	store(key, object, (uint64_t)value);
	return 0;
}

static void
print_names(const struct key *key, const void *object, size_t index, FILE *out)
{
	(void)index;
	fputs(key->names->text[load(key, object)], out);
}

const struct kind kind_names = {
	.parse = parse_names,
	.print = print_names,
};

static int
parse_choice(const struct key *key, void *object, const char *text,
    struct why *why)
{
	int error = parse_names(key, object, text, why);

	if (error == 0)
		store(key, object, load(key, object) + 1);
	return error;
}

static size_t
count_choice(const struct key *key, const void *object)
{
	return load(key, object) != 0;
}

static void
print_choice(const struct key *key, const void *object, size_t index, FILE *out)
{
	(void)index;
	fputs(key->names->text[load(key, object) - 1], out);
}

const struct kind kind_choice = {
	.parse = parse_choice,
	.count = count_choice,
	.print = print_choice,
};

static int
parse_level(const struct key *key, void *object, const char *text,
    struct why *why)
{
	int level = log_level_parse(text);

	if (level < 0)
		return why_set(why,
		    "\"%.64s\" is unknown: give error, warning, notice, info "
		    "or debug",
		    text);
	store(key, object, (uint64_t)level);
	return 0;
}

static void
print_level(const struct key *key, const void *object, size_t index, FILE *out)
{
	(void)index;
	fputs(log_level_name((int)load(key, object)), out);
}

const struct kind kind_level = {
	.parse = parse_level,
	.print = print_level,
};

/* Letters, digits and `others`; the first must be a letter, a digit or '_'. */
static bool
is_word_of(const char *text, const char *others)
{
	if (!isalnum((unsigned char)text[0]) && text[0] != '_')
		return false;
	while (isalnum((unsigned char)*text) ||
	    (*text != '\0' && strchr(others, *text) != NULL))
		text++;
	return *text == '\0';
}

bool
kinds_is_name(const char *text)
{
	return isalnum((unsigned char)text[0]) && is_word_of(text, "-_.") &&
	    strlen(text) < CONFIG_NAME_MAX;
}

static int
parse_user(const struct key *key, void *object, const char *text,
    struct why *why)
{
	if (!is_word_of(text, "-_.$") || strlen(text) >= key->size)
		return why_set(why,
		    "\"%.64s\" is not a valid name of a user or group: give "
		    "one from passwd(5) or group(5)",
		    text);
	memcpy(field_of(key, object), text, strlen(text) + 1);
	return 0;
}

/* An empty string counts as not given. */
static size_t
count_text(const struct key *key, const void *object)
{
	return *(const char *)const_field_of(key, object) != '\0';
}

static bool
equal_text(const struct key *key, const void *one, const void *other)
{
	return strcmp(const_field_of(key, one), const_field_of(key, other)) ==
	    0;
}

static void
print_text(const struct key *key, const void *object, size_t index, FILE *out)
{
	(void)index;
	value_print_word(const_field_of(key, object), out);
}

const struct kind kind_user = {
	.parse = parse_user,
	.count = count_text,
	.equal = equal_text,
	.print = print_text,
};

static int
parse_name(const struct key *key, void *object, const char *text,
    struct why *why)
{
	assert(key->size == CONFIG_NAME_MAX);
	if (!kinds_is_name(text))
		return why_set(why,
		    "\"%.64s\" is not a valid name: use " KINDS_NAME_RULE,
		    text);
	memcpy(field_of(key, object), text, strlen(text) + 1);
	return 0;
}

const struct kind kind_name = {
	.parse = parse_name,
	.count = count_text,
	.equal = equal_text,
	.print = print_text,
};

static int
parse_target(const struct key *key, void *object, const char *text,
    struct why *why)
{
	char list[128];
	char word[CONFIG_PATH_MAX];
	int error;

	assert(key->size == sizeof(word));
	error = value_only_word(text, word, sizeof(word), why);
	if (error != 0)
		return error;
	if (word[0] != '/' &&
	    (key->names == NULL || names_find(key->names, word) < 0))
		return why_set(why,
		    "\"%.64s\" is not an absolute path: give %s", text,
		    list_words(key->names, "a path that starts with /", list,
			sizeof(list)));
	memcpy(field_of(key, object), word, strlen(word) + 1);
	return 0;
}

const struct kind kind_target = {
	.parse = parse_target,
	.count = count_text,
	.equal = equal_text,
	.print = print_text,
};

/* Octal, as in chmod(1). */
static int
parse_mode(const struct key *key, void *object, const char *text,
    struct why *why)
{
	size_t len = strspn(text, "01234567");
	unsigned value = 0;

	for (size_t i = 0; i < len && i < 5; i++)
		value = 8 * value + (unsigned)(text[i] - '0');
	if (len < 3 || len > 4 || text[len] != '\0' || value > key->high ||
	    value < key->low)
		return why_set(why,
		    "\"%.64s\" is not the mode of a socket: give three octal "
		    "digits, or 0 and three",
		    text);
	store(key, object, value);
	return 0;
}

/* Without a default, mode 0 counts as not given. */
static size_t
count_mode(const struct key *key, const void *object)
{
	return key->preset != NULL || load(key, object) != 0;
}

static void
print_mode(const struct key *key, const void *object, size_t index, FILE *out)
{
	(void)index;
	fprintf(out, "%04o", (unsigned)load(key, object));
}

const struct kind kind_mode = {
	.parse = parse_mode,
	.count = count_mode,
	.print = print_mode,
};

/* A path that is valid for a socket; the control socket is never abstract. */
static int
parse_socket(const struct key *key, void *object, const char *text,
    struct why *why)
{
	char word[INIFILE_LINE_MAX + 1];
	char address[sizeof("unix:") + sizeof(word)];
	const char *reason;
	struct addr addr;
	int error = value_only_word(text, word, sizeof(word), why);

	if (error != 0)
		return error;
	(void)snprintf(address, sizeof(address), "unix:%s", word);
	if (word[0] == '/' &&
	    addr_parse(&addr, address, ADDR_PORT_OPTIONAL, &reason) < 0)
		return why_set(why, "\"%.64s\": %s", word, reason);
	return parse_target(key, object, text, why);
}

const struct kind kind_socket = {
	.parse = parse_socket,
	.count = count_text,
	.equal = equal_text,
	.print = print_text,
};
