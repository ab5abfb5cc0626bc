/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checks by connecting and, optionally, by a dialogue.  With `tcp` alone, a
 * backend that accepts is up.  `tcp send TEXT expect TEXT ...` is a list of
 * steps; an expected text may be anywhere in the bytes that arrive after the
 * previous step.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/octets.h"
#include "lb4/health/find.h"
#include "lb4/health/probe.h"
#include "lb4/health/probe_kind.h"

#define STEPS_MAX 16

struct step {
	bool expects; /* false: sends */
	uint8_t at;   /* where its text begins in script.bytes */
	uint8_t len;
};

struct script {
	size_t steps;
	struct step step[STEPS_MAX];
	size_t len;
	char bytes[OCTETS_MAX];
	uint8_t border[OCTETS_MAX]; /* see find.h */
};

struct state {
	size_t step;
	size_t found; /* bytes of the expected text that match */
};

/* Appends a step.  Texts that are sent in a row become one step. */
static int
add_step(struct script *script, bool expects, const struct octets *text,
    struct why *why)
{
	struct step *step = &script->step[script->steps];

	if (!expects && script->steps > 0 && !step[-1].expects) {
		step[-1].len = (uint8_t)(step[-1].len + text->len);
	} else if (script->steps == STEPS_MAX) {
		return why_set(why, "more than %d steps: remove some",
		    STEPS_MAX);
	} else {
		*step = (struct step){
			.expects = expects,
			.at = (uint8_t)script->len,
			.len = (uint8_t)text->len,
		};
		script->steps++;
	}
	/* it fits: the line is longer than all of its words */
	memcpy(script->bytes + script->len, text->byte, text->len);
	if (expects)
		find_prepare(text->byte, text->len,
		    script->border + script->len);
	script->len += text->len;
	return 0;
}

/* (send TEXT | expect TEXT)... */
static int
read_steps(struct script *script, const char *args, struct why *why)
{
	struct octets verb, text;
	bool expects;
	int error;

	for (;;) {
		error = octets_word(&args, &verb, why);
		if (error != 0 || verb.len == 0)
			return error;
		expects = octets_is(&verb, "expect");
		if (!expects && !octets_is(&verb, "send"))
			return why_set(why,
			    "\"%.*s\" is not a step of a check: give send TEXT "
			    "or expect TEXT",
			    (int)verb.len, verb.byte);
		error = octets_word(&args, &text, why);
		if (error != 0)
			return error;
		if (text.len == 0)
			return why_set(why, "%s has no text: write %s TEXT",
			    expects ? "expect" : "send",
			    expects ? "expect" : "send");
		error = add_step(script, expects, &text, why);
		if (error != 0)
			return error;
	}
}

static int
parse(const struct config_check *check, void **own, struct why *why)
{
	struct script *script = calloc(1, sizeof(*script));
	int error = script == NULL ? -ENOMEM
				   : read_steps(script, check->args, why);

	if (error != 0 || script->steps == 0) {
		free(script);
		script = NULL;
	}
	*own = script;
	return error;
}

static bool
words(int result, uint16_t detail, char *buf, size_t size)
{
	if (result == HEALTH_PASSED && detail != 0)
		(void)snprintf(buf, size, "expected answer");
	else if (result == HEALTH_UNEXPECTED)
		(void)snprintf(buf, size, "unexpected answer in step %u",
		    detail);
	else
		return false;
	return true;
}

/* Begins the next step.  A check that ends with a text to send has passed
 * already: that text is the goodbye. */
static void
go_on(struct probe *probe)
{
	const struct script *script = probe->own;
	struct state *state = probe->state;
	const struct step *step = NULL;

	if (script != NULL && state->step < script->steps)
		step = &script->step[state->step];
	if (step != NULL && step->expects)
		return;
	state->step++;
	if (step == NULL)
		probe_finish(probe, HEALTH_PASSED, script != NULL);
	else if (state->step == script->steps)
		probe_leave(probe, HEALTH_PASSED, script->steps > 1,
		    script->bytes + step->at, step->len);
	else
		probe_say(probe, script->bytes + step->at, step->len);
}

static void
on_bytes(struct probe *probe, const char *bytes, size_t len)
{
	const struct script *script = probe->own;
	struct state *state = probe->state;

	while (len > 0 && script->step[state->step].expects) {
		const struct step *step = &script->step[state->step];
		const struct find find = { script->bytes + step->at,
			script->border + step->at, step->len };
		size_t took = find_feed(&find, &state->found, bytes, len);

		bytes += took;
		len -= took;
		if (state->found < find.len)
			return;
		state->found = 0;
		state->step++;
		if (state->step == script->steps ||
		    !script->step[state->step].expects) {
			go_on(probe);
			return;
		}
	}
}

static enum health_result
unfinished(struct probe *probe, enum health_result result, uint16_t *detail)
{
	const struct state *state = probe->state;

	(void)result;
	*detail = (uint16_t)(state->step + 1);
	return HEALTH_UNEXPECTED;
}

const struct probe_kind probe_tcp = {
	.way = {
		.usage = "tcp",
		.parse = parse,
		.words = words,
	},
	.state_size = sizeof(struct state),
	.half_close = true,
	.on_connected = go_on,
	.on_bytes = on_bytes,
	.unfinished = unfinished,
};
