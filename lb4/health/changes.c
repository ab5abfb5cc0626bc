/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Runs a program at each change of a state: see changes.h. */
#include "lb4/health/changes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/log.h"
#include "common/loop.h"
#include "lb4/health/target.h"
#include "lb4/model/state_reason.h"
#include "lb4/process/programs.h"
#include "lb4/table/table.h"

#define WAITING_MAX 16 /* changes of one backend */
#define RETRY_MS 200
#define LOG_MS 10000
#define SERIAL_MASK 0xfffffff

/* A backend whose state is watched. */
struct watched {
	struct backend *backend; /* referenced */
	enum backend_state state;
	struct backend_parts parts; /* that have made it so */
	unsigned waiting;	    /* changes in the queue */
	bool runs;		    /* a program, about it */
};

/* A change that waits. */
struct change {
	STAILQ_ENTRY(change) entry;
	struct watched *watched;
	enum backend_state before, after;
	char reason[STATE_REASON_MAX];
};

/* A failure of programs, at most one in LOG_MS. */
static void __attribute__((format(printf, 2, 3)))
tell_failure(struct changes *changes, const char *format, ...)
{
	const uint64_t now_ms = changes->env->clock.now_ms;
	char text[LOG_LINE_MAX / 2], more[48] = "";
	va_list args;

	if (changes->told_ms != 0 && now_ms - changes->told_ms < LOG_MS) {
		changes->untold++;
		return;
	}
	if (changes->untold > 0)
		(void)snprintf(more, sizeof(more), " (and %u failures before)",
		    changes->untold);
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_warning("on-change: %s%s", text, more);
	changes->told_ms = now_ms;
	changes->untold = 0;
}

/* ---- the set ------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	const struct watched *x = *(struct watched *const *)a;
	const struct watched *y = *(struct watched *const *)b;

	return (x->backend->id > y->backend->id) -
	    (x->backend->id < y->backend->id);
}

static struct watched *
find(const struct changes *changes, uint32_t backend)
{
	size_t low = 0, high = changes->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		struct watched *watched = changes->watched[middle];

		if (watched->backend->id == backend)
			return watched;
		if (watched->backend->id < backend)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void
set_told(struct backend *backend, enum backend_state state)
{
	atomic_store_explicit(&backend->told_state, (uint32_t)state + 1,
	    memory_order_relaxed);
}

/* A backend that is new counts as told; one of the process before this one is
 * as that has told last. */
static struct watched *
watched_new(struct backend *backend)
{
	const uint32_t told = atomic_load_explicit(&backend->told_state,
	    memory_order_relaxed);
	struct watched *watched = calloc(1, sizeof(*watched));

	if (watched == NULL)
		return NULL;
	watched->backend = backend;
	watched->parts = backend_parts(backend);
	watched->state = backend_state_of(&watched->parts);
	if (told > 0 && told <= BACKEND_STATE_COUNT)
		watched->state = (enum backend_state)(told - 1);
	set_told(backend, watched->state);
	backend_ref(backend);
	return watched;
}

static void
drop(struct changes *changes, struct change *change)
{
	change->watched->waiting--;
	STAILQ_REMOVE(&changes->queue, change, change, entry);
	free(change);
}

static void
watched_free(struct changes *changes, struct watched *watched)
{
	struct change *change = STAILQ_FIRST(&changes->queue), *next;

	for (; change != NULL; change = next) {
		next = STAILQ_NEXT(change, entry);
		if (change->watched == watched)
			drop(changes, change);
	}
	backend_unref(watched->backend);
	free(watched);
}

static bool
has(const struct changes *list, const struct watched *watched)
{
	return find(list, watched->backend->id) == watched;
}

static int
list_all(const struct changes *changes, struct changes *list,
    const struct table *table)
{
	for (size_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];

		for (size_t i = 0; service != NULL && i < service->backends;
		     i++) {
			struct backend *backend = service->backend[i].backend;
			struct watched *watched = find(changes, backend->id);

			if (watched == NULL)
				watched = watched_new(backend);
			if (watched == NULL)
				return -ENOMEM;
			list->watched[list->count++] = watched;
		}
	}
	return 0;
}

