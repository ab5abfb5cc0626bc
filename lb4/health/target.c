/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The checks of one backend: when they run, and how their results are logged
 * and published.
 */
#include "lb4/health/target.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hash.h"
#include "common/log.h"
#include "lb4/model/backend.h"

#define GOODBYE_MS 500
#define KNOCK_MS 20	 /* between two attempts to connect */
#define JOINING_HURRY 16 /* clients wait for the first check */
#define LOCAL_LOG_MS 10000
#define SERIAL_MASK 0xfffffff /* an event's tag has 28 bits for the serial */

static uint64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t
draw(struct target_env *env)
{
	return hash_mix(env->random++);
}

/* A good first result is expected, so its level is low. */
static int
level_of(enum verdict_change change, bool first)
{
	if (change == VERDICT_DOWN)
		return LOG_LEVEL_WARNING;
	return first ? LOG_LEVEL_INFO : LOG_LEVEL_NOTICE;
}

static void
log_change(const struct target *target, enum verdict_change change, bool first)
{
	const struct verdict *verdict = &target->verdict;
	uint64_t took_us = now_us() - target->started_us;
	int level = level_of(change, first);
	char buf[HEALTH_TEXT_MAX];

	log_at(level,
	    "%s/%s is %s: %s (%u in a row, the last took %" PRIu64 ".%" PRIu64
	    " ms)",
	    target->backend->service, target->backend->name,
	    change == VERDICT_DOWN ? "down" : "up",
	    probe_reason(&target->probe, buf, sizeof(buf)),
	    change == VERDICT_DOWN ? verdict->failed : verdict->passed,
	    took_us / 1000, took_us / 100 % 10);
}

static void
log_failure(const struct target *target)
{
	char buf[HEALTH_TEXT_MAX];

	log_info("%s/%s: check failed: %s (%u of %u)", target->backend->service,
	    target->backend->name,
	    probe_reason(&target->probe, buf, sizeof(buf)),
	    target->verdict.failed, target->probe.check.fall);
}

static void
log_local(struct target_env *env, const struct target *target)
{
	char buf[HEALTH_TEXT_MAX];

	if (env->local_log_ms != 0 &&
	    env->clock.now_ms - env->local_log_ms < LOCAL_LOG_MS)
		return;
	env->local_log_ms = env->clock.now_ms;
	log_warning("cannot check %s/%s: %s", target->backend->service,
	    target->backend->name,
	    probe_reason(&target->probe, buf, sizeof(buf)));
}

/* How long the peer may still be silent; 0 if nothing is awaited. */
static uint64_t
time_left_ms(const struct target_env *env, const struct target *target)
{
	const uint64_t silent_ms = env->clock.own_ms - target->since_ms;
	uint64_t limit_ms = 0;

	if (probe_is_busy(&target->probe))
		limit_ms = target->probe.check.timeout_ms;
	else if (target->probe.phase == PROBE_GOODBYE)
		limit_ms = GOODBYE_MS;
	return silent_ms < limit_ms ? limit_ms - silent_ms : 0;
}

static void
count_busy(struct target_env *env, struct target *target, bool busy)
{
	if (busy && !target->busy)
		env->busy++;
	else if (!busy && target->busy)
		env->busy--;
	target->busy = busy;
}

/* Sets the timer for the next event. */
static void
target_arm(struct target_env *env, struct target *target)
{
	const bool busy = probe_is_busy(&target->probe);
	uint64_t left_ms = time_left_ms(env, target);
	uint64_t deadline = target->next_ms;

	if (target->probe.phase == PROBE_KNOCKING && left_ms > KNOCK_MS)
		left_ms = KNOCK_MS;
	if (busy || (left_ms > 0 && env->clock.now_ms + left_ms < deadline))
		deadline = env->clock.now_ms + left_ms;
	count_busy(env, target, busy);
	timer_arm(&env->timers, &target->timer, deadline);
}

/* Publishes when the check ran and how long it took. */
static void
note_times(const struct target_env *env, const struct target *target)
{
	struct backend *backend = target->backend;
	uint64_t took_us = now_us() - target->started_us;

	atomic_store_explicit(&backend->check_began_ms,
	    target->started_us / 1000, memory_order_relaxed);
	atomic_store_explicit(&backend->check_us,
	    took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX,
	    memory_order_relaxed);
	atomic_store_explicit(&backend->checked_ms, env->clock.now_ms,
	    memory_order_release);
	histogram_bump(&backend->checks.results[target->probe.result], 1);
	histogram_observe(&backend->checks.took, &histogram_short, took_us);
}

