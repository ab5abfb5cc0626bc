/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The agents of the backends: see agents.h.
 *
 * Each agent has one conversation at a time, and one timer, which means what it
 * means in target.h.
 */
#include "lb4/health/agents.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/log.h"
#include "common/loop.h"
#include "lb4/health/agent_answer.h"
#include "lb4/health/checked.h"
#include "lb4/health/probe.h"
#include "lb4/health/probe_agent.h"
#include "lb4/health/schedule.h"
#include "lb4/health/target.h"
#include "lb4/table/table.h"

#define GOODBYE_MS 500
#define KNOCK_MS 20
#define LOG_MS 10000 /* from one message of a kind to the next */
#define SERIAL_MASK 0xfffffff

struct agent {
	struct timer timer;	 /* first: the timer's address is the agent's */
	struct backend *backend; /* referenced */
	struct probe probe;
	struct config_text send;
	unsigned inter_ms;
	uint32_t serial;
	bool busy;	   /* counted in env->busy */
	uint64_t since_ms; /* the conversation, or its goodbye, began; by the
			    * loop's own clock */
	uint64_t next_ms;  /* the next one is due */
	bool told_failure; /* logged that it does not answer */
	uint64_t told_failure_ms, told_share_ms; /* 0: never */
};

static uint64_t
draw(struct agents *agents)
{
	return hash_mix(agents->env->random++);
}

/* ---- the set ------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	const struct agent *x = *(struct agent *const *)a;
	const struct agent *y = *(struct agent *const *)b;

	return (x->backend->id > y->backend->id) -
	    (x->backend->id < y->backend->id);
}

static struct agent *
find(const struct agents *agents, uint32_t backend)
{
	size_t low = 0, high = agents->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		struct agent *agent = agents->agent[middle];

		if (agent->backend->id == backend)
			return agent;
		if (agent->backend->id < backend)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static struct agent *
agent_new(struct backend *backend)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (agent == NULL)
		return NULL;
	agent->backend = backend;
	backend_ref(backend);
	return agent;
}

static void
count_busy(struct agents *agents, struct agent *agent, bool busy)
{
	if (busy && !agent->busy)
		agents->env->busy++;
	else if (!busy && agent->busy)
		agents->env->busy--;
	agent->busy = busy;
}

static void
agent_free(struct agents *agents, struct agent *agent)
{
	probe_done(&agent->probe);
	count_busy(agents, agent, false);
	timer_disarm(&agents->timers, &agent->timer);
	backend_unref(agent->backend);
	free(agent);
}

static void
tell_news(const struct agents *agents, const struct agent *agent)
{
	if (agents->env->news != NULL)
		agents->env->news(agents->env->news_owner, agent->backend->id);
}

static void
set_failure(struct backend *backend, uint32_t word, const char *text)
{
	remark_set(&backend->agent_display.failure_remark, word, text);
	atomic_store_explicit(&backend->agent_display.failure, word,
	    memory_order_release);
}

/* Its backend no longer has an agent: what it said is over. */
static void
dismiss(struct agents *agents, struct agent *agent)
{
	struct backend *backend = agent->backend;

	set_failure(backend, 0, "");
	backend_set_agent_said(backend, 0);
	backend_set_agent(backend, AGENT_NONE, agents->env->clock.now_ms);
	tell_news(agents, agent);
	agent_free(agents, agent);
}

/* How to connect to the agent: as checks do. */
static struct config_check
agent_how(const struct service *service, size_t index)
{
	const struct config_check check = checked_how(service, index,
	    &service->check[index].agent);

	return (struct config_check){
		.timeout_ms = check.timeout_ms,
		.source = check.source,
		.mark = check.mark,
	};
}

