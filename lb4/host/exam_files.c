/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Descriptors and pipes: see exam.h. */
#include "lb4/host/exam.h"

#include <inttypes.h>

#include "lb4/engine/pipes.h"
#include "lb4/host/host.h"

/* Descriptors of an idle lb4 besides engine_files(), as /proc/PID/fd shows
 * them: the standard ones, control, prober and log, with two log files and a
 * pid file. */
#define FILES_OWN 14
/* The control socket, its thread, and some callers. */
#define FILES_CONTROL 16

/* The descriptors that are open without conns. */
static uint64_t
files_own(const struct exam *exam)
{
	uint64_t files = FILES_OWN + engine_files(exam->config, false);

	if (exam->config->control[0] != '\0')
		files += FILES_CONTROL;
	return files;
}

static void
check_maxconn(struct exam *exam)
{
	struct doctor_finding *finding;

	if (!exam->asked)
		return;
	finding = exam_add_wall(exam, "maxconn", exam->report->wanted);
	exam_say(finding->value, "%" PRIu64, exam->report->wanted);
	exam_say(finding->needs, "the configuration's own limit");
}

static void
check_nofile(struct exam *exam)
{
	const struct host *host = exam->host;
	const uint64_t own = files_own(exam);
	const uint64_t pipes = 2 * exam->limits.maxpipes;
	const uint64_t limit = exam_above_zero(host->nofile_hard);
	const uint64_t wanted = exam->report->wanted;
	const unsigned each = engine_files_of_conn(exam->config);
	uint64_t needs = each * wanted + own + pipes;
	uint64_t wall = limit > own ? (limit - own) / 2 : 0;
	struct doctor_finding *finding;

	if (!exam_is_limit(host->nofile_hard))
		return;
	/* maxconn = auto: what the engine makes of the limit. */
	if (!exam->asked && wall > wanted)
		wall = wanted;
	finding = exam_add_wall(exam, "RLIMIT_NOFILE", wall);
	if (exam->limits.short_of_files && wall < wanted)
		finding->severity = DOCTOR_BITES;
	if (finding->severity == DOCTOR_FINE && needs > limit)
		finding->severity = DOCTOR_NOTE;
	exam_say(finding->value, "soft %s, hard %s",
	    exam_number(host->nofile_soft).text,
	    exam_number(host->nofile_hard).text);
	if (exam->config->maxconn == 0)
		exam_say(finding->needs,
		    "as many as there are, by maxconn = auto");
	else
		exam_say(finding->needs,
		    "%" PRIu64 ": %u for each conn, %" PRIu64 " for pipes, "
		    "%" PRIu64 " for the rest",
		    needs, each, pipes, own);
	if (finding->severity == DOCTOR_FINE)
		return;
	if (exam_is_limit(host->nr_open) && needs > (uint64_t)host->nr_open)
		exam_say(finding->set,
		    "fs.nr_open=%" PRIu64 ", then LimitNOFILE=%" PRIu64, needs,
		    needs);
	else
		exam_say(finding->set,
		    "LimitNOFILE=%" PRIu64 " in the unit, or ulimit -n", needs);
}

static void
check_file_max(struct exam *exam)
{
	const struct host *host = exam->host;
	const uint64_t needs = 2 * exam->report->wanted + files_own(exam);
	struct doctor_finding *finding;
	uint64_t left;

	if (!exam_is_limit(host->file_max) || !exam_is_limit(host->files_used))
		return;
	left = exam_above_zero(host->file_max - host->files_used) +
	    2 * exam->open;
	finding = exam_add_wall(exam, "fs.file-max", left / 2);
	exam_say(finding->value,
	    "%" PRId64 ", of all processes %" PRId64 " in use", host->file_max,
	    host->files_used);
	exam_say(finding->needs, "%" PRIu64, needs);
	if (finding->severity != DOCTOR_FINE)
		exam_say(finding->set, "fs.file-max=%" PRIu64,
		    needs + exam_above_zero(host->files_used));
}

/* The page budget of the user: past the soft limit, pipes are too small to
 * splice with; past the hard one, there are none. */
static void
check_pipes(struct exam *exam)
{
	const struct host *host = exam->host;
	const uint64_t needs = exam->limits.maxpipes * PIPE_PAGES_MIN;
	const bool asked = exam->config->maxpipes != 0;
	struct {
		const char *what;
		int64_t pages;
	} budget[] = {
		{ "fs.pipe-user-pages-soft", host->pipe_pages_soft },
		{ "fs.pipe-user-pages-hard", host->pipe_pages_hard },
	};

	for (size_t i = 0; i < 2; i++) {
		struct doctor_finding *finding;
		bool enough;

		if (!exam_is_limit(budget[i].pages) || budget[i].pages == 0)
			continue; /* 0: no limit */
		enough = exam_is_privileged(exam) ||
		    (uint64_t)budget[i].pages >= needs;
		finding = exam_add(exam,
		    enough	? DOCTOR_FINE
			: asked ? DOCTOR_BITES
				: DOCTOR_NOTE,
		    budget[i].what);
		exam_say(finding->value, "%" PRId64 "%s", budget[i].pages,
		    exam_is_privileged(exam) ? ", which does not apply to root"
					     : "");
		exam_say(finding->needs, "%" PRIu64 " for %" PRIu64 " pipes",
		    needs, exam->limits.maxpipes);
		exam_say(finding->wall,
		    "%" PRId64 " pipes with bytes in flight at once",
		    enough ? (int64_t)exam->limits.maxpipes
			   : budget[i].pages / PIPE_PAGES_MIN);
		if (!enough)
			exam_say(finding->set, "%s=%" PRIu64, budget[i].what,
			    needs);
	}
}

static void
check_pipe_size(struct exam *exam)
{
	const int64_t most = exam->host->pipe_max_size;
	struct doctor_finding *finding;
	bool enough;

	if (!exam_is_limit(most))
		return;
	enough = exam_is_privileged(exam) ||
	    (uint64_t)most >= exam->config->pipe_size;
	finding = exam_add(exam, enough ? DOCTOR_FINE : DOCTOR_BITES,
	    "fs.pipe-max-size");
	exam_say(finding->value, "%" PRId64, most);
	exam_say(finding->needs, "pipe-size = %zu", exam->config->pipe_size);
	exam_say(finding->wall, "%s",
	    enough ? "no wall" : "pipes stay at 64 KiB: bulk needs more turns");
	if (!enough)
		exam_say(finding->set, "fs.pipe-max-size=%zu",
		    exam->config->pipe_size);
}

void
exam_files(struct exam *exam)
{
	check_maxconn(exam);
	check_nofile(exam);
	check_file_max(exam);
	check_pipes(exam);
	check_pipe_size(exam);
}