static void
tell_news(const struct target_env *env, const struct target *target)
{
	if (env->news != NULL)
		env->news(env->news_owner, target->backend->id);
}

/* Plans the next check, counted from the beginning of the last one. */
static void
plan(struct target_env *env, struct target *target)
{
	target->inter_ms = schedule_inter(&target->probe.check,
	    &target->verdict);
	target->next_ms = target->began_ms +
	    schedule_next_ms(target->inter_ms, draw(env));
}

/* ---- whether a result may decide --------------------------------------- */

/* Whether the backend would come up, but flaps.  Publishes until when it is
 * held down. */
static bool
is_held_down(const struct target_env *env, struct target *target, bool passed)
{
	const struct verdict *verdict = &target->verdict;
	const uint64_t until_ms = verdict->down && target->probe.check.damping
	    ? damping_until(&target->damping)
	    : 0;
	const bool held = passed && env->clock.now_ms < until_ms;

	atomic_store_explicit(&target->backend->held_until_ms,
	    env->clock.now_ms < until_ms ? until_ms : 0, memory_order_relaxed);
	if (held && !target->told_of_hold &&
	    verdict->passed + 1 >= target->probe.check.rise) {
		target->told_of_hold = true;
		log_notice("%s/%s passes its checks, but is held down for "
			   "%" PRIu64 " s: it flaps",
		    target->backend->service, target->backend->name,
		    (until_ms - env->clock.now_ms + 999) / 1000);
	}
	return held;
}

static bool
in_maintenance(const struct target *target)
{
	return atomic_load_explicit(&target->backend->admin,
		   memory_order_acquire) == ADMIN_MAINT;
}

/* How many can be witnesses, and the accused: no more than are needed. */
static size_t
count_up(const struct circle *circle)
{
	const struct target *target;
	size_t up = 0;

	TAILQ_FOREACH(target, &circle->targets, in_circle) {
		up += !target->verdict.down && !in_maintenance(target);
		if (up > CIRCLE_WITNESSES)
			break;
	}
	return up;
}

static void
end_trial(struct target *target, enum trial trial)
{
	if (target->trial == TRIAL_OPEN)
		target->circle->tried--;
	target->trial = trial;
	if (trial == TRIAL_OPEN)
		target->circle->tried++;
}

/* The others have failed, too. */
static void
hold_up(const struct target_env *env, struct target *target)
{
	struct circle *circle = target->circle;

	end_trial(target, TRIAL_HELD);
	target->trial_ms = env->clock.now_ms;
	if (circle->told_ms != 0 &&
	    env->clock.now_ms - circle->told_ms < LOCAL_LOG_MS)
		return;
	circle->told_ms = env->clock.now_ms;
	log_warning("service %s: most backends fail at once, so lb4's own "
		    "network may be at fault: they stay up for one more round",
	    target->backend->service);
}

/* Checks others of the circle now, unless they are being checked. */
static void
ask_others(struct target_env *env, const struct target *target)
{
	unsigned asked = 0;
	struct target *other;

	TAILQ_FOREACH(other, &target->circle->targets, in_circle) {
		if (other == target || other->verdict.down ||
		    in_maintenance(other) ||
		    other->last.ended_ms >= target->began_ms)
			continue;
		if (asked++ == CIRCLE_WITNESSES)
			return;
		/* not from here: its result may judge this target */
		if (!probe_is_busy(&other->probe)) {
			other->next_ms = env->clock.now_ms;
			timer_arm(&env->timers, &other->timer,
			    env->clock.now_ms);
		}
	}
}