int
changes_follow(struct changes *changes, const struct table *table)
{
	struct changes list = { .watched = NULL };
	size_t room = 0;
	int error;

	if (changes->settings.program[0] != '\0')
		for (size_t id = 0; id < table->ids; id++)
			room += table->service[id] != NULL
			    ? table->service[id]->backends
			    : 0;
	list.watched = calloc(room + 1, sizeof(struct watched *));
	if (list.watched == NULL)
		return -ENOMEM;
	error = room > 0 ? list_all(changes, &list, table) : 0;
	if (list.count > 0)
		qsort(list.watched, list.count, sizeof(struct watched *),
		    compare);
	for (size_t i = 0; error < 0 && i < list.count; i++)
		if (!has(changes, list.watched[i]))
			watched_free(changes, list.watched[i]);
	if (error < 0) {
		free(list.watched);
		return error;
	}
	for (size_t i = 0; i < changes->count; i++)
		if (!has(&list, changes->watched[i])) {
			atomic_store(&changes->watched[i]->backend->told_state,
			    0);
			watched_free(changes, changes->watched[i]);
		}
	free(changes->watched);
	changes->watched = list.watched;
	changes->count = list.count;
	if (changes->is_new && changes->settings.program[0] != '\0')
		log_info("on-change: %s runs at each change of a state",
		    changes->settings.program);
	changes->is_new = false;
	return 0;
}

void
changes_init(struct changes *changes, struct target_env *env, uint64_t now_ms)
{
	*changes = (struct changes){ .env = env };
	STAILQ_INIT(&changes->queue);
	timer_wheel_init(&changes->timers, now_ms);
}

/* What was told stays in the backends, for an upgrade. */
void
changes_done(struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		watched_free(changes, changes->watched[i]);
	free(changes->watched);
	changes->watched = NULL;
	changes->count = 0;
}

void
changes_set(struct changes *changes, const struct changes_settings *settings)
{
	changes->is_new = strcmp(changes->settings.program,
			      settings->program) != 0;
	changes->settings = *settings;
}

/* ---- changes ------------------------------------------------------------- */

static struct change *
last_of(const struct changes *changes, const struct watched *watched)
{
	struct change *change, *last = NULL;

	STAILQ_FOREACH(change, &changes->queue, entry)
		if (change->watched == watched)
			last = change;
	return last;
}

/* Puts a change into the queue, or makes it one with the last that waits. */
static void
add(struct changes *changes, struct watched *watched,
    const struct backend_parts *parts)
{
	const enum backend_state after = backend_state_of(parts);
	struct change *change = NULL;

	if (watched->waiting < WAITING_MAX)
		change = calloc(1, sizeof(*change));
	if (change != NULL) {
		change->watched = watched;
		change->before = watched->state;
		STAILQ_INSERT_TAIL(&changes->queue, change, entry);
		watched->waiting++;
	} else {
		change = last_of(changes, watched);
	}
	if (change == NULL) {
		tell_failure(changes, "no memory for a change of %s/%s",
		    watched->backend->service, watched->backend->name);
		return;
	}
	change->after = after;
	(void)state_reason(watched->backend, &watched->parts, parts,
	    change->reason, sizeof(change->reason));
	if (change->before == after)
		drop(changes, change);
}

/* Compares all states with those of the last look. */
static void
look(struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		struct watched *watched = changes->watched[i];
		const struct backend_parts parts =
		    backend_parts(watched->backend);

		if (backend_state_of(&parts) != watched->state)
			add(changes, watched, &parts);
		watched->state = backend_state_of(&parts);
		watched->parts = parts;
	}
}

/* ---- programs ------------------------------------------------------------ */

/* The program has ended, or there will be none. */
static void
end_run(struct changes *changes, struct changes_run *run)
{
	struct watched *watched = find(changes, run->backend);

	timer_disarm(&changes->timers, &run->timer);
	run->number = 0;
	if (watched == NULL)
		return;
	watched->runs = false;
	set_told(watched->backend, run->after);
}

/* 0 or -errno. */
static int
start(struct changes *changes, struct changes_run *run,
    const struct change *change)
{
	const struct backend *backend = change->watched->backend;
	const uint64_t number = loop_tag(CHANGES_TAG,
	    ++changes->serial & SERIAL_MASK, backend->id);
	struct program_request request;
	bool fits = true;

	programs_begin(&request, number);
	fits &= programs_argument(&request, changes->settings.program);
	fits &= programs_argument(&request, backend->service);
	fits &= programs_argument(&request, backend->name);
	fits &= programs_argument(&request, backend_state_name(change->before));
	fits &= programs_argument(&request, backend_state_name(change->after));
	fits &= programs_argument(&request, change->reason);
	run->number = number;
	run->backend = backend->id;
	run->before = change->before;
	run->after = change->after;
	run->timeout_ms = changes->settings.timeout_ms;
	(void)snprintf(run->name, sizeof(run->name), "%s/%s", backend->service,
	    backend->name);
	if (!fits)
		return -E2BIG;
	if (changes->env->programs < 0)
		return -ENOTCONN;
	return programs_run(changes->env->programs, &request);
}

