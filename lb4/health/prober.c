/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The prober thread: the set of checked backends, and the loop.
 *
 * Each checked backend has a target (target.h), and each that has an agent is
 * in agents.h.  Only follow() reads the table, when its generation has changed;
 * otherwise the thread is an RCU reader that is offline.
 */
#include "lb4/health/prober.h"

#include <bsd/string.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/mailbox.h"
#include "common/timer.h"
#include "lb4/health/agents.h"
#include "lb4/health/alarm.h"
#include "lb4/health/changes.h"
#include "lb4/health/passive.h"
#include "lb4/health/target.h"
#include "lb4/health/targets.h"
#include "lb4/model/rcu.h"
#include "lb4/process/programs.h"
#include "lb4/table/table.h"

#define EVENTS_MAX 64
#define NOTES_MAX 256
#define RETRY_MS 1000

#define TAG_MAILBOX 0 /* and TARGET_TAG, AGENTS_TAG, CHANGES_TAG */
#define TAG_PROGRAMS 2

/* A request of another thread. */
struct note {
	uint32_t backend; /* by id */
	bool asked;	  /* false: it is a suspect */
};

struct prober {
	/* set before start */
	struct tables *tables;
	pthread_t thread;

	/* the thread's own, once it runs */
	struct target_env env;
	struct targets targets;
	struct agents agents;
	uint64_t generation; /* of the table that they come from */
	struct timer retry;  /* armed if the last follow() failed */
	uint64_t changes;    /* of states, as of the last look for panic */
	struct passive *passive;
	struct timer back;   /* armed while a backend is ejected */
	struct changes told; /* on-change */

	struct pulse pulse; /* writer: the thread */

	/* shared: carries struct note; is also rung for all other events */
	struct mailbox notes;
	/* Writer: control, before it rings.  Reader: the thread. */
	_Atomic bool stop;
	/* A new socket for env.programs, -1: none.  Control puts it there, the
	 * thread takes it. */
	_Atomic int programs;
	/* What on-change says now; NULL: as before.  As `programs`. */
	_Atomic(struct changes_settings *) on_change;
	/* There is one.  Writers: control, when it gives one; the thread, when
	 * that has ended. */
	_Atomic bool has_programs;
};

/* ---- the table --------------------------------------------------------- */

/* Those that no longer track another backend: nobody knows their health, unless
 * they are targets now, which begin with what they are. */
static void
free_tracks(struct prober *prober, struct tracks *before)
{
	for (size_t i = 0; i < before->count; i++) {
		struct backend *backend = before->track[i].backend;

		if (tracks_leader(&prober->env.tracks, backend->id) != NULL ||
		    targets_find(&prober->targets, backend->id) != NULL)
			continue;
		atomic_store_explicit(&backend->checked_ms, 0,
		    memory_order_relaxed);
		backend_set_health(backend,
		    health_pack(false, HEALTH_UNKNOWN, 0),
		    prober->env.clock.now_ms);
	}
	tracks_done(before);
}

/* Makes the targets match `table`.  Without memory the list does not change,
 * and the prober tries again after RETRY_MS. */
static void
follow(struct prober *prober, const struct table *table)
{
	struct target_env *env = &prober->env;
	struct targets list = { .target = NULL };
	struct tracks tracks = { .track = NULL }, before = env->tracks;

	if (tracks_list(&tracks, table) < 0 ||
	    targets_list(env, &prober->targets, table, &list) < 0 ||
	    agents_follow(&prober->agents, table) < 0 ||
	    changes_follow(&prober->told, table) < 0 ||
	    passive_follow(prober->passive, table, env->clock.now_ms) < 0) {
		targets_done(env, &list, &prober->targets);
		tracks_done(&tracks);
		log_error("no memory for the checks of a new table");
		timer_arm(&env->timers, &prober->retry,
		    env->clock.now_ms + RETRY_MS);
		return;
	}
	targets_done(env, &prober->targets, &list);
	prober->targets = list;
	prober->generation = table->generation;
	env->tracks = tracks;
	free_tracks(prober, &before);
	tracks_follow_all(&env->tracks, env->clock.now_ms, env->news,
	    env->news_owner);
}

