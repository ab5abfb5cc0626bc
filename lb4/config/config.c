/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * From a file to a struct config.  The control thread calls config_load() at
 * start and on reload.
 *
 *	inifile.c   lines to sections, keys and values; checks lines
 *	config.c    sections to objects, keys to the table; checks sections
 *	keys.c      the table of keys
 *	kinds*.c    text to one field; checks values
 *	rules.c     checks rules between keys
 *	errors.c    collects the errors of all of them
 *
 * An error does not end the reading: the rest of the file is read to find the
 * others, and the result is thrown away at the end.
 */
#include "lb4/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/nearest.h"
#include "lb4/config/access_rules.h"
#include "lb4/config/backendsfile.h"
#include "lb4/config/build.h"
#include "lb4/config/errors.h"
#include "lb4/config/inifile.h"
#include "lb4/config/keys.h"
#include "lb4/config/kinds.h"
#include "lb4/config/rules.h"
#include "lb4/config/seedfile.h"

#define GLOBAL "global"
#define SERVICE "service"
#define SEED "hash-seed"
#define SEED_FILE "hash-seed-file"

/* The keys that can follow. */
enum place {
	PLACE_START,   /* none: no section yet */
	PLACE_GLOBAL,  /* those of [global] */
	PLACE_SERVICE, /* those of the service added last */
	PLACE_UNKNOWN, /* unknown: they are skipped */
};

/* A key in the section that is being read. */
struct given {
	int line;  /* its first line; 0: not given yet */
	bool full; /* the error about too many values is reported */
};

struct parse {
	struct config *config;
	struct rules_source *source; /* one for each service */
	struct errors errors;
	enum place place;
	char section[INIFILE_LINE_MAX + 1]; /* the text in the brackets */
	int section_line;
	bool unknown_section; /* there was one, perhaps meant as a service */
	struct given *given;  /* one for each key */
	bool full_services;   /* the error about too many is reported */
	bool reads_files;     /* those that keys name */
	struct config_errors in_files; /* of backends-file */
	bool no_memory;
};

/* An error of the section itself. */
#define complain_section(parse, ...) \
	errors_add(&(parse)->errors, (parse)->section_line, NULL, __VA_ARGS__)

static struct config_service *
current_service(const struct parse *parse)
{
	return &parse->config->service[parse->config->services - 1];
}

static struct rules_source *
current_source(const struct parse *parse)
{
	return &parse->source[parse->config->services - 1];
}

/* Whether the values of the key are in a file of their own. */
static bool
is_in_file(const struct parse *parse, const struct key *key)
{
	const struct key *file = keys_find(KEY_SERVICE, "backends-file");

	return strcmp(key->name, "backend") == 0 &&
	    parse->given[file - keys_table].line > 0;
}

/* Called where a section ends. */
static void
check_required(struct parse *parse)
{
	if (parse->place != PLACE_SERVICE || current_source(parse)->broken)
		return;
	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys_table[i];

		if (key->section == KEY_SERVICE && key->required &&
		    parse->given[i].line == 0 && !is_in_file(parse, key))
			errors_add(&parse->errors, parse->section_line,
			    key->name, "missing: add at least one");
	}
}

static void
start_global(struct parse *parse)
{
	int *line = &parse->config->line;

	if (*line > 0)
		complain_section(parse,
		    "already given on line %d: merge the two sections", *line);
	else
		*line = parse->section_line;
	parse->place = PLACE_GLOBAL;
}

/* Reports errors of the section itself; true when there are none. */
static bool
judge_service(struct parse *parse, const char *name)
{
	const struct config_service *same;

	if (name[0] == '\0') {
		complain_section(parse,
		    "the service has no name: write [service NAME]");
		return false;
	}
	if (!kinds_is_name(name)) {
		complain_section(parse,
		    "\"%.64s\" is not a valid service name: use " KINDS_NAME_RULE,
		    name);
		return false;
	}
	same = build_find_service(parse->config, name);
	if (same != NULL) {
		complain_section(parse,
		    "already given on line %d: merge the two sections",
		    same->line);
		return false;
	}
	return true;
}

/* A wrong section still gets a service, one without a name, so that its keys
 * are checked too. */
