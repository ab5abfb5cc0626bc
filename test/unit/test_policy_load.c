/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The policies that look at what is under way: leastconn, random, first,
 * slowstart and max-load; simulated, and with several threads that take
 * backends at a time, as workers do.
 */
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/config.h"
#include "policy_sim.h"

#define THREADS 4
#define MANY 500 /* backends: looking at them takes a while */

/* ---- a simulation of conns that last --------------------------------- */

struct conns {
	struct sim *sim;
	uint64_t random;
	double now;
	size_t count; /* a heap: the conn that ends first on top */
	struct live {
		double end;
		int index;
	} * live;
};

static double
draw(struct conns *conns)
{
	conns->random = hash_mix(conns->random + 1);
	return (double)(conns->random >> 11) / 9007199254740992.0;
}

/* Of mean 1. */
static double
draw_exponential(struct conns *conns)
{
	return -log(1 - draw(conns));
}

static void
add_live(struct conns *conns, double end, int index)
{
	size_t at = conns->count++;

	for (; at > 0 && conns->live[(at - 1) / 2].end > end; at = (at - 1) / 2)
		conns->live[at] = conns->live[(at - 1) / 2];
	conns->live[at] = (struct live){ end, index };
}

static void
end_first(struct conns *conns)
{
	struct live last = conns->live[--conns->count];
	int index = conns->live[0].index;
	size_t at = 0, child;

	atomic_fetch_sub(&sim_backend(conns->sim, (size_t)index)->active, 1);
	while ((child = 2 * at + 1) < conns->count) {
		if (child + 1 < conns->count &&
		    conns->live[child + 1].end < conns->live[child].end)
			child++;
		if (conns->live[child].end >= last.end)
			break;
		conns->live[at] = conns->live[child];
		at = child;
	}
	conns->live[at] = last;
}

/* Max over mean of the active conns per weight, at one moment. */
static double
unevenness(const struct sim *sim)
{
	double active = 0, weight = 0, most = 0;

	for (size_t i = 0; i < sim->service->backends; i++) {
		double its = sim->service->backend[i].weight;

		active += sim_active(sim, i);
		weight += its;
		most = fmax(most, sim_active(sim, i) / its);
	}
	return most / (active / weight);
}

/*
 * Conns come at random times and last exponentially long, `at_once` of them on
 * the average.  Returns the mean over time of the busiest backend's load by
 * that of all, once the start is over.
 */
static double
run_conns(struct sim *sim, unsigned at_once)
{
	struct conns conns = {
		.sim = sim,
		.random = 42,
		.live = calloc(2 * at_once, sizeof(struct live)),
	};
	const uint32_t total = 60 * at_once;
	unsigned judged = 0;
	double sum = 0;

	for (uint32_t n = 0; n < total; n++) {
		struct pick pick = sim_client(n);
		int index;

		conns.now += draw_exponential(&conns) / at_once;
		while (conns.count > 0 && conns.live[0].end <= conns.now)
			end_first(&conns);
		ck_assert_uint_lt(conns.count, 2 * at_once);
		index = pick_take(sim->service, &pick);
		add_live(&conns, conns.now + draw_exponential(&conns), index);
		if (n < total / 2)
			continue;
		sum += unevenness(sim);
		judged++;
	}
	while (conns.count > 0)
		end_first(&conns);
	free(conns.live);
	return sum / judged;
}

/* leastconn at most 1.1, random at most 1.3. */
START_TEST(load_is_even)
{
	static const struct {
		enum balance balance;
		double most;
	} ways[] = { { BALANCE_LEASTCONN, 1.1 }, { BALANCE_RANDOM, 1.3 } };
	const unsigned weights[] = { 1, 1, 2, 2, 3, 3, 4, 4, 5, 5 };
	struct sim *sim = sim_new(ways[_i].balance, 10, NULL);
	double even = run_conns(sim, 1000);

	sim_report("%s: max/mean of active conns %.3f",
	    balance_name(ways[_i].balance), even);
	ck_assert_double_le(even, ways[_i].most);
	sim_free(sim);

	sim = sim_new(ways[_i].balance, 10, weights);
	even = run_conns(sim, 3000);
	sim_report("%s by weight: max/mean %.3f",
	    balance_name(ways[_i].balance), even);
	ck_assert_double_le(even, ways[_i].most);
	sim_free(sim);
}
END_TEST

