/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * micro: what the parts cost that the data path calls for each conn or event:
 * pick, hash, slots, timers, access rules; and the building of a table, which
 * control does.
 * Prints a Markdown table; test/bench/run calls it for the row micro.
 *
 * Each figure is CPU time, the median of several runs that are long enough for
 * the clock, each over thousands of different clients, slots or deadlines.
 */

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hash.h"
#include "common/prefixes.h"
#include "common/slots.h"
#include "common/timer.h"
#include "lb4/balance/maglev.h"
#include "lb4/balance/pick.h"
#include "lb4/config/config.h"
#include "lb4/table/table.h"

#define RUNS 7
#define RUN_NS 20000000
#define CLIENTS 1024
#define OBJECTS 4096
#define OBJECT_SIZE 240
#define SPREAD_MS 3600000
#define PREFIXES 100000
#define LOOKUPS 65536

static const struct hash_key key = { 0x0123456789abcdef, 0xfedcba9876543210 };

/* What one measurement works on. */
struct work {
	struct tables tables;
	const struct service *service;
	struct pick clients[CLIENTS];
	uint8_t bytes[64];
	size_t len;
	struct prefixes *prefixes;
	struct endpoint *ips; /* LOOKUPS of them */
	struct slots slots;
	void *objects[OBJECTS];
	struct timer_wheel wheel;
	struct timer timers[OBJECTS];
	uint64_t now_ms, random;
	uint64_t sink; /* so that nothing is optimised away */
};

/* Does something `count` times. */
typedef void action_fn(struct work *work, uint64_t count);

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Nanoseconds that one of the action takes. */
static double
measure(struct work *work, action_fn *action)
{
	double result[RUNS];
	uint64_t count = 1;
	int64_t from, took = 0;
	int i;

	while (took < RUN_NS / 2) {
		count *= 2;
		from = now_ns();
		action(work, count);
		took = now_ns() - from;
	}
	for (i = 0; i < RUNS; i++) {
		from = now_ns();
		action(work, count);
		result[i] = (double)(now_ns() - from) / (double)count;
	}
	qsort(result, RUNS, sizeof(result[0]), compare);
	return result[RUNS / 2];
}

static uint64_t
random_next(struct work *work)
{
	return hash_mix(++work->random);
}

/* Picks. */

static void
clients_init(struct work *work)
{
	struct pick *pick;
	uint64_t random;
	int i;

	for (i = 0; i < CLIENTS; i++) {
		pick = &work->clients[i];
		random = random_next(work);
		pick->client.family = AF_INET;
		pick->client.ip[10] = pick->client.ip[11] = 0xff;
		memcpy(&pick->client.ip[12], &random, 4);
		pick->client.port = (uint16_t)(random >> 32);
		pick->conn = (uint64_t)i + 1;
	}
}

/* A configuration of one service, as somebody would write it. */
static struct config *
config_new(enum balance balance, unsigned backends)
{
	struct config_errors errors = { .count = 0 };
	struct config *config;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	unsigned i;

	if (out == NULL)
		err(1, "open_memstream");
	fprintf(out, "[service web]\nlisten = 127.0.0.1:80\nbalance = %s\n",
	    balance_name(balance));
	for (i = 0; i < backends; i++)
		fprintf(out, "backend = app%04u 127.0.0.1:%u\n", i, 1000 + i);
	if (fclose(out) != 0)
		err(1, "open_memstream");
	config = config_parse("micro", text, len, &errors);
	if (config == NULL)
		errx(1, "%s", errors.text[0]);
	free(text);
	return config;
}

static void
work_publish(struct work *work, enum balance balance, unsigned backends)
{
	struct config *config = config_new(balance, backends);

	tables_init(&work->tables, 1);
	if (tables_publish(&work->tables, config, &key) != 0)
		errx(1, "no table of %u backends", backends);
	config_free(config);
	work->service = table_service(table_current(&work->tables), 0);
}

static void
do_pick(struct work *work, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count; i++)
		work->sink += (uint64_t)pick_find(work->service,
		    &work->clients[i % CLIENTS]);
}

/* Every tenth backend fails its checks. */
static void
some_down(struct work *work)
{
	size_t i;

	for (i = 0; i < work->service->backends; i += 10)
		backend_set_health(work->service->backend[i].backend,
		    health_pack(true, HEALTH_REFUSED, 0), 1);
}

