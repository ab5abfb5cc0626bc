/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The table: what is published, what is carried over, what is freed and when,
 * and readers under churn.  A sanitizer sees a free that came too early, or
 * never.
 */
#include "lb4/table/table.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/balance/maglev.h"
#include "lb4/balance/pick.h"
#include "lb4/balance/turns.h"
#include "lb4/model/rcu.h"
#include "lb4/model/terms.h"
#include "table_config.h"

static const struct hash_key seed = { 1, 2 };

static void
publish(struct tables *tables, const struct config *config)
{
	ck_assert_int_eq(tables_publish(tables, config, &seed), 0);
}

/* Publishes one service "web" with these backends and no other. */
static void
publish_web(struct tables *tables, const char *const *names, size_t count)
{
	struct config *config = table_config_new();
	struct config_service *web = table_config_service(config, "web",
	    BALANCE_4TUPLE);

	for (size_t i = 0; i < count; i++)
		table_config_backend(web, names[i], 1, 80);
	publish(tables, config);
	table_config_free(config);
}

static const struct service *
service_of(const struct tables *tables, uint32_t id)
{
	return table_service(table_current(tables), id);
}

static struct backend *
backend_of(const struct tables *tables, uint32_t id, size_t index)
{
	return service_of(tables, id)->backend[index].backend;
}

START_TEST(what_is_published)
{
	struct tables tables;
	struct config *config = table_config_new();
	struct config_service *one;
	const struct service *service;

	tables_init(&tables, 4);
	ck_assert_ptr_null(table_current(&tables));
	one = table_config_service(config, "web", BALANCE_SOURCE);
	table_config_backend(one, "z", 2, 81);
	table_config_backend(one, "a", 1, 82);
	one->backend[1].check_addr = one->backend[0].addr;
	table_config_backends(table_config_service(config, "db",
				  BALANCE_ROUNDROBIN),
	    3, NULL);
	publish(&tables, config);

	ck_assert_uint_eq(table_current(&tables)->generation, 1);
	ck_assert_uint_eq(table_current(&tables)->ids, 2);
	ck_assert_ptr_null(table_service(table_current(&tables), 2));
	service = service_of(&tables, 0);
	ck_assert_str_eq(service->state->name, "web");
	ck_assert_uint_eq(service->state->id, 0);
	ck_assert_uint_eq(service->state->workers, 4);
	ck_assert_uint_eq((uintptr_t)service->state->stats % 64, 0);
	ck_assert_ptr_eq(tables_state(&tables, "web"), service->state);
	ck_assert_ptr_null(tables_state(&tables, "we"));
	ck_assert_uint_eq(service->backends, 2);
	ck_assert_str_eq(service->backend[0].backend->name, "a");
	ck_assert_uint_eq(service->backend[0].weight, 1);
	ck_assert_uint_eq(addr_port(&service->backend[0].backend->addr), 82);
	ck_assert_uint_eq(addr_port(&service->check[0].addr), 81);
	ck_assert_str_eq(service->backend[1].backend->name, "z");
	ck_assert_str_eq(service->backend[1].backend->service, "web");
	ck_assert_uint_eq(service->backend[1].backend->workers, 4);
	ck_assert_uint_eq(service->check[1].addr.len, 0);
	ck_assert_uint_eq(service->seed.k0, seed.k0);
	ck_assert_uint_eq(service->seed.k1, seed.k1);
	ck_assert_ptr_nonnull(service->maglev[SET_NEAR]);
	ck_assert_ptr_null(service->turns[SET_NEAR]);

	service = service_of(&tables, 1);
	ck_assert_str_eq(service->state->name, "db");
	ck_assert_ptr_null(service->maglev[SET_NEAR]);
	ck_assert_uint_eq(service->turns[SET_NEAR]->len, 3);
	tables_done(&tables);
	ck_assert_ptr_null(table_current(&tables));
	table_config_free(config);
}
END_TEST