/* ---- leastconn, random, first ---------------------------------------- */

static int
take(const struct sim *sim, uint64_t conn)
{
	struct pick pick = { .conn = conn, .client.family = AF_UNIX };

	return pick_take(sim->service, &pick);
}

START_TEST(leastconn_takes_the_least)
{
	const unsigned weights[] = { 1, 2, 4, 0 };
	struct sim *sim = sim_new(BALANCE_LEASTCONN, 4, weights);

	/* 3/1, 5/2, 10/4: the middle ones are equal, the first has more */
	atomic_store(&sim_backend(sim, 0)->active, 3);
	atomic_store(&sim_backend(sim, 1)->active, 5);
	atomic_store(&sim_backend(sim, 2)->active, 9);
	ck_assert_int_eq(take(sim, 1), 2);
	ck_assert_uint_eq(sim_active(sim, 2), 10);
	for (uint64_t i = 0; i < 3; i++)
		ck_assert_int_ne(take(sim, i), 0);
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(sim_active(sim, i), 3 * weights[i]);
	for (uint64_t i = 0; i < 7 * 97; i++)
		take(sim, i);
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(sim_active(sim, i), 100 * weights[i]);
	sim_free(sim);
}
END_TEST

/* Among equals each has its weight's chance, wherever it stands. */
START_TEST(leastconn_breaks_ties_fairly)
{
	const unsigned weights[] = { 1, 1, 0, 1, 3 };
	struct sim *sim = sim_new(BALANCE_LEASTCONN, 5, weights);

	sim_run(sim, 60000, NULL);
	for (size_t i = 0; i < 5; i++)
		ck_assert_double_eq_tol(sim->picked[i], 10000 * weights[i],
		    i == 2 ? 1 : 400);
	sim_free(sim);
}
END_TEST

/* Conns that end at once: every pick is a tie, none may be a favourite. */
START_TEST(random_goes_by_weight_when_idle)
{
	const unsigned weights[] = { 1, 2, 0, 3, 4 };
	struct sim *sim = sim_new(BALANCE_RANDOM, 5, weights);

	sim_run(sim, 100000, NULL);
	for (size_t i = 0; i < 5; i++)
		ck_assert_double_eq_tol(sim->picked[i], 10000 * weights[i],
		    i == 2 ? 1 : 400);
	sim_free(sim);
}
END_TEST

/* Of two it is always the better one, so the worst of all is never taken. */
START_TEST(random_avoids_the_busiest)
{
	struct sim *sim = sim_new(BALANCE_RANDOM, 10, NULL);

	for (uint32_t i = 0; i < 10; i++)
		atomic_store(&sim_backend(sim, i)->active, i);
	sim_run(sim, 90000, NULL);
	/* i beats 9 - i of the 9 others: the share is (9 - i) / 45 */
	for (uint32_t i = 0; i < 10; i++)
		ck_assert_double_eq_tol(sim->picked[i], 2000 * (9 - i),
		    i == 9 ? 1 : 400);
	sim_free(sim);
}
END_TEST

START_TEST(random_finds_the_last_ones)
{
	struct sim *sim = sim_new(BALANCE_RANDOM, 1000, NULL);

	sim_set_all_down(sim, true);
	sim_set_down(sim, 3, false);
	sim_set_down(sim, 998, false);
	sim_run(sim, 20000, NULL);
	ck_assert_uint_eq(sim->picked[3] + sim->picked[998], 20000);
	ck_assert_double_eq_tol(sim->picked[3], 10000, 500);
	sim_free(sim);
}
END_TEST

START_TEST(first_goes_by_the_files_order)
{
	static const unsigned order[] = { 3, 0, 4, 2, 1 }; /* of app0000, ... */
	struct sim *sim = sim_new(BALANCE_FIRST, 5, NULL);
	struct config_service *service = sim_config(sim);

	for (size_t i = 0; i < 5; i++)
		service->backend[i].order = order[i];
	sim_publish(sim, &sim_seed);
	ck_assert_int_eq(take(sim, 1), 1);
	sim_set_down(sim, 1, true);
	ck_assert_int_eq(take(sim, 2), 4);
	sim_set_admin(sim, 4, ADMIN_DRAIN);
	ck_assert_int_eq(take(sim, 3), 3);
	sim_set_down(sim, 3, true);
	ck_assert_int_eq(take(sim, 4), 0);
	sim_set_down(sim, 1, false);
	ck_assert_int_eq(take(sim, 5), 1);
	sim_free(sim);
}
END_TEST

