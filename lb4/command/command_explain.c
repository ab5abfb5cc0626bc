/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * explain: a pick from the table that is served, with the states as they are
 * now, told in the words of `lb4 --explain`.  Nothing is counted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/textbuf.h"
#include "common/timer.h"
#include "lb4/balance/policy.h"
#include "lb4/command/answer.h"
#include "lb4/command/callers.h"
#include "lb4/command/commands.h"
#include "lb4/whatif/offline.h"

static json_t *
steps_array(const struct service *service, const struct pick_trace *trace)
{
	json_t *steps = json_array();

	for (unsigned i = 0; i < trace->steps; i++) {
		const struct trace_step *step = &trace->step[i];

		if (json_array_append_new(steps,
			json_pack("{s:I,s:s,s:s}", "slot",
			    (json_int_t)step->slot, "backend",
			    service->backend[step->index].backend->name, "why",
			    candidate_skip_name(step->skip))) != 0) {
			json_decref(steps);
			return NULL;
		}
	}
	return steps;
}

static void
answer_json(struct caller *caller, const struct service *service,
    const struct offline_pick *asked)
{
	char checksum[32], hash[32];
	const struct policy *policy = policy_of(service->settings.balance);
	const bool hashed = asked->trace.key_len > 0;
	const int index = asked->index;

	(void)snprintf(checksum, sizeof(checksum), "%016" PRIx64,
	    service->checksum);
	(void)snprintf(hash, sizeof(hash), "%016" PRIx64, asked->trace.hash);
	answer_object(caller, "lb4.explain/1",
	    json_pack("{s:s,s:s,s:s,s:o,s:b,s:o,s:o,s:b,s:b,s:o}", "service",
		service->state->name, "balance", policy->name, "checksum",
		checksum, "client", answer_value(asked->client), "by_client",
		policy->by_client, "hash",
		hashed ? json_string(hash) : json_null(), "steps",
		steps_array(service, &asked->trace), "health_ignored",
		!asked->trace.check_health, "kept", asked->trace.kept,
		"backend",
		policy->by_client && index >= 0
		    ? json_string(service->backend[index].backend->name)
		    : json_null()));
}

void
command_explain(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 0);
	const struct service *service = commands_service(caller, name);
	const uint64_t now_ms = timer_now_ms();
	struct offline_pick asked;
	const char *why;
	struct textbuf buf;
	FILE *out;

	if (service == NULL) {
		commands_no_service(caller, name);
		return;
	}
	if (!callers_may_explain(caller, now_ms)) {
		answer_error(caller, "busy",
		    "explain: a user below the level admin has 10 answers a "
		    "second: ask again later");
		return;
	}
	why = offline_pick(service, command_argument(command, 1), now_ms,
	    &asked);
	if (why != NULL) {
		answer_error(caller, "usage", "%s: %s",
		    command_argument(command, 1), why);
		return;
	}
	if (caller->json) {
		answer_json(caller, service, &asked);
		return;
	}
	out = textbuf_open(&buf);
	if (out != NULL)
		offline_print_pick(service, &asked, out);
	if (textbuf_close(&buf) < 0)
		answer_error(caller, "failed", "no memory");
	else
		answer_text(caller, buf.text);
	textbuf_done(&buf);
}
