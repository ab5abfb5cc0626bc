/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * doctor: the limits that the running process would meet with the configuration
 * in force, in the format of `lb4 -t --host`, and a thread that is stuck.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/textbuf.h"
#include "lb4/command/answer.h"
#include "lb4/command/commands.h"
#include "lb4/control/handle.h"
#include "lb4/control/threads.h"
#include "lb4/engine/engine.h"
#include "lb4/host/doctor.h"
#include "lb4/host/host.h"

static json_t *
wall_value(uint64_t wall)
{
	return wall == DOCTOR_NO_WALL ? json_null()
				      : json_integer((json_int_t)wall);
}

static json_t *
finding_object(const struct doctor_finding *finding)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o}", "severity",
	    doctor_severity_name(finding->severity), "what", finding->what,
	    "value", finding->value, "needs", finding->needs, "wall",
	    finding->wall, "set", finding->set, "conns",
	    wall_value(finding->conns), "conns_per_s",
	    wall_value(finding->rate));
}

static json_t *
findings_array(const struct doctor_report *report)
{
	json_t *findings = json_array();

	for (size_t i = 0; i < report->count; i++)
		if (json_array_append_new(findings,
			finding_object(&report->finding[i])) != 0) {
			json_decref(findings);
			return NULL;
		}
	return findings;
}

static void
answer_json(struct caller *caller, const struct doctor_report *report)
{
	const struct doctor_finding *first = report->first < report->count
	    ? &report->finding[report->first]
	    : NULL;

	answer_object(caller, "lb4.doctor/1",
	    json_pack("{s:o,s:o,s:I,s:i,s:o}", "first_wall",
		first != NULL ? json_string(first->what) : json_null(),
		"first_wall_conns",
		first != NULL ? wall_value(first->conns) : json_null(),
		"wanted_conns", (json_int_t)report->wanted, "bites",
		(int)report->bites, "findings", findings_array(report)));
}

void
command_doctor(struct caller *caller, const struct command *command)
{
	const struct handle *handle = caller->handle;
	struct threads_verdict verdict;
	struct doctor_report report;
	struct host host;
	struct textbuf buf;
	FILE *out;

	(void)command;
	host_read(&host, "");
	doctor_examine(handle_config(handle), &host,
	    engine_conns(handle->engine), &report);
	if (threads_stuck(handle->threads, THREADS_ALL, &verdict))
		doctor_add_thread(&report, verdict.name, verdict.ms);
	if (caller->json) {
		answer_json(caller, &report);
		return;
	}
	out = textbuf_open(&buf);
	if (out != NULL)
		doctor_print(&report, out);
	if (textbuf_close(&buf) < 0)
		answer_error(caller, "failed", "no memory");
	else
		answer_text(caller, buf.text);
	textbuf_done(&buf);
}