static void
show_picks(struct work *work, enum balance balance, bool down)
{
	static const unsigned backends[] = { 3, 10, 100, 1000 };
	size_t i;

	printf("| pick, %s%s, ns |", balance_name(balance),
	    down ? ", a tenth down" : "");
	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		work_publish(work, balance, backends[i]);
		if (down)
			some_down(work);
		printf(" %.1f |", measure(work, do_pick));
		tables_done(&work->tables);
	}
	printf("\n");
}

/* Building. */

static void
do_build(struct work *work, uint64_t count)
{
	size_t backends = work->service->backends, i;
	const char *names[CONFIG_BACKENDS_MAX];
	unsigned weights[CONFIG_BACKENDS_MAX];
	struct maglev *maglev;

	for (i = 0; i < backends; i++) {
		names[i] = work->service->backend[i].backend->name;
		weights[i] = work->service->backend[i].weight;
	}
	for (; count > 0; count--) {
		maglev = maglev_new(names, weights, backends, &key);
		if (maglev == NULL)
			err(1, "maglev_new");
		work->sink += maglev->slot[count % maglev->size];
		free(maglev);
	}
}

static void
show_builds(struct work *work)
{
	static const unsigned backends[] = { 3, 10, 100, 1000 };
	size_t i;

	printf("| Maglev build, ms |");
	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		work_publish(work, BALANCE_4TUPLE, backends[i]);
		printf(" %.3f |", measure(work, do_build) / 1e6);
		tables_done(&work->tables);
	}
	printf("\n\n");
}

/* Hashes. */

static void
do_hash(struct work *work, uint64_t count)
{
	for (; count > 0; count--) {
		memcpy(work->bytes, &count, sizeof(count));
		work->sink += hash_sip(&key, work->bytes, work->len);
	}
}

/* Slots. */

static void *
slot_take(struct work *work)
{
	void *object = slots_take(&work->slots);

	if (object == NULL)
		errx(1, "slots are full");
	return object;
}

/* One of thousands goes, another comes. */
static void
do_take_release(struct work *work, uint64_t count)
{
	void **object;

	for (; count > 0; count--) {
		object = &work->objects[random_next(work) % OBJECTS];
		slots_release(&work->slots, *object);
		*object = slot_take(work);
	}
}

static void
do_find(struct work *work, uint64_t count)
{
	void *object;

	for (; count > 0; count--) {
		object = work->objects[random_next(work) % OBJECTS];
		work->sink += slots_find(&work->slots,
				  slots_index(&work->slots, object),
				  slots_generation(&work->slots, object)) ==
		    object;
	}
}

/* The part of the two before that is not slots. */
static void
do_random(struct work *work, uint64_t count)
{
	for (; count > 0; count--)
		work->sink += random_next(work) % OBJECTS;
}

/* Timers. */

static struct timer *
random_timer(struct work *work)
{
	return &work->timers[random_next(work) % OBJECTS];
}

static void
do_move(struct work *work, uint64_t count)
{
	for (; count > 0; count--)
		timer_arm(&work->wheel, random_timer(work),
		    work->now_ms + 1 + random_next(work) % SPREAD_MS);
}

static void
do_arm_disarm(struct work *work, uint64_t count)
{
	struct timer timer = { .link = NULL };

	for (; count > 0; count--) {
		timer_arm(&work->wheel, &timer,
		    work->now_ms + 1 + random_next(work) % SPREAD_MS);
		timer_disarm(&work->wheel, &timer);
	}
}

/* `count` times a timer fires and is armed again: its whole way down the
 * wheel's levels. */
static void
do_fire(struct work *work, uint64_t count)
{
	struct timer *timer;

	while (count > 0) {
		timer = timer_wheel_next(&work->wheel, work->now_ms);
		if (timer == NULL) {
			work->now_ms += 10;
			continue;
		}
		timer_arm(&work->wheel, timer,
		    work->now_ms + 1 + random_next(work) % 60000);
		count--;
	}
}

/* Access rules. */

