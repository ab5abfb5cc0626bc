/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Single values of the configuration, from text and to text.
 */
#include "lb4/config/values.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "lb4/config/octets.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first. */
static const struct unit time_units[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
	{ NULL, 0 },
};
static const struct unit size_units[] = {
	{ "g", 1 << 30 },
	{ "m", 1 << 20 },
	{ "k", 1 << 10 },
	{ "", 1 },
	{ NULL, 0 },
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads the characters after a backslash. */
static int
read_escape(const char *text, char *out, struct why *why)
{
	int high = text[0] == 'x' ? hex_digit(text[1]) : -1;
	int low = high >= 0 ? hex_digit(text[2]) : -1;
	int byte = high * 16 + low;

	if (low < 0)
		return why_set(why,
		    "'\\' without x and two hex digits: write \\x5c for a "
		    "backslash");
	if (byte < ' ' || byte == 0x7f)
		return why_set(why, "\\x%02x is a control character: remove it",
		    byte);
	*out = (char)byte;
	return 0;
}

int
value_word(const char **text, char *word, size_t size, struct why *why)
{
	const char *at = *text + strspn(*text, " \t");
	const char *start = at;
	size_t len = 0;
	int error;

	for (; *at != '\0' && !is_space(*at); at++, len++) {
		if (len + 1 >= size)
			return why_set(why,
			    "\"%.20s...\" is too long: give at most %zu "
			    "characters",
			    start, size - 1);
		word[len] = *at;
		if (*at != '\\')
			continue;
		error = read_escape(at + 1, &word[len], why);
		if (error != 0)
			return error;
		at += 3;
	}
	word[len] = '\0';
	*text = at;
	return 0;
}

int
value_only_word(const char *text, char *word, size_t size, struct why *why)
{
	int error = value_word(&text, word, size, why);

	if (error != 0)
		return error;
	text += strspn(text, " \t");
	if (text[0] == '\0')
		return 0;
	return why_set(why,
	    "\"%.64s\" is one word too many: remove it, or write \\x20 for a "
	    "space",
	    text);
}

void
value_print_word(const char *word, FILE *out)
{
	octets_print(word, strlen(word), out);
}

/* Reads digits and moves *text past them.  Saturates at the highest value. */
static uint64_t
read_digits(const char **text)
{
	uint64_t value = 0;

	for (; isdigit((unsigned char)**text); (*text)++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, **text - '0', &value))
			value = UINT64_MAX;
	}
	return value;
}

/* The unit named by the letters at *text, which is moved past them; NULL if
 * there is none of that name. */
static const struct unit *
read_unit(const char **text, const struct unit *units)
{
	size_t len = 0;

	while (isalpha((unsigned char)(*text)[len]))
		len++;
	for (const struct unit *unit = units; unit->name != NULL; unit++) {
		if (strlen(unit->name) == len &&
		    strncmp(unit->name, *text, len) == 0) {
			*text += len;
			return unit;
		}
	}
	return NULL;
}

static uint64_t
multiply(uint64_t value, uint64_t factor)
{
	uint64_t product;

	if (__builtin_mul_overflow(value, factor, &product))
		return UINT64_MAX;
	return product;
}

const char *
value_number(const char *text, uint64_t *out)
{
	if (!isdigit((unsigned char)text[0]))
		return "is not a whole number";
	*out = read_digits(&text);
	return text[0] == '\0' ? NULL : "is not a whole number";
}

const char *
value_percent(const char *text, uint64_t *out)
{
	if (!isdigit((unsigned char)text[0]))
		return "is not a percentage (125%)";
	*out = read_digits(&text);
	return strcmp(text, "%") == 0 ? NULL : "is not a percentage (125%)";
}

const char *
value_rate(const char *text, uint64_t *out)
{
	if (!isdigit((unsigned char)text[0]))
		return "is not a rate (20/s)";
	*out = read_digits(&text);
	return text[0] == '\0' || strcmp(text, "/s") == 0
	    ? NULL
	    : "is not a rate (20/s)";
}

const char *
value_sample(const char *text, uint64_t *out)
{
	if (strncmp(text, "1/", 2) != 0 || !isdigit((unsigned char)text[2]))
		return "is not a sample (1/100)";
	text += 2;
	*out = read_digits(&text);
	return text[0] == '\0' ? NULL : "is not a sample (1/100)";
}

const char *
value_time(const char *text, uint64_t *out)
{
	const struct unit *last = NULL;
	const struct unit *unit;
	uint64_t value;

	*out = 0;
	if (strcmp(text, "0") == 0)
		return NULL;
	do {
		if (!isdigit((unsigned char)text[0]))
			return "is not a time (500ms, 2s, 1m30s)";
		value = read_digits(&text);
		if (text[0] == '\0')
			return "needs a unit (500ms, 2s, 10m)";
		if (text[0] == '.' || text[0] == ',')
			return "has decimals (1.5s is 1500ms)";
		unit = read_unit(&text, time_units);
		if (unit == NULL)
			return "has an unknown unit (known: ms, s, m, h, d)";
		if (last != NULL && unit <= last)
			return "does not go from large units to small ones";
		last = unit;
		if (__builtin_add_overflow(*out, multiply(value, unit->factor),
			out))
			*out = UINT64_MAX;
	} while (text[0] != '\0');
	return NULL;
}

const char *
value_size(const char *text, uint64_t *out)
{
	const struct unit *unit;
	uint64_t value;

	if (!isdigit((unsigned char)text[0]))
		return "is not a size (65536, 64k, 1m)";
	value = read_digits(&text);
	unit = read_unit(&text, size_units);
	if (unit == NULL || text[0] != '\0')
		return "is not a size (65536, 64k, 1m)";
	*out = multiply(value, unit->factor);
	return NULL;
}

/* In the largest unit that leaves no remainder. */
static const char *
format_units(uint64_t value, const struct unit *unit, char *buf, size_t size)
{
	while (value % unit->factor != 0)
		unit++;
	snprintf(buf, size, "%" PRIu64 "%s", value / unit->factor, unit->name);
	return buf;
}

const char *
value_format_time(uint64_t ms, char *buf, size_t size)
{
	return ms == 0 ? "0s" : format_units(ms, time_units, buf, size);
}

const char *
value_format_size(uint64_t bytes, char *buf, size_t size)
{
	return bytes == 0 ? "0" : format_units(bytes, size_units, buf, size);
}
