/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Evens out the work of the workers: see leveler.h. */
#include "lb4/control/leveler.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mailbox.h"
#include "common/plural.h"
#include "common/timer.h"
#include "lb4/config/settings.h"
#include "lb4/control/running.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/leveling.h"

#define RETRY_MS 10	   /* when a worker's mailbox was full */
#define FRUITLESS_MS 10000 /* when no conn was suitable */

enum step {
	WATCHES,
	WEIGHS, /* the first walk is under way */
	WAITS,	/* between the walks */
	GIVES,	/* the second one is under way */
};

struct leveler {
	const struct running *running;
	struct mailbox replies; /* struct leveling *: the piece */
	struct leveling piece;
	bool out;    /* a worker has the piece */
	bool paused; /* until leveler_resume() */
	enum step step;
	uint64_t next_ms;   /* when there is something to do */
	unsigned workers;   /* that are watched; 0: none */
	unsigned unequal;   /* looks in a row that found a choice */
	uint64_t looked_ms; /* the last look */
	struct leveler_choice choice;
	uint64_t before[2]; /* percent of the mean: of giver and taker */
	struct leveler_load load[TABLE_WORKERS_MAX];
	uint64_t seen[TABLE_WORKERS_MAX]; /* work at the last look */
};

/* ---- choosing ------------------------------------------------------------ */

static bool
is_recent(uint64_t then_ms, uint64_t now_ms)
{
	return then_ms != 0 && now_ms < then_ms + LEVELER_HOLD_MS;
}

bool
leveler_choose(const struct leveler_load *load, unsigned workers,
    uint64_t now_ms, struct leveler_choice *choice)
{
	uint64_t total = 0, most = 0, least = UINT64_MAX, mean;

	for (unsigned i = 0; i < workers; i++) {
		const uint64_t work = load[i].work;

		total += work;
		if (work > most && !is_recent(load[i].took_ms, now_ms)) {
			most = work;
			choice->from = i;
		}
		if (work < least && !is_recent(load[i].gave_ms, now_ms)) {
			least = work;
			choice->to = i;
		}
	}
	if (workers < 2 || least == UINT64_MAX || most < LEVELER_WORTH)
		return false;
	mean = total / workers;
	if (5 * most <= 6 * mean || least >= mean)
		return false;
	/* half of the difference, and an eighth more: of two equal conns one
	 * goes, even if it is measured as the larger one */
	choice->each = (most - least) / 16 * 9;
	choice->sum = most - mean < mean - least ? most - mean : mean - least;
	return true;
}

/* ---- watching ------------------------------------------------------------ */

static uint64_t
work_of(const struct leveler *leveler, unsigned worker)
{
	struct engine_counts counts;

	engine_count(leveler->running->engine, worker, &counts);
	return counts.work;
}

/* Begins to watch: the last look was just now. */
static void
start_over(struct leveler *leveler, unsigned workers, uint64_t now_ms)
{
	if (workers != leveler->workers)
		memset(leveler->load, 0, sizeof(leveler->load));
	leveler->workers = workers;
	leveler->step = WATCHES;
	leveler->unequal = 0;
	leveler->looked_ms = now_ms;
	leveler->next_ms = now_ms + LEVELER_LOOK_MS;
	for (unsigned i = 0; i < workers; i++)
		leveler->seen[i] = work_of(leveler, i);
}

/* Reads the loads since the last look.  `smooth`: the mean with what they were
 * before. */
static void
look(struct leveler *leveler, uint64_t now_ms, bool smooth)
{
	const uint64_t ms = now_ms - leveler->looked_ms;

	for (unsigned i = 0; i < leveler->workers; i++) {
		const uint64_t work = work_of(leveler, i);
		const uint64_t rate = (work - leveler->seen[i]) * 1000 /
		    (ms > 0 ? ms : 1);
		struct leveler_load *load = &leveler->load[i];

		load->work = smooth ? (load->work + rate) / 2 : rate;
		leveler->seen[i] = work;
	}
	leveler->looked_ms = now_ms;
}

static void
begin_walk(struct leveler *leveler, enum step step)
{
	struct leveling *piece = &leveler->piece;

	*piece = (struct leveling){
		.walk = { .worker = leveler->choice.from,
		    .reply = &leveler->replies },
		.step = step == WEIGHS ? LEVELING_WEIGH : LEVELING_GIVE,
		.to = leveler->choice.to,
	};
	leveler->step = step;
}

static void
watch(struct leveler *leveler, uint64_t now_ms)
{
	look(leveler, now_ms, true);
	leveler->next_ms = now_ms + LEVELER_LOOK_MS;
	if (!leveler_choose(leveler->load, leveler->workers, now_ms,
		&leveler->choice))
		leveler->unequal = 0;
	else if (++leveler->unequal >= LEVELER_LOOKS)
		begin_walk(leveler, WEIGHS);
}

/* The conns were weighed: chooses again, from what the workers have done since
 * then. */
