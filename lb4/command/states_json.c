/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The parts of a backend's state: see states_json.h. */
#include "lb4/command/states_json.h"

#include <errno.h>
#include <stdio.h>

#include "lb4/command/answer.h"
#include "lb4/control/figures.h"
#include "lb4/model/backend.h"

#define REASON_MAX (HEALTH_TEXT_MAX + ANSWER_TEXT_MAX + 64)

static uint64_t
ago(uint64_t now_ms, uint64_t then_ms)
{
	return now_ms > then_ms ? now_ms - then_ms : 0;
}

/* Adds NAME, NAME_since_ms and NAME_reason (NULL: there is none). */
static int
add_part(json_t *row, const char *name, const char *state, json_t *since,
    const char *reason)
{
	char key[32];
	int error;

	error = json_object_set_new(row, name, json_string(state));
	(void)snprintf(key, sizeof(key), "%s_since_ms", name);
	error |= json_object_set_new(row, key, since);
	(void)snprintf(key, sizeof(key), "%s_reason", name);
	error |= json_object_set_new(row, key,
	    reason != NULL ? json_string(reason) : json_null());
	return error;
}

static json_t *
since_json(uint64_t now_ms, uint64_t then_ms)
{
	return then_ms == 0 ? json_null()
			    : json_integer((json_int_t)ago(now_ms, then_ms));
}

static const char *
passive_name(const struct figures_backend *figures,
    const struct states_json_parts *has)
{
	if (health_is_down(figures->parts.passive))
		return "ejected";
	return has->observed ? "up" : "off";
}

/* "connected; held down for 42s more, as it flaps" */
static const char *
health_reason(const struct figures_backend *figures, uint64_t now_ms,
    char buf[REASON_MAX])
{
	const char *text = figures->health_text;
	char time[ANSWER_TEXT_MAX];

	if (figures->held_until_ms > now_ms)
		(void)snprintf(buf, REASON_MAX,
		    "%s; held down for %s more, as it flaps", text,
		    answer_time(figures->held_until_ms - now_ms, time,
			sizeof(time)));
	else
		(void)snprintf(buf, REASON_MAX, "%s", text);
	return buf;
}

/* What the agent wants besides a state, and why it does not answer. */
static int
add_agent(json_t *row, const struct figures_backend *figures, uint64_t now_ms)
{
	const struct agent_said said = agent_unpack(figures->agent_said);
	const bool fails = figures->agent_failure[0] != '\0';
	int error;

	error = json_object_set_new(row, "agent_weight_percent",
	    said.has_percent ? json_integer(said.percent) : json_null());
	error |= json_object_set_new(row, "agent_maxconn",
	    said.has_maxconn ? json_integer(said.maxconn) : json_null());
	error |= json_object_set_new(row, "agent_failure",
	    fails ? json_string(figures->agent_failure) : json_null());
	return error |
	    json_object_set_new(row, "agent_failure_since_ms",
		fails ? since_json(now_ms, figures->agent_failing_ms)
		      : json_null());
}

int
states_json_add(json_t *row, const struct figures_backend *figures,
    const struct states_json_parts *has, uint64_t now_ms)
{
	const struct backend_parts *parts = &figures->parts;
	char health[REASON_MAX], passive[HEALTH_TEXT_MAX];
	int error;

	error = add_part(row, "admin", admin_state_name(parts->admin),
	    since_json(now_ms, figures->admin_since_ms),
	    admin_cause_text(figures->admin_cause));
	error |= add_part(row, "health",
	    figures_health_name(figures, has->checked),
	    since_json(now_ms, figures->health_since_ms),
	    has->checked ? health_reason(figures, now_ms, health) : NULL);
	error |= add_part(row, "passive", passive_name(figures, has),
	    since_json(now_ms, figures->passive_since_ms),
	    health_result(parts->passive) != HEALTH_UNKNOWN
		? passive_text(parts->passive, passive, sizeof(passive))
		: NULL);
	error |= add_part(row, "agent", agent_state_name(parts->agent),
	    since_json(now_ms, figures->agent_since_ms),
	    parts->agent != AGENT_NONE ? figures->agent_text : NULL);
	error |= add_agent(row, figures, now_ms);
	return error == 0 ? 0 : -ENOMEM;
}

