/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * lb4ctl cluster check: see cluster.h.  ask.c asks the nodes, compare.c
 * compares what they say, and what it finds is printed here, as JSON or for
 * people.
 */
#include "lb4/ctl/cluster.h"

#include <bsd/stdlib.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "lb4/ctl/ask.h"
#include "lb4/ctl/compare.h"
#include "lb4/ctl/paint.h"

/* As in lb4ctl(8). */
enum { EXIT_AGREE = 0, EXIT_DIFFER = 1, EXIT_USAGE = 2 };

#define SSH "ssh -o BatchMode=yes -o ConnectTimeout=5"
#define REMOTE "lb4ctl status --json"
#define TIMEOUT_S 10
#define SSH_WORDS_MAX 64

/* How much of a checksum is shown; all of it is compared. */
#define CHECKSUM_SHOWN 8

struct check {
	const char *nodes[ASK_NODES_MAX];
	size_t count;
	const char *here; /* one of them: the lb4 here; NULL: it is not asked */
	char *ssh;	  /* owned: cut into the words */
	char *words[SSH_WORDS_MAX + 1];
	const char *remote;
	unsigned timeout_s;
	bool json;
	bool color;
};

/* ---- for people ---------------------------------------------------------- */

static void
say(const struct check *check, const char *line)
{
	char *clean = escape_dup(line, strlen(line), "");

	if (clean == NULL)
		fputs("lb4ctl cluster check: no memory\n", stderr);
	else if (check->color)
		paint_line(clean, strlen(clean), stdout);
	else
		puts(clean);
	free(clean);
}

static const char *
text_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text != NULL ? text : "-";
}

struct columns {
	int node, version, zone, state;
};

static void
widen(int *width, const char *text)
{
	if ((int)strlen(text) > *width)
		*width = (int)strlen(text);
}

static void
print_node(const struct check *check, const struct columns *columns,
    const json_t *node)
{
	char counts[64], *line = NULL;
	const char *zone = text_of(node, "zone");
	int len;

	(void)snprintf(counts, sizeof(counts),
	    "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT,
	    json_integer_value(json_object_get(node, "available")),
	    json_integer_value(json_object_get(node, "backends")));
	if (json_is_true(json_object_get(node, "answered")))
		len = asprintf(&line,
		    "%-*s  %-*s  %-*s  %-*s  %-13.*s  %-8.*s  %-8.*s  %s",
		    columns->node, text_of(node, "node"), columns->version,
		    text_of(node, "version"), columns->zone,
		    zone[0] != '\0' ? zone : "-", columns->state,
		    text_of(node, "state"), CHECKSUM_SHOWN,
		    text_of(node, "configuration_checksum"), CHECKSUM_SHOWN,
		    text_of(node, "seed_checksum"), CHECKSUM_SHOWN,
		    text_of(node, "tables_checksum"), counts);
	else
		len = asprintf(&line, "%-*s  cannot be asked: %s",
		    columns->node, text_of(node, "node"), text_of(node, "why"));
	if (len >= 0)
		say(check, line);
	free(line);
}

static void
print_table(const struct check *check, const json_t *nodes)
{
	struct columns columns = { strlen("NODE"), strlen("VERSION"),
		strlen("ZONE"), strlen("STATE") };
	char *titles = NULL;
	const json_t *node;
	size_t i;

	json_array_foreach(nodes, i, node)
	{
		widen(&columns.node, text_of(node, "node"));
		widen(&columns.version, text_of(node, "version"));
		widen(&columns.zone, text_of(node, "zone"));
		widen(&columns.state, text_of(node, "state"));
	}
	if (asprintf(&titles, "%-*s  %-*s  %-*s  %-*s  %-13s  %-8s  %-8s  %s",
		columns.node, "NODE", columns.version, "VERSION", columns.zone,
		"ZONE", columns.state, "STATE", "CONFIGURATION", "SEED",
		"TABLES", "BACKENDS") >= 0)
		say(check, titles);
	free(titles);
	json_array_foreach(nodes, i, node)
	{
		print_node(check, &columns, node);
	}
}

/* "weight of web/app1", "configuration of [global]" */
static void
print_what(const json_t *difference, FILE *out)
{
	const char *what = text_of(difference, "what");
	const json_t *service = json_object_get(difference, "service");
	const json_t *backend = json_object_get(difference, "backend");

	if (strcmp(what, "seed") == 0)
		what = "hash-seed";
	fputs(what, out);
	if (service == NULL) {
		if (strcmp(what, "configuration") == 0)
			fputs(" of [global]", out);
		return;
	}
	/* whether there is a service or backend of that name */
	fputs(strcmp(what, "service") == 0 || strcmp(what, "backend") == 0
		? " "
		: " of ",
	    out);
	fputs(json_string_value(service), out);
	if (backend != NULL)
		fprintf(out, "/%s", json_string_value(backend));
}