START_TEST(settings_are_taken_over)
{
	struct tables tables;
	struct config *config = table_config_new();
	struct config_service *one = table_config_service(config, "web",
	    BALANCE_SOURCE);
	const struct service *service;

	table_config_backend(one, "a", 1, 80);
	one->settings.check = (struct config_check){ .kind = CHECK_HTTP,
		.args = "GET /healthz",
		.inter_ms = 1,
		.timeout_ms = 2,
		.rise = 3,
		.fall = 4 };
	one->settings.retries = 5;
	one->settings.maxconn = 6;
	one->settings.nodelay = true;
	one->settings.keepalive = KEEPALIVE_BACKEND;
	one->settings.user_timeout_ms = 7;
	one->settings.conn.timeout_connect_ms = 8;
	one->settings.conn.timeout_idle_ms = 9;
	one->settings.conn.timeout_half_close_ms = 10;
	one->settings.conn.reset_linger_ms = 11;
	one->settings.conn.timeout_stall_ms = 12;
	one->settings.conn.abort_on_close = true;
	one->settings.conn.timeout_queue_ms = 16;
	one->settings.conn.wait_for_backend_ms = 17;
	one->settings.sndbuf_backend = 13;
	one->settings.rcvbuf_backend = 14;
	one->settings.notsent_lowat_backend = 15;
	tables_init(&tables, 1);
	publish(&tables, config);

	service = service_of(&tables, 0);
	ck_assert_int_eq(service->settings.balance, BALANCE_SOURCE);
	ck_assert_mem_eq(&service->settings, &one->settings,
	    sizeof(one->settings));
	tables_done(&tables);
	table_config_free(config);
}
END_TEST

START_TEST(ids_are_unique_and_never_0)
{
	struct tables tables;
	uint32_t last = 0;

	tables_init(&tables, 1);
	for (int i = 0; i < 10; i++) {
		const char *name[] = { i % 2 ? "odd" : "even" };

		publish_web(&tables, name, 1);
		ck_assert_uint_gt(backend_of(&tables, 0, 0)->id, last);
		last = backend_of(&tables, 0, 0)->id;
	}
	tables_done(&tables);
}
END_TEST

START_TEST(same_identity_is_the_same_object)
{
	const char *const names[] = { "a", "b" };
	struct tables tables;
	struct config *config = table_config_new();
	struct config_service *web;
	struct backend *a, *b;
	struct service_state *state;

	tables_init(&tables, 1);
	publish_web(&tables, names, 2);
	a = backend_of(&tables, 0, 0);
	b = backend_of(&tables, 0, 1);
	state = service_of(&tables, 0)->state;
	atomic_store(&a->health, health_pack(true, HEALTH_RESET, 0));
	atomic_store(&a->stats[0].conns, 17);

	/* Other weight, policy and checks; "b" elsewhere. */
	web = table_config_service(config, "web", BALANCE_ROUNDROBIN);
	table_config_backend(web, "a", 9, 80);
	table_config_backend(web, "b", 1, 81);
	web->settings.check.kind = CHECK_TCP;
	/* The same name and address in another service is another. */
	table_config_backend(table_config_service(config, "www",
				 BALANCE_SOURCE),
	    "a", 1, 80);
	publish(&tables, config);
	ck_assert_uint_eq(table_current(&tables)->generation, 2);
	ck_assert_ptr_eq(service_of(&tables, 0)->state, state);
	ck_assert_ptr_eq(backend_of(&tables, 0, 0), a);
	ck_assert_uint_eq(atomic_load(&a->refs), 1);
	ck_assert(health_is_down(atomic_load(&a->health)));
	ck_assert_uint_eq(atomic_load(&a->stats[0].conns), 17);
	ck_assert_uint_eq(service_of(&tables, 0)->backend[0].weight, 9);
	ck_assert_uint_ne(backend_of(&tables, 0, 1)->id, 2);
	ck_assert_ptr_ne(backend_of(&tables, 1, 0), a);
	ck_assert_uint_eq(tables.backends_count, 3); /* the old "b" is gone */
	(void)b;
	table_config_free(config);
	tables_done(&tables);
}
END_TEST

