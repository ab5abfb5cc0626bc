/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The SRV records of a name: see names_srv.h. */
#include "lb4/control/names_srv.h"

#include <arpa/nameser.h>
#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/plural.h"
#include "common/timer.h"
#include "lb4/config/config.h"
#include "lb4/config/expand.h"
#include "lb4/control/change.h"
#include "lb4/control/lookup.h"
#include "lb4/control/running.h"
#include "lb4/wire/srv.h"

/* How long an answer waits for the addresses of its targets. */
#define PATIENCE_MS 1000

/* Until another try when no change is possible, as during an upgrade. */
#define AGAIN_MS 1000

struct target {
	struct srv_name *srv;
	struct lookup lookup; /* its name is the target's */
	struct addr addr;     /* len 0: none yet */
	bool used;	      /* in the last answer */
	struct target *next;
};

struct srv_name {
	struct running *running;
	char name[CONFIG_DNS_MAX];
	struct question question;
	struct why ill;	    /* said so in the log; "": all is well */
	struct why refused; /* why the last answer is not in force */

	struct srv_record *record; /* owned; of the last good answer */
	size_t records;
	bool none;	       /* it says that there is no service */
	struct target *target; /* owned list */

	bool dirty;	   /* something is to be applied, ... */
	uint64_t dirty_ms; /* ... since then */
};

/* ---- what is told -------------------------------------------------------- */

static void
tell(struct srv_name *srv, const char *why)
{
	const bool failed = srv->question.state != ANSWER_NONE &&
	    srv->question.state != ANSWER_GOOD;

	if (srv->refused.text[0] != '\0')
		why = srv->refused.text;
	else if (!failed)
		why = "";
	if (why[0] != '\0' && srv->ill.text[0] == '\0')
		log_error("%s cannot be resolved: %s: its backends stay as "
			  "they are",
		    srv->name, why);
	else if (why[0] == '\0' && srv->ill.text[0] != '\0')
		log_notice("%s is resolved again", srv->name);
	if (why != srv->ill.text)
		(void)strlcpy(srv->ill.text, why, sizeof(srv->ill.text));
}

static void
on_end(struct question *question, const char *why)
{
	tell(question->owner, why);
}

/* ---- targets ------------------------------------------------------------- */

static void
set_dirty(struct srv_name *srv)
{
	if (!srv->dirty)
		srv->dirty_ms = timer_now_ms();
	srv->dirty = true;
}

/* An address of the target. */
static int
take_address(struct lookup *lookup, const struct lookup_answer *answer,
    struct why *why)
{
	struct target *target = lookup->owner;
	struct addr addr;

	(void)why;
	if (!lookup_choose(lookup, answer,
		target->addr.len > 0 ? &target->addr : NULL, &addr))
		return 0;
	if (target->addr.len == 0 || lookup_compare(&addr, &target->addr) != 0)
		set_dirty(target->srv);
	target->addr = addr;
	return 0;
}

static struct target *
find_target(const struct srv_name *srv, const char *name)
{
	struct target *target = srv->target;

	while (target != NULL && strcmp(target->lookup.name, name) != 0)
		target = target->next;
	return target;
}

/* The address that a backend of the target has, such as one from before an
 * upgrade. */
static void
adopt(struct target *target, uint16_t port)
{
	const struct srv_name *srv = target->srv;
	const struct config *config = srv->running->config;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		for (size_t j = 0; j < service->hosts && target->addr.len == 0;
		     j++) {
			const struct config_backend *backend = NULL;

			if (service->host[j].line.of_srv &&
			    strcmp(service->host[j].host, srv->name) == 0)
				backend = expand_find(service, j,
				    target->lookup.name, port);
			if (backend != NULL)
				target->addr = backend->addr;
		}
	}
}

/* False without memory. */
static bool
use_target(struct srv_name *srv, const struct srv_record *record)
{
	struct target *target = find_target(srv, record->target);

	if (target == NULL) {
		target = calloc(1, sizeof(*target));
		if (target == NULL)
			return false;
		target->srv = srv;
		lookup_init(&target->lookup,
		    &(struct lookup_setup){ srv->question.asker, record->target,
			true, take_address, target });
		target->next = srv->target;
		srv->target = target;
	}
	target->used = true;
	if (target->addr.len == 0)
		adopt(target, record->port);
	return true;
}

/* Frees those that are no longer used, or all. */
static void
drop_targets(struct srv_name *srv, bool all)
{
	struct target **link = &srv->target, *target;

	while ((target = *link) != NULL) {
		if (!all &&
		    (target->used || lookup_is_asking(&target->lookup))) {
			link = &target->next;
			continue;
		}
		*link = target->next;
		free(target);
	}
}