static void
start_service(struct parse *parse, const char *name)
{
	struct rules_source *source;
	bool good;

	if (parse->config->services >= CONFIG_SERVICES_MAX) {
		if (!parse->full_services)
			complain_section(parse,
			    "more than %d services: remove some",
			    CONFIG_SERVICES_MAX);
		parse->full_services = true;
		return;
	}
	good = judge_service(parse, name);
	source = reallocarray(parse->source, parse->config->services + 1,
	    sizeof(*source));
	if (source == NULL) {
		parse->no_memory = true;
		return;
	}
	parse->source = source;
	source += parse->config->services;
	memset(source, 0, sizeof(*source));
	source->broken = !good;
	if (build_add_service(parse->config, good ? name : "",
		parse->section_line) == NULL)
		parse->no_memory = true;
	else
		parse->place = PLACE_SERVICE;
}

static void
complain_unknown_section(struct parse *parse, const char *word)
{
	const char *like = NULL;

	parse->unknown_section = true;
	if (nearest_distance(word, GLOBAL) <= 2)
		like = "[" GLOBAL "]";
	else if (nearest_distance(word, SERVICE) <= 2)
		like = "[" SERVICE " NAME]";
	if (parse->section[0] == '\0')
		complain_section(parse,
		    "empty section name: write [global] or [service NAME]");
	else if (like != NULL)
		complain_section(parse, "unknown section: did you mean %s?",
		    like);
	else
		complain_section(parse,
		    "unknown section: write [global] or [service NAME]");
}

static void
on_section(void *context, int line, const char *name)
{
	struct parse *parse = context;
	size_t len = strcspn(name, " \t");
	const char *rest = name + len + strspn(name + len, " \t");
	char word[INIFILE_LINE_MAX + 1];

	check_required(parse);
	memset(parse->given, 0, keys_count * sizeof(*parse->given));
	parse->place = PLACE_UNKNOWN;
	parse->section_line = line;
	errors_section(&parse->errors, name);
	snprintf(parse->section, sizeof(parse->section), "%s", name);
	snprintf(word, sizeof(word), "%.*s", (int)len, name);

	if (strcmp(word, SERVICE) == 0)
		start_service(parse, rest);
	else if (strcmp(name, GLOBAL) == 0)
		start_global(parse);
	else if (strcmp(word, GLOBAL) == 0)
		complain_section(parse,
		    "[global] takes no name: write [global]");
	else
		complain_unknown_section(parse, word);
}

static void
complain_unknown_key(struct parse *parse, enum key_section section, int line,
    const char *name)
{
	enum key_section other = section == KEY_GLOBAL ? KEY_SERVICE
						       : KEY_GLOBAL;
	const struct key *key = keys_nearest(section, name);
	struct errors *errors = &parse->errors;

	if (keys_find(other, name) != NULL)
		errors_add(errors, line, name,
		    "unknown key here: move it to [%s]",
		    other == KEY_GLOBAL ? "global" : "service NAME");
	else if (keys_find(KEY_BACKEND, name) != NULL)
		errors_add(errors, line, name,
		    "unknown key here: write backend = NAME ADDRESS %s=...",
		    name);
	else if (key != NULL)
		errors_add(errors, line, name,
		    "unknown key: did you mean \"%s\"?", key->name);
	else
		errors_add(errors, line, name,
		    "unknown key: remove it, or see lb4.ini(5)");
}

/* The key of that name in the current section.  NULL after an error, or where
 * the section is unknown. */
static const struct key *
find_key(struct parse *parse, int line, const char *name)
{
	enum key_section section = parse->place == PLACE_GLOBAL ? KEY_GLOBAL
								: KEY_SERVICE;
	const struct key *key;

	if (parse->place == PLACE_START)
		errors_add(&parse->errors, line, name,
		    "key outside of a section: write [global] or [service "
		    "NAME] above it");
	if (parse->place != PLACE_GLOBAL && parse->place != PLACE_SERVICE)
		return NULL;
	key = keys_find(section, name);
	if (key == NULL)
		complain_unknown_key(parse, section, line, name);
	return key;
}

/* Remembers where the key was given; reports an error and returns false when it
 * must not be repeated. */