/* Whether the backend, whose check has failed, stays up nevertheless. */
static bool
is_held_up(struct target_env *env, struct target *target)
{
	const struct verdict *verdict = &target->verdict;

	if (!verdict->decided || verdict->down ||
	    verdict->failed + 1 < target->probe.check.fall)
		return false;
	if (target->trial == TRIAL_HELD)
		return target->began_ms < target->trial_ms;
	if (target->trial == TRIAL_NONE)
		target->trial_ms = target->began_ms;
	switch (circle_judge(target->circle, count_up(target->circle),
	    target->backend->id, target->trial_ms)) {
	case CIRCLE_TROUBLE:
		hold_up(env, target);
		return true;
	case CIRCLE_UNSURE:
		if (target->trial == TRIAL_OPEN)
			return false; /* a whole round was not enough */
		end_trial(target, TRIAL_OPEN);
		target->accused = probe_word(&target->probe, true);
		ask_others(env, target);
		return true;
	case CIRCLE_FINE:
		break;
	}
	return false;
}

/* Counts the result.  One that must not decide yet counts all the same. */
static enum verdict_change
note_result(struct target_env *env, struct target *target, bool passed)
{
	struct verdict *verdict = &target->verdict;
	const bool was_up = !verdict->down, first = !verdict->decided;
	unsigned rise = target->probe.check.rise;
	unsigned fall = target->probe.check.fall;
	enum verdict_change change;

	if (was_up)
		circle_note(target->circle, target->backend->id, !passed,
		    env->clock.now_ms);
	if (is_held_down(env, target, passed))
		rise = UINT_MAX;
	if (!passed && is_held_up(env, target))
		fall = UINT_MAX;
	change = verdict_note(verdict, passed, rise, fall);
	if (passed || change == VERDICT_DOWN)
		end_trial(target, TRIAL_NONE);
	if (was_up == verdict->down) {
		/* a backend counts as up until the first result */
		if (!first || verdict->down)
			damping_note(&target->damping, verdict->down,
			    env->clock.now_ms);
		target->told_of_hold = false;
	}
	return change;
}

/* ---- results ----------------------------------------------------------- */

static void settle_trials(struct target_env *env, struct target *target);

/* Publishes the state after a result. */
static void
publish(const struct target_env *env, const struct target *target,
    uint32_t word, bool changed)
{
	backend_set_health(target->backend, word, env->clock.now_ms);
	if (health_result(word) != HEALTH_LOCAL)
		backend_joined(target->backend, word, env->clock.now_ms);
	if (changed)
		atomic_store_explicit(&target->backend->health_since_ms,
		    env->clock.now_ms, memory_order_relaxed);
}

/* The check has seen a certificate. */
static void
note_certificate(struct target *target)
{
	const uint64_t expires_s = target->probe.certificate_s;
	const uint64_t now_s = (uint64_t)time(NULL);
	char text[CERTIFICATE_TEXT_MAX];

	atomic_store_explicit(&target->backend->certificate_s, expires_s,
	    memory_order_relaxed);
	if (certificate_warns(&target->certificate, expires_s, now_s,
		target->probe.check.tls.expiry_warn_ms))
		log_warning("%s/%s: its certificate %s: renew it",
		    target->backend->service, target->backend->name,
		    certificate_text(expires_s, now_s, text, sizeof(text)));
}

static void
on_result(struct target_env *env, struct target *target)
{
	const struct probe *probe = &target->probe;
	struct verdict *verdict = &target->verdict;
	bool first = !verdict->decided && !verdict->down;
	bool passed = probe->result == HEALTH_PASSED;
	enum verdict_change change = VERDICT_SAME;
	uint32_t word;

	target->last.ended_ms = env->clock.now_ms;
	target->last.failed = !passed && probe->result != HEALTH_LOCAL;
	target->since_ms = env->clock.own_ms;
	if (probe->certificate_s != 0)
		note_certificate(target);
	if (probe->result == HEALTH_LOCAL) {
		log_local(env, target);
	} else {
		change = note_result(env, target, passed);
		if (change != VERDICT_SAME)
			log_change(target, change, first);
		else if (!passed && !verdict->down)
			log_failure(target);
	}
	word = probe_word(probe, verdict->down);
	remark_set(&target->backend->remark, word, probe->reason);
	publish(env, target, word, change != VERDICT_SAME);
	note_times(env, target);
	tracks_follow(&env->tracks, target->backend, env->clock.now_ms,
	    env->news, env->news_owner);
	if (schedule_inter(&probe->check, verdict) != target->inter_ms)
		plan(env, target);
	if (change == VERDICT_UP && env->up != NULL)
		env->up(env->up_owner, target->backend->id);
	if (change != VERDICT_SAME || target->asked)
		tell_news(env, target);
	target->asked = false;
	target_arm(env, target);
	settle_trials(env, target);
}