/* Takes the addresses of one family that came with the records, so that they
 * need not be asked for.  If the target has another one, DNS is asked all the
 * same: there may be more addresses than came along. */
static void
use_addresses(struct target *target, int family,
    const struct srv_answer *answer)
{
	struct question *question = &target->lookup.question[family];
	const struct why well = { "" };
	bool any = false, stays = false;

	for (size_t i = 0; i < answer->addresses; i++) {
		const struct srv_address *one = &answer->address[i];

		if (lookup_family(&one->addr) != family ||
		    strcmp(one->name, target->lookup.name) != 0)
			continue;
		if (target->addr.len == 0)
			target->addr = one->addr;
		any = true;
		stays |= lookup_family(&target->addr) != family ||
		    lookup_compare(&target->addr, &one->addr) == 0;
		question->ttl_s = one->ttl_s;
	}
	if (!any || question->asking)
		return;
	if (stays)
		question_end(question, 0, &well);
	else
		question->due_ms = 0;
}

/* ---- the answer ---------------------------------------------------------- */

static int
use_answer(struct srv_name *srv, const struct srv_answer *answer)
{
	struct srv_record *record = calloc(answer->records + 1,
	    sizeof(*record));

	if (record == NULL)
		return -ENOMEM;
	memcpy(record, answer->record, answer->records * sizeof(*record));
	free(srv->record);
	srv->record = record;
	srv->records = answer->records;
	srv->none = answer->none;
	for (struct target *one = srv->target; one != NULL; one = one->next)
		one->used = false;
	for (size_t i = 0; i < srv->records; i++)
		if (!use_target(srv, &record[i]))
			return -ENOMEM;
	drop_targets(srv, false);
	for (struct target *one = srv->target; one != NULL; one = one->next)
		for (int i = 0; one->used && i < LOOKUP_FAMILIES; i++)
			use_addresses(one, i, answer);
	set_dirty(srv);
	return 0;
}

static int
read_answer(struct srv_name *srv, const unsigned char *buf, size_t len,
    struct why *why)
{
	struct srv_answer *answer = malloc(sizeof(*answer));
	const char *reason = "";
	int error = answer != NULL ? srv_parse(buf, len, answer, &reason)
				   : -ENOMEM;

	if (error == -E2BIG)
		(void)why_fail(why, error, "it has more than %d SRV records",
		    SRV_RECORDS_MAX);
	else if (error == -EBADMSG)
		(void)why_fail(why, error, "the answer is wrong: %s", reason);
	else if (error == 0 && answer->records == 0 && !answer->none)
		error = why_fail(why, -ENODATA, "it has no SRV record");
	if (error == 0) {
		srv->question.ttl_s = answer->ttl_s;
		error = use_answer(srv, answer);
	}
	free(answer);
	return error == -ENOMEM ? why_fail(why, error, "%s", strerror(ENOMEM))
				: error;
}

static int
take(struct question *question, const unsigned char *buf, size_t len,
    struct why *why)
{
	if (buf == NULL)
		return why_fail(why, -ENODATA, "it has no SRV record");
	return read_answer(question->owner, buf, len, why);
}

static const struct question_handler handler = { take, on_end };

/* ---- applying ------------------------------------------------------------ */

static void
list_records(const struct srv_name *srv, struct expand_record *out)
{
	for (size_t i = 0; i < srv->records; i++) {
		const struct srv_record *record = &srv->record[i];
		const struct target *target = find_target(srv, record->target);

		out[i] = (struct expand_record){
			.target = record->target,
			.priority = record->priority,
			.weight = record->weight,
			.port = record->port,
		};
		if (target != NULL)
			out[i].addr = target->addr;
	}
}

static int
apply_all(const struct srv_name *srv, struct config *config, bool *changed)
{
	struct expand_record *record = calloc(srv->records + 1,
	    sizeof(*record));
	int error = record != NULL ? 0 : -ENOMEM;

	if (error == 0)
		list_records(srv, record);
	for (size_t i = 0; i < config->services; i++) {
		struct config_service *service = &config->service[i];

		for (size_t j = 0; error == 0 && j < service->hosts; j++) {
			bool one = false;

			if (service->host[j].line.of_srv &&
			    strcmp(service->host[j].host, srv->name) == 0)
				error = expand_set_records(service, j, record,
				    srv->records, &one);
			*changed |= one;
		}
	}
	free(record);
	return error;
}