static bool
note_key(struct parse *parse, const struct key *key, int line)
{
	int *first = &parse->given[key - keys_table].line;

	if (*first > 0 && !key->repeats) {
		errors_add(&parse->errors, line, key->name,
		    "already given on line %d: keep one of them", *first);
		return false;
	}
	if (*first == 0)
		*first = line;
	return true;
}

/* Records the line of the listener or backend that was just added. */
static void
note_lines(struct parse *parse, size_t listens, size_t backends, int line)
{
	struct config_service *service = current_service(parse);
	struct rules_source *source = current_source(parse);
	int *lines;

	if (service->backends > backends)
		service->backend[backends].line = line;
	if (service->listens == listens)
		return;
	lines = reallocarray(source->listen_line, service->listens,
	    sizeof(*lines));
	if (lines == NULL) {
		service->listens = listens;
		parse->no_memory = true;
		return;
	}
	for (size_t i = listens; i < service->listens; i++)
		lines[i] = line;
	source->listen_line = lines;
}

/* Reads the file of the rule that was just added, if it has one. */
static int
read_rule(const struct parse *parse, struct access_rules *rules,
    struct why *why)
{
	const size_t last = rules->rules - 1;

	return parse->reads_files && rules->rule[last].path != NULL
	    ? access_rules_read(rules, last, why)
	    : 0;
}

static int
set_service(struct parse *parse, const struct key *key, int line,
    const char *value, struct why *why)
{
	struct config_service *service = current_service(parse);
	size_t listens = service->listens;
	size_t backends = service->backends;
	int error = key_parse(key, service, value, why);

	if (strcmp(key->name, "backend") == 0)
		current_source(parse)->backend_lines++;
	if (strcmp(key->name, "listen") == 0)
		current_source(parse)->listen_given = true;
	if (error == 0)
		note_lines(parse, listens, backends, line);
	if (error == 0 && (key->kind == &kind_allow || key->kind == &kind_deny))
		error = read_rule(parse, service->access, why);
	return error;
}

/* The seed is given once, in the file or in a file of its own. */
static int
set_seed(const struct parse *parse, const struct key *key, struct why *why)
{
	bool is_file = strcmp(key->name, SEED_FILE) == 0;
	const struct key *other;
	int line;

	if (!is_file && strcmp(key->name, SEED) != 0)
		return 0;
	other = keys_find(KEY_GLOBAL, is_file ? SEED : SEED_FILE);
	line = parse->given[other - keys_table].line;
	if (line > 0)
		return why_set(why,
		    "%s gives the seed on line %d: keep one of them",
		    other->name, line);
	if (!is_file || !parse->reads_files)
		return 0;
	return seedfile_read(parse->config->hash_seed_file, parse->config, why);
}

static int
set_global(struct parse *parse, const struct key *key, const char *value,
    struct why *why)
{
	int error = key_parse(key, parse->config, value, why);

	return error != 0 ? error : set_seed(parse, key, why);
}

static void
on_value(void *context, int line, const char *name, const char *value)
{
	struct parse *parse = context;
	const struct key *key = find_key(parse, line, name);
	struct why why = { "" };
	bool *full;
	int error;

	if (key == NULL || !note_key(parse, key, line))
		return;
	full = &parse->given[key - keys_table].full;
	if (*full)
		return;
	if (parse->place == PLACE_GLOBAL)
		error = set_global(parse, key, value, &why);
	else
		error = set_service(parse, key, line, value, &why);
	*full = error == -E2BIG;
	if (error == -ENOMEM)
		parse->no_memory = true;
	else if (error != 0)
		errors_add(&parse->errors, line, name, "%s", why.text);
}

static void
on_error(void *context, int line, const char *name, const char *what)
{
	struct parse *parse = context;
	const struct key *key;

	errors_add(&parse->errors, line, name, "%s", what);
	if (name == NULL || parse->place == PLACE_START ||
	    parse->place == PLACE_UNKNOWN)
		return;
	/* The key was given, so it is not reported as missing too. */
	key = keys_find(parse->place == PLACE_GLOBAL ? KEY_GLOBAL : KEY_SERVICE,
	    name);
	if (key == NULL)
		return;
	if (parse->given[key - keys_table].line == 0)
		parse->given[key - keys_table].line = line;
	if (strcmp(name, "backend") == 0)
		current_source(parse)->backend_lines++;
	if (strcmp(name, "listen") == 0)
		current_source(parse)->listen_given = true;
}

