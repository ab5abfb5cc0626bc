/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kinds of values of the keys that only some ways of checking take.
 */
#include "lb4/config/kinds.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lb4/config/inifile.h"
#include "lb4/config/octets.h"
#include "lb4/config/settings.h"
#include "lb4/config/statuses.h"

/* ---- headers ------------------------------------------------------------ */

#define HEADER_END "\r\n"

static const char *
headers_of(const void *object)
{
	return ((const struct config_service *)object)->settings.check.headers;
}

/* Fields that lb4 writes itself, and what to do. */
static const char *const own_headers[][2] = {
	{ "Host", "use check-host" },
	{ "Connection", "it is always \"close\"" },
	{ "Content-Length", "a check has no body" },
	{ "Transfer-Encoding", "a check has no body" },
};
#define OWN_HEADERS (sizeof(own_headers) / sizeof(own_headers[0]))

/* A field's name is a token (RFC 9110, section 5.6.2). */
static bool
is_token(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) &&
		    strchr("!#$%&'*+-.^_`|~", text[i]) == NULL)
			return false;
	return len > 0;
}

/* A protocol's name in ALPN may have a slash, too. */
static bool
is_token_or_slash(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != '/' && !is_token(text + i, 1))
			return false;
	return true;
}

static int
judge_header(const char *line, struct why *why)
{
	const char *colon = strchr(line, ':');
	const size_t len = colon != NULL ? (size_t)(colon - line) : 0;

	if (!is_token(line, len))
		return why_set(why,
		    "\"%.64s\" is not a header: write check-header = Name: "
		    "value",
		    line);
	for (size_t i = 0; i < OWN_HEADERS; i++)
		if (strlen(own_headers[i][0]) == len &&
		    strncasecmp(line, own_headers[i][0], len) == 0)
			return why_set(why, "lb4 writes %s itself: %s",
			    own_headers[i][0], own_headers[i][1]);
	return 0;
}

/* Removes spaces at the end, and all but one of several in a row. */
static void
squeeze(char *line)
{
	char *out = line;

	for (const char *at = line; *at != '\0'; at++)
		if (*at != ' ' || (out > line && out[-1] != ' '))
			*out++ = *at;
	if (out > line && out[-1] == ' ')
		out--;
	*out = '\0';
}

/* The words of the text, with one space between two of them. */
static int
read_words(const char *text, char *line, size_t size, struct why *why)
{
	char word[INIFILE_LINE_MAX + 1];
	size_t len = 0;
	int error;

	for (;;) {
		error = value_word(&text, word, sizeof(word), why);
		if (error != 0 || word[0] == '\0')
			break;
		/* it fits: the line is longer than all of its words */
		len += (size_t)snprintf(line + len, size - len, "%s%s",
		    len > 0 ? " " : "", word);
	}
	squeeze(line);
	return error;
}

static int
parse_header(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_service *service = object;
	struct config_check *check = &service->settings.check;
	char line[INIFILE_LINE_MAX + 1] = "";
	const size_t had = strlen(check->headers);
	int error = read_words(text, line, sizeof(line), why);

	(void)key;
	if (error == 0)
		error = judge_header(line, why);
	if (error != 0)
		return error;
	if (had + strlen(line) + strlen(HEADER_END) >= sizeof(check->headers)) {
		(void)why_set(why,
		    "the headers of a check have more than %zu bytes: remove "
		    "some",
		    sizeof(check->headers) - 1);
		return -E2BIG;
	}
	(void)snprintf(check->headers + had, sizeof(check->headers) - had,
	    "%s%s", line, HEADER_END);
	return 0;
}

static size_t
count_headers(const struct key *key, const void *object)
{
	const char *at = headers_of(object);
	size_t count = 0;

	(void)key;
	while ((at = strstr(at, HEADER_END)) != NULL) {
		at += strlen(HEADER_END);
		count++;
	}
	return count;
}

static void
print_header(const struct key *key, const void *object, size_t index, FILE *out)
{
	char line[CONFIG_HEADERS_MAX], *rest = line, *word;
	const char *at = headers_of(object);
	const char *between = "";

	(void)key;
	while (index-- > 0)
		at = strstr(at, HEADER_END) + strlen(HEADER_END);
	(void)snprintf(line, sizeof(line), "%.*s",
	    (int)(strstr(at, HEADER_END) - at), at);
	while ((word = strsep(&rest, " ")) != NULL) {
		fputs(between, out);
		value_print_word(word, out);
		between = " ";
	}
}

const struct kind kind_header = {
	.parse = parse_header,
	.count = count_headers,
	.print = print_header,
};

/* ---- statuses ------------------------------------------------------------ */

static int
parse_statuses(const struct key *key, void *object, const char *text,
    struct why *why)
{
	return statuses_parse(text,
	    (struct config_statuses *)((char *)object + key->offset), why);
}

static const struct config_statuses *
statuses_at(const struct key *key, const void *object)
{
	return (const struct config_statuses *)((const char *)object +
	    key->offset);
}

