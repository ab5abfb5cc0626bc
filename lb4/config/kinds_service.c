/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kinds that fill more than one field: addresses, backends, checks, and the
 * seed.
 */
#include "lb4/config/keys.h"
#include "lb4/config/kinds.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/textbuf.h"
#include "lb4/config/check.h"
#include "lb4/config/expand.h"
#include "lb4/config/inifile.h"
#include "lb4/config/octets.h"
#include "lb4/config/settings.h"

#define SEED_DIGITS 32

bool
kinds_read_seed(const char *text, struct hash_key *seed)
{
	uint64_t half[2] = { 0, 0 };

	if (strlen(text) != SEED_DIGITS ||
	    strspn(text, "0123456789abcdefABCDEF") != SEED_DIGITS)
		return false;
	/* As bytes, lowest first: see struct hash_key. */
	for (size_t i = 0; i < SEED_DIGITS / 2; i++) {
		char byte[] = { text[2 * i], text[2 * i + 1], '\0' };

		half[i / 8] |= (uint64_t)strtoul(byte, NULL, 16) << i % 8 * 8;
	}
	seed->k0 = half[0];
	seed->k1 = half[1];
	return true;
}

/* Errors are logged, so they must not quote what is almost a seed. */
static int
parse_seed(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config *config = object;

	(void)key;
	if (!kinds_read_seed(text, &config->hash_seed))
		return why_set(why,
		    "%zu characters are not a seed: give 32 hexadecimal "
		    "digits",
		    strlen(text));
	config->hash_seed_set = true;
	return 0;
}

/* A seed from a file is not printed. */
static size_t
count_seed(const struct key *key, const void *object)
{
	const struct config *config = object;

	(void)key;
	return config->hash_seed_set && config->hash_seed_file[0] == '\0';
}

static void
print_seed(const struct key *key, const void *object, size_t index, FILE *out)
{
	const struct config *config = object;
	const uint64_t half[2] = { config->hash_seed.k0, config->hash_seed.k1 };

	(void)key;
	(void)index;
	for (size_t i = 0; i < SEED_DIGITS / 2; i++)
		fprintf(out, "%02x",
		    (unsigned)(half[i / 8] >> i % 8 * 8) & 255);
}

const struct kind kind_seed = {
	.parse = parse_seed,
	.count = count_seed,
	.print = print_seed,
};

int
kinds_no_addr(const char *text, const char *reason, struct why *why)
{
	return why_set(why,
	    "\"%.64s\": %s: give an address such as 192.0.2.1:80, "
	    "[2001:db8::1]:80 or unix:/path",
	    text, reason);
}

/* An address to connect to, or to listen on. */
static int
read_addr(const char *text, struct addr *out, enum addr_port port,
    struct why *why)
{
	const char *reason;

	if (addr_parse(out, text, port, &reason) == 0)
		return 0;
	return kinds_no_addr(text, reason, why);
}

int
kinds_read_target(const char *text, struct addr *out, enum addr_port port,
    struct why *why)
{
	int error = read_addr(text, out, port, why);

	if (error == 0 && addr_is_wildcard(out))
		return why_set(why,
		    "\"%.64s\" is not an address to connect to: give one such "
		    "as "
		    "127.0.0.1:80",
		    text);
	return error;
}

static void
print_addr_text(const struct addr *addr, FILE *out)
{
	char buf[ADDR_TEXT_MAX];

	value_print_word(addr_format(addr, buf, sizeof(buf)), out);
}

int
kinds_too_many(int most, struct why *why)
{
	(void)why_set(why, "more than %d in one service: remove some", most);
	return -E2BIG;
}

static int
parse_addr(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct addr *addr = (struct addr *)((char *)object + key->offset);
	struct addr found;
	int error = kinds_read_target(text, &found, ADDR_PORT_REQUIRED, why);

	if (error == 0 && !addr_is_unix(&found) && addr_port(&found) == 0)
		error = why_set(why, "\"%.64s\" has port 0: give another",
		    text);
	if (error == 0)
		*addr = found;
	return error;
}

static int
parse_server(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct addr *addr = (struct addr *)((char *)object + key->offset);
	struct addr found;
	int error = read_addr(text, &found, ADDR_PORT_REQUIRED, why);

	if (error == 0)
		*addr = found;
	return error;
}

static size_t
count_addr(const struct key *key, const void *object)
{
	const struct addr *addr = (const struct addr *)((const char *)object +
	    key->offset);

	return addr->len > 0;
}