/* Reads the files of backends.  Their errors follow those of this file. */
static void
read_backends_files(struct parse *parse)
{
	for (size_t i = 0; i < parse->config->services; i++) {
		struct config_service *service = &parse->config->service[i];
		struct config_errors errors = { .count = 0 };
		const size_t own = service->backends;

		if (service->backends_file[0] == '\0' ||
		    parse->source[i].broken)
			continue;
		if (backendsfile_read(service, &errors) == -ENOMEM)
			parse->no_memory = true;
		parse->source[i].backend_lines += service->backends - own;
		for (size_t j = 0; j < errors.count; j++)
			config_errors_add(&parse->in_files, "%s",
			    errors.text[j]);
		config_errors_done(&errors);
	}
}

static void
run(struct parse *parse, const char *text, size_t len)
{
	const struct inifile_sink sink = {
		.context = parse,
		.on_section = on_section,
		.on_value = on_value,
		.on_error = on_error,
	};

	if (inifile_read(text, len, &sink) != 0)
		parse->no_memory = true;
	check_required(parse);
	errors_section(&parse->errors, NULL);
	if (parse->config->services == 0 && !parse->unknown_section)
		errors_add(&parse->errors, 0, NULL,
		    "no [service NAME] section: add one");
	if (parse->reads_files)
		read_backends_files(parse);
	if (!parse->no_memory &&
	    rules_check(parse->config, parse->source, &parse->errors) != 0)
		parse->no_memory = true;
}

static struct config *
parse_text(const char *name, const char *text, size_t len, bool reads_files,
    struct config_errors *errors)
{
	struct parse parse = { .place = PLACE_START,
		.reads_files = reads_files };

	errors_init(&parse.errors, name, errors);
	parse.config = build_new();
	parse.given = calloc(keys_count, sizeof(*parse.given));
	parse.no_memory = parse.config == NULL || parse.given == NULL;
	if (!parse.no_memory)
		run(&parse, text, len);
	for (size_t i = 0; parse.config != NULL && i < parse.config->services;
	     i++)
		free(parse.source[i].listen_line);
	free(parse.source);
	free(parse.given);
	errors_done(&parse.errors);
	for (size_t i = 0; i < parse.in_files.count; i++)
		config_errors_add(errors, "%s", parse.in_files.text[i]);
	config_errors_done(&parse.in_files);
	/* lack of memory may have caused the other errors */
	if (parse.no_memory) {
		config_errors_done(errors);
		config_errors_add(errors, "%s: out of memory", name);
	}
	if (errors->count == 0)
		return parse.config;
	config_free(parse.config);
	return NULL;
}

struct config *
config_parse(const char *name, const char *text, size_t len,
    struct config_errors *errors)
{
	return parse_text(name, text, len, false, errors);
}

/* Whether every user of this machine can read it. */
static bool
is_exposed(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    (status.st_mode & S_IROTH) != 0;
}

static struct config *
load(const char *path, int fd, struct config_errors *errors)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	struct config *config = NULL;
	struct errors complaints;
	char *text = NULL;
	size_t len = 0;
	int error = fd >= 0 ? file_read(fd, CONFIG_FILE_MAX, &text, &len) : fd;

	if (error == 0) {
		config = parse_text(name, text, len, true, errors);
		if (config != NULL)
			config->hash_seed_exposed = config->hash_seed_set &&
			    config->hash_seed_file[0] == '\0' && is_exposed(fd);
	} else {
		errors_init(&complaints, name, errors);
		errors_add(&complaints, 0, NULL, "%s", file_error(error));
		errors_done(&complaints);
	}
	if (fd > STDIN_FILENO)
		(void)close(fd);
	free(text);
	return config;
}

struct config *
config_load(const char *path, struct config_errors *errors)
{
	return load(path,
	    strcmp(path, "-") == 0 ? STDIN_FILENO
				   : file_open(path, O_RDONLY, 0),
	    errors);
}

struct config *
config_load_stream(const char *path, struct config_errors *errors)
{
	int fd = STDIN_FILENO;

	if (strcmp(path, "-") != 0)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return load(path, fd < 0 ? -errno : fd, errors);
}
