/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The workers together, as control sees them: see engine.h. */
#include "lb4/engine/engine.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/proc.h"
#include "common/sources.h"
#include "common/why.h"
#include "lb4/engine/access_lines.h"
#include "lb4/engine/affinity.h"
#include "lb4/engine/engine_limits.h"
#include "lb4/engine/listener.h"
#include "lb4/engine/moving.h"
#include "lb4/engine/ownconns.h"
#include "lb4/engine/places.h"
#include "lb4/engine/progress.h"
#include "lb4/engine/relay.h"
#include "lb4/engine/spin.h"
#include "lb4/engine/throttle.h"
#include "lb4/engine/types.h"
#include "lb4/engine/weigh.h"
#include "lb4/engine/worker.h"
#include "lb4/engine/worker_post.h"

struct engine {
	struct worker_shared shared;
	struct worker *workers;
	unsigned wanted;  /* workers to run */
	unsigned started; /* threads that run: those of the first workers */
	struct affinity affinity;
	struct places places;
	struct places *before; /* not owned; of another process; NULL: none */
	struct places_drop *drop; /* owned; what of that was not taken */
	size_t drops;
	struct inherited *inherited;   /* not owned; NULL: none */
	struct engine_counts *earlier; /* owned; one per worker there may be */
};

struct engine_change {
	struct places places; /* to come */
	struct engine_limits limits;
	const struct config *config;
};

static unsigned
workers_made(const struct engine *engine)
{
	return atomic_load_explicit(&engine->shared.count,
	    memory_order_relaxed);
}

static void
read_port_range(struct worker_shared *shared)
{
	static const char name[] = "net/ipv4/ip_local_port_range";
	int64_t low = proc_sysctl("", name, 0);
	int64_t high = proc_sysctl("", name, 1);

	if (low < 0 || high < 0 || high > 65535) {
		low = 1024; /* unknown: check every port */
		high = 65535;
	}
	atomic_store_explicit(&shared->port_low, (uint16_t)low,
	    memory_order_relaxed);
	atomic_store_explicit(&shared->port_high, (uint16_t)high,
	    memory_order_relaxed);
}

/* Makes workers until there are `count`, without threads. */
static int
make_until(struct engine *engine, unsigned count, const struct config *config,
    const struct engine_limits *limits)
{
	for (unsigned i = workers_made(engine); i < count; i++) {
		struct worker *worker = &engine->workers[i];
		int error = worker_init(worker, &engine->shared, i, config,
		    limits);

		if (error != 0) {
			worker_done(worker);
			return error;
		}
		worker->cpu = affinity_cpu(&engine->affinity, i);
		atomic_store_explicit(&engine->shared.count, i + 1,
		    memory_order_release);
	}
	return 0;
}

/* Whether a call is unavailable for good: the kernel lacks it, or a filter
 * refuses it.  Any other failure may be temporary. */
static bool
is_refused(int error)
{
	return error == -ENOSYS || error == -EPERM || error == -EACCES;
}

/* Logs once which calls the kernel, or a container's filter, refuses. */
static void
look_at_calls(struct worker_shared *shared)
{
	int error = relay_has_splice();

	shared->no_splice = is_refused(error);
	if (is_refused(error))
		log_warning("splice(2) is refused on this system (%s): lb4 "
			    "copies all bytes, which costs more CPU",
		    strerror(-error));
	error = loop_has_us();
	if (is_refused(error))
		log_info("epoll_pwait2(2) is refused on this system (%s): "
			 "short waits last 1 ms",
		    strerror(-error));
}

struct engine *
engine_new(struct tables *tables, const struct config *config,
    const struct engine_limits *limits, const struct engine_peers *peers)
{
	struct engine *engine = aligned_alloc(64, sizeof(*engine));
	int error = -ENOMEM;

	if (engine == NULL)
		return NULL;
	memset(engine, 0, sizeof(*engine));
	engine->shared.tables = tables;
	engine->shared.peers = *peers;
	engine->wanted = engine_workers(config);
	assert(engine->wanted <= tables->workers);
	engine->shared.room = engine_conns_room(limits);
	atomic_init(&engine->shared.maxconn, limits->maxconn);
	atomic_init(&engine->shared.mirrors_max, limits->mirrors);
	access_lines_set(&engine->shared, config);
	weigh_set(&engine->shared, config);
	throttle_set(&engine->shared, config);
	atomic_init(&engine->shared.stalled.most_kb, progress_bound_kb(config));
	read_port_range(&engine->shared);
	look_at_calls(&engine->shared);
	affinity_init(&engine->affinity, config->cpu_affinity);
	engine->workers = aligned_alloc(64,
	    tables->workers * sizeof(*engine->workers));
	engine->shared.workers = engine->workers;
	engine->earlier = calloc(tables->workers, sizeof(*engine->earlier));
	if (engine->workers != NULL && engine->earlier != NULL)
		error = ownconns_init(&engine->shared.own, engine->shared.room);
	if (error == 0)
		error = throttle_init(&engine->shared);
	if (error == 0)
		error = make_until(engine, engine->wanted, config, limits);
	if (error == 0) {
		spin_set(&engine->shared, config);
		return engine;
	}
	engine_free(engine);
	errno = -error;
	return NULL;
}