static void
look_for_table(struct prober *prober)
{
	const struct table *table;

	if (timer_armed(&prober->retry))
		return;
	rcu_online();
	table = table_current(prober->tables);
	if (table != NULL && table->generation != prober->generation)
		follow(prober, table);
	rcu_offline();
}

/* The target of that backend, or of the one that it tracks. */
static struct target *
find_checked(const struct prober *prober, uint32_t id)
{
	const struct backend *leader = tracks_leader(&prober->env.tracks, id);

	return targets_find(&prober->targets, leader != NULL ? leader->id : id);
}

/* ---- programs ----------------------------------------------------------- */

static void
close_programs(struct prober *prober)
{
	if (prober->env.programs >= 0)
		close(prober->env.programs);
	prober->env.programs = -1;
}

/* Takes the socket that control has given. */
static void
take_programs(struct prober *prober)
{
	const int socket = atomic_exchange_explicit(&prober->programs, -1,
	    memory_order_acquire);
	int error;

	if (socket < 0)
		return;
	close_programs(prober);
	prober->env.programs = socket;
	error = loop_add(prober->env.epfd, socket, EPOLLIN,
	    loop_tag(TAG_PROGRAMS, 0, 0));
	if (error < 0) {
		log_error("checks cannot run programs: epoll: %s",
		    strerror(-error));
		close_programs(prober);
		atomic_store(&prober->has_programs, false);
	}
}

/* The new table, or the same one, is followed again. */
static void
take_on_change(struct prober *prober)
{
	struct changes_settings *settings =
	    atomic_exchange_explicit(&prober->on_change, NULL,
		memory_order_acquire);

	if (settings == NULL)
		return;
	changes_set(&prober->told, settings);
	prober->generation = 0;
	free(settings);
}

static void
on_programs(struct prober *prober)
{
	struct program_answer answer;
	struct target *target;
	int result = 1;

	while (prober->env.programs >= 0 &&
	    (result = programs_receive(prober->env.programs, &answer)) > 0) {
		if (loop_tag_kind(answer.number) == CHANGES_TAG) {
			changes_on_program(&prober->told, &answer);
			continue;
		}
		target = targets_find(&prober->targets,
		    loop_tag_generation(answer.number));
		if (target != NULL)
			target_on_program(&prober->env, target, &answer);
	}
	if (result < 0) {
		log_error("the process that runs the programs of checks has "
			  "ended: reload the configuration to start another");
		close_programs(prober);
		changes_on_lost(&prober->told);
		atomic_store(&prober->has_programs, false);
	}
}

/* ---- ejected backends -------------------------------------------------- */

static void
turn_passive(struct prober *prober)
{
	const uint64_t next_ms = passive_turn(prober->passive,
	    prober->env.clock.now_ms);

	if (next_ms != UINT64_MAX)
		timer_arm(&prober->env.timers, &prober->back, next_ms);
	else
		timer_disarm(&prober->env.timers, &prober->back);
}

static void
on_failure(struct prober *prober, uint32_t backend)
{
	struct target *target = find_checked(prober, backend);

	if (target != NULL)
		target_on_suspect(&prober->env, target);
	passive_on_failure(prober->passive, backend, prober->env.clock.now_ms);
}

/* For struct target_env. */
static void
on_up(void *owner, uint32_t backend)
{
	struct prober *prober = owner;

	passive_on_up(prober->passive, backend, prober->env.clock.now_ms);
}

/* ---- panic ------------------------------------------------------------- */

/* Only after a change of any state, or a new table. */
static void
look_for_panic(struct prober *prober)
{
	const uint64_t changes = atomic_load(&prober->tables->changes);
	const struct table *table;

	if (changes == prober->changes)
		return;
	prober->changes = changes;
	rcu_online();
	table = table_current(prober->tables);
	if (table != NULL)
		alarm_look(table, prober->env.clock.now_ms, prober->env.news,
		    prober->env.news_owner);
	rcu_offline();
}

/* ---- the loop ---------------------------------------------------------- */

static void
turn_timers(struct prober *prober)
{
	struct timer *timer;

	while ((timer = timer_wheel_next(&prober->env.timers,
		    prober->env.clock.now_ms)) != NULL)
		if (timer != &prober->retry && timer != &prober->back)
			target_on_timer(&prober->env, (struct target *)timer);
}