static bool
is_checksum(const char *what)
{
	return strcmp(what, "configuration") == 0 ||
	    strcmp(what, "seed") == 0 || strcmp(what, "table") == 0;
}

static void
print_value(const json_t *value, const char *what, FILE *out)
{
	if (json_is_boolean(value))
		fputs(json_is_true(value) ? "there" : "missing", out);
	else if (json_is_integer(value))
		fprintf(out, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(value));
	else if (!json_is_string(value))
		fputs("none", out);
	else if (is_checksum(what))
		fprintf(out, "%.*s", CHECKSUM_SHOWN, json_string_value(value));
	else
		fputs(json_string_value(value), out);
}

static void
print_difference(const struct check *check, const json_t *difference)
{
	const char *what = text_of(difference, "what");
	const json_t *group, *node;
	char *line = NULL;
	size_t len = 0, i, j;
	FILE *out = open_memstream(&line, &len);

	if (out == NULL)
		return;
	fputs(json_is_true(json_object_get(difference, "warning"))
		? "warning: "
		: "differs: ",
	    out);
	print_what(difference, out);
	json_array_foreach(json_object_get(difference, "values"), i, group)
	{
		fputs(i == 0 ? ": " : "; ", out);
		print_value(json_object_get(group, "value"), what, out);
		json_array_foreach(json_object_get(group, "nodes"), j, node)
		{
			fprintf(out, "%s%s", j == 0 ? " at " : ", ",
			    json_string_value(node));
		}
	}
	if (fclose(out) == 0)
		say(check, line);
	free(line);
}

/* Advice for seeds that differ because they were drawn. */
static void
print_random(const struct check *check, const json_t *nodes)
{
	const json_t *node;
	char *line = NULL;
	size_t i;

	json_array_foreach(nodes, i, node)
	{
		if (!json_is_true(json_object_get(node, "seed_random")) ||
		    !json_is_string(json_object_get(node, "seed_checksum")))
			continue;
		if (asprintf(&line,
			"         %s has none in its configuration, "
			"and has drawn one",
			text_of(node, "node")) >= 0)
			say(check, line);
		free(line);
	}
}

static const char *
verdict(size_t asked, size_t count, bool differ)
{
	if (asked < 2)
		return "there is nothing to compare";
	if (differ)
		return "the nodes differ";
	return asked < count ? "the nodes that could be asked agree"
			     : "the nodes agree";
}

static void
print_result(const struct check *check, const json_t *result)
{
	const json_t *nodes = json_object_get(result, "nodes");
	const json_t *difference, *node;
	bool differ = false;
	size_t i, asked = 0;

	print_table(check, nodes);
	putchar('\n');
	json_array_foreach(nodes, i, node)
	{
		asked += json_is_true(json_object_get(node, "answered"));
	}
	json_array_foreach(json_object_get(result, "differences"), i,
	    difference)
	{
		print_difference(check, difference);
		differ |= json_is_false(json_object_get(difference, "warning"));
		if (strcmp(text_of(difference, "what"), "seed") == 0)
			print_random(check, nodes);
	}
	say(check, verdict(asked, json_array_size(nodes), differ));
}

/* ---- asking and comparing ------------------------------------------------ */

/* The reason that lb4 itself gives, or NULL. */
static const char *
error_of(const json_t *answer)
{
	return json_string_value(json_object_get(json_object_get(answer,
						     "error"),
	    "message"));
}

/* A node may send anything: keeps only what is safe for a terminal. */
static void
set_why(struct ask *ask, const char *said)
{
	(void)escape_text(said, strlen(said), ask->why, sizeof(ask->why));
}

/* The answer in a form that can be compared, or NULL with `why` set. */
static json_t *
read_answer(struct ask *ask)
{
	json_error_t error = { .line = 0 };
	json_t *answer = NULL;
	const char *said;

	if (ask->answer != NULL)
		answer = json_loadb(ask->answer, ask->len, 0, &error);
	said = error_of(answer);
	if (said != NULL)
		set_why(ask, said);
	else if (ask->why[0] != '\0')
		;
	else if (ask->len == 0)
		(void)snprintf(ask->why, sizeof(ask->why),
		    "the answer is empty");
	else if (answer == NULL)
		(void)snprintf(ask->why, sizeof(ask->why),
		    "the answer is not JSON, or was cut: line %d, column %d",
		    error.line, error.column);
	else if (compare_accepts(answer, ask->why, sizeof(ask->why)))
		return answer;
	json_decref(answer);
	return NULL;
}

