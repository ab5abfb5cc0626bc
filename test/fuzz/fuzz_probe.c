/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The parsers of the ways of checking: the first byte chooses one of them, the
 * rest is what a backend answers.  In one piece or byte by byte, the outcome is
 * the same, but where lb4 speaks in between.
 */
#include "lb4/health/probe.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/health/agent_answer.h"
#include "lb4/health/probe_agent.h"
#include "lb4/health/probe_kind.h"
#include "lb4/process/program_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	enum check_kind kind;
	const char *args;
	bool speaks; /* in between: what came early is no answer */
	const char *body;
} checks[] = {
	{ CHECK_HTTP, "GET /", false, NULL }, { CHECK_REDIS, "", false, NULL },
	{ CHECK_SMTP, "", false, NULL },
	{ CHECK_POSTGRESQL, "lb4", false, NULL },
	{ CHECK_MYSQL, "lb4", true, NULL },
	{ CHECK_TCP, "expect abab expect c", false, NULL },
	{ CHECK_TCP, "expect a send b send c expect d send e", true, NULL },
	{ CHECK_HTTP, "GET /", false, "abab" },
	{ CHECK_EXEC, "/x", false, NULL },
	{ CHECK_NONE, "", false, NULL }, /* an agent: no check */
};
#define CHECKS (sizeof(checks) / sizeof(checks[0]))

/* No socket: what it says is out at once, and what it sends last is lost. */
static volatile unsigned sum;

static void
take(struct probe *probe, const char *bytes, size_t len)
{
	probe->said = probe->say_len;
	if (!probe_is_busy(probe) || len == 0)
		return;
	probe->heard += len;
	probe->kind->on_bytes(probe, bytes, len);
	/* each byte of what it says is there */
	for (size_t i = probe->said; i < probe->say_len; i++)
		sum += (unsigned char)probe->say[i];
}

static struct probe *
begin(size_t which)
{
	struct config_check check = { .kind = checks[which].kind };
	const struct addr addr = { .len = 0 };
	struct probe *probe = calloc(1, sizeof(*probe));

	(void)snprintf(check.args, sizeof(check.args), "%s",
	    checks[which].args);
	if (checks[which].body != NULL) {
		check.body.len = strlen(checks[which].body);
		memcpy(check.body.byte, checks[which].body, check.body.len);
	}
	if (probe == NULL)
		abort();
	if ((check.kind == CHECK_NONE
		    ? probe_agent_set(probe, &addr, &check.body, &check)
		    : probe_set(probe, &check, &addr)) < 0)
		abort();
	if (checks[which].kind == CHECK_EXEC)
		return probe;
	probe->phase = PROBE_TALKING;
	if (probe->state != NULL)
		memset(probe->state, 0, probe->kind->state_size);
	probe->kind->on_connected(probe);
	return probe;
}

/* What an agent's answer comes to is a word that says the same again. */
static void
add_up(const struct probe *probe)
{
	struct agent_said said = { .answered = false }, again;

	agent_answer_add(probe_agent_answer(probe), &said);
	again = agent_unpack(agent_pack(&said));
	if (!said.answered || agent_pack(&again) != agent_pack(&said))
		abort();
	sum += (unsigned)agent_state_of(&said);
}

static uint32_t
end(struct probe *probe)
{
	const uint32_t word = probe_word(probe, probe_is_busy(probe));
	char words[HEALTH_TEXT_MAX];
	uint16_t detail = 0;

	(void)health_text(word, words, sizeof(words));
	if (probe_is_busy(probe) && probe->heard > 0 &&
	    probe->kind->unfinished != NULL)
		(void)probe->kind->unfinished(probe, HEALTH_CLOSED, &detail);
	if (probe->check.kind == CHECK_NONE && probe->result == HEALTH_PASSED)
		add_up(probe);
	probe_done(probe);
	free(probe);
	return word;
}

/* A program has ended: a status, and the first line that it wrote. */
static void
run(size_t which, const char *bytes, size_t len)
{
	const int programs = -1;
	struct probe *probe = begin(which);
	struct program_answer answer = { .error = 0 };
	const size_t status = len < sizeof(answer.status)
	    ? len
	    : sizeof(answer.status);

	probe->help.programs = &programs;
	probe->phase = PROBE_RUNNING;
	memcpy(&answer.status, bytes, status);
	len -= status;
	if (len >= sizeof(answer.line))
		len = sizeof(answer.line) - 1;
	memcpy(answer.line, bytes + status, len);
	probe_on_program(probe, &answer);
	if (probe_is_busy(probe) ||
	    strnlen(probe->reason, sizeof(probe->reason)) ==
		sizeof(probe->reason))
		abort();
	(void)end(probe);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 1;
	struct probe *whole, *single;
	size_t which;

	if (size < 1)
		return 0;
	which = data[0] % CHECKS;
	if (checks[which].kind == CHECK_EXEC) {
		run(which, bytes, size - 1);
		return 0;
	}
	whole = begin(which);
	take(whole, bytes, size - 1);
	single = begin(which);
	for (size_t i = 0; i < size - 1; i++)
		take(single, bytes + i, 1);
	if (end(whole) != end(single) && !checks[which].speaks)
		abort();
	return 0;
}