/* The oldest change that may be told now: one of each backend at a time. */
static struct change *
next_change(const struct changes *changes)
{
	struct change *change;

	STAILQ_FOREACH(change, &changes->queue, entry)
		if (!change->watched->runs)
			return change;
	return NULL;
}

static struct changes_run *
free_run(struct changes *changes)
{
	for (size_t i = 0; i < CHANGES_RUNS_MAX; i++)
		if (changes->run[i].number == 0)
			return &changes->run[i];
	return NULL;
}

static void
start_all(struct changes *changes)
{
	const uint64_t now_ms = changes->env->clock.now_ms;
	struct changes_run *run;
	struct change *change;
	int error;

	while (!timer_armed(&changes->retry) &&
	    (run = free_run(changes)) != NULL &&
	    (change = next_change(changes)) != NULL) {
		error = start(changes, run, change);
		if (error == -EAGAIN || error == -ENOTCONN) {
			run->number = 0;
			if (error == -ENOTCONN)
				tell_failure(changes,
				    "no process runs programs: reload the "
				    "configuration to start one");
			timer_arm(&changes->timers, &changes->retry,
			    now_ms + RETRY_MS);
			return;
		}
		change->watched->runs = true;
		drop(changes, change);
		timer_arm(&changes->timers, &run->timer,
		    now_ms + run->timeout_ms);
		if (error < 0) {
			tell_failure(changes, "cannot run %s for %s: %s",
			    changes->settings.program, run->name,
			    strerror(-error));
			end_run(changes, run);
		}
	}
}

static void
on_timeout(struct changes *changes, struct changes_run *run)
{
	if (changes->env->programs >= 0)
		programs_kill(changes->env->programs, run->number);
	tell_failure(changes,
	    "%s for %s (%s, then %s) is killed: it has not ended in %u ms",
	    changes->settings.program, run->name,
	    backend_state_name(run->before), backend_state_name(run->after),
	    run->timeout_ms);
	end_run(changes, run);
}

void
changes_turn(struct changes *changes, uint64_t count)
{
	struct timer *timer;

	while ((timer = timer_wheel_next(&changes->timers,
		    changes->env->clock.now_ms)) != NULL)
		if (timer != &changes->retry)
			on_timeout(changes, (struct changes_run *)timer);
	if (changes->count == 0)
		return;
	if (count != changes->seen)
		look(changes);
	changes->seen = count;
	start_all(changes);
}

static struct changes_run *
find_run(struct changes *changes, uint64_t number)
{
	for (size_t i = 0; i < CHANGES_RUNS_MAX; i++)
		if (changes->run[i].number == number)
			return &changes->run[i];
	return NULL;
}

void
changes_on_program(struct changes *changes, const struct program_answer *answer)
{
	struct changes_run *run = find_run(changes, answer->number);
	const int status = answer->status;
	char how[64] = "";

	if (run == NULL)
		return;
	if (answer->error < 0)
		(void)snprintf(how, sizeof(how), "%s",
		    strerror(-answer->error));
	else if (WIFSIGNALED(status))
		(void)snprintf(how, sizeof(how), "ended by signal %d",
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		(void)snprintf(how, sizeof(how), "exit status %d",
		    WEXITSTATUS(status));
	if (how[0] != '\0')
		tell_failure(changes, "%s for %s (%s, then %s) failed: %s%s%s",
		    changes->settings.program, run->name,
		    backend_state_name(run->before),
		    backend_state_name(run->after), how,
		    answer->line[0] != '\0' ? ": " : "", answer->line);
	end_run(changes, run);
}

void
changes_on_lost(struct changes *changes)
{
	for (size_t i = 0; i < CHANGES_RUNS_MAX; i++)
		if (changes->run[i].number != 0)
			end_run(changes, &changes->run[i]);
}

int
changes_sleep(const struct changes *changes, uint64_t now_ms)
{
	return timer_wheel_sleep(&changes->timers, now_ms);
}