static void
take_notes(struct prober *prober)
{
	struct target *target;
	struct note note;

	mailbox_open(&prober->notes);
	take_programs(prober);
	take_on_change(prober);
	/* A note may name a backend that a new table has added. */
	look_for_table(prober);
	while (mailbox_take(&prober->notes, &note)) {
		if (!note.asked) {
			on_failure(prober, note.backend);
			continue;
		}
		target = find_checked(prober, note.backend);
		if (target != NULL)
			target_on_asked(&prober->env, target);
	}
}

static void
on_event(struct prober *prober, const struct epoll_event *event)
{
	uint64_t tag = event->data.u64;
	struct target *target;

	if (loop_tag_kind(tag) == TAG_MAILBOX) {
		take_notes(prober);
		return;
	}
	if (loop_tag_kind(tag) == TAG_PROGRAMS) {
		on_programs(prober);
		return;
	}
	if (loop_tag_kind(tag) == AGENTS_TAG) {
		agents_on_event(&prober->agents, tag, event->events);
		return;
	}
	target = targets_find(&prober->targets, loop_tag_generation(tag));
	if (target != NULL && target->serial == loop_tag_index(tag))
		target_on_event(&prober->env, target, event->events);
}

/* How long to sleep: until the next timer.  While answers are awaited at most
 * LOOP_LOOK_MS, so that the clock notices gaps. */
static int
sleep_ms(const struct prober *prober)
{
	const uint64_t now_ms = timer_now_ms();
	const int timers = loop_sooner(timer_wheel_sleep(&prober->env.timers,
					   now_ms),
	    loop_sooner(agents_sleep(&prober->agents, now_ms),
		changes_sleep(&prober->told, now_ms)));

	return prober->env.busy > 0 ? loop_sooner(timers, LOOP_LOOK_MS)
				    : timers;
}

/* Serves all waiting events before the timers: an answer that the prober reads
 * late was not sent late.  Returns 0 or -errno. */
static int
prober_turn(struct prober *prober)
{
	struct epoll_event events[EVENTS_MAX];
	int wait_ms = sleep_ms(prober);
	int count;

	do {
		pulse_due(&prober->pulse,
		    wait_ms < 0 ? 0 : timer_now_ms() + (uint64_t)wait_ms);
		count = loop_wait(prober->env.epfd, events, EVENTS_MAX,
		    wait_ms);
		if (count < 0)
			return count;
		(void)loop_clock_look(&prober->env.clock, timer_now_ms(),
		    wait_ms);
		pulse_due(&prober->pulse, prober->env.clock.now_ms);
		for (int i = 0; i < count; i++)
			on_event(prober, &events[i]);
		wait_ms = 0;
	} while (count == EVENTS_MAX);
	turn_timers(prober);
	agents_turn(&prober->agents);
	look_for_table(prober);
	turn_passive(prober);
	look_for_panic(prober);
	changes_turn(&prober->told, atomic_load(&prober->tables->changes));
	return 0;
}

static void
prober_loop(struct prober *prober)
{
	int error;

	loop_clock_start(&prober->env.clock, timer_now_ms());
	take_programs(prober);
	take_on_change(prober);
	look_for_table(prober);
	while (!atomic_load_explicit(&prober->stop, memory_order_acquire)) {
		error = prober_turn(prober);
		if (error < 0) {
			/* its heartbeat stops as well: see threads.h */
			log_error("checks have stopped: epoll: %s",
			    strerror(-error));
			return;
		}
	}
}

static void *
prober_main(void *arg)
{
	const struct targets none = { .target = NULL };
	struct prober *prober = arg;

	pthread_setname_np(pthread_self(), "lb4-prober");
	rcu_reader_start();
	rcu_offline();
	pulse_start(&prober->pulse);
	prober_loop(prober);
	agents_done(&prober->agents);
	changes_done(&prober->told);
	targets_done(&prober->env, &prober->targets, &none);
	passive_free(prober->passive, prober->env.clock.now_ms);
	prober->passive = NULL;
	tracks_done(&prober->env.tracks);
	rcu_reader_stop();
	return NULL;
}

