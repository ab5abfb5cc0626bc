/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * pin-on-change: who keeps a backend when the table changes, for how long, who
 * does not, and what it takes; with workers that pick while tables change.
 */
#include "lb4/balance/pins.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "common/timer.h"
#include "lb4/balance/activity.h"
#include "lb4/balance/pick.h"
#include "lb4/balance/pins_parts.h"
#include "lb4/model/rcu.h"
#include "policy_sim.h"
#include "table_config.h"

#define MINUTE UINT64_C(60000)
#define TIME_MS (30 * MINUTE)
#define ACTIVE 100000 /* clients 0 to ACTIVE - 1 are active */
#define NEW 100000    /* and so many after them come later */

/* A service of `count` equal backends that pins. */
static struct sim *
pin_sim_new(size_t count)
{
	struct sim *sim = sim_new(BALANCE_SOURCE, count, NULL);

	sim_config(sim)->settings.pin_on_change_ms = TIME_MS;
	sim_publish(sim, &sim_seed);
	return sim;
}

/* The ids of the backends that these clients get, at that time. */
static uint32_t *
take_all(const struct sim *sim, uint32_t first, uint32_t count, uint64_t now_ms)
{
	uint32_t *ids = calloc(count, sizeof(*ids));

	ck_assert_ptr_nonnull(ids);
	for (uint32_t i = 0; i < count; i++) {
		struct pick pick = sim_client(first + i);
		int index;

		pick.now_ms = now_ms;
		index = pick_take(sim->service, &pick);
		if (index < 0)
			ck_abort_msg("client %u found no backend", first + i);
		ids[i] = sim_backend(sim, (size_t)index)->id;
	}
	return ids;
}

/* Where the table would place them, pins or not. */
static uint32_t *
place_all(struct sim *sim, uint32_t first, uint32_t count)
{
	struct sim *fresh = sim_new(BALANCE_SOURCE, 1, NULL);
	uint32_t *ids = calloc(count, sizeof(*ids));
	struct config_service *config = sim_config(sim);
	struct config_service *copy = sim_config(fresh);

	ck_assert_ptr_nonnull(ids);
	free(copy->backend);
	*copy = *config;
	copy->settings.pin_on_change_ms = 0;
	copy->backend = calloc(copy->backends, sizeof(*copy->backend));
	ck_assert_ptr_nonnull(copy->backend);
	memcpy(copy->backend, config->backend,
	    copy->backends * sizeof(*copy->backend));
	sim_publish(fresh, &sim_seed);
	for (size_t i = 0; i < copy->backends; i++)
		atomic_store(&sim_backend(fresh, i)->health,
		    atomic_load(&sim_backend(sim, i)->health));
	for (uint32_t i = 0; i < count; i++) {
		struct pick pick = sim_client(first + i);
		int index = pick_find(fresh->service, &pick);

		ids[i] = sim_backend(sim, (size_t)index)->id;
	}
	sim_free(fresh);
	return ids;
}

static uint32_t
count_different(const uint32_t *a, const uint32_t *b, uint32_t count)
{
	uint32_t different = 0;

	for (uint32_t i = 0; i < count; i++)
		different += a[i] != b[i];
	return different;
}

static struct pins_report
report_at(const struct sim *sim, uint64_t now_ms)
{
	struct pins_report report;

	pins_report(sim->service->pins, now_ms, &report);
	return report;
}

static void
add_backend(struct sim *sim, const char *name)
{
	table_config_backend(sim_config(sim), name, 1, 9999);
	sim_publish(sim, &sim_seed);
}

/* Takes the backend at `index` out of the configuration. */
static void
remove_backend(struct sim *sim, size_t index)
{
	struct config_service *config = sim_config(sim);

	config->backend[index] = config->backend[--config->backends];
	sim_publish(sim, &sim_seed);
}