/* The others have shown that the network works. */
static void
take_down(struct target_env *env, struct target *target)
{
	const uint32_t word = target->accused;
	struct verdict *verdict = &target->verdict;
	struct backend *backend = target->backend;
	char buf[HEALTH_TEXT_MAX];

	end_trial(target, TRIAL_NONE);
	verdict->down = true;
	damping_note(&target->damping, true, env->clock.now_ms);
	/* its check left the backend up */
	(void)backend_health_text(backend,
	    word & ~health_pack(true, HEALTH_UNKNOWN, 0), buf, sizeof(buf));
	log_warning("%s/%s is down: %s (%u in a row)", backend->service,
	    backend->name, buf, verdict->failed);
	remark_set(&backend->remark, word, buf);
	publish(env, target, word, true);
	tracks_follow(&env->tracks, backend, env->clock.now_ms, env->news,
	    env->news_owner);
	tell_news(env, target);
	if (!probe_is_busy(&target->probe)) {
		plan(env, target);
		target_arm(env, target);
	}
}

/* A result of `target` may decide the open trials of its circle. */
static void
settle_trials(struct target_env *env, struct target *target)
{
	struct circle *circle = target->circle;
	struct target *other;

	if (circle->tried == 0)
		return;
	TAILQ_FOREACH(other, &circle->targets, in_circle) {
		if (other == target || other->trial != TRIAL_OPEN)
			continue;
		switch (circle_judge(circle, count_up(circle),
		    other->backend->id, other->trial_ms)) {
		case CIRCLE_FINE:
			take_down(env, other);
			break;
		case CIRCLE_TROUBLE:
			hold_up(env, other);
			break;
		case CIRCLE_UNSURE:
			break;
		}
	}
}

static uint64_t
target_tag(const struct target *target)
{
	return loop_tag(TARGET_TAG, target->serial, target->backend->id);
}

static void
target_check(struct target_env *env, struct target *target)
{
	probe_close(&target->probe);
	target->began_ms = env->clock.now_ms;
	plan(env, target);
	if (in_maintenance(target)) {
		/* The first result after maintenance decides at once. */
		target->verdict.decided = false;
		target_arm(env, target);
		return;
	}
	target->serial = ++env->serial & SERIAL_MASK;
	target->started_us = now_us();
	target->since_ms = env->clock.own_ms;
	probe_start(&target->probe, env->epfd, target_tag(target));
	if (probe_is_busy(&target->probe))
		target_arm(env, target);
	else
		on_result(env, target);
}

/* The check has no result yet.  Unless it has timed out, it is time to knock,
 * or the loop did not run for a while, which does not count as silence. */
static void
on_timer_busy(struct target_env *env, struct target *target)
{
	if (time_left_ms(env, target) == 0)
		probe_on_timeout(&target->probe);
	else if (target->probe.phase == PROBE_KNOCKING)
		probe_knock(&target->probe, env->epfd, target_tag(target));
	if (probe_is_busy(&target->probe))
		target_arm(env, target);
	else
		on_result(env, target);
}

/* If a check lasts longer than the interval, the next one is late, but not
 * because of the prober: that time does not count. */
static void
note_lag(const struct target_env *env, struct target *target)
{
	const uint64_t ended_ms = target->last.ended_ms;
	const uint64_t due_ms = target->next_ms > ended_ms ? target->next_ms
							   : ended_ms;

	histogram_observe(&target->backend->checks.lag, &histogram_short,
	    (env->clock.now_ms - due_ms) * 1000);
}

void
target_on_timer(struct target_env *env, struct target *target)
{
	if (probe_is_busy(&target->probe)) {
		on_timer_busy(env, target);
	} else if (env->clock.now_ms < target->next_ms) {
		if (time_left_ms(env, target) == 0)
			probe_on_timeout(&target->probe);
		target_arm(env, target);
	} else {
		note_lag(env, target);
		target_check(env, target);
	}
}

void
target_on_event(struct target_env *env, struct target *target, uint32_t events)
{
	bool busy = probe_is_busy(&target->probe);

	probe_on_event(&target->probe, events);
	if (busy && !probe_is_busy(&target->probe))
		on_result(env, target);
}

