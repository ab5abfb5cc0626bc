/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checks with a program (lb4/process/programs.h): exit status 0 is up, and the
 * first line that it writes is the reason.  There is no shell; LB4_SERVICE,
 * LB4_BACKEND, LB4_ADDRESS and LB4_PORT say what to check.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lb4/config/octets.h"
#include "lb4/health/probe.h"
#include "lb4/health/probe_kind.h"
#include "lb4/process/programs.h"

#define BY_SIGNAL 0x100 /* a detail: a signal, and no exit status */

struct program {
	size_t words;
	char text[CONFIG_ARGS_MAX]; /* the words, each with its NUL */
};

static int
read_words(struct program *program, const char *args, struct why *why)
{
	struct octets word;
	size_t len = 0;
	int error;

	for (;;) {
		error = octets_word(&args, &word, why);
		if (error != 0 || word.len == 0)
			break;
		if (memchr(word.byte, '\0', word.len) != NULL)
			return why_set(why,
			    "an argument of a program has no \\x00: remove it");
		/* it fits: the line is longer than all of its words */
		memcpy(program->text + len, word.byte, word.len);
		len += word.len + 1;
		program->words++;
	}
	if (error == 0 && program->text[0] != '/')
		error = why_set(why,
		    "exec needs the absolute path of a program: write check = "
		    "exec /path ARGUMENT...");
	return error;
}

static int
parse(const struct config_check *check, void **own, struct why *why)
{
	struct program *program = calloc(1, sizeof(*program));
	int error = program == NULL ? -ENOMEM
				    : read_words(program, check->args, why);

	if (error != 0) {
		free(program);
		program = NULL;
	}
	*own = program;
	return error;
}

static bool
words(int result, uint16_t detail, char *buf, size_t size)
{
	if (result == HEALTH_PASSED)
		(void)snprintf(buf, size, "exit status 0");
	else if (result == HEALTH_EXIT && (detail & BY_SIGNAL) != 0)
		(void)snprintf(buf, size, "ended by signal %u",
		    detail & ~(unsigned)BY_SIGNAL);
	else if (result == HEALTH_EXIT)
		(void)snprintf(buf, size, "exit status %u", detail);
	else
		return false;
	return true;
}

/* "10.0.0.1:80" as LB4_ADDRESS and LB4_PORT; a unix socket has no port. */
static bool
add_address(struct program_request *request, const struct addr *addr)
{
	char text[ADDR_TEXT_MAX], port[8] = "";
	char *host = text, *colon;

	(void)addr_format(addr, text, sizeof(text));
	colon = addr_is_unix(addr) ? NULL : strrchr(text, ':');
	if (colon != NULL) {
		*colon = '\0';
		(void)snprintf(port, sizeof(port), "%u", addr_port(addr));
		if (host[0] == '[') {
			host++;
			colon[-1] = '\0';
		}
	}
	return programs_variable(request, "LB4_ADDRESS", host) &&
	    programs_variable(request, "LB4_PORT", port);
}

static int
run(struct probe *probe, uint64_t number)
{
	const struct program *program = probe->own;
	const struct probe_help *help = &probe->help;
	struct program_request request;
	const char *word = program->text;
	bool fits = true;

	programs_begin(&request, number);
	for (size_t i = 0; i < program->words; i++) {
		fits &= programs_argument(&request, word);
		word += strlen(word) + 1;
	}
	fits &= programs_variable(&request, "LB4_SERVICE", help->service) &&
	    programs_variable(&request, "LB4_BACKEND", help->backend) &&
	    add_address(&request, &probe->addr);
	return fits ? programs_run(*help->programs, &request) : -E2BIG;
}

/* A line in printable ASCII. */
static const char *
plain(const char *line, char *buf, size_t size)
{
	size_t len = 0;

	for (; *line != '\0' && len < size - 1; line++)
		buf[len++] = isprint((unsigned char)*line) ? *line : '?';
	buf[len] = '\0';
	return buf;
}

static void
on_program(struct probe *probe, const struct program_answer *answer)
{
	const int status = answer->status;
	char line[PROGRAM_LINE_MAX], ending[64];
	enum health_result result = HEALTH_EXIT;
	uint16_t detail;

	if (answer->error < 0) {
		probe_finish(probe, HEALTH_LOCAL, (uint16_t)-answer->error);
		return;
	}
	if (WIFSIGNALED(status)) {
		detail = (uint16_t)(BY_SIGNAL | WTERMSIG(status));
	} else {
		detail = (uint16_t)WEXITSTATUS(status);
		if (detail == 0)
			result = HEALTH_PASSED;
	}
	(void)words((int)result, detail, ending, sizeof(ending));
	if (answer->line[0] != '\0')
		probe_explain(probe, "%s: %s", ending,
		    plain(answer->line, line, sizeof(line)));
	probe_finish(probe, result, detail);
}

const struct probe_kind probe_exec = {
	.way = {
		.usage = "exec /path ARGUMENT...",
		.parse = parse,
		.words = words,
	},
	.run = run,
	.on_program = on_program,
};
