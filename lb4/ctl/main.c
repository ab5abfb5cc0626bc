/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * lb4ctl: sends one command to the control socket of lb4 and prints the answer.
 * lb4 defines the commands and the answers, so lb4ctl also sends commands that
 * it does not know.  It has the table of commands (spec.h) for help without
 * lb4.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/escape.h"
#include "lb4/command/spec.h"
#include "lb4/ctl/cluster.h"
#include "lb4/ctl/fit.h"
#include "lb4/ctl/line.h"
#include "lb4/ctl/paint.h"
#include "lb4/ctl/talk.h"
#include "lb4/ctl/top.h"
#include "lb4/ctl/watch.h"

/* As in lb4ctl(8). */
enum { EXIT_OK = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_CONNECT = 3 };

#define SOCKET_DEFAULT "/run/lb4/lb4.sock"

static void
help(FILE *out)
{
	fputs(
	    "usage: lb4ctl [-s SOCKET] [--color=WHEN] [--wide] [--json] "
	    "COMMAND [ARGUMENT...]\n"
	    "  -s, --socket PATH   the control socket of lb4\n"
	    "      --color WHEN    auto, always or never\n"
	    "      --wide          print tables in full, however wide the "
	    "terminal is\n"
	    "  -h, --help          this text, or the usage of COMMAND; the "
	    "command\n"
	    "                      help lists all commands\n"
	    "  -v, --version       the version of lb4ctl\n"
	    "lb4ctl top shows services and backends live in the terminal:\n"
	    "  -i, --interval TIME   between two looks, default 1s\n"
	    "lb4ctl watch drives the engine of a cluster of nodes:\n"
	    "      --track-file FILE   of keepalived: 0 while ready, else 1\n"
	    "      --address A         on lo while ready: A/32 or A/128\n"
	    "      --drain-address A   on lo while draining, with --address\n"
	    "      --overdue MS        an answer is late after MS, default 300\n"
	    "      --withdraw          report not ready and exit\n"
	    "lb4ctl cluster check NODE... compares nodes:\n"
	    "      --ssh COMMAND       reaches a node, default ssh ...\n"
	    "      --remote COMMAND    runs on the node\n"
	    "      --timeout SECONDS   for the whole check, default 10\n",
	    out);
}

static int __attribute__((format(printf, 1, 2)))
misused(const char *format, ...)
{
	va_list args;

	fputs("lb4ctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\nrun lb4ctl -h for help\n", stderr);
	return EXIT_USAGE;
}

/* Whether the command keeps its options to itself. */
static bool
has_own_options(const char *command)
{
	return strcmp(command, "watch") == 0 || strcmp(command, "cluster") == 0;
}

/* ---- help, which needs no lb4 -------------------------------------------- */

static void
list_command(struct fit *fit, const struct spec *spec, const char *level)
{
	const char *arguments = spec->arguments;
	char line[256];

	/* no column of a table that is fitted is empty */
	if (arguments[0] == '\0' && fit->width > 0)
		arguments = "-";
	(void)snprintf(line, sizeof(line), "%-10s  %-49s  %-7s  %s", spec->name,
	    arguments, level, spec->purpose);
	fit_line(fit, line);
}

static void
put_plain(void *owner, const char *line, size_t len)
{
	(void)owner;
	printf("%.*s\n", (int)len, line);
}

/* The same text as the answer to help. */
static int
list_commands(size_t width)
{
	const struct spec head = { .name = "COMMAND",
		.arguments = "ARGUMENTS",
		.purpose = "WHAT IT DOES" };
	struct fit fit = { .width = width, .put = put_plain };

	list_command(&fit, &head, "LEVEL");
	for (size_t i = 0; i < spec_count; i++)
		list_command(&fit, &spec_table[i],
		    level_name(spec_table[i].level));
	fit_end(&fit);
	return EXIT_OK;
}

static int
help_command(const char *name)
{
	const struct spec *spec = spec_find(name);
	const char *nearest = spec_nearest(name);

	if (has_own_options(name) || strcmp(name, "top") == 0) {
		help(stdout);
		return EXIT_OK;
	}
	if (spec == NULL && nearest != NULL)
		return misused("there is no command \"%s\": did you mean "
			       "\"%s\"?",
		    name, nearest);
	if (spec == NULL)
		return misused("there is no command \"%s\"", name);
	printf("usage: lb4ctl %s%s%s\n%s (level %s)\n", spec->name,
	    spec->arguments[0] != '\0' ? " " : "", spec->arguments,
	    spec->purpose, level_name(spec->level));
	return EXIT_OK;
}

/* ---- an answer ----------------------------------------------------------- */