START_TEST(a_removed_one_lives_while_it_has_conns)
{
	const char *const names[] = { "a", "b" };
	struct tables tables;
	struct backend *a, *b;

	tables_init(&tables, 1);
	publish_web(&tables, names, 2);
	a = backend_of(&tables, 0, 0);
	b = backend_of(&tables, 0, 1);
	atomic_fetch_add(&a->active, 2);
	backend_ref(b); /* as the prober does */
	backend_set_admin(a, ADMIN_DRAIN, 1);
	backend_set_admin(b, ADMIN_MAINT, 1);
	publish_web(&tables, names, 2);
	ck_assert_uint_eq(atomic_load(&a->admin), ADMIN_DRAIN);
	ck_assert_uint_eq(atomic_load(&b->admin), ADMIN_MAINT);

	publish_web(&tables, (const char *[]){ "c" }, 1);
	ck_assert_uint_eq(tables.backends_count, 3);
	ck_assert_uint_eq(tables_sweep(&tables), 0);
	atomic_fetch_sub(&a->active, 1);
	ck_assert_uint_eq(tables_sweep(&tables), 0);
	ck_assert_str_eq(a->name, "a");

	/* It comes back, is the same but for what an operator has set, and goes
	 * again. */
	publish_web(&tables, names, 1);
	ck_assert_ptr_eq(backend_of(&tables, 0, 0), a);
	ck_assert_uint_eq(atomic_load(&a->admin), ADMIN_READY);
	ck_assert_uint_eq(tables.backends_count, 2); /* "c" is gone */
	publish_web(&tables, (const char *[]){ "c" }, 1);

	atomic_fetch_sub_explicit(&a->active, 1, memory_order_release);
	ck_assert_uint_eq(tables_sweep(&tables), 1);
	backend_unref(b);
	ck_assert_uint_eq(tables_sweep(&tables), 1);
	ck_assert_uint_eq(tables_sweep(&tables), 0);
	ck_assert_uint_eq(tables.backends_count, 1);
	tables_done(&tables);
}
END_TEST

static struct terms *
publish_idle(struct tables *tables, unsigned timeout_idle_ms)
{
	struct config *config = table_config_new();
	struct config_service *web = table_config_service(config, "web",
	    BALANCE_SOURCE);

	table_config_backend(web, "a", 1, 80);
	web->settings.conn.timeout_idle_ms = timeout_idle_ms;
	publish(tables, config);
	table_config_free(config);
	return service_of(tables, 0)->terms;
}

/* Two conns begin and move to the other worker, where they end. */
START_TEST(terms_live_while_a_conn_keeps_them)
{
	struct tables tables;
	struct terms *old, *new;

	tables_init(&tables, 2);
	old = publish_idle(&tables, 1000);
	ck_assert_uint_eq(old->settings.timeout_idle_ms, 1000);
	terms_enter(old, 0);
	terms_enter(old, 0);
	ck_assert_ptr_eq(publish_idle(&tables, 1000), old);

	new = publish_idle(&tables, 2000);
	ck_assert_ptr_ne(new, old);
	ck_assert_uint_eq(new->settings.timeout_idle_ms, 2000);
	ck_assert_uint_eq(old->settings.timeout_idle_ms, 1000);
	terms_leave(old, 1);
	ck_assert_uint_eq(tables_sweep(&tables), 0);
	ck_assert_ptr_eq(publish_idle(&tables, 1000), old); /* "new" is gone */
	ck_assert_ptr_null(old->next);
	new = publish_idle(&tables, 3000);
	ck_assert_uint_eq(tables_sweep(&tables), 0);

	terms_leave(old, 1);
	ck_assert_uint_eq(tables_sweep(&tables), 1);
	ck_assert_ptr_eq(service_of(&tables, 0)->state->terms, new);
	ck_assert_ptr_null(new->next);
	tables_done(&tables);
}
END_TEST

