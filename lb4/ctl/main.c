/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * lb4ctl: says one command to lb4's control socket and prints the answer.  What
 * the commands are and how answers look is lb4's own business: a new command
 * needs no new lb4ctl.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/escape.h"
#include "lb4/ctl/cluster.h"
#include "lb4/ctl/line.h"
#include "lb4/ctl/paint.h"
#include "lb4/ctl/talk.h"
#include "lb4/ctl/watch.h"

/* As in lb4ctl(8). */
enum { EXIT_OK = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_CONNECT = 3 };

#define SOCKET_DEFAULT "/run/lb4/lb4.sock"

static void
help(FILE *out)
{
	fputs("usage: lb4ctl [-s SOCKET] [--color=WHEN] COMMAND [ARGUMENT...] "
	      "[--json]\n"
	      "  -s, --socket PATH   the control socket of lb4\n"
	      "      --color WHEN    auto, always or never\n"
	      "  -h, --help          this text; the command help lists "
	      "commands\n"
	      "  -v, --version       the version of lb4ctl\n"
	      "lb4ctl watch drives the engine of a cluster of nodes:\n"
	      "      --track-file FILE   of keepalived: 0 while ready, else 1\n"
	      "      --address A         on lo while ready: A/32 or A/128\n"
	      "      --drain-address A   on lo while draining, with --address\n"
	      "      --overdue MS        an answer is then, default 300\n"
	      "      --withdraw          only leave it as not ready\n"
	      "lb4ctl cluster check NODE... says whether nodes are alike:\n"
	      "      --ssh COMMAND       how to get there, default ssh ...\n"
	      "      --remote COMMAND    what to run there\n"
	      "      --timeout SECONDS   for all of it, default 10\n",
	    out);
}

static int
usage(void)
{
	help(stderr);
	return EXIT_USAGE;
}

/* Whether output is painted; -1 for a word that is none. */
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
	bool misused; /* ... since the command is wrong */
	int error;    /* the first one of standard output, or 0 */
};

/* To a terminal.  What lb4 answers is plain, but for the difference between two
 * files, which is exact for patch(1). */
static void
print_clean(const struct output *output, const char *line, size_t len)
{
	char *clean = escape_dup(line, len, "\t");

	if (clean == NULL)
		fputs("lb4ctl: no memory\n", stderr);
	else if (output->color)
		paint_line(clean, strlen(clean), stdout);
	else
		puts(clean);
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
	/* Events are read as they come. */
	if (fflush(stdout) != 0 && output->error == 0)
		output->error = errno;
}

/* The status, unless what was printed could not be written: a disk may be full.
 * `error` is what was found of that before, or 0. */
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

	if (line_join(line, sizeof(line), words, count, &output.json) < 0) {
		fputs("lb4ctl: the command is too long\n", stderr);
		return EXIT_USAGE;
	}
	error = talk(path, line, on_line, &output);
	if (error < 0) {
		escape_line(stderr, "lb4ctl: %s: %s", path,
		    error == -ENODATA ? "lb4 has closed the connection"
				      : strerror(-error));
		return EXIT_CONNECT;
	}
	if (output.misused)
		return written(EXIT_USAGE, output.error);
	return written(output.failed ? EXIT_REFUSED : EXIT_OK, output.error);
}

/* simulate FILE: lb4 opens it, whose directory is another one.  What cannot be
 * found is for lb4 to complain of. */
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

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "color", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = getenv("LB4_CONTROL");
	struct output output = { .json = false };
	char file[PATH_MAX];
	int option, color = color_of("auto");

	/* "+": what follows the command is the command's */
	while ((option = getopt_long(argc, argv, "+s:hv", longs, NULL)) != -1) {
		switch (option) {
		case 's':
			path = optarg;
			break;
		case 'c':
			color = color_of(optarg);
			break;
		case 'j':
			output.json = true;
			break;
		case 'h':
			help(stdout);
			return written(EXIT_OK, 0);
		case 'v':
			puts("lb4ctl " LB4_VERSION);
			return written(EXIT_OK, 0);
		default:
			return usage();
		}
	}
	if (color < 0 || optind == argc)
		return usage();
	if (path == NULL || path[0] == '\0')
		path = SOCKET_DEFAULT;
	if (strcmp(argv[optind], "watch") == 0)
		return watch_main(path, argc - optind, argv + optind);
	if (strcmp(argv[optind], "simulate") == 0)
		find_file(argv + optind, argc - optind, file);
	output.color = color != 0;
	output.terminal = output.color || isatty(STDOUT_FILENO);
	if (strcmp(argv[optind], "cluster") == 0)
		return cluster_main(path, output.json, output.color,
		    argc - optind, argv + optind);
	return run(path, argv + optind, argc - optind, output);
}