/* ---- with threads ---------------------------------------------------- */

struct worker {
	pthread_t thread;
	const struct sim *sim;
	unsigned index;
	unsigned takes;
	uint64_t over; /* counts above what they may be at their moment */
};

static void
run_workers(const struct sim *sim, unsigned takes, void *(*body)(void *),
    struct worker workers[THREADS])
{
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){
			.sim = sim,
			.index = i,
			.takes = takes,
		};
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, body,
				     &workers[i]),
		    0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
}

static pthread_barrier_t barrier;

/* Takes one at the same moment as the others, again and again; the first
 * worker looks at the counts while nobody takes. */
static void *
take_together(void *argument)
{
	struct worker *worker = argument;

	for (unsigned i = 0; i < worker->takes; i++) {
		pthread_barrier_wait(&barrier);
		take(worker->sim, (uint64_t)i << 8 | worker->index);
		pthread_barrier_wait(&barrier);
		for (size_t j = 0; worker->index == 0 && j < MANY; j++)
			worker->over += sim_active(worker->sim, j) >
			    (i + 1) * THREADS / MANY + 1;
	}
	return NULL;
}

/* Nobody leaves: the counts never differ by more than one, for each pick was
 * made by a count that still held when it was counted. */
START_TEST(leastconn_is_exact_over_threads)
{
	struct sim *sim = sim_new(BALANCE_LEASTCONN, MANY, NULL);
	struct worker workers[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS);
	run_workers(sim, 5000, take_together, workers);
	pthread_barrier_destroy(&barrier);
	ck_assert_uint_eq(workers[0].over, 0);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_uint_eq(sim_active(sim, i), 5000 * THREADS / MANY);
	sim_free(sim);
}
END_TEST

/* ---- max-load -------------------------------------------------------- */

static struct sim *
with_max_load(enum balance balance, size_t count, const unsigned *weights,
    unsigned percent)
{
	struct sim *sim = sim_new(balance, count, weights);

	sim_config(sim)->settings.max_load = percent;
	sim_publish(sim, &sim_seed);
	return sim;
}

/* The bound in its own words: ceil(c x (a + 1) x w / W). */
static uint32_t
bound_of(const struct sim *sim, size_t index)
{
	uint64_t active = 1, weight = 0, top, bottom;

	for (size_t i = 0; i < sim->service->backends; i++) {
		const struct service_backend *one = &sim->service->backend[i];

		if (!backend_is_available(one->backend) || one->weight == 0)
			continue;
		active += sim_active(sim, i);
		weight += one->weight;
	}
	top = sim->service->settings.max_load * active *
	    sim->service->backend[index].weight;
	ck_assert_uint_gt(weight, 0);
	bottom = 100 * weight;
	return (uint32_t)(top / bottom + (top % bottom != 0));
}

/* 30 % of the conns come from one address. */
static struct pick
hot_client(uint64_t conn)
{
	uint64_t random = hash_mix(conn);
	struct pick pick = sim_client(random % 100 < 30
		? 77
		: (uint32_t)(random >> 32));

	pick.conn = conn;
	return pick;
}

/* Steady load: a conn comes and the oldest goes.  Each pick is checked against
 * the bound; without one the hot source's backend has its 30 % and a share. */