static size_t
count_statuses(const struct key *key, const void *object)
{
	return statuses_at(key, object)->count > 0;
}

static void
print_statuses(const struct key *key, const void *object, size_t index,
    FILE *out)
{
	char buf[STATUSES_TEXT_MAX];

	(void)index;
	fputs(statuses_format(statuses_at(key, object), buf, sizeof(buf)), out);
}

const struct kind kind_statuses = {
	.parse = parse_statuses,
	.count = count_statuses,
	.print = print_statuses,
};

/* ---- text ---------------------------------------------------------------- */

/* Words with one space between two of them. */
static int
parse_text(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_text *out = (struct config_text *)((char *)object +
	    key->offset);
	struct config_text found;
	struct octets word;
	int error;

	memset(&found, 0, sizeof(found)); /* it is compared whole */
	for (;;) {
		error = octets_word(&text, &word, why);
		if (error != 0 || word.len == 0)
			break;
		/* it fits: the line is longer than all of its words */
		if (found.len > 0)
			found.byte[found.len++] = ' ';
		memcpy(found.byte + found.len, word.byte, word.len);
		found.len += word.len;
	}
	if (error == 0 && found.len == 0)
		error = why_set(why, "has no text: give one");
	if (error == 0)
		*out = found;
	return error;
}

static const struct config_text *
text_at(const struct key *key, const void *object)
{
	return (const struct config_text *)((const char *)object + key->offset);
}

static size_t
count_text(const struct key *key, const void *object)
{
	return text_at(key, object)->len > 0;
}

static void
print_text(const struct key *key, const void *object, size_t index, FILE *out)
{
	const struct config_text *text = text_at(key, object);

	(void)index;
	octets_print(text->byte, text->len, out);
}

const struct kind kind_text = {
	.parse = parse_text,
	.count = count_text,
	.print = print_text,
};

/* ---- TLS ----------------------------------------------------------------- */

static char *
field_at(const struct key *key, void *object)
{
	return (char *)object + key->offset;
}

static const char *
text_field(const struct key *key, const void *object)
{
	return (const char *)object + key->offset;
}

static size_t
count_field(const struct key *key, const void *object)
{
	return text_field(key, object)[0] != '\0';
}

static void
print_field(const struct key *key, const void *object, size_t index, FILE *out)
{
	(void)index;
	fputs(text_field(key, object), out);
}

/* SNI has names only, no addresses (RFC 6066, section 3). */
static bool
is_host_name(const char *text)
{
	struct in6_addr ip;
	size_t len = strlen(text);

	return isalnum((unsigned char)text[0]) &&
	    isalnum((unsigned char)text[len - 1]) &&
	    strspn(text,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_.") == len &&
	    strstr(text, "..") == NULL && inet_pton(AF_INET, text, &ip) != 1;
}

static int
parse_sni(const struct key *key, void *object, const char *text,
    struct why *why)
{
	if (text[0] == '\0' || !is_host_name(text))
		return why_set(why,
		    "\"%.64s\" is not a host name: give one such as "
		    "app.example",
		    text);
	if (strlen(text) >= key->size)
		return why_set(why, "the name has at most %zu characters",
		    key->size - 1);
	memcpy(field_at(key, object), text, strlen(text) + 1);
	return 0;
}

const struct kind kind_sni = {
	.parse = parse_sni,
	.count = count_field,
	.print = print_field,
};

static int
parse_alpn(const struct key *key, void *object, const char *text,
    struct why *why)
{
	const char *at = text;
	size_t len;

	do {
		at += at > text; /* the comma */
		len = strcspn(at, ",");
		if (len == 0 || !is_token_or_slash(at, len))
			return why_set(why,
			    "\"%.64s\" is not a list of protocols: give "
			    "names such as h2,http/1.1",
			    text);
		at += len;
	} while (*at == ',');
	if (strlen(text) >= key->size)
		return why_set(why, "the list has at most %zu characters",
		    key->size - 1);
	memcpy(field_at(key, object), text, strlen(text) + 1);
	return 0;
}

const struct kind kind_alpn = {
	.parse = parse_alpn,
	.count = count_field,
	.print = print_field,
};

/* ---- track --------------------------------------------------------------- */

static int
parse_track(const struct key *key, void *object, const char *text,
    struct why *why)
{
	char copy[CONFIG_TRACK_MAX] = "";
	char *slash;

	if (strlen(text) < sizeof(copy))
		memcpy(copy, text, strlen(text) + 1);
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (slash == NULL || !kinds_is_name(copy) || !kinds_is_name(slash))
		return why_set(why,
		    "\"%.64s\" is not a backend: give SERVICE/BACKEND", text);
	memcpy(field_at(key, object), text, strlen(text) + 1);
	return 0;
}

const struct kind kind_track = {
	.parse = parse_track,
	.count = count_field,
	.print = print_field,
};