/* One of the same name and with conns, at an address of the past, is not
 * taken for the new one, nor lost. */
START_TEST(same_name_at_several_addresses)
{
	struct tables tables;
	struct backend *at[5];

	tables_init(&tables, 1);
	for (int round = 0; round < 2; round++) {
		for (uint16_t i = 0; i < 5; i++) {
			struct config *config = table_config_new();

			table_config_backend(table_config_service(config, "web",
						 BALANCE_SOURCE),
			    "app", 1, 80 + i);
			publish(&tables, config);
			table_config_free(config);
			if (round == 0) {
				at[i] = backend_of(&tables, 0, 0);
				atomic_fetch_add(&at[i]->active, 1);
			}
			ck_assert_ptr_eq(backend_of(&tables, 0, 0), at[i]);
			ck_assert_uint_eq(addr_port(&at[i]->addr), 80 + i);
		}
	}
	ck_assert_uint_eq(tables.backends_count, 5);
	for (int i = 0; i < 5; i++)
		atomic_fetch_sub(&at[i]->active, 1);
	ck_assert_uint_eq(tables_sweep(&tables), 4);
	tables_done(&tables);
}
END_TEST

static void
publish_services(struct tables *tables, const char *const *names, size_t count)
{
	struct config *config = table_config_new();

	for (size_t i = 0; i < count; i++)
		table_config_backends(table_config_service(config, names[i],
					  BALANCE_4TUPLE),
		    1, NULL);
	publish(tables, config);
	table_config_free(config);
}

START_TEST(service_ids)
{
	struct tables tables;
	struct service_state *a;

	tables_init(&tables, 1);
	publish_services(&tables, (const char *[]){ "a", "b", "c" }, 3);
	a = tables_state(&tables, "a");
	ck_assert_uint_eq(a->id, 0);
	ck_assert_uint_eq(tables_state(&tables, "b")->id, 1);
	ck_assert_uint_eq(tables_state(&tables, "c")->id, 2);

	/* An id is not reused while a conn or a listener has the old one. */
	atomic_fetch_add(&a->gate.inside, 1);
	service_state_ref(a);
	publish_services(&tables, (const char *[]){ "c", "d" }, 2);
	ck_assert_uint_eq(tables_state(&tables, "c")->id, 2);
	ck_assert_uint_eq(tables_state(&tables, "d")->id, 3);
	ck_assert_ptr_null(table_service(table_current(&tables), 0));
	ck_assert_ptr_null(table_service(table_current(&tables), 1));
	ck_assert_ptr_null(tables_state(&tables, "a"));
	publish_services(&tables, (const char *[]){ "c", "e" }, 2);
	ck_assert_uint_eq(tables_state(&tables, "e")->id, 1);

	/* Back by name: the same. */
	publish_services(&tables, (const char *[]){ "c", "a" }, 2);
	ck_assert_ptr_eq(tables_state(&tables, "a"), a);
	publish_services(&tables, (const char *[]){ "c" }, 1);

	service_state_unref(a);
	ck_assert_uint_eq(tables_sweep(&tables), 0);
	atomic_fetch_sub(&a->gate.inside, 1);
	ck_assert_uint_eq(tables_sweep(&tables), 1);
	publish_services(&tables, (const char *[]){ "c", "f" }, 2);
	ck_assert_uint_eq(tables_state(&tables, "f")->id, 0);
	tables_done(&tables);
}
END_TEST