START_TEST(a_hot_source_stays_within_its_bound)
{
	enum { LIVE = 2000, PICKS = 100000 };
	const unsigned percent = _i == 0 ? 0 : _i == 1 ? 125 : 100;
	struct sim *sim = with_max_load(BALANCE_SOURCE, 10, NULL, percent);
	uint16_t *live = calloc(LIVE, sizeof(*live));
	uint32_t over = 0;
	double most = 0;

	for (uint32_t n = 0; n < PICKS; n++) {
		struct pick pick = hot_client(n);
		uint32_t bounds[10];
		int index;

		if (n >= LIVE)
			atomic_fetch_sub(&sim_backend(sim, live[n % LIVE])
					      ->active,
			    1);
		for (size_t i = 0; i < 10; i++)
			bounds[i] = bound_of(sim, i);
		index = pick_take(sim->service, &pick);
		ck_assert(index >= 0);
		live[n % LIVE] = (uint16_t)index;
		over += sim_active(sim, (size_t)index) > bounds[index];
		if (n >= LIVE)
			most = fmax(most, unevenness(sim));
	}
	sim_report("hot source, max-load %u %%: max/mean at most %.3f, %u of "
		   "%u picks over the bound",
	    percent, most, percent > 0 ? over : 0, (unsigned)PICKS);
	if (percent == 0) {
		ck_assert_double_gt(most, 3.5);
	} else {
		ck_assert_uint_eq(over, 0);
		/* what goes may leave a backend above what it could now get */
		ck_assert_double_le(most, percent / 100.0 + 0.05);
	}
	free(live);
	sim_free(sim);
}
END_TEST

/* By weight, with one down and its old conns still there. */
START_TEST(bounds_go_by_available_weight)
{
	const unsigned weights[] = { 1, 2, 3, 4, 0 };
	struct sim *sim = with_max_load(_i, 5, weights, 110);

	sim_set_down(sim, 3, true);
	atomic_store(&sim_backend(sim, 3)->active, 100000);
	for (uint32_t n = 0; n < 6000; n++) {
		struct pick pick = sim_client(1);
		uint32_t bounds[5];
		int index;

		pick.conn = n;
		for (size_t i = 0; i < 5; i++)
			bounds[i] = bound_of(sim, i);
		index = pick_take(sim->service, &pick);
		ck_assert(index >= 0 && index < 3);
		ck_assert_uint_le(sim_active(sim, (size_t)index),
		    bounds[index]);
	}
	for (size_t i = 0; i < 3; i++)
		ck_assert_double_le(sim_active(sim, i),
		    1.1 * 1000 * weights[i] + 1);
	sim_free(sim);
}
END_TEST

/* Where nobody is at the bound the client's backend is what it is without. */
START_TEST(bounds_move_nobody_without_need)
{
	struct sim *sim = sim_new(_i, 10, NULL);
	uint16_t *before = calloc(10000, sizeof(*before));
	uint16_t *after = calloc(10000, sizeof(*after));

	sim_run(sim, 10000, before);
	sim_config(sim)->settings.max_load = 125;
	sim_publish(sim, &sim_seed);
	for (size_t i = 0; i < 10; i++)
		atomic_store(&sim_backend(sim, i)->active, 1000);
	sim_run(sim, 10000, after);
	ck_assert_mem_eq(before, after, 10000 * sizeof(*before));

	/* One is: only its own clients move. */
	atomic_store(&sim_backend(sim, 4)->active, 1400);
	sim_run(sim, 10000, after);
	ck_assert_uint_eq(sim->picked[4], 0);
	for (size_t i = 0; i < 10000; i++)
		if (before[i] != after[i])
			ck_assert_uint_eq(before[i], 4);
	free(before);
	free(after);
	sim_free(sim);
}
END_TEST

/* A conn that failed elsewhere is served though the rest is at its bound. */
START_TEST(retries_may_go_over_the_bound)
{
	struct sim *sim = with_max_load(BALANCE_SOURCE, 2, NULL, 100);
	struct pick pick = sim_client(1);
	int index = pick_find(sim->service, &pick);

	atomic_store(&sim_backend(sim, (size_t)!index)->active, 50);
	ck_assert_int_eq(pick_find(sim->service, &pick), index);
	pick.tried[pick.tries++] = sim_backend(sim, (size_t)index)->id;
	ck_assert_int_eq(pick_take(sim->service, &pick), !index);
	ck_assert_uint_eq(sim_active(sim, (size_t)!index), 51);
	sim_free(sim);
}
END_TEST

/* Nobody leaves, so bounds only rise: whoever was within its bound when it
 * took is within the one that holds afterwards. */
static void *
take_within_bounds(void *argument)
{
	struct worker *worker = argument;

	for (unsigned i = 0; i < worker->takes; i++) {
		struct pick pick = hot_client((uint64_t)i << 8 | worker->index);
		int index = pick_take(worker->sim->service, &pick);
		uint32_t active = sim_active(worker->sim, (size_t)index);

		worker->over += active > bound_of(worker->sim, (size_t)index);
	}
	return NULL;
}