/* The issue in figures: one backend comes to ten. */
START_TEST(adding_a_backend)
{
	struct sim *sim = pin_sim_new(10);
	uint64_t now = timer_now_ms();
	uint32_t *before = take_all(sim, 0, ACTIVE, now);
	uint32_t *place, *after, *new_place, *new_after;
	struct pins_report report;
	uint32_t moved, wrong;

	add_backend(sim, "new");
	place = place_all(sim, 0, ACTIVE);
	moved = count_different(before, place, ACTIVE);
	ck_assert_uint_le(moved, ACTIVE * 2 / 11);
	ck_assert_uint_ge(moved, ACTIVE / 12);

	/* Nobody who was active moves, and no more pins than needed. */
	after = take_all(sim, 0, ACTIVE, now + 5 * MINUTE);
	ck_assert_uint_eq(count_different(before, after, ACTIVE), 0);
	report = report_at(sim, now + 5 * MINUTE);
	ck_assert_uint_eq(report.pinned, moved);
	ck_assert_uint_eq(report.refused, 0);
	ck_assert_uint_eq(report.pasts, 1);

	/* New ones follow the new table, but for the filter's mistakes; and
	 * they stay with it. */
	new_place = place_all(sim, ACTIVE, NEW);
	new_after = take_all(sim, ACTIVE, NEW, now + 6 * MINUTE);
	wrong = count_different(new_place, new_after, NEW);
	ck_assert_uint_le(wrong, (uint32_t)(0.03 * moved));
	ck_assert_uint_eq(report_at(sim, now + 6 * MINUTE).pinned,
	    moved + wrong);
	free(new_after);
	new_after = take_all(sim, ACTIVE, NEW, now + 7 * MINUTE);
	ck_assert_uint_eq(count_different(new_place, new_after, NEW), wrong);
	sim_report("of %u active clients the table moves %u; pinned %u, and %u "
		   "of %u new ones by mistake; %zu bytes",
	    ACTIVE, moved, (unsigned)report.pinned, wrong, NEW, report.memory);
	ck_assert_uint_le(report.memory, 3 << 20);

	/* Those who stay active stay where they are; the others' pins end. */
	free(after);
	after = take_all(sim, 0, ACTIVE / 2, now + 30 * MINUTE);
	ck_assert_uint_eq(count_different(before, after, ACTIVE / 2), 0);
	free(after);
	after = take_all(sim, 0, ACTIVE, now + 50 * MINUTE);
	ck_assert_uint_eq(count_different(before, after, ACTIVE / 2), 0);
	ck_assert_uint_eq(count_different(place + ACTIVE / 2,
			      after + ACTIVE / 2, ACTIVE / 2),
	    0);

	/* And when all have been away it is as after a fresh start. */
	free(after);
	after = take_all(sim, 0, ACTIVE, now + 90 * MINUTE);
	ck_assert_uint_eq(count_different(place, after, ACTIVE), 0);
	report = report_at(sim, now + 90 * MINUTE);
	ck_assert_uint_eq(report.pinned, 0);
	ck_assert_uint_eq(report.pasts, 0);
	free(before);
	free(place);
	free(after);
	free(new_place);
	free(new_after);
	sim_free(sim);
}
END_TEST

/* The clients of one that is removed follow the table; nobody else moves. */
START_TEST(removing_a_backend)
{
	struct sim *sim = pin_sim_new(10);
	uint64_t now = timer_now_ms();
	uint32_t *before = take_all(sim, 0, ACTIVE, now);
	uint32_t gone = sim_backend(sim, 3)->id;
	uint32_t *place, *after;

	remove_backend(sim, 3);
	place = place_all(sim, 0, ACTIVE);
	after = take_all(sim, 0, ACTIVE, now + MINUTE);
	for (uint32_t i = 0; i < ACTIVE; i++)
		if (after[i] != (before[i] == gone ? place[i] : before[i]))
			ck_abort_msg("client %u moved", i);
	free(before);
	free(place);
	free(after);
	sim_free(sim);
}
END_TEST

START_TEST(changing_weights)
{
	struct sim *sim = pin_sim_new(10);
	uint64_t now = timer_now_ms();
	uint32_t *before = take_all(sim, 0, ACTIVE, now);
	uint32_t none = sim_backend(sim, 9)->id;
	uint32_t *after;

	sim_config(sim)->backend[0].weight = 5;
	sim_publish(sim, &sim_seed);
	after = take_all(sim, 0, ACTIVE, now + MINUTE);
	ck_assert_uint_eq(count_different(before, after, ACTIVE), 0);
	free(after);

	/* Weight 0 is no new conns, for pinned clients too. */
	sim_config(sim)->backend[9].weight = 0;
	sim_publish(sim, &sim_seed);
	after = take_all(sim, 0, ACTIVE, now + 2 * MINUTE);
	for (uint32_t i = 0; i < ACTIVE; i++)
		if (before[i] == none ? after[i] == none
				      : after[i] != before[i])
			ck_abort_msg("client %u moved", i);
	free(before);
	free(after);
	sim_free(sim);
}
END_TEST