START_TEST(a_failure_changes_nothing)
{
	struct tables tables;
	struct config *config = table_config_new();
	struct config_service *heavy;
	const struct table *before;

	tables_init(&tables, 1);
	publish_services(&tables, (const char *[]){ "a", "b" }, 2);
	before = table_current(&tables);
	atomic_store(&backend_of(&tables, 0, 0)->health,
	    health_pack(true, HEALTH_RESET, 0));

	table_config_backends(table_config_service(config, "a",
				  BALANCE_ROUNDROBIN),
	    5, NULL);
	table_config_backends(table_config_service(config, "new",
				  BALANCE_SOURCE),
	    5, NULL);
	heavy = table_config_service(config, "heavy", BALANCE_SOURCE);
	table_config_backends(heavy, 2, (const unsigned[]){ 1, 30000 });
	ck_assert_int_eq(tables_publish(&tables, config, &seed), -E2BIG);

	ck_assert_ptr_eq(table_current(&tables), before);
	ck_assert_uint_eq(tables.generation, 1);
	ck_assert_uint_eq(tables.backends_count, 2);
	ck_assert_int_eq(service_of(&tables, 0)->settings.balance,
	    BALANCE_4TUPLE);
	ck_assert_uint_eq(atomic_load(&backend_of(&tables, 0, 0)->refs), 1);
	ck_assert_uint_eq(atomic_load(&tables_state(&tables, "a")->refs), 1);
	ck_assert(health_is_down(atomic_load(&backend_of(&tables, 0, 0)
						  ->health)));
	ck_assert_uint_eq(tables_sweep(&tables), 0);

	/* Round robin has no such limit. */
	heavy->settings.balance = BALANCE_ROUNDROBIN;
	publish(&tables, config);
	ck_assert_uint_eq(table_current(&tables)->generation, 2);
	ck_assert_uint_eq(tables_state(&tables, "new")->id, 2);
	table_config_free(config);
	tables_done(&tables);
}
END_TEST

START_TEST(an_empty_configuration)
{
	struct tables tables;
	struct config *config = table_config_new();

	tables_init(&tables, 1);
	publish_services(&tables, (const char *[]){ "a" }, 1);
	publish(&tables, config);
	ck_assert_uint_eq(table_current(&tables)->ids, 0);
	ck_assert_ptr_null(table_service(table_current(&tables), 0));
	ck_assert_uint_eq(tables.backends_count, 0);
	table_config_free(config);
	tables_done(&tables);
}
END_TEST

/*
 * Churn: workers pick from whatever table there is, hold conns for some turns
 * as the engine does, and let go; control publishes something else all the
 * time.
 */

#define READERS 3
#define PUBLISHES 1000
#define CONNS 8 /* of each reader, at once */

struct churn {
	struct tables tables;
	_Atomic bool stop;
	_Atomic unsigned running;
	_Atomic uint64_t conns;
};

struct churn_conn {
	struct service_state *state;
	struct backend *backend;
};

static void
conn_end(struct churn_conn *conn)
{
	if (conn->backend == NULL)
		return;
	atomic_fetch_sub_explicit(&conn->backend->active, 1,
	    memory_order_release);
	sched_yield(); /* until the turn ends, it is still there */
	atomic_fetch_add_explicit(&conn->backend->stats[0].conns, 1,
	    memory_order_relaxed);
	(void)gate_leave(&conn->state->gate);
	conn->backend = NULL;
}

static void
conn_begin(struct churn_conn *conn, const struct table *table, uint64_t n)
{
	const struct service *service = table_service(table,
	    (uint32_t)(n % table->ids));
	struct pick pick = { .conn = n };
	int index;

	if (service == NULL ||
	    !gate_enter(&service->state->gate, 0, GATE_NO_TICKET))
		return;
	pick.client.family = AF_UNIX;
	index = pick_find(service, &pick);
	if (index < 0)
		abort(); /* no health, no admin state: there is one */
	conn->state = service->state;
	conn->backend = service->backend[index].backend;
	atomic_fetch_add_explicit(&conn->backend->active, 1,
	    memory_order_relaxed);
}