static void
log_applied(const struct srv_name *srv)
{
	if (srv->none)
		log_notice("%s: DNS says that there is no such service (target "
			   "\".\"): its backends are removed",
		    srv->name);
	else
		log_notice("%s has %zu SRV record%s now", srv->name,
		    srv->records, plural(srv->records));
}

/* Returns 0, -EBUSY, or another -errno with why. */
static int
apply(struct srv_name *srv, struct why *why)
{
	struct config *config = change_begin(srv->running);
	bool changed = false;
	int result = config == NULL ? -ENOMEM
				    : apply_all(srv, config, &changed);

	result = change_edited(srv->running, config, result, changed, why);
	if (result > 0)
		log_applied(srv);
	return result < 0 ? result : 0;
}

/* When to apply; 0: at once. */
static uint64_t
apply_at_ms(const struct srv_name *srv)
{
	for (const struct target *one = srv->target; one != NULL;
	     one = one->next)
		if (one->used && one->addr.len == 0 &&
		    !lookup_is_complete(&one->lookup))
			return srv->dirty_ms + PATIENCE_MS;
	return 0;
}

static void
apply_due(struct srv_name *srv, uint64_t now_ms)
{
	int error;

	if (!srv->dirty || now_ms < srv->dirty_ms || now_ms < apply_at_ms(srv))
		return;
	srv->refused.text[0] = '\0';
	error = apply(srv, &srv->refused);
	srv->dirty = error == -EBUSY;
	if (srv->dirty) {
		srv->dirty_ms = now_ms + AGAIN_MS;
		srv->refused.text[0] = '\0';
	}
	srv->question.asker->told = true;
	tell(srv, srv->ill.text);
}

/* ---- the life of one ----------------------------------------------------- */

struct srv_name *
srv_name_new(struct running *running, struct asker *asker, const char *name)
{
	struct srv_name *srv = calloc(1, sizeof(*srv));

	if (srv == NULL)
		return NULL;
	srv->running = running;
	(void)strlcpy(srv->name, name, sizeof(srv->name));
	srv->question = (struct question){
		.asker = asker,
		.handler = &handler,
		.owner = srv,
		.name = srv->name,
		.type = ns_t_srv,
	};
	return srv;
}

void
srv_name_free(struct srv_name *srv)
{
	if (srv == NULL)
		return;
	drop_targets(srv, true);
	free(srv->record);
	free(srv);
}

bool
srv_name_is_asking(const struct srv_name *srv)
{
	bool asking = srv->question.asking;

	for (const struct target *one = srv->target; one != NULL;
	     one = one->next)
		asking |= lookup_is_asking(&one->lookup);
	return asking;
}

void
srv_name_hurry(struct srv_name *srv)
{
	if (srv->records > 0)
		set_dirty(srv);
}

void
srv_name_turn(struct srv_name *srv, uint64_t now_ms)
{
	if (question_is_due(&srv->question, now_ms))
		question_ask(&srv->question);
	for (struct target *one = srv->target; one != NULL; one = one->next)
		if (one->used)
			lookup_turn(&one->lookup, now_ms);
	apply_due(srv, now_ms);
}

int
srv_name_sleep_ms(const struct srv_name *srv, uint64_t now_ms)
{
	const uint64_t at_ms = apply_at_ms(srv);
	int sleep = question_sleep_ms(&srv->question, now_ms);

	for (const struct target *one = srv->target; one != NULL;
	     one = one->next)
		if (one->used)
			sleep = loop_sooner(sleep,
			    lookup_sleep_ms(&one->lookup, now_ms));
	if (srv->dirty) {
		const uint64_t due_ms = at_ms > srv->dirty_ms ? at_ms
							      : srv->dirty_ms;

		sleep = loop_sooner(sleep,
		    due_ms > now_ms ? (int)(due_ms - now_ms) : 0);
	}
	return sleep;
}

bool
srv_name_is_ill(const struct srv_name *srv, struct why *why)
{
	if (srv->ill.text[0] != '\0') {
		*why = srv->ill;
		return true;
	}
	for (const struct target *one = srv->target; one != NULL;
	     one = one->next)
		if (one->used && one->lookup.ill.text[0] != '\0') {
			(void)why_fail(why, 0, "%s: %s", one->lookup.name,
			    one->lookup.ill.text);
			return true;
		}
	return false;
}

size_t
srv_name_records(const struct srv_name *srv, bool *none)
{
	*none = srv->none;
	return srv->records;
}