/* ---- for other threads ------------------------------------------------- */

/* For struct passive. */
static void
pass_news_on(void *owner, uint32_t backend)
{
	const struct prober *prober = owner;

	if (prober->env.news != NULL)
		prober->env.news(prober->env.news_owner, backend);
}

struct prober *
prober_new(struct tables *tables)
{
	struct prober *prober;
	int error;

	prober = aligned_alloc(_Alignof(struct prober), sizeof(*prober));
	if (prober == NULL)
		return NULL;
	memset(prober, 0, sizeof(*prober));
	prober->tables = tables;
	prober->passive = passive_new(pass_news_on, prober);
	if (prober->passive == NULL) {
		free(prober);
		return NULL;
	}
	prober->env.up = on_up;
	prober->env.up_owner = prober;
	prober->env.random = arc4random();
	prober->env.programs = -1;
	atomic_init(&prober->programs, -1);
	timer_wheel_init(&prober->env.timers, timer_now_ms());
	agents_init(&prober->agents, &prober->env, timer_now_ms());
	changes_init(&prober->told, &prober->env, timer_now_ms());
	error = mailbox_init(&prober->notes, NOTES_MAX, sizeof(struct note));
	if (error < 0) {
		passive_free(prober->passive, 0);
		free(prober);
		errno = -error;
		return NULL;
	}
	prober->env.epfd = loop_open();
	error = prober->env.epfd < 0
	    ? prober->env.epfd
	    : loop_add(prober->env.epfd, prober->notes.fd, EPOLLIN,
		  loop_tag(TAG_MAILBOX, 0, 0));
	if (error < 0) {
		prober_free(prober);
		errno = -error;
		return NULL;
	}
	return prober;
}

/* Signals go to the control thread: block them here. */
int
prober_start(struct prober *prober)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&prober->thread, NULL, prober_main, prober);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

void
prober_stop(struct prober *prober)
{
	atomic_store_explicit(&prober->stop, true, memory_order_release);
	mailbox_ring(&prober->notes);
	pthread_join(prober->thread, NULL);
}

void
prober_free(struct prober *prober)
{
	if (prober == NULL)
		return;
	take_programs(prober);
	close_programs(prober);
	free(atomic_load(&prober->on_change));
	if (prober->env.epfd >= 0)
		close(prober->env.epfd);
	mailbox_done(&prober->notes);
	passive_free(prober->passive, 0);
	free(prober);
}

void
prober_table_changed(struct prober *prober)
{
	mailbox_ring(&prober->notes);
}

void
prober_suspect(struct prober *prober, uint32_t backend)
{
	const struct note note = { .backend = backend };

	/* If it is full, the note is lost; regular checks continue. */
	(void)mailbox_post(&prober->notes, &note);
}

void
prober_set_news(struct prober *prober,
    void (*news)(void *owner, uint32_t backend), void *owner)
{
	prober->env.news = news;
	prober->env.news_owner = owner;
}

void
prober_set_programs(struct prober *prober, int socket)
{
	const int before = atomic_exchange_explicit(&prober->programs, socket,
	    memory_order_acq_rel);

	if (before >= 0)
		close(before);
	atomic_store(&prober->has_programs, true);
	mailbox_ring(&prober->notes);
}

void
prober_set_on_change(struct prober *prober, const char *program,
    unsigned timeout_ms)
{
	struct changes_settings *settings = calloc(1, sizeof(*settings));

	if (settings == NULL) {
		log_error("no memory for on-change");
		return;
	}
	(void)strlcpy(settings->program, program, sizeof(settings->program));
	settings->timeout_ms = timeout_ms;
	free(atomic_exchange_explicit(&prober->on_change, settings,
	    memory_order_acq_rel));
	mailbox_ring(&prober->notes);
}

bool
prober_has_programs(const struct prober *prober)
{
	return atomic_load(&prober->has_programs);
}

const struct pulse *
prober_pulse(const struct prober *prober)
{
	return &prober->pulse;
}

bool
prober_ask(struct prober *prober, uint32_t backend)
{
	const struct note note = { .backend = backend, .asked = true };

	return mailbox_post(&prober->notes, &note);
}
