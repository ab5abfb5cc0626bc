/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * check, wait, monitor: commands that answer later.  Their jobs run again on
 * news, and once a second.
 */
#include <string.h>

#include "common/timer.h"
#include "lb4/command/answer.h"
#include "lb4/command/commands.h"
#include "lb4/config/values.h"
#include "lb4/control/handle.h"
#include "lb4/health/prober.h"
#include "lb4/table/table.h"

/* How long after a check's timeout its job gives up. */
#define CHECK_GRACE_MS 2000

static bool
is_over(const struct caller *caller)
{
	return caller->job.deadline_ms != 0 &&
	    timer_now_ms() >= caller->job.deadline_ms;
}

static bool
has_checks(const struct service *service)
{
	for (size_t i = 0; i < service->backends; i++)
		if (service_checks(service, i))
			return true;
	return false;
}

/* ---- check --------------------------------------------------------------- */

static const struct column check_columns[] = {
	{ "service", "SERVICE", 14, COLUMN_TEXT },
	{ "backend", "BACKEND", 14, COLUMN_TEXT },
	{ "health", "HEALTH", 7, COLUMN_TEXT },
	{ "took_ms", "TOOK/MS", 8, COLUMN_RATE },
	{ "result", "RESULT", 0, COLUMN_TEXT },
	{ NULL, NULL, 0, COLUMN_TEXT },
};

/* Whether the job asks about this backend.  Backends in maintenance are not
 * checked. */
static bool
is_asked(const struct caller *caller, const struct service *service,
    size_t index)
{
	const struct backend *backend = service->backend[index].backend;

	return service_checks(service, index) &&
	    (caller->job.backend[0] == '\0' ||
		strcmp(caller->job.backend, backend->name) == 0) &&
	    atomic_load_explicit(&backend->admin, memory_order_relaxed) !=
	    ADMIN_MAINT;
}

static bool
is_checked(const struct caller *caller, const struct backend *backend)
{
	return atomic_load_explicit(&backend->checked_ms,
		   memory_order_acquire) != 0 &&
	    atomic_load_explicit(&backend->check_began_ms,
		memory_order_relaxed) >= caller->job.began_ms;
}

static json_t *
checked_row(const struct backend *backend)
{
	uint32_t word = atomic_load_explicit(&backend->health,
	    memory_order_acquire);
	char text[HEALTH_TEXT_MAX];

	return json_pack("{s:s,s:s,s:s,s:f,s:s}", "service", backend->service,
	    "backend", backend->name, "health",
	    health_is_down(word) ? "down" : "up", "took_ms",
	    atomic_load_explicit(&backend->check_us, memory_order_relaxed) /
		1000.0,
	    "result", backend_health_text(backend, word, text, sizeof(text)));
}

static enum job_result
step_check(struct caller *caller)
{
	const struct service *service = commands_service(caller,
	    caller->job.service);
	size_t missing = 0;

	for (size_t i = 0; service != NULL && i < service->backends; i++)
		missing += is_asked(caller, service, i) &&
		    !is_checked(caller, service->backend[i].backend);
	if (missing > 0 && !is_over(caller))
		return JOB_WAITS;
	if (missing > 0 || service == NULL) {
		answer_error(caller, "timeout", "%zu check%s not ended in time",
		    missing, missing == 1 ? " has" : "s have");
		return JOB_DONE;
	}
	answer_begin(caller, "lb4.check/1", json_object(), "checks",
	    check_columns);
	for (size_t i = 0; i < service->backends; i++)
		if (is_asked(caller, service, i))
			answer_row(caller,
			    checked_row(service->backend[i].backend));
	answer_end(caller);
	return JOB_DONE;
}

/* Asks the prober for the checks.  Returns how many, or -1 after answering an
 * error. */
