/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The command line.  getopt_long(3) returns the words in their order, since the
 * words between -l ADDR and the next option are its backends.
 */
#include "lb4/process/options.h"

#include <bsd/string.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/escape.h"
#include "common/log.h"
#include "lb4/config/kinds.h"

enum {
	OPTION_OPERAND = 1, /* what getopt_long(3) returns for a plain word */
	OPTION_RELAY = 256,
	OPTION_LOG_LEVEL,
	OPTION_ACCESS_LOG,
	OPTION_ACCESS_FORMAT,
	OPTION_KEYS,
	OPTION_HOST,
	OPTION_EXPLAIN,
	OPTION_SIMULATE,
	OPTION_DOWN,
	OPTION_DOWN_AFTER,
	OPTION_CLIENTS,
	OPTION_CORE,
	OPTION_PARENT,
};

/* "-": words in order; ":": this file writes the error messages. */
static const char short_options[] = "-:f:tTl:vDp:u:z:h";

static const struct option long_options[] = {
	{ "relay", required_argument, NULL, OPTION_RELAY },
	{ "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
	{ "access-log", required_argument, NULL, OPTION_ACCESS_LOG },
	{ "access-format", required_argument, NULL, OPTION_ACCESS_FORMAT },
	{ "keys", no_argument, NULL, OPTION_KEYS },
	{ "host", no_argument, NULL, OPTION_HOST },
	{ "explain", required_argument, NULL, OPTION_EXPLAIN },
	{ "simulate", optional_argument, NULL, OPTION_SIMULATE },
	{ "down", required_argument, NULL, OPTION_DOWN },
	{ "down-after", required_argument, NULL, OPTION_DOWN_AFTER },
	{ "clients", required_argument, NULL, OPTION_CLIENTS },
	{ "core", no_argument, NULL, OPTION_CORE },
	{ "parent", no_argument, NULL, OPTION_PARENT },
	{ "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

void
options_help(FILE *out)
{
	fputs(
	    "usage: lb4 [-D] [-f FILE] [-p PIDFILE] [-u USER] [-z ZONE] "
	    "[OPTION...]\n"
	    "       lb4 -l ADDR BACKEND... [-l ADDR BACKEND...] [OPTION...]\n"
	    "       lb4 -t [--host] | -T [-f FILE]\n"
	    "       lb4 [-f FILE] --explain SERVICE CLIENT [--down BACKEND]...\n"
	    "       lb4 [-f FILE] --simulate FILE [--clients FILE] "
	    "[--down BACKEND]...\n"
	    "       lb4 [-f FILE] --simulate --down-after BACKEND...\n"
	    "\n"
	    "  -f FILE              configuration (" OPTIONS_FILE ")\n"
	    "  -l ADDR BACKEND...   without a file: listen on ADDR for these\n"
	    "  -t                   check the configuration and exit\n"
	    "  -T                   check it, print all of its keys and exit\n"
	    "  -D                   go to the background once ready\n"
	    "  -p PIDFILE           write the process ID to PIDFILE\n"
	    "  -u USER              become USER once the listeners are open\n"
	    "  -z ZONE              prefer the backends in ZONE, where this node is\n"
	    "  -v, --version        print the version and exit\n"
	    "  -vv                  print version, limits, kernel, libraries\n"
	    "  -h, --help           print this and exit\n"
	    "  --relay=WAY          auto, copy, splice or peek\n"
	    "  --log-level=LEVEL    error, warning, notice, info or debug\n"
	    "  --access-log=DEST    off, stderr, syslog or a path\n"
	    "  --access-format=FORM kv or json\n"
	    "  --core               allow core dumps and debuggers\n"
	    "  --parent             stay the parent of lb4, also over an upgrade\n"
	    "  --host               with -t: list the limits of this machine\n"
	    "  --keys               list the configuration's keys and exit\n"
	    "  --explain SERVICE CLIENT [sni=NAME] [alpn=PROTOCOL] [port=PORT]\n"
	    "                       show which backend a client gets, and why;\n"
	    "                       CLIENT - reads many, one per line\n"
	    "  --simulate FILE      show which clients a change to FILE would move\n"
	    "  --clients FILE       simulate the clients in FILE, one per line\n"
	    "  --down SERVICE/BACKEND\n"
	    "                       it is down, before and after; repeatable\n"
	    "  --down-after SERVICE/BACKEND\n"
	    "                       it is up before and down after; repeatable\n"
	    "\n"
	    "See lb4(8) and, for the file, lb4.ini(5).\n",
	    out);
}

static int __attribute__((format(printf, 1, 2)))
complain(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	escape_line(stderr, "lb4: %s (lb4 -h lists the options)",
	    len >= 0 ? text : "no memory");
	if (len >= 0)
		free(text);
	return -EINVAL;
}

static int
access_format_parse(const char *name)
{
	for (int i = 0; i < ACCESS_FORMAT_COUNT; i++)
		if (strcmp(name, access_format_name((enum access_format)i)) ==
		    0)
			return i;
	return -1;
}

/* A path that is valid after a daemon's chdir(2), if it fits. */
static bool
is_path(const char *text)
{
	return text[0] == '/' && strlen(text) < CONFIG_PATH_MAX;
}

static bool
is_access_log(const char *text)
{
	return strcmp(text, "off") == 0 || strcmp(text, "stderr") == 0 ||
	    strcmp(text, "syslog") == 0 || is_path(text);
}

/* Options that take a word of a kind. */
static int
take_word(struct options *options, int option, const char *word)
{
	const char *wrong = NULL;

	switch (option) {
	case 'p':
		options->pidfile = word;
		if (!is_path(word))
			wrong = "not an absolute path";
		break;
	case 'u':
		options->user = word;
		if (word[0] == '\0' || strlen(word) >= CONFIG_NAME_MAX)
			wrong = "not the name of a user";
		break;
	case 'z':
		options->zone = word;
		if (!kinds_is_name(word))
			wrong = "not the name of a zone";
		break;
	case OPTION_RELAY:
		options->relay = relay_way_parse(word);
		if (options->relay < 0)
			wrong = "no way to relay";
		break;
	case OPTION_LOG_LEVEL:
		options->log_level = log_level_parse(word);
		if (options->log_level < 0)
			wrong = "no level";
		break;
	case OPTION_ACCESS_LOG:
		options->access_log = word;
		if (!is_access_log(word))
			wrong = "neither off, stderr, syslog nor an absolute "
				"path";
		break;
	default:
		options->access_format = access_format_parse(word);
		if (options->access_format < 0)
			wrong = "no form of the access log";
		break;
	}
	return wrong == NULL ? 0 : complain("%s: %s", word, wrong);
}

/* Options that do something instead of running lb4. */
static void
take_action(struct options *options, int option)
{
	switch (option) {
	case 't':
		options->action = OPTIONS_CHECK;
		break;
	case 'T':
		options->action = OPTIONS_DUMP;
		break;
	case 'v':
		options->action = options->action == OPTIONS_VERSION
		    ? OPTIONS_FEATURES
		    : OPTIONS_VERSION;
		break;
	case OPTION_KEYS:
		options->action = OPTIONS_KEYS;
		break;
	default:
		options->action = OPTIONS_HELP;
		break;
	}
}

/* The arguments of --explain and --simulate. */
static int
take_question(struct options *options, int option, const char *word)
{
	switch (option) {
	case OPTION_EXPLAIN:
		options->action = OPTIONS_EXPLAIN;
		options->explain_service = word;
		options->explain_client = NULL;
		break;
	case OPTION_SIMULATE:
		options->action = OPTIONS_SIMULATE;
		options->simulates = true;
		options->simulate = word;
		break;
	case OPTION_DOWN:
		options->down[options->downs++] = word;
		break;
	case OPTION_DOWN_AFTER:
		options->down_after[options->downs_after++] = word;
		break;
	default:
		options->clients = word;
		break;
	}
	return 0;
}

/* Options that need, or exclude, others. */
static int
check_question(const struct options *options)
{
	bool explains = options->explain_service != NULL;
	bool simulates = options->simulates;

	if (explains && options->explain_client == NULL)
		return complain("--explain %s: needs a client",
		    options->explain_service);
	if (explains && simulates)
		return complain("--explain and --simulate exclude each other");
	if (options->downs > 0 && !explains && !simulates)
		return complain("--down: needs --explain or --simulate");
	if (options->downs_after > 0 && !explains && !simulates)
		return complain("--down-after: needs --explain or --simulate");
	if (simulates && options->simulate == NULL && options->downs_after == 0)
		return complain("--simulate: needs a file, or --down-after");
	if (options->clients != NULL && !simulates)
		return complain("--clients: needs --simulate");
	return 0;
}

/* A plain word: a backend of the -l before it, the client of --explain, or the
 * file of --simulate. */
static int
take_operand(struct options *options, struct options_service *service,
    int last_option, char **word)
{
	if (last_option == OPTION_EXPLAIN && options->explain_client == NULL) {
		options->explain_client = *word;
		return 0;
	}
	if (last_option == OPTION_EXPLAIN && strncmp(*word, "sni=", 4) == 0) {
		options->explain_sni = *word + 4;
		return 0;
	}
	if (last_option == OPTION_EXPLAIN && strncmp(*word, "alpn=", 5) == 0) {
		options->explain_alpn = *word + 5;
		return 0;
	}
	if (last_option == OPTION_EXPLAIN && strncmp(*word, "port=", 5) == 0) {
		options->explain_port = *word + 5;
		return 0;
	}
	if (last_option == OPTION_SIMULATE && options->simulate == NULL) {
		options->simulate = *word;
		return 0;
	}
	if (service == NULL)
		return complain("%s: not an option", *word);
	if (service->backends == 0)
		service->backend = (const char *const *)word;
	service->backends++;
	return 0;
}

static int
take_option(struct options *options, int option, char **argv)
{
	switch (option) {
	case 'f':
		options->file = optarg;
		return 0;
	case 'l':
		options->service[options->services++].listen = optarg;
		return 0;
	case 'D':
		options->background = true;
		return 0;
	case OPTION_CORE:
		options->core = true;
		return 0;
	case OPTION_PARENT:
		options->parent = true;
		return 0;
	case OPTION_HOST:
		options->host = true;
		return 0;
	case ':':
		return complain("%s: needs a value", argv[optind - 1]);
	case '?':
		if (optopt > 0 && optopt < 256)
			return complain("-%c: no such option", optopt);
		return complain("%s: no such option", argv[optind - 1]);
	case 't':
	case 'T':
	case 'v':
	case 'h':
	case OPTION_KEYS:
		take_action(options, option);
		return 0;
	case OPTION_EXPLAIN:
	case OPTION_SIMULATE:
	case OPTION_DOWN:
	case OPTION_DOWN_AFTER:
	case OPTION_CLIENTS:
		return take_question(options, option, optarg);
	default:
		return take_word(options, option, optarg);
	}
}

int
options_parse(struct options *options, int argc, char **argv)
{
	struct options_service *service = NULL; /* the last word was its name */
	int option, last_option = 0, error = 0;

	memset(options, 0, sizeof(*options));
	options->relay = options->log_level = options->access_format = -1;
	options->service = calloc((size_t)argc + 1, sizeof(*options->service));
	options->down = calloc((size_t)argc + 1, sizeof(*options->down));
	options->down_after = calloc((size_t)argc + 1,
	    sizeof(*options->down_after));
	if (options->service == NULL || options->down == NULL ||
	    options->down_after == NULL) {
		fputs("lb4: no memory\n", stderr);
		return -ENOMEM;
	}
	optind = 0;
	while (error == 0 &&
	    (option = getopt_long(argc, argv, short_options, long_options,
		 NULL)) != -1) {
		if (option == OPTION_OPERAND) {
			error = take_operand(options, service, last_option,
			    &argv[optind - 1]);
			continue;
		}
		last_option = option;
		error = take_option(options, option, argv);
		service = option == 'l'
		    ? &options->service[options->services - 1]
		    : NULL;
	}
	if (error == 0 && optind < argc)
		error = complain("%s: not an option", argv[optind]);
	if (error == 0 && options->file != NULL && options->services > 0)
		error = complain("-f and -l exclude each other");
	if (error == 0 && options->host && options->action != OPTIONS_CHECK)
		error = complain("--host: needs -t");
	for (size_t i = 0; error == 0 && i < options->services; i++)
		if (options->service[i].backends == 0)
			error = complain("-l %s: needs a backend",
			    options->service[i].listen);
	return error == 0 ? check_question(options) : error;
}

int
options_fix_file(struct options *options)
{
	char *here;
	int error = 0;

	if (options->file == NULL || options->file[0] == '/' ||
	    strcmp(options->file, "-") == 0)
		return 0;
	here = getcwd(NULL, 0);
	if (here == NULL)
		return -errno;
	if (asprintf(&options->path, "%s/%s", here, options->file) < 0) {
		options->path = NULL;
		error = -ENOMEM;
	} else {
		options->file = options->path;
	}
	free(here);
	return error;
}

bool
options_reads_stdin(const struct options *options)
{
	return options->services == 0 && options->file != NULL &&
	    strcmp(options->file, "-") == 0;
}

bool
options_can_reload(const struct options *options)
{
	return options->services == 0 && !options_reads_stdin(options);
}

const char *
options_destination(const struct options *options, const char *name)
{
	if (options->background && strcmp(name, "stderr") == 0)
		return "syslog";
	return name;
}

void
options_done(struct options *options)
{
	free(options->path);
	free(options->service);
	free(options->down);
	free(options->down_after);
	options->service = NULL;
	options->down = NULL;
	options->down_after = NULL;
}

static void
override(struct config *config, const struct options *options)
{
	if (options->pidfile != NULL)
		strlcpy(config->pidfile, options->pidfile,
		    sizeof(config->pidfile));
	if (options->user != NULL)
		strlcpy(config->user, options->user, sizeof(config->user));
	if (options->zone != NULL)
		strlcpy(config->zone, options->zone, sizeof(config->zone));
	if (options->access_log != NULL)
		strlcpy(config->access_log, options->access_log,
		    sizeof(config->access_log));
	if (options->relay >= 0)
		config->relay = (enum relay_way)options->relay;
	if (options->log_level >= 0)
		config->log_level = options->log_level;
	if (options->access_format >= 0)
		config->access_format = (enum access_format)
					    options->access_format;
}

struct config *
options_config(const struct options *options, struct config_errors *errors)
{
	const char *file = options->file != NULL ? options->file : OPTIONS_FILE;
	struct config *config = NULL;

	/* a mere check may read a pipe: lb4 -t -f <(make-it) */
	if (options->services == 0)
		config = options->action == OPTIONS_RUN
		    ? config_load(file, errors)
		    : config_load_stream(file, errors);
	for (size_t i = 0; i < options->services; i++) {
		const struct options_service *service = &options->service[i];

		config = config_adhoc(config, service->listen, service->backend,
		    service->backends, errors);
		if (config == NULL)
			break;
	}
	if (config != NULL)
		override(config, options);
	return config;
}

const char *
options_source(const struct options *options)
{
	if (options->services > 0)
		return "command line";
	if (options_reads_stdin(options))
		return "standard input";
	return options->file != NULL ? options->file : OPTIONS_FILE;
}