/* Whoever was active before any of several changes keeps what it had. */
START_TEST(several_changes)
{
	struct sim *sim = pin_sim_new(10);
	uint64_t now = timer_now_ms();
	uint32_t *before = take_all(sim, 0, ACTIVE, now);
	uint32_t *after, *second, *again;

	add_backend(sim, "new1");
	/* half of them come between the changes, and others for the first
	 * time */
	after = take_all(sim, 0, ACTIVE / 2, now + MINUTE);
	ck_assert_uint_eq(count_different(before, after, ACTIVE / 2), 0);
	second = take_all(sim, ACTIVE, ACTIVE / 2, now + MINUTE);
	add_backend(sim, "new2");
	ck_assert_uint_eq(report_at(sim, now).pasts, 2);
	free(after);
	after = take_all(sim, 0, ACTIVE, now + 2 * MINUTE);
	ck_assert_uint_eq(count_different(before, after, ACTIVE), 0);
	again = take_all(sim, ACTIVE, ACTIVE / 2, now + 2 * MINUTE);
	ck_assert_uint_eq(count_different(second, again, ACTIVE / 2), 0);

	/* What changes nobody's place makes no past. */
	sim_config(sim)->settings.retries = 1;
	sim_publish(sim, &sim_seed);
	ck_assert_uint_eq(report_at(sim, now).pasts, 2);
	free(after);
	after = take_all(sim, 0, ACTIVE, now + 3 * MINUTE);
	ck_assert_uint_eq(count_different(before, after, ACTIVE), 0);

	/* More of them than are remembered: there is a limit to the memory. */
	for (int i = 0; i < 2 * PINS_PASTS_MAX; i++) {
		sim_config(sim)->backend[0].weight = 2 + (unsigned)i % 2;
		sim_publish(sim, &sim_seed);
	}
	ck_assert_uint_eq(report_at(sim, now).pasts, PINS_PASTS_MAX);
	free(before);
	free(after);
	free(second);
	free(again);
	sim_free(sim);
}
END_TEST

/* Another seed, other bits for each prefix: still where they were. */
START_TEST(another_hash)
{
	static const struct hash_key other = { 5, 6 };
	struct sim *sim = pin_sim_new(10);
	uint64_t now = timer_now_ms();
	uint32_t *before = take_all(sim, 0, ACTIVE, now);
	uint32_t *after;

	sim_publish(sim, &other);
	after = take_all(sim, 0, ACTIVE, now + MINUTE);
	ck_assert_uint_le(count_different(before, after, ACTIVE),
	    (uint32_t)report_at(sim, now + MINUTE).refused);
	ck_assert_uint_gt(report_at(sim, now + MINUTE).pinned, ACTIVE * 4 / 5);
	free(before);
	free(after);
	sim_free(sim);
}
END_TEST

/* The pinned clients of a backend that goes down follow the table, and stay
 * there when it is back; those of others do not move. */
START_TEST(pinned_backend_goes_down)
{
	struct sim *sim = pin_sim_new(10);
	uint64_t now = timer_now_ms();
	uint32_t *before = take_all(sim, 0, ACTIVE, now);
	uint32_t dead = sim_backend(sim, 4)->id;
	uint32_t *after, *place, *back;

	add_backend(sim, "new");
	after = take_all(sim, 0, ACTIVE, now + MINUTE);
	ck_assert_uint_eq(count_different(before, after, ACTIVE), 0);
	sim_set_down(sim, 4, true);
	free(after);
	after = take_all(sim, 0, ACTIVE, now + 2 * MINUTE);
	place = place_all(sim, 0, ACTIVE);
	for (uint32_t i = 0; i < ACTIVE; i++)
		if (after[i] != (before[i] == dead ? place[i] : before[i]))
			ck_abort_msg("client %u is at the wrong one", i);
	ck_assert_uint_gt(report_at(sim, now + 2 * MINUTE).given_up, 0);

	/* It returns: its own come back, and those that were pinned to it, and
	 * are not its own any more, do not. */
	sim_set_down(sim, 4, false);
	free(place);
	place = place_all(sim, 0, ACTIVE);
	back = take_all(sim, 0, ACTIVE, now + 3 * MINUTE);
	for (uint32_t i = 0; i < ACTIVE; i++)
		if (back[i] != (before[i] == dead ? place[i] : before[i]))
			ck_abort_msg("client %u went back", i);
	free(before);
	free(after);
	free(place);
	free(back);
	sim_free(sim);
}
END_TEST

/* One that was down at the change: its clients keep where they had gone. */
START_TEST(down_at_the_change)
{
	struct sim *sim = pin_sim_new(10);
	uint64_t now = timer_now_ms();
	uint32_t *before, *after;

	sim_set_down(sim, 4, true);
	before = take_all(sim, 0, ACTIVE, now);
	add_backend(sim, "new");
	after = take_all(sim, 0, ACTIVE, now + MINUTE);
	ck_assert_uint_eq(count_different(before, after, ACTIVE), 0);
	free(before);
	free(after);
	sim_free(sim);
}
END_TEST