/* Sets what to ask, and when. */
static int
agent_set(struct agents *agents, struct agent *agent,
    const struct service *service, size_t index)
{
	const struct config_agent *settings = &service->settings.agent;
	const struct addr *addr = &service->check[index].agent;
	const struct config_check how = agent_how(service, index);
	const unsigned inter_ms = settings->inter_ms != 0
	    ? settings->inter_ms
	    : service->settings.check.inter_ms;
	const bool same = agent->probe.kind != NULL &&
	    probe_is_for(&agent->probe, &how, addr) &&
	    agent->send.len == settings->send.len &&
	    memcmp(agent->send.byte, settings->send.byte, settings->send.len) ==
		0;

	if (same && agent->inter_ms == inter_ms)
		return 0;
	if (!same &&
	    probe_agent_set(&agent->probe, addr, &settings->send, &how) < 0)
		return -ENOMEM;
	agent->send = settings->send;
	agent->inter_ms = inter_ms;
	agent->next_ms = agents->env->clock.now_ms +
	    schedule_first_ms(inter_ms, draw(agents));
	if (probe_is_busy(&agent->probe))
		return 0;
	count_busy(agents, agent, false);
	timer_arm(&agents->timers, &agent->timer, agent->next_ms);
	return 0;
}

/* Appends the agents of a service.  The caller has made room. */
static int
list_service(struct agents *agents, struct agents *list,
    const struct service *service)
{
	for (size_t i = 0; i < service->backends; i++) {
		const struct addr *addr = &service->check[i].agent;
		struct backend *backend = service->backend[i].backend;
		struct agent *agent = find(agents, backend->id);
		const bool is_new = agent == NULL;

		if (addr->len == 0)
			continue;
		if (is_new)
			agent = agent_new(backend);
		if (agent == NULL)
			return -ENOMEM;
		if (agent_set(agents, agent, service, i) < 0) {
			if (is_new)
				agent_free(agents, agent);
			return -ENOMEM;
		}
		list->agent[list->count++] = agent;
	}
	return 0;
}

static bool
has(const struct agents *list, const struct agent *agent)
{
	return find(list, agent->backend->id) == agent;
}

int
agents_follow(struct agents *agents, const struct table *table)
{
	struct agents list = { .agent = NULL };
	size_t room = 0;
	int error = 0;

	for (size_t id = 0; id < table->ids; id++)
		if (table->service[id] != NULL && table->service[id]->agents)
			room += table->service[id]->backends;
	list.agent = calloc(room + 1, sizeof(struct agent *));
	if (list.agent == NULL)
		return -ENOMEM;
	for (size_t id = 0; id < table->ids && error == 0; id++)
		if (table->service[id] != NULL && table->service[id]->agents)
			error = list_service(agents, &list, table->service[id]);
	if (list.count > 0)
		qsort(list.agent, list.count, sizeof(struct agent *), compare);
	if (error < 0) {
		for (size_t i = 0; i < list.count; i++)
			if (!has(agents, list.agent[i]))
				agent_free(agents, list.agent[i]);
		free(list.agent);
		return error;
	}
	for (size_t i = 0; i < agents->count; i++)
		if (!has(&list, agents->agent[i]))
			dismiss(agents, agents->agent[i]);
	free(agents->agent);
	agents->agent = list.agent;
	agents->count = list.count;
	return 0;
}

void
agents_init(struct agents *agents, struct target_env *env, uint64_t now_ms)
{
	*agents = (struct agents){ .env = env };
	timer_wheel_init(&agents->timers, now_ms);
}

void
agents_done(struct agents *agents)
{
	for (size_t i = 0; i < agents->count; i++)
		agent_free(agents, agents->agent[i]);
	free(agents->agent);
	agents->agent = NULL;
	agents->count = 0;
}

/* ---- what it has said ---------------------------------------------------- */

/* Whether a message may be logged again; *told_ms: when that was last. */
static bool
may_tell(const struct agents *agents, uint64_t *told_ms)
{
	const uint64_t now_ms = agents->env->clock.now_ms;

	if (*told_ms != 0 && now_ms - *told_ms < LOG_MS)
		return false;
	*told_ms = now_ms;
	return true;
}

static void
log_state(const struct backend *backend, enum agent_state before,
    enum agent_state after)
{
	char text[AGENT_TEXT_MAX];
	int level = LOG_LEVEL_NOTICE;