static void
print_json(const json_t *result)
{
	(void)json_dumpf(result, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
}

static int
run(const struct check *check)
{
	struct ask_way way = { check->words, check->remote,
		1000 * check->timeout_s };
	struct ask asks[ASK_NODES_MAX];
	struct compare_node nodes[ASK_NODES_MAX];
	json_t *status[ASK_NODES_MAX];
	json_t *result;
	int code = EXIT_DIFFER;

	for (size_t i = 0; i < check->count; i++)
		asks[i] = (struct ask){ .node = check->nodes[i],
			.socket = check->nodes[i] == check->here };
	ask_all(asks, check->count, &way);
	for (size_t i = 0; i < check->count; i++) {
		status[i] = read_answer(&asks[i]);
		nodes[i] = (struct compare_node){ check->nodes[i], status[i],
			asks[i].why };
	}
	result = compare_nodes(nodes, check->count);
	if (result == NULL) {
		fputs("lb4ctl cluster check: no memory\n", stderr);
	} else {
		if (check->json)
			print_json(result);
		else
			print_result(check, result);
		if (json_is_true(json_object_get(result, "agree")))
			code = EXIT_AGREE;
	}
	if (ferror(stdout) || fflush(stdout) != 0) {
		escape_line(stderr, "lb4ctl cluster check: cannot write: %s",
		    strerror(errno));
		code = EXIT_DIFFER;
	}
	json_decref(result);
	for (size_t i = 0; i < check->count; i++)
		json_decref(status[i]);
	ask_done(asks, check->count);
	return code;
}

/* ---- the command --------------------------------------------------------- */

static int
usage(void)
{
	fputs("usage: lb4ctl [-s SOCKET] cluster check [--ssh COMMAND] "
	      "[--remote COMMAND] [--timeout SECONDS] [--json] NODE...\n",
	    stderr);
	return EXIT_USAGE;
}

static int
misused(const char *what, const char *why)
{
	escape_line(stderr, "lb4ctl cluster check: %s: %s", what, why);
	return EXIT_USAGE;
}

/* Splits the ssh command into words. */
static int
set_ssh(struct check *check, const char *command)
{
	size_t count = 0;
	char *word, *rest;

	free(check->ssh);
	check->ssh = strdup(command);
	for (word = strtok_r(check->ssh, " \t\n", &rest); word != NULL;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		if (count == SSH_WORDS_MAX)
			return misused("--ssh", "too many words");
		check->words[count++] = word;
	}
	check->words[count] = NULL;
	return count > 0 ? EXIT_AGREE : misused("--ssh", "an empty command");
}

static int
add_node(struct check *check, const char *node)
{
	if (!escape_is_plain(node))
		return misused(node, "not UTF-8, or has control characters");
	/* ssh would treat it as an option */
	if (node[0] == '\0' || (node[0] == '-' && node[1] != '\0'))
		return misused(node, "not a node");
	if (check->count == ASK_NODES_MAX)
		return misused(node, "too many nodes");
	for (size_t i = 0; i < check->count; i++)
		if (strcmp(check->nodes[i], node) == 0)
			return misused(node, "given twice");
	check->nodes[check->count++] = node;
	return EXIT_AGREE;
}

static int
parse_options(struct check *check, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "ssh", required_argument, NULL, 's' },
		{ "remote", required_argument, NULL, 'r' },
		{ "timeout", required_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	static char name[] = "lb4ctl cluster"; /* for getopt's complaints */
	const char *why = NULL;
	int option, error = EXIT_AGREE;

	argv[0] = name;
	optind = 0; /* begin again, with these arguments */
	while (error == EXIT_AGREE &&
	    (option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 's':
			error = set_ssh(check, optarg);
			break;
		case 'r':
			check->remote = optarg;
			break;
		case 't':
			check->timeout_s = (unsigned)strtonum(optarg, 1, 3600,
			    &why);
			if (why != NULL)
				error = misused("--timeout", why);
			break;
		case 'j':
			check->json = true;
			break;
		default:
			error = usage();
		}
	}
	return error;
}

/* One node is compared with the lb4 here. */
static int
parse(struct check *check, const char *path, int argc, char **argv)
{
	int error = set_ssh(check, SSH);

	if (error == EXIT_AGREE)
		error = parse_options(check, argc, argv);
	if (error != EXIT_AGREE)
		return error;
	if (optind + 1 > argc - 1 || strcmp(argv[optind], "check") != 0)
		return usage();
	if (optind + 2 == argc) {
		check->here = path;
		error = add_node(check, path);
	}
	for (int i = optind + 1; i < argc && error == EXIT_AGREE; i++)
		error = add_node(check, argv[i]);
	return error;
}

int
cluster_main(const char *path, bool json, bool color, int argc, char **argv)
{
	struct check check = {
		.remote = REMOTE,
		.timeout_s = TIMEOUT_S,
		.json = json,
		.color = color,
	};
	int code = parse(&check, path, argc, argv);

	if (code == EXIT_AGREE)
		code = run(&check);
	free(check.ssh);
	return code;
}