static void *
churn_read(void *arg)
{
	struct churn *churn = arg;
	struct churn_conn conn[CONNS] = { { .backend = NULL } };
	uint64_t turn = 0;

	rcu_reader_start();
	atomic_fetch_add(&churn->running, 1);
	while (!atomic_load(&churn->stop)) {
		const struct table *table = table_current(&churn->tables);
		struct churn_conn *one = &conn[turn % CONNS];

		conn_end(one);
		sched_yield(); /* and so is the table */
		conn_begin(one, table, hash_mix(turn));
		if (++turn % 3 == 0) {
			rcu_offline();
			sched_yield();
			rcu_online();
		} else {
			rcu_quiescent();
		}
	}
	for (int i = 0; i < CONNS; i++)
		conn_end(&conn[i]);
	rcu_reader_stop();
	atomic_fetch_add(&churn->conns, turn);
	return NULL;
}

/* Three services of one to four backends each out of six, weights 1 to 3: as
 * the number n says. */
static void
churn_publish(struct churn *churn, uint64_t n)
{
	static const char *const services[] = { "a", "b", "c", "d", "e" };
	static const char *const backends[] = { "1", "2", "3", "4", "5", "6" };
	struct config *config = table_config_new();
	uint64_t random = hash_mix(n);

	for (int i = 0; i < 5; i++) {
		struct config_service *service;

		random = hash_mix(random);
		if (random % 3 == 0 && !(i == 4 && config->services == 0))
			continue;
		service = table_config_service(config, services[i],
		    (enum balance)(random % BALANCE_COUNT));
		for (int j = 0; j < 6; j++) {
			random = hash_mix(random);
			if (random % 3 == 0 &&
			    !(j == 5 && service->backends == 0))
				continue;
			table_config_backend(service, backends[j],
			    1 + (unsigned)(random % 3),
			    80 + (uint16_t)(random / 8 % 2));
		}
	}
	publish(&churn->tables, config);
	table_config_free(config);
}

START_TEST(readers_under_churn)
{
	struct churn *churn = calloc(1, sizeof(*churn));
	pthread_t thread[READERS];
	size_t named = 0;

	ck_assert_ptr_nonnull(churn);
	tables_init(&churn->tables, 1);
	churn_publish(churn, 0);
	for (int i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, churn_read,
				     churn),
		    0);
	while (atomic_load(&churn->running) < READERS)
		sched_yield();
	for (uint64_t i = 1; i <= PUBLISHES; i++)
		churn_publish(churn, i);
	atomic_store(&churn->stop, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_uint_gt(atomic_load(&churn->conns), 0);

	/* What is left is what the last table names, and nothing has conns. */
	tables_sweep(&churn->tables);
	for (uint32_t i = 0; i < table_current(&churn->tables)->ids; i++)
		if (service_of(&churn->tables, i) != NULL)
			named += service_of(&churn->tables, i)->backends;
	ck_assert_uint_eq(churn->tables.backends_count, named);
	for (size_t i = 0; i < named; i++) {
		struct backend *backend = churn->tables.backends[i];

		ck_assert_uint_eq(atomic_load(&backend->active), 0);
		ck_assert_uint_eq(atomic_load(&backend->refs), 1);
	}
	tables_done(&churn->tables);
	free(churn);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("table");
	TCase *tc = tcase_create("table");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, what_is_published);
	tcase_add_test(tc, settings_are_taken_over);
	tcase_add_test(tc, ids_are_unique_and_never_0);
	tcase_add_test(tc, same_identity_is_the_same_object);
	tcase_add_test(tc, a_removed_one_lives_while_it_has_conns);
	tcase_add_test(tc, terms_live_while_a_conn_keeps_them);
	tcase_add_test(tc, same_name_at_several_addresses);
	tcase_add_test(tc, service_ids);
	tcase_add_test(tc, a_failure_changes_nothing);
	tcase_add_test(tc, an_empty_configuration);
	tcase_add_test(tc, readers_under_churn);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