static void
choose_again(struct leveler *leveler, uint64_t now_ms)
{
	const unsigned from = leveler->choice.from;
	const uint64_t span_ms = now_ms - leveler->looked_ms;
	const struct leveler_load *load = leveler->load;
	uint64_t total = 0;

	look(leveler, now_ms, false);
	if (!leveler_choose(load, leveler->workers, now_ms, &leveler->choice) ||
	    leveler->choice.from != from) {
		start_over(leveler, leveler->workers, now_ms);
		return;
	}
	for (unsigned i = 0; i < leveler->workers; i++)
		total += load[i].work;
	assert(total > 0);
	leveler->before[0] = load[from].work * leveler->workers * 100 / total;
	leveler->before[1] = load[leveler->choice.to].work * leveler->workers *
	    100 / total;
	begin_walk(leveler, GIVES);
	leveler->piece.each = leveler->choice.each * span_ms / 1000;
	leveler->piece.sum = leveler->choice.sum * span_ms / 1000;
}

/* ---- walks --------------------------------------------------------------- */

static void
on_given(struct leveler *leveler, uint64_t now_ms)
{
	const struct leveling *piece = &leveler->piece;
	const unsigned from = piece->walk.worker, to = piece->to;

	start_over(leveler, leveler->workers, now_ms);
	if (piece->conns == 0) {
		log_debug("worker-rebalance: worker %u has no conn that would "
			  "make the load more even on worker %u",
		    from, to);
		leveler->next_ms = now_ms + FRUITLESS_MS;
		return;
	}
	leveler->load[from].gave_ms = leveler->load[to].took_ms = now_ms;
	log_info("worker-rebalance: worker %u has given %u conn%s to worker "
		 "%u; they had %" PRIu64 " %% and %" PRIu64
		 " %% of the mean load",
	    from, piece->conns, plural(piece->conns), to, leveler->before[0],
	    leveler->before[1]);
}

static void
on_piece(struct leveler *leveler, uint64_t now_ms)
{
	leveler->out = false;
	leveler->next_ms = now_ms;
	if (!leveler->piece.walk.at_end)
		return;
	if (leveler->step == GIVES) {
		on_given(leveler, now_ms);
		return;
	}
	leveler->step = WAITS;
	look(leveler, now_ms, true);
	leveler->next_ms = now_ms + LEVELER_SPAN_MS;
}

static void
take_replies(struct leveler *leveler)
{
	struct leveling *piece;

	mailbox_open(&leveler->replies);
	while (mailbox_take(&leveler->replies, &piece))
		on_piece(leveler, timer_now_ms());
}

void
leveler_settle(struct leveler *leveler)
{
	while (leveler != NULL && leveler->out) {
		struct pollfd polled = { .fd = leveler->replies.fd,
			.events = POLLIN };

		(void)poll(&polled, 1, -1);
		take_replies(leveler);
	}
}

void
leveler_pause(struct leveler *leveler)
{
	if (leveler == NULL)
		return;
	leveler->paused = true;
	leveler_settle(leveler);
}

void
leveler_resume(struct leveler *leveler)
{
	if (leveler != NULL)
		leveler->paused = false;
}

/* ---- turns --------------------------------------------------------------- */

/* How many workers to watch; 0: none. */
static unsigned
workers_of(const struct leveler *leveler)
{
	const struct running *running = leveler->running;
	const unsigned workers = engine_running(running->engine);

	return running->config->worker_rebalance && workers > 1 &&
		running->state == RUNNING_SERVING && !leveler->paused
	    ? workers
	    : 0;
}

static void
turn(void *owner, uint64_t now_ms)
{
	struct leveler *leveler = owner;
	const unsigned workers = workers_of(leveler);

	take_replies(leveler);
	if (leveler->out)
		return;
	if (workers != leveler->workers)
		start_over(leveler, workers, now_ms);
	if (workers == 0 || now_ms < leveler->next_ms)
		return;
	if (leveler->step == WATCHES)
		watch(leveler, now_ms);
	else if (leveler->step == WAITS)
		choose_again(leveler, now_ms);
	if (leveler->step == WATCHES || leveler->step == WAITS)
		return;
	leveler->out = engine_level(leveler->running->engine, &leveler->piece);
	leveler->next_ms = now_ms + RETRY_MS;
}

static int
sleep_ms(const void *owner, uint64_t now_ms)
{
	const struct leveler *leveler = owner;

	if (leveler->out)
		return -1;
	if (workers_of(leveler) != leveler->workers)
		return 0;
	if (leveler->workers == 0)
		return -1;
	return leveler->next_ms > now_ms ? (int)(leveler->next_ms - now_ms) : 0;
}

struct source
leveler_source(struct leveler *leveler)
{
	return (struct source){
		.owner = leveler,
		.fd = leveler->replies.fd,
		.sleep_ms = sleep_ms,
		.turn = turn,
	};
}

struct leveler *
leveler_new(const struct running *running)
{
	struct leveler *leveler = calloc(1, sizeof(*leveler));

	if (leveler == NULL)
		return NULL;
	leveler->running = running;
	if (mailbox_init(&leveler->replies, 2, sizeof(struct leveling *)) == 0)
		return leveler;
	free(leveler);
	return NULL;
}

void
leveler_free(struct leveler *leveler)
{
	if (leveler == NULL)
		return;
	mailbox_done(&leveler->replies);
	free(leveler);
}