static void
print_addr(const struct key *key, const void *object, size_t index, FILE *out)
{
	(void)index;
	print_addr_text((const struct addr *)((const char *)object +
			    key->offset),
	    out);
}

const struct kind kind_addr = {
	.parse = parse_addr,
	.count = count_addr,
	.print = print_addr,
};

const struct kind kind_server = {
	.parse = parse_server,
	.count = count_addr,
	.print = print_addr,
};

/* "weight=2" into the backend.  `seen` has an entry for each key. */
static int
read_option(struct config_backend *backend, char *word, bool *seen,
    struct why *why)
{
	char *value = strchr(word, '=');
	const struct key *key;
	struct why reason = { "" };
	int error;

	if (value != NULL)
		*value++ = '\0';
	key = keys_find(KEY_BACKEND, word);
	if (key == NULL) {
		key = keys_nearest(KEY_BACKEND, word);
		if (key != NULL)
			return why_set(why,
			    "unknown option \"%.40s\": did you mean \"%s\"?",
			    word, key->name);
		return why_set(why,
		    "unknown option \"%.40s\": remove it, or see lb4.ini(5)",
		    word);
	}
	if (key->kind == &kind_flag && value != NULL)
		return why_set(why, "option \"%s\" takes no value: write %s",
		    key->name, key->name);
	if (key->kind != &kind_flag && (value == NULL || value[0] == '\0'))
		return why_set(why, "option \"%s\" has no value: write %s=...",
		    key->name, key->name);
	if (backend->of_srv && strcmp(key->name, "weight") == 0)
		return why_set(why,
		    "option \"weight\" is in the SRV records: remove it");
	if (seen[key - keys_table])
		return why_set(why, "option \"%s\" is given twice: keep one",
		    key->name);
	seen[key - keys_table] = true;
	error = key_parse(key, backend, value, &reason);
	if (error == -ENOMEM)
		return error;
	if (error != 0)
		return why_set(why, "option \"%s\": %.250s", key->name,
		    reason.text);
	return 0;
}

static int
read_options(struct config_backend *backend, const char *text, struct why *why)
{
	char word[INIFILE_LINE_MAX + 1];
	bool *seen = calloc(keys_count, sizeof(*seen));
	int error = seen != NULL ? 0 : -ENOMEM;

	while (error == 0) {
		error = value_word(&text, word, sizeof(word), why);
		if (error != 0 || word[0] == '\0')
			break;
		error = read_option(backend, word, seen, why);
	}
	free(seen);
	return error;
}

/* NAME ADDR[:PORT] OPTION..., or NAME srv=NAME OPTION... */
static int
read_backend(struct config_name *name, const char *text, struct why *why)
{
	struct config_backend *backend = &name->line;
	char word[INIFILE_LINE_MAX + 1];
	const char *records = word;
	int error;

	keys_preset(KEY_BACKEND, backend);
	error = value_word(&text, word, sizeof(word), why);
	if (error == 0 && !kinds_is_name(word))
		return why_set(why,
		    "\"%.64s\" is not a valid backend name: use " KINDS_NAME_RULE,
		    word);
	if (error != 0)
		return error;
	memcpy(backend->name, word, strlen(word) + 1);

	error = value_word(&text, word, sizeof(word), why);
	if (error == 0 && word[0] == '\0')
		return why_set(why, "no address: write backend = %s ADDRESS",
		    backend->name);
	if (error == 0 && kinds_is_srv(&records))
		error = kinds_read_srv(records, name, why);
	else if (error == 0 && kinds_is_host(word))
		error = kinds_read_host(word, name, why);
	else if (error == 0)
		error = kinds_read_target(word, &backend->addr,
		    ADDR_PORT_OPTIONAL, why);
	if (error == 0)
		error = read_options(backend, text, why);
	return error == 0 ? kinds_judge_name(name, why) : error;
}

static int
parse_backend(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_service *service = object;
	struct config_name name = { .port = 0 };
	int error = read_backend(&name, text, why);

	(void)key;
	if (error != 0)
		return error;
	error = name.host[0] == '\0' ? expand_append(service, &name.line)
				     : expand_add(service, &name);
	return error == -E2BIG ? kinds_too_many(CONFIG_BACKENDS_MAX, why)
			       : error;
}