/* With max-load no pin goes over the bound. */
START_TEST(pins_keep_to_max_load)
{
	struct sim *sim = pin_sim_new(4);
	uint64_t now = timer_now_ms();
	uint32_t *before = take_all(sim, 0, 1000, now);
	uint32_t most = 0, sum = 0;
	uint32_t *after;

	sim_config(sim)->settings.max_load = 110;
	add_backend(sim, "new");
	for (size_t i = 0; i < 5; i++)
		atomic_store(&sim_backend(sim, i)->active, 0);
	after = take_all(sim, 0, 1000, now + MINUTE);
	for (size_t i = 0; i < 5; i++) {
		most = sim_active(sim, i) > most ? sim_active(sim, i) : most;
		sum += sim_active(sim, i);
	}
	ck_assert_uint_eq(sum, 1000);
	ck_assert_uint_le(most, 1000 * 110 / 500 + 1);
	free(before);
	free(after);
	sim_free(sim);
}
END_TEST

/* More active clients than was said: pins are refused, not overwritten. */
START_TEST(table_of_pins_is_full)
{
	struct sim *sim = pin_sim_new(2);
	uint64_t now = timer_now_ms();
	struct pins_report report;
	uint32_t *before, *after;

	sim_config(sim)->settings.pin_clients = 1000;
	sim_config(sim)->backend[0].weight = 2;
	sim_publish(sim, &sim_seed);
	before = take_all(sim, 0, ACTIVE, now);
	sim_config(sim)->backend[0].weight = 1;
	sim_publish(sim, &sim_seed);
	after = take_all(sim, 0, ACTIVE, now + MINUTE);
	free(after);
	report = report_at(sim, now + MINUTE);
	ck_assert_uint_eq(report.places, 1024);
	ck_assert_uint_gt(report.pinned, 900);
	ck_assert_uint_le(report.pinned, 1024);
	ck_assert_uint_gt(report.refused, 0);

	/* A bigger one takes over what there is. */
	sim_config(sim)->settings.pin_clients = ACTIVE;
	sim_publish(sim, &sim_seed);
	ck_assert_uint_eq(report_at(sim, now + MINUTE).pinned, report.pinned);
	ck_assert_uint_gt(report_at(sim, now + MINUTE).places, ACTIVE);
	free(before);
	sim_free(sim);
}
END_TEST

/* What is over is taken away, and freed; without the key all is. */
START_TEST(pasts_are_swept)
{
	struct sim *sim = pin_sim_new(2);
	struct pins_report report;

	add_backend(sim, "new");
	report = report_at(sim, timer_now_ms());
	ck_assert_uint_eq(report.pasts, 1);
	ck_assert_uint_eq(tables_sweep(&sim->tables), 0);
	ck_assert_uint_eq(pins_expire(sim->service->pins, report.until_ms - 1),
	    0);
	ck_assert_uint_eq(pins_expire(sim->service->pins, report.until_ms), 1);
	pins_bury(sim->service->pins);
	ck_assert_uint_eq(report_at(sim, 0).pasts, 0);
	ck_assert_uint_lt(report_at(sim, 0).memory, report.memory);

	/* The sweep does it by the clock. */
	sim_config(sim)->settings.pin_on_change_ms = 1;
	add_backend(sim, "newer");
	for (uint64_t end = timer_now_ms() + 2; timer_now_ms() < end;)
		continue;
	tables_sweep(&sim->tables);
	ck_assert_uint_eq(report_at(sim, 0).pasts, 0);
	ck_assert_uint_eq(tables_sweep(&sim->tables), 0);
	sim_config(sim)->settings.pin_on_change_ms = 0;
	sim_publish(sim, &sim_seed);
	ck_assert_ptr_null(sim->service->pins);
	ck_assert_uint_eq(report_at(sim, 0).memory, 0);
	sim_free(sim);
}
END_TEST