START_TEST(bounds_hold_over_threads)
{
	struct sim *sim = with_max_load(BALANCE_SOURCE, 10, NULL, 125);
	struct worker workers[THREADS];
	uint64_t sum = 0;

	run_workers(sim, 20000, take_within_bounds, workers);
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_uint_eq(workers[i].over, 0);
	for (size_t i = 0; i < 10; i++) {
		ck_assert_uint_le(sim_active(sim, i), bound_of(sim, i));
		sum += sim_active(sim, i);
	}
	ck_assert_uint_eq(sum, 20000 * THREADS);
	sim_free(sim);
}
END_TEST

/* ---- slowstart ------------------------------------------------------- */

/* The share of backend 0 among 4 when its start was `age_ms` ago. */
static double
share_after(struct sim *sim, uint64_t start_ms, uint64_t age_ms)
{
	uint32_t count = 40000;
	uint32_t its = 0;

	for (uint32_t n = 0; n < count; n++) {
		struct pick pick = sim_client(n);

		pick.now_ms = start_ms + age_ms;
		its += pick_find(sim->service, &pick) == 0;
	}
	return (double)its / count;
}

/* With a weight of w among three of weight 1 its share is w / (w + 3). */
static void
check_slow_start(struct sim *sim, uint64_t start_ms)
{
	static const struct {
		uint64_t age_ms;
		double weight;
	} steps[] = { { 0, 0.1 }, { 5000, 0.55 }, { 9000, 0.91 }, { 10000, 1 },
		{ 1000000, 1 } };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		ck_assert_double_eq_tol(share_after(sim, start_ms,
					    steps[i].age_ms),
		    steps[i].weight / (3 + steps[i].weight), 0.01);
}

static const enum balance slow[] = { BALANCE_ROUNDROBIN, BALANCE_LEASTCONN,
	BALANCE_RANDOM };

static struct sim *
with_slowstart(enum balance balance)
{
	struct sim *sim = sim_new(balance, 4, NULL);

	sim_config(sim)->settings.slowstart_ms = 10000;
	sim_publish(sim, &sim_seed);
	return sim;
}

START_TEST(who_comes_up_starts_slowly)
{
	struct sim *sim = with_slowstart(slow[_i]);
	struct backend *backend = sim_backend(sim, 0);

	/* The start, and its first good check: at once. */
	ck_assert_double_eq_tol(share_after(sim, 1000, 0), 0.25, 0.01);
	backend_set_health(backend, health_pack(false, HEALTH_PASSED, 0), 1000);
	ck_assert_double_eq_tol(share_after(sim, 1000, 0), 0.25, 0.01);
	/* Up again, for another detail: only the first counts. */
	backend_set_health(backend, health_pack(true, HEALTH_REFUSED, 0), 2000);
	backend_set_health(backend, health_pack(false, HEALTH_PASSED, 0), 3000);
	backend_set_health(backend, health_pack(false, HEALTH_PASSED, 204),
	    3500);
	check_slow_start(sim, 3000);
	backend_set_admin(backend, ADMIN_MAINT, 40000);
	backend_set_admin(backend, ADMIN_READY, 50000);
	backend_set_admin(backend, ADMIN_READY, 55000);
	check_slow_start(sim, 50000);
	/* Behind the worker's back: its clock is the older one. */
	ck_assert_double_eq_tol(share_after(sim, 49000, 0), 0.1 / 3.1, 0.01);
	sim_free(sim);
}
END_TEST

START_TEST(who_is_added_starts_slowly)
{
	struct sim *sim = with_slowstart(slow[_i]);
	uint64_t now;

	/* sorts before the others, and so is backend 0 of 5 */
	table_config_backend(sim_config(sim), "a", 1, 999);
	sim_publish(sim, &sim_seed);
	now = backend_since_ms(sim_backend(sim, 0));
	ck_assert_uint_gt(now, 0);
	for (size_t i = 1; i < 5; i++)
		ck_assert_uint_eq(backend_since_ms(sim_backend(sim, i)), 0);
	ck_assert_double_eq_tol(share_after(sim, now, 0), 0.1 / 4.1, 0.01);
	ck_assert_double_eq_tol(share_after(sim, now, 10000), 0.2, 0.01);
	/* The next reload does not begin again. */
	sim_publish(sim, &sim_seed);
	ck_assert_uint_eq(backend_since_ms(sim_backend(sim, 0)), now);
	sim_free(sim);
}
END_TEST