/* An address that was given without a port. */
static void
print_host(const struct addr *addr, FILE *out)
{
	char buf[ADDR_TEXT_MAX];

	addr_format(addr, buf, sizeof(buf));
	fprintf(out, "%.*s", (int)(strlen(buf) - strlen(":0")), buf);
}

/* Whether the backend has a line of its own in this file. */
static bool
has_line(const struct config_backend *backend)
{
	return !backend->in_file && backend->of_name == 0;
}

static size_t
count_backend(const struct key *key, const void *object)
{
	const struct config_service *service = object;
	size_t own = service->hosts;

	(void)key;
	for (size_t i = 0; i < service->backends; i++)
		own += has_line(&service->backend[i]);
	return own;
}

/* The line of that place in the order of the lines. */
static const struct config_backend *
line_in_order(const struct config_service *service, size_t index)
{
	const struct config_backend *at[CONFIG_BACKENDS_MAX];
	unsigned last = 0;

	for (size_t i = 0; i < service->backends; i++)
		at[service->backend[i].order] = &service->backend[i];
	for (size_t i = 0; i < service->backends; i++) {
		const struct config_backend *backend = at[i];
		const bool follows = backend->of_name != 0 &&
		    backend->of_name == last; /* of the same line */

		last = backend->of_name;
		if (backend->in_file || follows || index-- > 0)
			continue;
		return last == 0 ? backend : &service->host[last - 1].line;
	}
	return NULL;
}

/* A line: by name, those with host names last, or in the file's order where
 * that matters. */
static const struct config_backend *
backend_at(const struct config_service *service, size_t index)
{
	if (service->settings.balance == BALANCE_FIRST)
		return line_in_order(service, index);
	for (size_t i = 0; i < service->backends; i++)
		if (has_line(&service->backend[i]) && index-- == 0)
			return &service->backend[i];
	return &service->host[index].line;
}

/* The name that the line is of, or NULL. */
static const struct config_name *
name_of(const struct config_service *service, const struct config_backend *line)
{
	for (size_t i = 0; i < service->hosts; i++)
		if (line == &service->host[i].line)
			return &service->host[i];
	return NULL;
}

static void
print_name(const struct config_name *name, FILE *out)
{
	fprintf(out, "%s%s", name->line.of_srv ? "srv=" : "", name->host);
	if (name->port != 0)
		fprintf(out, ":%u", name->port);
}

static void
print_backend(const struct key *key, const void *object, size_t index,
    FILE *out)
{
	const struct config_service *service = object;
	const struct config_backend *backend = backend_at(service, index);
	const struct config_name *name = name_of(service, backend);

	(void)key;
	fprintf(out, "%s ", backend->name);
	if (name != NULL)
		print_name(name, out);
	else if (addr_is_unix(&backend->addr) || addr_port(&backend->addr) != 0)
		print_addr_text(&backend->addr, out);
	else
		print_host(&backend->addr, out);
	for (size_t i = 0; i < keys_count; i++) {
		const struct key *option = &keys_table[i];

		if (option->section != KEY_BACKEND ||
		    key_count(option, backend) == 0 ||
		    (backend->of_srv && strcmp(option->name, "weight") == 0))
			continue;
		fprintf(out, " %s", option->name);
		if (option->kind == &kind_flag)
			continue;
		fputc('=', out);
		key_print(option, backend, 0, out);
	}
}

const struct kind kind_backend = {
	.parse = parse_backend,
	.count = count_backend,
	.print = print_backend,
};

/* The ways of checking, as they are written: "none, tcp or http GET /path". */
static const char *
list_checks(char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (int i = 0; i < CHECK_KIND_COUNT; i++) {
		const struct check_way *way = check_way((enum check_kind)i);
		const char *next = i == CHECK_KIND_COUNT - 2 ? " or " : ", ";

		len += (size_t)snprintf(buf + len, size - len, "%s%s",
		    way != NULL ? way->usage : "none",
		    i < CHECK_KIND_COUNT - 1 ? next : "");
		if (len >= size)
			break;
	}
	return buf;
}

static int
print_args(const char *text, FILE *out, struct why *why)
{
	struct octets word;
	int error;

	for (const char *between = "";; between = " ") {
		text += strspn(text, " \t");
		if (text[0] == '\0')
			return 0;
		error = octets_word(&text, &word, why);
		if (error != 0)
			return error;
		fputs(between, out);
		octets_print(word.byte, word.len, out);
	}
}