/* Whether output is coloured; -1 for an unknown word. */
static int
color_of(const char *when)
{
	const char *term = getenv("TERM");

	if (strcmp(when, "always") == 0)
		return true;
	if (strcmp(when, "never") == 0)
		return false;
	if (strcmp(when, "auto") != 0)
		return -1;
	return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL &&
	    term != NULL && strcmp(term, "dumb") != 0;
}

/* Where a line of the answer goes. */
struct output {
	bool json;
	bool color;
	bool terminal;
	bool failed;  /* the answer is an error */
	bool misused; /* ... because the command is wrong */
	int error;    /* the first one of standard output, or 0 */
	struct fit fit;
};

static void
put_fitted(void *owner, const char *line, size_t len)
{
	const struct output *output = owner;

	if (output->color)
		paint_line(line, len, stdout);
	else
		put_plain(NULL, line, len);
}

/* Prints a line to a terminal.  The answers of lb4 are plain text, except the
 * difference of two files, which is exact for patch(1). */
static void
print_clean(struct output *output, const char *line, size_t len)
{
	char *clean = escape_dup(line, len, "\t");

	if (clean == NULL)
		fputs("lb4ctl: no memory\n", stderr);
	else
		fit_line(&output->fit, clean);
	free(clean);
}

static void
on_line(void *owner, const char *line, size_t len)
{
	struct output *output = owner;
	enum talk_error error = talk_error_of(line, len);

	output->failed |= error != TALK_NO_ERROR;
	output->misused |= error == TALK_MISUSED;
	if (error != TALK_NO_ERROR && !output->json)
		escape_line(stderr, "lb4ctl: %.*s", (int)len, line);
	else if (output->json || !output->terminal)
		printf("%.*s\n", (int)len, line);
	else
		print_clean(output, line, len);
	/* Events are read one by one. */
	if (fflush(stdout) != 0 && output->error == 0)
		output->error = errno;
}

/* The status, or another one if the output could not be written: a disk may be
 * full.  `error` is an earlier error of writing, or 0. */
static int
written(int status, int error)
{
	if (fflush(stdout) != 0 && error == 0)
		error = errno;
	if (error == 0)
		return status;
	fprintf(stderr, "lb4ctl: cannot write: %s\n", strerror(error));
	return EXIT_REFUSED;
}

static int
run(const char *path, char **words, int count, struct output output)
{
	char line[LINE_MAX_LEN];
	int error;

	output.fit.put = put_fitted;
	output.fit.owner = &output;
	if (line_join(line, sizeof(line), words, count, &output.json) < 0) {
		fputs("lb4ctl: the command is too long\n", stderr);
		return EXIT_USAGE;
	}
	error = talk(path, line, on_line, &output);
	fit_end(&output.fit);
	if (error < 0) {
		escape_line(stderr, "lb4ctl: %s: %s%s", path,
		    error == -ENODATA ? "lb4 has closed the connection"
				      : strerror(-error),
		    talk_advice(error));
		return EXIT_CONNECT;
	}
	if (output.misused)
		return written(EXIT_USAGE, output.error);
	return written(output.failed ? EXIT_REFUSED : EXIT_OK, output.error);
}

/* simulate FILE: makes the path absolute, because lb4 has another working
 * directory.  lb4 reports a file that does not exist. */
static void
find_file(char **words, int count, char path[PATH_MAX])
{
	int i = 1, option;

	while (i < count &&
	    ((option = line_option(words + i, count - i)) > 0 ||
		strchr(words[i], '=') != NULL))
		i += option > 0 ? option : 1;
	if (i < count && realpath(words[i], path) != NULL)
		words[i] = path;
}

/* upgrade PATH: likewise.  A symbolic link stays one, so that the next upgrade
 * follows it. */
static void
find_binary(char **words, int count, char path[PATH_MAX])
{
	char here[PATH_MAX];

	if (count < 2 || words[1][0] == '/' || access(words[1], F_OK) < 0 ||
	    getcwd(here, sizeof(here)) == NULL ||
	    strlen(here) + strlen(words[1]) + 2 > PATH_MAX)
		return;
	(void)stpcpy(stpcpy(stpcpy(path, here), "/"), words[1]);
	words[1] = path;
}

/* ---- the command line ---------------------------------------------------- */

struct arguments {
	const char *path;
	const char *interval; /* of top; NULL: not given */
	int color;	      /* -1: an unknown word */
	bool json;
	bool wide;
	bool help;
	bool version;
	char **words; /* of the command; ends with NULL */
	int count;
};

/* An option that lb4ctl does not have.  After the command it belongs to the
 * command, if it is "--NAME" or "--NAME=VALUE". */
static bool
keep_option(struct arguments *arguments, char *word)
{
	if (arguments->count == 0 || optopt != 0)
		return false;
	arguments->words[arguments->count++] = word;
	return true;
}