static int
ask(struct caller *caller, const struct service *service)
{
	int asked = 0;

	for (size_t i = 0; i < service->backends; i++) {
		const struct backend *backend = service->backend[i].backend;

		if (!is_asked(caller, service, i))
			continue;
		if (!prober_ask(caller->handle->prober, backend->id)) {
			answer_error(caller, "busy",
			    "too many checks at once: ask again later");
			return -1;
		}
		asked++;
	}
	return asked;
}

void
command_check(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 0);
	struct job *job = &caller->job;
	const struct service *service;
	struct named named;
	int asked;

	if (strchr(name, '/') != NULL) {
		if (!commands_find(caller, name, &named))
			return;
		service = named.service;
		memcpy(job->backend, named.backend->name, sizeof(job->backend));
	} else {
		service = commands_service(caller, name);
	}
	if (service == NULL) {
		commands_no_service(caller, name);
		return;
	}
	if (!has_checks(service)) {
		answer_error(caller, "refused", "service %s has check = none",
		    service->state->name);
		return;
	}
	memcpy(job->service, service->state->name, sizeof(job->service));
	commands_job(caller, step_check);
	job->deadline_ms = job->began_ms + service->settings.check.timeout_ms +
	    CHECK_GRACE_MS;
	asked = ask(caller, service);
	if (asked == 0)
		answer_error(caller, "refused",
		    "%s is in maintenance, so it is not checked", name);
	if (asked <= 0)
		job->step = NULL;
}

/* ---- wait ready ---------------------------------------------------------- */

/* Whether a backend of the service takes conns and, if the service has checks,
 * has passed one. */
static bool
is_ready(const struct service *service)
{
	for (size_t i = 0; i < service->backends; i++) {
		const struct service_backend *entry = &service->backend[i];
		uint32_t word = atomic_load_explicit(&entry->backend->health,
		    memory_order_acquire);

		if (service_backend_takes(entry) &&
		    (!service_checks(service, i) ||
			health_result(word) != HEALTH_UNKNOWN))
			return true;
	}
	return false;
}

/* The first service that is not ready, or NULL. */
static const char *
not_ready(const struct caller *caller)
{
	const struct table *table = table_current(caller->handle->tables);
	const char *only = caller->job.service;

	for (size_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];

		if (service != NULL &&
		    (only[0] == '\0' ||
			strcmp(only, service->state->name) == 0) &&
		    !is_ready(service))
			return service->state->name;
	}
	return NULL;
}

static enum job_result
step_wait(struct caller *caller)
{
	const char *missing = not_ready(caller);

	if (!handle_is_serving(caller->handle)) {
		answer_error(caller, "failed", "lb4 is %s",
		    handle_state_name(caller->handle));
		return JOB_DONE;
	}
	if (missing == NULL) {
		answer_done(caller, "ready");
		return JOB_DONE;
	}
	if (!is_over(caller))
		return JOB_WAITS;
	answer_error(caller, "timeout", "service %s has no backend that is up",
	    missing);
	return JOB_DONE;
}

void
command_wait(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 1);
	const char *timeout = command_option(command, "timeout");
	const char *problem = NULL;
	uint64_t ms = 0;

	if (strcmp(command_argument(command, 0), "ready") != 0) {
		commands_usage(caller, command);
		return;
	}
	if (timeout != NULL)
		problem = value_time(timeout, &ms);
	if (problem != NULL) {
		answer_error(caller, "usage", "timeout=%.64s %s", timeout,
		    problem);
		return;
	}
	if (name != NULL && commands_service(caller, name) == NULL) {
		commands_no_service(caller, name);
		return;
	}
	if (name != NULL)
		memcpy(caller->job.service, name, strlen(name) + 1);
	commands_job(caller, step_wait);
	if (timeout != NULL)
		caller->job.deadline_ms = timer_after(caller->job.began_ms, ms);
}

/* ---- monitor ------------------------------------------------------------- */

/* Answers nothing at first; events follow until the next line. */
void
command_monitor(struct caller *caller, const struct command *command)
{
	(void)command;
	caller->monitors = true;
}