/* The words of `text` as the dump has them. */
static int
read_args(const char *text, char args[CONFIG_ARGS_MAX], struct why *why)
{
	struct textbuf buf;
	FILE *out;
	int error;

	memset(args, 0, CONFIG_ARGS_MAX); /* it is compared whole */
	if (text[strspn(text, " \t")] == '\0')
		return 0; /* a preset may need no memory */
	out = textbuf_open(&buf);
	error = out == NULL ? 0 : print_args(text, out, why);
	if (textbuf_close(&buf) < 0)
		return error != 0 ? error : -ENOMEM;
	if (error == 0 && buf.len >= CONFIG_ARGS_MAX)
		error = why_set(why,
		    "the line, written out in full, is longer than %d "
		    "characters: shorten it",
		    INIFILE_LINE_MAX);
	if (error == 0)
		memcpy(args, buf.text, buf.len);
	textbuf_done(&buf);
	return error;
}

/* Judges the arguments; what they mean is for the prober. */
static int
judge_args(const struct config_check *check, struct why *why)
{
	const struct check_way *way = check_way(check->kind);
	void *own;
	int error;

	if (way == NULL)
		return check_no_more(check->args, why);
	error = way->parse(check, &own, why);
	free(own);
	return error;
}

static int
parse_check(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_service *service = object;
	struct config_check check = service->settings.check;
	char word[16], ways[200];
	int kind;
	int error;

	(void)key;
	error = value_word(&text, word, sizeof(word), why);
	if (error != 0)
		return error;
	kind = names_find(&names_check, word);
	if (kind < 0)
		return why_set(why, "\"%s\" is unknown: give %s", word,
		    list_checks(ways, sizeof(ways)));
	check.kind = (enum check_kind)kind;
	error = read_args(text, check.args, why);
	if (error == 0)
		error = judge_args(&check, why);
	if (error == 0)
		service->settings.check = check;
	return error;
}

static void
print_check(const struct key *key, const void *object, size_t index, FILE *out)
{
	const struct config_service *service = object;

	(void)key;
	(void)index;
	fputs(check_kind_name(service->settings.check.kind), out);
	if (service->settings.check.args[0] != '\0')
		fprintf(out, " %s", service->settings.check.args);
}

const struct kind kind_check = {
	.parse = parse_check,
	.print = print_check,
};

/* Skips "[2001:db8::1]", a name or an IPv4 address (RFC 3986, section 3.2.2),
 * without a zone (RFC 6874, section 4); returns the rest, or NULL. */
static const char *
skip_host(const char *text)
{
	struct in6_addr ip;
	char literal[INET6_ADDRSTRLEN];
	const char *end = text;
	size_t len;

	if (text[0] == '[') {
		len = strcspn(text + 1, "]");
		if (len >= sizeof(literal) || text[1 + len] != ']')
			return NULL;
		memcpy(literal, text + 1, len);
		literal[len] = '\0';
		return inet_pton(AF_INET6, literal, &ip) == 1 ? text + len + 2
							      : NULL;
	}
	while (isalnum((unsigned char)*end) ||
	    (*end != '\0' && strchr("-._~!$&'()*+,=", *end) != NULL))
		end++;
	return end > text ? end : NULL;
}

static int
parse_check_host(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_service *service = object;
	const char *end = skip_host(text);
	size_t digits;

	(void)key;
	if (end != NULL && *end == ':') {
		digits = strspn(end + 1, "0123456789");
		end = digits >= 1 && digits <= 5 ? end + 1 + digits : NULL;
	}
	if (end == NULL || *end != '\0')
		return why_set(why,
		    "\"%.64s\" is not a host: give a name or an address, such "
		    "as app.example, app.example:8080 or [2001:db8::1]",
		    text);
	if ((size_t)(end - text) >= sizeof(service->settings.check.host))
		return why_set(why, "the host has at most %zu characters",
		    sizeof(service->settings.check.host) - 1);
	memcpy(service->settings.check.host, text, (size_t)(end - text) + 1);
	return 0;
}

static size_t
count_check_host(const struct key *key, const void *object)
{
	const struct config_service *service = object;

	(void)key;
	return service->settings.check.host[0] != '\0';
}

static void
print_check_host(const struct key *key, const void *object, size_t index,
    FILE *out)
{
	const struct config_service *service = object;

	(void)key;
	(void)index;
	fputs(service->settings.check.host, out);
}

const struct kind kind_host = {
	.parse = parse_check_host,
	.count = count_check_host,
	.print = print_check_host,
};
