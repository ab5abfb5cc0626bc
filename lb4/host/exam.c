/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What the parts of an examination share: see exam.h. */
#include "lb4/host/exam.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/plural.h"
#include "lb4/host/host.h"

struct doctor_finding *
exam_add(struct exam *exam, enum doctor_severity severity, const char *what)
{
	struct doctor_report *report = exam->report;
	struct doctor_finding *finding = &report->finding[report->count++];

	assert(report->count <= DOCTOR_FINDINGS_MAX);
	*finding = (struct doctor_finding){
		.severity = severity,
		.what = what,
		.conns = DOCTOR_NO_WALL,
		.rate = DOCTOR_NO_WALL,
	};
	return finding;
}

void
exam_say(char *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, DOCTOR_TEXT_MAX, format, args);
	va_end(args);
}

struct exam_number
exam_number(int64_t value)
{
	struct exam_number number = { "unlimited" };

	if (value == HOST_UNKNOWN)
		(void)snprintf(number.text, sizeof(number.text), "unknown");
	else if (value != HOST_UNLIMITED)
		(void)snprintf(number.text, sizeof(number.text), "%" PRId64,
		    value);
	return number;
}

bool
exam_is_limit(int64_t value)
{
	return value != HOST_UNKNOWN && value != HOST_UNLIMITED;
}

uint64_t
exam_above_zero(int64_t value)
{
	return value > 0 ? (uint64_t)value : 0;
}

enum doctor_severity
exam_judge(const struct exam *exam, uint64_t wall, uint64_t wanted)
{
	if (wall >= wanted)
		return DOCTOR_FINE;
	return exam->asked ? DOCTOR_BITES : DOCTOR_NOTE;
}

struct doctor_finding *
exam_add_wall(struct exam *exam, const char *what, uint64_t wall)
{
	struct doctor_finding *finding = exam_add(exam,
	    exam_judge(exam, wall, exam->report->wanted), what);

	finding->conns = wall;
	exam_say(finding->wall, "%" PRIu64 " conn%s at once", wall,
	    plural(wall));
	return finding;
}

bool
exam_is_privileged(const struct exam *exam)
{
	const char *user = exam->config->user;

	return exam->host->privileged &&
	    (user[0] == '\0' || strcmp(user, "root") == 0);
}
