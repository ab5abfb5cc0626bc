/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A question that is asked again and again: see question.h. */
#include "lb4/control/question.h"

#include <ares.h>
#include <errno.h>

#include "common/timer.h"
#include "lb4/config/settings.h"
#include "lb4/control/resolver.h"
#include "lb4/control/running.h"

/* After a failure: doubled each time, up to RETRY_MAX_MS. */
#define RETRY_MS 1000
#define RETRY_MAX_MS 30000

static uint64_t
bounded(const struct question *question, uint64_t ms)
{
	const struct config *config = question->asker->running->config;

	if (ms > config->resolve_max_ms)
		ms = config->resolve_max_ms;
	return ms > config->resolve_min_ms ? ms : config->resolve_min_ms;
}

/* The pause after one more failure. */
static uint64_t
retry_ms(struct question *question)
{
	const unsigned doubled = question->failures < 5 ? question->failures
							: 5;
	const uint64_t ms = (uint64_t)RETRY_MS << doubled;

	question->failures++;
	return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

void
question_end(struct question *question, int error, const struct why *why)
{
	const uint64_t now_ms = timer_now_ms();

	if (error == -EBUSY) {
		question->due_ms = now_ms + RETRY_MS;
		return;
	}
	if (error < 0) {
		question->state = error == -ENODATA ? ANSWER_EMPTY
		    : error == -ENOENT		    ? ANSWER_NO_NAME
						    : ANSWER_FAILED;
		question->due_ms = now_ms +
		    bounded(question, retry_ms(question));
	} else {
		question->failures = 0;
		question->state = ANSWER_GOOD;
		question->due_ms = now_ms +
		    bounded(question, question->ttl_s * UINT64_C(1000));
	}
	question->asker->told = true;
	question->handler->on_end(question, error < 0 ? why->text : "");
}

static void
on_reply(void *owner, int status, int timeouts, unsigned char *buf, int len)
{
	struct question *question = owner;
	struct why why = { "" };
	int error;

	(void)timeouts;
	question->asking = false;
	if (status == ARES_EDESTRUCTION)
		return;
	if (status == ARES_SUCCESS)
		error = question->handler->take(question, buf, (size_t)len,
		    &why);
	else if (status == ARES_ENODATA)
		error = question->handler->take(question, NULL, 0, &why);
	else if (status == ARES_ENOTFOUND)
		error = why_fail(&why, -ENOENT, "there is no such name");
	else
		error = why_fail(&why, -EIO, "%s", ares_strerror(status));
	question_end(question, error, &why);
}

void
question_ask(struct question *question)
{
	question->asking = true;
	resolver_ask(question->asker->resolver,
	    &(struct resolver_question){ question->name, question->type,
		question->absolute },
	    on_reply, question);
}

bool
question_is_due(const struct question *question, uint64_t now_ms)
{
	return !question->asking && question->due_ms <= now_ms;
}

int
question_sleep_ms(const struct question *question, uint64_t now_ms)
{
	if (question->asking)
		return -1;
	return question->due_ms > now_ms ? (int)(question->due_ms - now_ms) : 0;
}