/* ---- listeners ---------------------------------------------------------- */

void
engine_inherit(struct engine *engine, struct inherited *inherited)
{
	engine->inherited = inherited;
}

void
engine_take_over(struct engine *engine, struct places *places)
{
	engine->before = places;
}

/* Sets lb4's own ports to those of the list; with `keep`, adds them. */
static void
set_own_ports(struct engine *engine, const struct places *places, bool keep)
{
	struct port_set ports;

	places_ports(places, &ports);
	ownconns_set_ports(&engine->shared.own, &ports, keep);
}

static void
steer(const struct engine *engine, const struct config *config)
{
	affinity_steer(&engine->affinity, &engine->places,
	    config->incoming_cpu);
}

void
engine_set_options(struct engine *engine, const struct config *config)
{
	places_set_options(&engine->places, config);
	steer(engine, config);
}

int
engine_begin(struct engine *engine, const struct config *config)
{
	engine_set_options(engine, config);
	return places_begin(&engine->places, config);
}

int
engine_listen(struct engine *engine, const struct config *config,
    struct why *why)
{
	const struct places_plan plan = {
		.config = config,
		.table = table_current(engine->shared.tables),
		.workers = engine->wanted,
		.inherited = engine->inherited,
	};
	struct places none = { .place = NULL };
	struct places *old = engine->before != NULL ? engine->before : &none;
	int error = places_prepare(&engine->places, old, &plan, why);

	if (error != 0)
		return error;
	set_own_ports(engine, &engine->places, false);
	if (old == &none) {
		steer(engine, config);
		error = places_begin(&engine->places, config);
	}
	if (error == 0)
		error = places_take_up(&engine->places, old, &engine->shared,
		    0);
	if (error == 0)
		error = places_dropped(old, &engine->drop, &engine->drops);
	places_done(old);
	if (error == 0)
		return 0;
	(void)why_fail(why, error, "listeners: %s", strerror(-error));
	for (unsigned i = 0; i < engine->wanted; i++)
		listeners_close(&engine->workers[i]);
	places_unlink(&engine->places);
	places_done(&engine->places);
	return error;
}

void
engine_listen_again(struct engine *engine)
{
	const struct places none = { .place = NULL };

	places_drop_nothing(&engine->places);
	/* every worker has a thread, so there is no error */
	(void)places_take_up(&engine->places, &none, &engine->shared,
	    engine->started);
}

/* ---- running ------------------------------------------------------------ */

static void
post_all(struct engine *engine, enum worker_message_kind kind)
{
	const struct worker_message message = { .kind = kind };

	for (unsigned i = 0; i < engine->started; i++)
		worker_post(&engine->workers[i], &message);
}

/* Starts threads until `count` run. */
static int
start_until(struct engine *engine, unsigned count)
{
	while (engine->started < count) {
		struct worker *worker = &engine->workers[engine->started];
		int error = pthread_create(&worker->thread, NULL, worker_main,
		    worker);

		if (error != 0)
			return -error;
		engine->started++;
	}
	return 0;
}

int
engine_start(struct engine *engine)
{
	/* engine_stop() ends the threads that have started */
	return start_until(engine, engine->wanted);
}

void
engine_drain(struct engine *engine)
{
	places_unlink(&engine->places);
	places_done(&engine->places); /* the last worker closes */
	post_all(engine, WORKER_DRAIN);
}

struct worker_shared *
engine_shared(struct engine *engine)
{
	return &engine->shared;
}

unsigned
engine_running(const struct engine *engine)
{
	return engine->started;
}

uint64_t
engine_untracked(const struct engine *engine)
{
	return sources_untracked(engine->shared.sources);
}

uint64_t
engine_maxconn(const struct engine *engine)
{
	return atomic_load(&engine->shared.maxconn);
}

struct gate *
engine_gate(struct engine *engine)
{
	return &engine->shared.gate;
}

bool
engine_is_full(struct engine *engine)
{
	return gate_is_full(&engine->shared.gate, engine_maxconn(engine));
}