/* An address as clients have them: any IPv4, or a network of some provider. */
static struct endpoint
random_ip(struct work *work, bool is4)
{
	struct endpoint ip = { .family = is4 ? AF_INET : AF_INET6 };
	const uint64_t high = random_next(work), low = random_next(work);

	if (is4) {
		ip.ip[10] = ip.ip[11] = 0xff;
		memcpy(&ip.ip[12], &low, 4);
	} else {
		memcpy(&ip.ip[0], &high, 8);
		memcpy(&ip.ip[8], &low, 8);
		ip.ip[0] = 0x20 | (ip.ip[0] & 1);
	}
	return ip;
}

static void
do_prefixes(struct work *work, uint64_t count)
{
	for (; count > 0; count--)
		work->sink += prefixes_find(work->prefixes,
		    &work->ips[count % LOOKUPS]);
}

/* Half of the clients are in one of the prefixes, of 16 to 32 bits or 32 to 64
 * (`most` may be 128). */
static void
show_prefixes(struct work *work, bool is4, unsigned most)
{
	struct prefix *list = calloc(PREFIXES, sizeof(*list));
	int64_t from;
	unsigned i;

	work->ips = calloc(LOOKUPS, sizeof(*work->ips));
	if (list == NULL || work->ips == NULL)
		err(1, "calloc");
	for (i = 0; i < PREFIXES; i++) {
		const struct endpoint ip = random_ip(work, is4);

		prefix_of(&list[i], &ip, 16 + (unsigned)random_next(work) % 17,
		    32 + (unsigned)random_next(work) % (most - 31));
	}
	for (i = 0; i < LOOKUPS; i++) {
		const struct prefix *in = &list[random_next(work) % PREFIXES];

		work->ips[i] = random_ip(work, is4);
		if (i % 2 == 0)
			memcpy(work->ips[i].ip, in->ip, sizeof(in->ip));
	}
	from = now_ns();
	if (prefixes_build(&work->prefixes, list, PREFIXES, sizeof(*list)) != 0)
		err(1, "prefixes_build");
	printf("| %s prefixes, %d of up to %u bits: build, ms | %.1f |\n",
	    is4 ? "IPv4" : "IPv6", PREFIXES, is4 ? 32 : most,
	    (double)(now_ns() - from) / 1e6);
	printf("| ... look-up | %.1f |\n", measure(work, do_prefixes));
	printf("| ... MiB | %.1f |\n",
	    (double)prefixes_size(work->prefixes) / 1048576);
	prefixes_free(work->prefixes);
	free(work->ips);
	free(list);
}

static void
show_parts(struct work *work)
{
	double random = measure(work, do_random);
	int i;

	printf("| what | ns |\n|---|---:|\n");
	for (work->len = 8; work->len <= 18;
	     work->len += work->len == 8 ? 8 : 2)
		printf("| hash, %zu bytes | %.1f |\n", work->len,
		    measure(work, do_hash));
	if (slots_init(&work->slots, OBJECTS, OBJECT_SIZE) != 0)
		err(1, "slots_init");
	for (i = 0; i < OBJECTS; i++)
		work->objects[i] = slot_take(work);
	printf("| slot of %d bytes: release and take | %.1f |\n", OBJECT_SIZE,
	    measure(work, do_take_release) - random);
	printf("| slot: find by index and generation | %.1f |\n",
	    measure(work, do_find) - random);
	timer_wheel_init(&work->wheel, work->now_ms);
	printf("| timer: arm and disarm | %.1f |\n",
	    measure(work, do_arm_disarm) - random);
	printf("| timer: move, %d armed | %.1f |\n", OBJECTS,
	    measure(work, do_move) - 2 * random);
	for (i = 0; i < OBJECTS; i++)
		timer_arm(&work->wheel, &work->timers[i],
		    work->now_ms + 1 + random_next(work) % 60000);
	printf("| timer: fire and arm again, %d armed | %.1f |\n", OBJECTS,
	    measure(work, do_fire) - random);
	slots_done(&work->slots);
	show_prefixes(work, true, 32);
	show_prefixes(work, false, 64);
	show_prefixes(work, false, 128);
}

int
main(void)
{
	static struct work work;
	int balance;

	clients_init(&work);
	printf(
	    "| backends | 3 | 10 | 100 | 1000 |\n|---|---:|---:|---:|---:|\n");
	for (balance = 0; balance < BALANCE_COUNT; balance++) {
		show_picks(&work, (enum balance)balance, false);
		show_picks(&work, (enum balance)balance, true);
	}
	show_builds(&work);
	show_parts(&work);
	return work.sink == 0;
}