	if (after == AGENT_DOWN)
		level = LOG_LEVEL_WARNING;
	else if (before == AGENT_NONE && after == AGENT_UP)
		level = LOG_LEVEL_INFO;
	log_at(level, "%s/%s is set to %s: %s", backend->service, backend->name,
	    agent_state_name(after),
	    agent_said_text(backend, text, sizeof(text)));
}

/* A weight may change each time, so not each change is logged. */
static void
log_share(const struct agents *agents, struct agent *agent,
    const struct agent_said *before, const struct agent_said *after)
{
	const struct backend *backend = agent->backend;
	char text[AGENT_TEXT_MAX], maxconn[32] = "", percent[32] = "";

	if (after->has_percent &&
	    (!before->has_percent || before->percent != after->percent))
		(void)snprintf(percent, sizeof(percent),
		    " has %u%% of its weight", after->percent);
	if (after->has_maxconn &&
	    (!before->has_maxconn || before->maxconn != after->maxconn))
		(void)snprintf(maxconn, sizeof(maxconn),
		    " has a maxconn of %" PRIu32, after->maxconn);
	if ((percent[0] == '\0' && maxconn[0] == '\0') ||
	    !may_tell(agents, &agent->told_share_ms))
		return;
	log_info("%s/%s%s%s%s: %s", backend->service, backend->name, percent,
	    percent[0] != '\0' && maxconn[0] != '\0' ? " and" : "", maxconn,
	    agent_said_text(backend, text, sizeof(text)));
}

/* Its backend is as it was, but the text may be another one. */
static void
note_text(struct backend *backend, uint64_t word, const char *text)
{
	struct remark *remark = &backend->agent_display.remark;
	char before[REMARK_MAX];

	if (!remark_get(remark, agent_remark_word(word), before,
		sizeof(before)) ||
	    strcmp(before, text) != 0)
		remark_set(remark, agent_remark_word(word), text);
}

static void
note_answer(struct agents *agents, struct agent *agent,
    const struct agent_answer *answer)
{
	struct backend *backend = agent->backend;
	const uint64_t word = atomic_load_explicit(&backend->agent_said,
	    memory_order_relaxed);
	const struct agent_said before = agent_unpack(word);
	struct agent_said after = before;
	enum agent_state was = agent_state_of(&before), is;
	uint64_t now;

	agent_answer_add(answer, &after);
	now = agent_pack(&after);
	note_text(backend, now, answer->text);
	if (now == word)
		return;
	is = agent_state_of(&after);
	backend_set_agent_said(backend, now);
	backend_set_agent(backend, is, agents->env->clock.now_ms);
	if (is != was)
		log_state(backend, was, is);
	log_share(agents, agent, &before, &after);
	if (answer->unknown[0] != '\0')
		log_info("%s/%s: its agent said \"%s\", which lb4 does not "
			 "know: ignored",
		    backend->service, backend->name, answer->unknown);
	tell_news(agents, agent);
}

static void
on_answer(struct agents *agents, struct agent *agent)
{
	struct backend *backend = agent->backend;

	histogram_bump(&backend->agent_display.answers, 1);
	set_failure(backend, 0, "");
	if (agent->told_failure) {
		agent->told_failure = false;
		log_notice("%s/%s: its agent answers again", backend->service,
		    backend->name);
	}
	note_answer(agents, agent, probe_agent_answer(&agent->probe));
}

static void
on_failure(struct agents *agents, struct agent *agent)
{
	struct backend *backend = agent->backend;
	struct backend_agent *display = &backend->agent_display;
	char buf[HEALTH_TEXT_MAX], addr[ADDR_TEXT_MAX];
	const char *text = probe_reason(&agent->probe, buf, sizeof(buf));

	histogram_bump(&display->failures, 1);
	if (atomic_load_explicit(&display->failure, memory_order_relaxed) == 0)
		atomic_store_explicit(&display->failing_ms,
		    agents->env->clock.now_ms, memory_order_relaxed);
	set_failure(backend, probe_word(&agent->probe, false), text);
	if (agent->told_failure || !may_tell(agents, &agent->told_failure_ms))
		return;
	agent->told_failure = true;
	log_warning("%s/%s: cannot ask its agent at %s: %s: what it said last "
		    "stays",
	    backend->service, backend->name,
	    addr_format(&agent->probe.addr, addr, sizeof(addr)), text);
}