void
engine_cut(struct engine *engine)
{
	post_all(engine, WORKER_CUT);
}

void
engine_kill(struct engine *engine)
{
	post_all(engine, WORKER_KILL);
}

void
engine_stop(struct engine *engine)
{
	post_all(engine, WORKER_STOP);
	for (unsigned i = 0; i < engine->started; i++)
		(void)pthread_join(engine->workers[i].thread, NULL);
	for (unsigned i = 0; i < workers_made(engine); i++)
		worker_end(&engine->workers[i]);
	engine->started = 0;
}

void
engine_free(struct engine *engine)
{
	if (engine == NULL)
		return;
	if (engine->workers != NULL)
		for (unsigned i = 0; i < workers_made(engine); i++)
			worker_done(&engine->workers[i]);
	places_unlink(&engine->places);
	places_done(&engine->places);
	ownconns_done(&engine->shared.own);
	throttle_done(&engine->shared);
	free(engine->workers);
	free(engine->earlier);
	free(engine->drop);
	free(engine);
}

const struct addr *
engine_listens(const struct engine *engine, const char *service, size_t *index)
{
	while (*index < engine->places.count) {
		const struct place *place = &engine->places.place[*index];

		*index += (size_t)place->bound.ahead + 1;
		if (strcmp(place->state->name, service) == 0)
			return &place->bound;
	}
	return NULL;
}

void
engine_each_socket(const struct engine *engine,
    const struct engine_change *change, listen_socket_visit_fn *visit,
    void *owner)
{
	const struct places *places = change != NULL ? &change->places
						     : &engine->places;

	places_each_socket(places, visit, owner);
}

uint64_t
engine_conns(const struct engine *engine)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < workers_made(engine); i++)
		sum += atomic_load_explicit(&engine->workers[i].open,
		    memory_order_relaxed);
	return sum;
}

unsigned
engine_made(const struct engine *engine)
{
	return atomic_load_explicit(&engine->shared.count,
	    memory_order_acquire);
}

static uint64_t
load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void
engine_count(const struct engine *engine, unsigned worker,
    struct engine_counts *counts)
{
	const struct worker_stats *stats = &engine->workers[worker].stats;

	*counts = engine->earlier[worker];
	counts->conns = load(&engine->workers[worker].open);
	counts->spliced_bytes += load(&stats->spliced_bytes);
	counts->copied_bytes += load(&stats->copied_bytes);
	counts->pipes = load(&stats->pipes);
	counts->pipes_max = load(&stats->pipes_max);
	counts->pipes_refused += load(&stats->pipes_refused);
	counts->moved_conns += load(&stats->moved_conns);
	counts->work = load(&stats->work);
	histogram_add(&counts->turn, &stats->turn);
}

struct engine_counts *
engine_earlier(struct engine *engine, unsigned worker)
{
	return &engine->earlier[worker];
}

const struct places *
engine_places(const struct engine *engine)
{
	return &engine->places;
}

void
engine_drop(struct engine *engine, const struct places_drop *drop, size_t count)
{
	places_drop(&engine->places, &engine->shared, engine->started, drop,
	    count);
}

const struct places_drop *
engine_dropped(const struct engine *engine, size_t *count)
{
	*count = engine->drops;
	return engine->drop;
}

void
engine_keep_files(struct engine *engine)
{
	places_keep_files(&engine->places);
}

bool
engine_drained(const struct engine *engine)
{
	for (unsigned i = 0; i < engine->started; i++)
		if (!atomic_load_explicit(&engine->workers[i].drained,
			memory_order_acquire))
			return false;
	/* a conn may be between two workers */
	return atomic_load(&engine->shared.gate.inside) == 0;
}

/* ---- changing ----------------------------------------------------------- */

/* Ends the threads from worker `count` on, after they have given their conns to
 * the others.  Conns that reached their mailboxes too late follow. */
static void
retire_from(struct engine *engine, unsigned count)
{
	const struct worker_message retire = {
		.kind = WORKER_RETIRE,
		.to = count,
	};
	struct worker_message message;

	for (unsigned i = count; i < engine->started; i++)
		worker_post(&engine->workers[i], &retire);
	for (unsigned i = count; i < engine->started; i++)
		(void)pthread_join(engine->workers[i].thread, NULL);
	for (unsigned i = count; i < engine->started; i++)
		while (worker_take_undelivered(&engine->workers[i], &message))
			worker_post(&engine->workers[i % count], &message);
	if (engine->started > count)
		engine->started = count;
}

static int
check_room(const struct engine *engine, const struct engine_next *next,
    struct why *why)
{
	const unsigned workers = engine_workers(next->config);
	const unsigned most = engine->shared.tables->workers;