/* The last check: "down: no answer, 1.2s ago, took 0.4ms". */
static int
describe_check(const struct figures_backend *figures, uint64_t now_ms,
    char *buf, size_t size)
{
	const uint32_t health = figures->parts.health;
	char age[ANSWER_TEXT_MAX];

	if (figures->parts.unresolved)
		return snprintf(buf, size, "name not resolved yet");
	if (figures->checked_ms == 0)
		return snprintf(buf, size, "none yet");
	return snprintf(buf, size, "%s%s, %s ago, took %.1fms",
	    health_is_down(health) ? "down: " : "", figures->health_text,
	    answer_time(ago(now_ms, figures->checked_ms), age, sizeof(age)),
	    figures->check_ms);
}

/* "; drain for 12s: set with lb4ctl". */
static int
describe_part(const char *state, const char *reason, uint64_t for_ms, char *buf,
    size_t size)
{
	char age[ANSWER_TEXT_MAX];

	return snprintf(buf, size, "; %s for %s: %s", state,
	    answer_time(for_ms, age, sizeof(age)), reason);
}

/* "; weight 75% by its agent; its agent fails for 12s: no answer". */
static size_t
describe_agent(const struct figures_backend *figures, uint64_t now_ms,
    char *buf, size_t size)
{
	const struct agent_said said = agent_unpack(figures->agent_said);
	char age[ANSWER_TEXT_MAX];
	size_t len = 0;

	if (said.has_percent && said.percent != 100)
		len += (size_t)snprintf(buf, size, "; weight %u%% by its agent",
		    said.percent);
	if (said.has_maxconn && len < size)
		len += (size_t)snprintf(buf + len, size - len,
		    "; maxconn %u by its agent", (unsigned)said.maxconn);
	if (figures->agent_failure[0] != '\0' && len < size)
		len += (size_t)snprintf(buf + len, size - len,
		    "; its agent fails for %s: %s",
		    answer_time(ago(now_ms, figures->agent_failing_ms), age,
			sizeof(age)),
		    figures->agent_failure);
	return len;
}

const char *
states_text(const struct figures_backend *figures,
    const struct states_json_parts *has, uint64_t now_ms, char *buf,
    size_t size)
{
	const struct backend_parts *parts = &figures->parts;
	char text[HEALTH_TEXT_MAX];
	size_t len = has->checked || parts->unresolved
	    ? (size_t)describe_check(figures, now_ms, buf, size)
	    : (size_t)snprintf(buf, size, "-");

	if (figures->held_until_ms > now_ms && len < size)
		len += (size_t)snprintf(buf + len, size - len,
		    "; held down for %s more, as it flaps",
		    answer_time(figures->held_until_ms - now_ms, text,
			sizeof(text)));
	if (parts->admin != ADMIN_READY && len < size)
		len += (size_t)describe_part(admin_state_name(parts->admin),
		    admin_cause_text(figures->admin_cause),
		    ago(now_ms, figures->admin_since_ms), buf + len,
		    size - len);
	if (parts->agent > AGENT_UP && len < size)
		len += (size_t)describe_part(agent_state_name(parts->agent),
		    figures->agent_text, ago(now_ms, figures->agent_since_ms),
		    buf + len, size - len);
	if (len < size)
		len += describe_agent(figures, now_ms, buf + len, size - len);
	if (health_is_down(parts->passive) && len < size)
		(void)describe_part("ejected",
		    passive_text(parts->passive, text, sizeof(text)),
		    ago(now_ms, figures->passive_since_ms), buf + len,
		    size - len);
	return buf;
}
