/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Judging a machine: see doctor.h; the limits are judged by exam_*.c. */
#include "lb4/host/doctor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/plural.h"
#include "lb4/host/exam.h"
#include "lb4/host/host.h"

const char *
doctor_severity_name(enum doctor_severity severity)
{
	static const char *const names[] = {
		[DOCTOR_BITES] = "bites",
		[DOCTOR_NOTE] = "note",
		[DOCTOR_FINE] = "fine",
	};

	static_assert(sizeof(names) / sizeof(names[0]) == DOCTOR_SEVERITY_COUNT,
	    "a name for each severity");
	return (unsigned)severity < DOCTOR_SEVERITY_COUNT ? names[severity]
							  : "?";
}

/* The number of conns that the file asks for; 0: it does not say. */
static uint64_t
asked_for(const struct config *config)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < config->services; i++) {
		if (config->service[i].settings.maxconn == 0)
			return config->maxconn;
		sum += config->service[i].settings.maxconn;
	}
	return config->maxconn != 0 && config->maxconn < sum ? config->maxconn
							     : sum;
}

static int
compare(const void *left, const void *right)
{
	const struct doctor_finding *a = left;
	const struct doctor_finding *b = right;

	if (a->severity != b->severity)
		return a->severity < b->severity ? -1 : 1;
	if (a->conns != b->conns)
		return a->conns < b->conns ? -1 : 1;
	return strcmp(a->what, b->what);
}

static void
find_first(struct doctor_report *report)
{
	report->first = report->count;
	report->bites = 0;
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_finding *finding = &report->finding[i];

		report->bites += finding->severity == DOCTOR_BITES;
		if (finding->conns != DOCTOR_NO_WALL &&
		    (report->first == report->count ||
			finding->conns < report->finding[report->first].conns))
			report->first = i;
	}
}

void
doctor_examine(const struct config *config, const struct host *host,
    uint64_t conns, struct doctor_report *report)
{
	struct exam exam = {
		.config = config,
		.host = host,
		.report = report,
		.workers = engine_workers(config),
		.open = conns != DOCTOR_NOT_RUNNING ? conns : 0,
		.running = conns != DOCTOR_NOT_RUNNING,
	};
	const uint64_t asked = asked_for(config);

	memset(report, 0, sizeof(*report));
	engine_limits_within(config,
	    exam_is_limit(host->nofile_hard) ? (uint64_t)host->nofile_hard
					     : UINT32_MAX,
	    &exam.limits);
	exam.asked = asked != 0;
	report->wanted = exam.asked ? asked : exam.limits.maxconn;

	exam_files(&exam);
	exam_ports(&exam);
	exam_network(&exam);
	exam_process(&exam);
	exam_source(&exam);
	qsort(report->finding, report->count, sizeof(report->finding[0]),
	    compare);
	find_first(report);
}

void
doctor_add_thread(struct doctor_report *report, const char *name, uint64_t ms)
{
	struct exam exam = { .report = report };
	struct doctor_finding *finding = exam_add(&exam, DOCTOR_BITES,
	    "a thread");

	exam_say(finding->value,
	    "%s has been in one turn of its loop for %" PRIu64 " ms", name, ms);
	exam_say(finding->needs, "short turns");
	exam_say(finding->wall, "the work of this thread is not done");
	qsort(report->finding, report->count, sizeof(report->finding[0]),
	    compare);
	find_first(report);
}

void
doctor_print(const struct doctor_report *report, FILE *out)
{
	if (report->first < report->count)
		fprintf(out, "first wall: %" PRIu64 " conn%s at once, by %s\n",
		    report->finding[report->first].conns,
		    plural(report->finding[report->first].conns),
		    report->finding[report->first].what);
	else
		fprintf(out, "first wall: none is known\n");
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_finding *finding = &report->finding[i];

		fprintf(out, "%s: %s: %s; needs %s; %s",
		    doctor_severity_name(finding->severity), finding->what,
		    finding->value, finding->needs, finding->wall);
		if (finding->set[0] != '\0')
			fprintf(out, "; set %s", finding->set);
		fputc('\n', out);
	}
}