	if (workers > most) {
		return why_fail(why, -ENOSPC,
		    "[global] workers: %u exceed the %u that this process has "
		    "room for: restart lb4",
		    workers, most);
	}
	if (next->limits->maxconn > engine->shared.room) {
		return why_fail(why, -ENOSPC,
		    "[global] maxconn: %" PRIu64 " exceeds the %" PRIu64
		    " that this process has room for: restart lb4",
		    next->limits->maxconn, engine->shared.room);
	}
	return 0;
}

int
engine_prepare(struct engine *engine, const struct engine_next *next,
    struct engine_change **out, struct why *why)
{
	const struct places_plan plan = {
		.config = next->config,
		.table = next->table,
		.workers = engine_workers(next->config),
		.inherited = engine->inherited,
	};
	struct engine_change *change;
	int error = check_room(engine, next, why);

	if (error != 0)
		return error;
	affinity_look(&engine->affinity);
	change = calloc(1, sizeof(*change));
	error = change == NULL
	    ? -ENOMEM
	    : make_until(engine, plan.workers, next->config, next->limits);
	if (error == 0)
		error = start_until(engine, plan.workers);
	if (error != 0)
		(void)why_fail(why, error, "workers: %s", why_no_thread(error));
	else
		error = places_prepare(&change->places, &engine->places, &plan,
		    why);
	if (error != 0) {
		retire_from(engine, engine->wanted);
		free(change);
		return error;
	}
	change->config = next->config;
	change->limits = *next->limits;
	*out = change;
	return 0;
}

void
engine_abandon(struct engine *engine, struct engine_change *change)
{
	retire_from(engine, engine->wanted);
	places_abandon(&change->places);
	free(change);
}

void
engine_leave(struct engine *engine, struct engine_change *change)
{
	int error;

	set_own_ports(engine, &change->places, true);
	error = places_begin(&change->places, change->config);
	if (error < 0)
		log_error("cannot listen on sockets of the new configuration: "
			  "%s",
		    strerror(-error));
	places_leave(&engine->places, &engine->shared, engine->wanted);
}

/* Divides the pipes among the workers again.  The message also wakes workers
 * whose listeners or conns wait for room, and makes them look whether the keys
 * of the access log have changed. */
static void
tell_limits(struct engine *engine, const struct config *config,
    const struct engine_limits *limits)
{
	struct worker_message message = { .kind = WORKER_PIPES };

	engine_pipes(config, limits->maxpipes, &message.pipes,
	    &message.big_pipes);
	for (unsigned i = 0; i < engine->started; i++)
		worker_post(&engine->workers[i], &message);
}

void
engine_commit(struct engine *engine, struct engine_change *change)
{
	atomic_store(&engine->shared.maxconn, change->limits.maxconn);
	atomic_store(&engine->shared.mirrors_max, change->limits.mirrors);
	access_lines_set(&engine->shared, change->config);
	weigh_set(&engine->shared, change->config);
	throttle_set(&engine->shared, change->config);
	spin_set(&engine->shared, change->config);
	atomic_store(&engine->shared.stalled.most_kb,
	    progress_bound_kb(change->config));
	/* every worker has a thread, so there is no error */
	(void)places_take_up(&change->places, &engine->places, &engine->shared,
	    engine->started);
	places_set_options(&change->places, change->config);
	places_done(&engine->places);
	engine->places = change->places;
	set_own_ports(engine, &engine->places, false);
	engine->wanted = engine->places.workers;
	retire_from(engine, engine->wanted);
	affinity_pin(&engine->affinity, engine->workers, engine->started);
	steer(engine, change->config);
	read_port_range(&engine->shared);
	tell_limits(engine, change->config, &change->limits);
	free(change);
}

uint64_t
engine_stuck_ms(const struct engine *engine, uint64_t now_ms,
    struct pulse_sight *seen, unsigned *worker, bool *overdue)
{
	uint64_t longest_ms = 0;

	*worker = 0;
	*overdue = false;
	for (unsigned i = 0; i < workers_made(engine); i++) {
		const struct worker *one = &engine->workers[i];
		const uint64_t turn_ms = atomic_load_explicit(&one->turn_ms,
		    memory_order_relaxed);
		const uint64_t stuck_ms = pulse_judge(&seen[i], &one->turn_ms,
		    atomic_load_explicit(&one->tid, memory_order_relaxed),
		    now_ms);

		*overdue |= turn_ms != 0 && turn_ms + ENGINE_STUCK_MS < now_ms;
		if (stuck_ms <= longest_ms)
			continue;
		longest_ms = stuck_ms;
		*worker = i;
	}
	return longest_ms;
}