/* The others are busy, so that it wins each comparison by load: random compares
 * two, and still its share is that of the slow start's weight. */
START_TEST(who_starts_among_busy_ones_starts_slowly)
{
	const size_t count = _i == 0 ? 2 : 4;
	struct sim *sim = sim_new(BALANCE_RANDOM, count, NULL);
	double share, at_full;

	sim_config(sim)->settings.slowstart_ms = 10000;
	sim_publish(sim, &sim_seed);
	for (size_t i = 1; i < count; i++)
		atomic_store(&sim_backend(sim, i)->active, 50);
	atomic_store(&sim_backend(sim, 0)->up_ms, 1000);
	share = share_after(sim, 1000, 0);
	at_full = 0.1 / (0.1 + (double)count - 1);
	sim_report("random, slow start of one of %zu: %.4f, by weight %.4f",
	    count, share, at_full);
	ck_assert_double_ge(share, at_full * 0.9);
	ck_assert_double_le(share, at_full * 1.25);
	/* Half way it has more, and not all of what it will have. */
	ck_assert_double_gt(share_after(sim, 1000, 5000), 3 * share);
	ck_assert_double_lt(share_after(sim, 1000, 5000),
	    0.8 * share_after(sim, 1000, 10000));
	sim_free(sim);
}
END_TEST

/* All start slowly at once: shares are what they are at full weight. */
START_TEST(all_start_slowly_together)
{
	struct sim *sim = with_slowstart(slow[_i]);

	for (size_t i = 0; i < 4; i++)
		atomic_store(&sim_backend(sim, i)->up_ms, 1000);
	ck_assert_double_eq_tol(share_after(sim, 1000, 0), 0.25, 0.01);
	sim_free(sim);
}
END_TEST

START_TEST(without_slowstart_weights_are_whole)
{
	struct sim *sim = sim_new(slow[_i], 4, NULL);

	atomic_store(&sim_backend(sim, 0)->up_ms, 1000);
	ck_assert_double_eq_tol(share_after(sim, 1000, 0), 0.25, 0.01);
	sim_free(sim);
}
END_TEST

static void
add_slow_tests(TCase *tc)
{
	const int ways = sizeof(slow) / sizeof(slow[0]);

	tcase_add_loop_test(tc, who_comes_up_starts_slowly, 0, ways);
	tcase_add_loop_test(tc, who_is_added_starts_slowly, 0, ways);
	tcase_add_loop_test(tc, who_starts_among_busy_ones_starts_slowly, 0, 2);
	tcase_add_loop_test(tc, all_start_slowly_together, 0, ways);
	tcase_add_loop_test(tc, without_slowstart_weights_are_whole, 0, ways);
}

int
main(void)
{
	Suite *suite = suite_create("policy load");
	TCase *tc = tcase_create("policy load");
	TCase *threads = tcase_create("threads");
	SRunner *runner;
	int failed;

	tcase_set_tags(tc, "one-thread");
	tcase_set_timeout(tc, 120);
	tcase_set_timeout(threads, 120);
	tcase_add_loop_test(tc, load_is_even, 0, 2);
	tcase_add_test(tc, leastconn_takes_the_least);
	tcase_add_test(tc, leastconn_breaks_ties_fairly);
	tcase_add_test(tc, random_goes_by_weight_when_idle);
	tcase_add_test(tc, random_avoids_the_busiest);
	tcase_add_test(tc, random_finds_the_last_ones);
	tcase_add_test(tc, first_goes_by_the_files_order);
	tcase_add_loop_test(tc, a_hot_source_stays_within_its_bound, 0, 3);
	tcase_add_loop_test(tc, bounds_go_by_available_weight, BALANCE_4TUPLE,
	    BALANCE_SOURCE + 1);
	tcase_add_loop_test(tc, bounds_move_nobody_without_need, BALANCE_4TUPLE,
	    BALANCE_SOURCE + 1);
	tcase_add_test(tc, retries_may_go_over_the_bound);
	add_slow_tests(tc);
	tcase_add_test(threads, leastconn_is_exact_over_threads);
	tcase_add_test(threads, bounds_hold_over_threads);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, threads);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