/* Takes out the options of lb4ctl, wherever they are.  Returns EXIT_OK, or
 * another status after writing what is wrong. */
static int
parse(struct arguments *arguments, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "color", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ "interval", required_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' },
		{ "wide", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	opterr = optopt = 0;
	/* "-": words are returned in order, as 1 */
	while ((option = getopt_long(argc, argv, "-s:i:hv", longs, NULL)) !=
	    -1) {
		switch (option) {
		case 1:
			arguments->words[arguments->count++] = optarg;
			break;
		case 's':
			arguments->path = optarg;
			break;
		case 'i':
			arguments->interval = optarg;
			break;
		case 'c':
			arguments->color = color_of(optarg);
			break;
		case 'j':
			arguments->json = true;
			break;
		case 'w':
			arguments->wide = true;
			break;
		case 'h':
			arguments->help = true;
			break;
		case 'v':
			arguments->version = true;
			break;
		default:
			if (!keep_option(arguments, argv[optind - 1]))
				return misused("%s: no such option, or its "
					       "value is missing",
				    argv[optind - 1]);
		}
	}
	/* Words after "--" are not options for watch and cluster either. */
	if (optind < argc && arguments->count > 0 &&
	    has_own_options(arguments->words[0]) &&
	    strcmp(argv[optind - 1], "--") == 0)
		arguments->words[arguments->count++] = argv[optind - 1];
	while (optind < argc)
		arguments->words[arguments->count++] = argv[optind++];
	if (arguments->color < 0)
		return misused("--color takes auto, always or never");
	return EXIT_OK;
}

/* The width to fit an answer to; 0: all of it is printed. */
static size_t
answer_width(const struct arguments *arguments)
{
	return arguments->wide || !fit_suits(arguments->words[0])
	    ? 0
	    : fit_terminal_width();
}

/* Runs a command that needs no lb4.  False when there is none. */
static bool
help_only(const struct arguments *arguments, int *status)
{
	const int count = arguments->count;
	char **words = arguments->words;

	*status = EXIT_OK;
	if (arguments->version)
		puts("lb4ctl " LB4_VERSION);
	else if (arguments->help && count == 0)
		help(stdout);
	else if (arguments->help)
		*status = help_command(words[0]);
	else if (count == 0)
		*status = misused("no command given");
	else if (strcmp(words[0], "help") == 0 && count == 2 &&
	    !arguments->json)
		*status = help_command(words[1]);
	else if (strcmp(words[0], "help") == 0 && count == 1 &&
	    !arguments->json)
		*status = list_commands(answer_width(arguments));
	else
		return false;
	return true;
}

static int
run_top(const struct arguments *arguments, const char *path)
{
	if (arguments->count > 1)
		return misused("top takes no argument: %s",
		    arguments->words[1]);
	if (arguments->json)
		return misused("top has no JSON; status --json has it");
	return top_main(path, arguments->interval, arguments->color != 0);
}

static int
run_command(const struct arguments *arguments)
{
	const struct output output = { .json = arguments->json,
		.color = arguments->color != 0,
		.fit.width = answer_width(arguments),
		.terminal = arguments->color != 0 || isatty(STDOUT_FILENO) };
	char **words = arguments->words;
	const char *path = arguments->path;
	char file[PATH_MAX];

	if (path == NULL || path[0] == '\0')
		path = SOCKET_DEFAULT;
	if (strcmp(words[0], "top") == 0)
		return run_top(arguments, path);
	if (arguments->interval != NULL)
		return misused("--interval goes with top");
	opterr = 1; /* these two have options of their own */
	if (strcmp(words[0], "watch") == 0)
		return watch_main(path, arguments->count, words);
	if (strcmp(words[0], "cluster") == 0)
		return cluster_main(path, output.json, output.color,
		    arguments->count, words);
	if (strcmp(words[0], "simulate") == 0)
		find_file(words, arguments->count, file);
	if (strcmp(words[0], "upgrade") == 0)
		find_binary(words, arguments->count, file);
	return run(path, words, arguments->count, output);
}

int
main(int argc, char **argv)
{
	struct arguments arguments = { .path = getenv("LB4_CONTROL"),
		.color = color_of("auto"),
		.words = calloc((size_t)argc + 1, sizeof(char *)) };
	int status;

	if (arguments.words == NULL) {
		fprintf(stderr, "lb4ctl: %s\n", strerror(ENOMEM));
		return EXIT_REFUSED;
	}
	status = parse(&arguments, argc, argv);
	if (status == EXIT_OK)
		status = help_only(&arguments, &status)
		    ? written(status, 0)
		    : run_command(&arguments);
	free(arguments.words);
	return status;
}