void
target_on_program(struct target_env *env, struct target *target,
    const struct program_answer *answer)
{
	bool busy = probe_is_busy(&target->probe);

	probe_on_program(&target->probe, answer);
	if (busy && !probe_is_busy(&target->probe))
		on_result(env, target);
}

void
target_on_suspect(struct target_env *env, struct target *target)
{
	if (!probe_is_busy(&target->probe) &&
	    schedule_suspect(env->clock.now_ms, &target->last,
		schedule_inter(&target->probe.check, &target->verdict)))
		target_check(env, target);
}

void
target_on_asked(struct target_env *env, struct target *target)
{
	target->asked = true;
	target_check(env, target);
}

/* Starts as down: only `rise` good checks in a row bring the backend up. */
static void
begin_down(const struct target_env *env, struct target *target)
{
	target->verdict = (struct verdict){ .decided = true, .down = true };
	backend_set_health(target->backend,
	    health_pack(true, HEALTH_UNKNOWN, 0), env->clock.now_ms);
}

int
target_set(struct target_env *env, struct target *target,
    const struct config_check *check, const struct addr *addr)
{
	const bool same = target->probe.kind != NULL &&
	    probe_is_for(&target->probe, check, addr);
	const bool joining = backend_is_joining(target->backend);
	const bool is_new = target->probe.kind == NULL;
	uint64_t next_ms;

	if (same && (!joining || probe_is_busy(&target->probe)))
		return 0;
	next_ms = env->clock.now_ms +
	    schedule_first_ms(joining ? check->inter_ms / JOINING_HURRY
				      : check->inter_ms,
		draw(env));
	if (same && target->next_ms <= next_ms)
		return 0;
	target->probe.help = (struct probe_help){
		.tls_contexts = &env->tls_contexts,
		.programs = &env->programs,
		.service = target->backend->service,
		.backend = target->backend->name,
	};
	if (probe_set(&target->probe, check, addr) < 0)
		return -ENOMEM;
	if (!is_new)
		atomic_store_explicit(&target->backend->certificate_s, 0,
		    memory_order_relaxed);
	if (is_new && joining && check->init == CHECK_INIT_DOWN)
		begin_down(env, target);
	target->last = (struct schedule_last){ .ended_ms = 0 };
	target->next_ms = next_ms;
	target_arm(env, target);
	return 0;
}

/* Puts the target into the circle of `other`, or into a new one. */
static int
join_circle(struct target *target, struct target *other)
{
	struct circle *circle = other != NULL ? other->circle
					      : calloc(1, sizeof(*circle));

	if (circle == NULL)
		return -ENOMEM;
	if (other == NULL)
		TAILQ_INIT(&circle->targets);
	TAILQ_INSERT_TAIL(&circle->targets, target, in_circle);
	target->circle = circle;
	return 0;
}

static void
leave_circle(struct target *target)
{
	struct circle *circle = target->circle;

	end_trial(target, TRIAL_NONE);
	TAILQ_REMOVE(&circle->targets, target, in_circle);
	if (TAILQ_EMPTY(&circle->targets))
		free(circle);
}

struct target *
target_new(struct backend *backend, struct target *other)
{
	struct target *target = calloc(1, sizeof(*target));

	if (target == NULL)
		return NULL;
	target->backend = backend;
	/* the process before this one has checked it: rise and fall apply */
	target->verdict.decided = atomic_load_explicit(&backend->checked_ms,
				      memory_order_relaxed) != 0;
	target->verdict.down = target->verdict.decided &&
	    health_is_down(atomic_load_explicit(&backend->health,
		memory_order_relaxed));
	target->damping.carried_ms =
	    atomic_load_explicit(&backend->held_until_ms, memory_order_relaxed);
	if (join_circle(target, other) < 0) {
		free(target);
		return NULL;
	}
	backend_ref(backend);
	return target;
}

void
target_free(struct target_env *env, struct target *target)
{
	leave_circle(target);
	probe_done(&target->probe);
	count_busy(env, target, false);
	timer_disarm(&env->timers, &target->timer);
	/* first: a reader that sees the unknown health sees no old check */
	atomic_store_explicit(&target->backend->checked_ms, 0,
	    memory_order_relaxed);
	backend_set_health(target->backend,
	    health_pack(false, HEALTH_UNKNOWN, 0), env->clock.now_ms);
	backend_unref(target->backend);
	free(target);
}