/* ---- conversations ------------------------------------------------------- */

/* How long the agent may still be silent; 0 if nothing is awaited. */
static uint64_t
time_left_ms(const struct agents *agents, const struct agent *agent)
{
	const uint64_t silent_ms = agents->env->clock.own_ms - agent->since_ms;
	uint64_t limit_ms = 0;

	if (probe_is_busy(&agent->probe))
		limit_ms = agent->probe.check.timeout_ms;
	else if (agent->probe.phase == PROBE_GOODBYE)
		limit_ms = GOODBYE_MS;
	return silent_ms < limit_ms ? limit_ms - silent_ms : 0;
}

/* Sets the timer for the next event. */
static void
arm(struct agents *agents, struct agent *agent)
{
	const uint64_t now_ms = agents->env->clock.now_ms;
	const bool busy = probe_is_busy(&agent->probe);
	uint64_t left_ms = time_left_ms(agents, agent);
	uint64_t deadline = agent->next_ms;

	if (agent->probe.phase == PROBE_KNOCKING && left_ms > KNOCK_MS)
		left_ms = KNOCK_MS;
	if (busy || (left_ms > 0 && now_ms + left_ms < deadline))
		deadline = now_ms + left_ms;
	count_busy(agents, agent, busy);
	timer_arm(&agents->timers, &agent->timer, deadline);
}

/* The conversation may be over. */
static void
look(struct agents *agents, struct agent *agent)
{
	if (!probe_is_busy(&agent->probe)) {
		agent->since_ms = agents->env->clock.own_ms;
		if (agent->probe.result == HEALTH_PASSED)
			on_answer(agents, agent);
		else
			on_failure(agents, agent);
	}
	arm(agents, agent);
}

static uint64_t
tag_of(const struct agent *agent)
{
	return loop_tag(AGENTS_TAG, agent->serial, agent->backend->id);
}

static void
ask(struct agents *agents, struct agent *agent)
{
	const struct target_env *env = agents->env;

	probe_close(&agent->probe);
	agent->next_ms = env->clock.now_ms +
	    schedule_next_ms(agent->inter_ms, draw(agents));
	if (atomic_load_explicit(&agent->backend->admin,
		memory_order_acquire) == ADMIN_MAINT) {
		arm(agents, agent);
		return;
	}
	agent->serial = ++agents->serial & SERIAL_MASK;
	agent->since_ms = env->clock.own_ms;
	probe_start(&agent->probe, env->epfd, tag_of(agent));
	look(agents, agent);
}

static void
on_timer(struct agents *agents, struct agent *agent)
{
	struct probe *probe = &agent->probe;

	if (probe_is_busy(probe)) {
		if (time_left_ms(agents, agent) == 0)
			probe_on_timeout(probe);
		else if (probe->phase == PROBE_KNOCKING)
			probe_knock(probe, agents->env->epfd, tag_of(agent));
		look(agents, agent);
	} else if (agents->env->clock.now_ms < agent->next_ms) {
		if (time_left_ms(agents, agent) == 0)
			probe_on_timeout(probe);
		arm(agents, agent);
	} else {
		ask(agents, agent);
	}
}

void
agents_on_event(struct agents *agents, uint64_t tag, uint32_t events)
{
	struct agent *agent = find(agents, loop_tag_generation(tag));
	bool busy;

	if (agent == NULL || agent->serial != loop_tag_index(tag))
		return;
	busy = probe_is_busy(&agent->probe);
	probe_on_event(&agent->probe, events);
	if (busy && !probe_is_busy(&agent->probe))
		look(agents, agent);
}

void
agents_turn(struct agents *agents)
{
	struct timer *timer;

	while ((timer = timer_wheel_next(&agents->timers,
		    agents->env->clock.now_ms)) != NULL)
		on_timer(agents, (struct agent *)timer);
}

int
agents_sleep(const struct agents *agents, uint64_t now_ms)
{
	return timer_wheel_sleep(&agents->timers, now_ms);
}