/* How long the filters remember, and how often they are wrong. */
START_TEST(filters)
{
	const uint32_t count = 100000;
	struct activity *activity = activity_new(count, 1000);
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < count; i++)
		activity_add(activity, hash_mix(i), 1000, 1000);
	for (uint32_t i = 0; i < count; i++)
		if (!activity_has(activity, hash_mix(i), 1000, 1000))
			ck_abort_msg("%u was added", i);
	for (uint32_t i = count; i < 2 * count; i++)
		wrong += activity_has(activity, hash_mix(i), 1000, 1000);
	ck_assert_uint_le(wrong, count * 14 / 1000);
	ck_assert_uint_gt(wrong, 0);

	/* One period later they are there, two later not. */
	activity_add(activity, 1, 2000, 1000);
	ck_assert(activity_has(activity, 1, 2000, 1000));
	ck_assert(activity_has(activity, hash_mix(7), 2999, 1000));
	activity_add(activity, 2, 3000, 1000);
	ck_assert(activity_has(activity, 1, 3000, 1000));
	ck_assert(activity_has(activity, 2, 3999, 1000));
	wrong = 0;
	for (uint32_t i = 0; i < count; i++)
		wrong += activity_has(activity, hash_mix(i), 3000, 1000);
	ck_assert_uint_eq(wrong, 0);
	/* Nobody adds, time goes by. */
	ck_assert(activity_has(activity, 2, 4999, 1000));
	ck_assert(!activity_has(activity, 2, 5000, 1000));
	/* The filter that is used again was emptied. */
	activity_add(activity, 3, 4000, 1000);
	for (uint32_t i = 0; i < count; i++)
		wrong += activity_has(activity, hash_mix(i), 4000, 1000);
	ck_assert_uint_eq(wrong, 0);
	activity_unref(activity);
}
END_TEST

#define WORKERS 3
#define CHANGES 40

struct picker {
	struct tables *tables;
	_Atomic bool *stop;
	uint64_t now_ms;
	_Atomic uint64_t picks;
};

/* What a worker does, with a clock that runs fast. */
static void *
picker_main(void *arg)
{
	struct picker *picker = arg;
	uint32_t n = 0;

	rcu_reader_start();
	while (!atomic_load(picker->stop)) {
		const struct table *table = table_current(picker->tables);
		const struct service *service = table_service(table, 0);

		for (int i = 0; i < 100; i++) {
			struct pick pick = sim_client(n++ % 5000);
			int index;

			pick.now_ms = picker->now_ms;
			index = pick_take(service, &pick);
			if (index < 0)
				abort();
			(void)atomic_fetch_sub_explicit(&service->backend[index]
							     .backend->active,
			    1, memory_order_release);
			picker->picks++;
		}
		picker->now_ms += 50;
		rcu_quiescent();
	}
	rcu_reader_stop();
	return NULL;
}

/* Workers pick, filters turn, pins come and expire, tables change. */
START_TEST(workers_and_changes)
{
	struct sim *sim = pin_sim_new(5);
	struct picker pickers[WORKERS];
	pthread_t threads[WORKERS];
	_Atomic bool stop = false;
	struct pins_report report;

	sim_config(sim)->settings.pin_on_change_ms = 1000;
	sim_config(sim)->settings.pin_clients = 1000;
	sim_publish(sim, &sim_seed);
	for (int i = 0; i < WORKERS; i++) {
		pickers[i] = (struct picker){ .tables = &sim->tables,
			.stop = &stop,
			.now_ms = timer_now_ms() };
		ck_assert_int_eq(pthread_create(&threads[i], NULL, picker_main,
				     &pickers[i]),
		    0);
	}
	for (unsigned i = 0; i < CHANGES; i++) {
		struct config_service *config = sim_config(sim);
		struct picker *picker = &pickers[i % WORKERS];
		uint64_t picks = atomic_load(&picker->picks);

		while (atomic_load(&picker->picks) == picks)
			sched_yield();
		config->backend[i % 5].weight = 1 + i % 3;
		config->settings.pin_clients = 1000 + i % 4 * 1000;
		sim_set_down(sim, i % 5, i % 2 == 0);
		sim_publish(sim, &sim_seed);
		pins_report(sim->service->pins, timer_now_ms(), &report);
		tables_sweep(&sim->tables);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < WORKERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (size_t i = 0; i < 5; i++)
		ck_assert_uint_eq(sim_active(sim, i), 0);
	sim_free(sim);
}
END_TEST

int
main(void)
{
	SRunner *runner;
	Suite *suite = suite_create("pins");
	TCase *tcase = tcase_create("pins");
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, adding_a_backend);
	tcase_add_test(tcase, removing_a_backend);
	tcase_add_test(tcase, changing_weights);
	tcase_add_test(tcase, several_changes);
	tcase_add_test(tcase, another_hash);
	tcase_add_test(tcase, pinned_backend_goes_down);
	tcase_add_test(tcase, down_at_the_change);
	tcase_add_test(tcase, pins_keep_to_max_load);
	tcase_add_test(tcase, table_of_pins_is_full);
	tcase_add_test(tcase, pasts_are_swept);
	tcase_add_test(tcase, filters);
	tcase_add_test(tcase, workers_and_changes);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
