/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The prober with real sockets: backends that answer, refuse, stay silent,
 * reset or send garbage.  Also how it reacts when the table changes, when a
 * worker suspects a backend, and when this machine lacks resources.
 */
#include "lb4/health/prober.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sock.h"
#include "common/timer.h"
#include "lb4/table/table.h"
#include "table_config.h"

#define PATIENCE_MS 20000
#define DAY_MS 86400000

static void
nap(void)
{
	const struct timespec step = { .tv_nsec = 1000000 };

	nanosleep(&step, NULL);
}

#define WAIT_FOR(condition) \
	do { \
		uint64_t until_ms = timer_now_ms() + PATIENCE_MS; \
		while (!(condition)) { \
			if (timer_now_ms() > until_ms) \
				ck_abort_msg("never: %s", #condition); \
			nap(); \
		} \
	} while (0)

/* ---- what was logged --------------------------------------------------- */

#define LINES_MAX 4096

static struct {
	pthread_mutex_t lock;
	char line[LINES_MAX][LOG_LINE_MAX];
	int level[LINES_MAX];
	size_t count;
} said = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
note_line(enum log_level level, const char *line, size_t len)
{
	pthread_mutex_lock(&said.lock);
	if (said.count < LINES_MAX) {
		memcpy(said.line[said.count], line, len);
		said.line[said.count][len] = '\0';
		said.level[said.count++] = (int)level;
	}
	pthread_mutex_unlock(&said.lock);
}

/* How many lines of that level begin like this. */
static size_t
count_said(int level, const char *beginning)
{
	size_t count = 0;

	pthread_mutex_lock(&said.lock);
	for (size_t i = 0; i < said.count; i++)
		count += said.level[i] == level &&
		    strncmp(said.line[i], beginning, strlen(beginning)) == 0;
	pthread_mutex_unlock(&said.lock);
	return count;
}

/* ---- a backend to be checked ------------------------------------------- */

enum mode {
	SILENT, /* takes the conn and says nothing */
	ANSWER, /* the status, in pieces, then closes */
	HINTS,	/* the same, behind interim responses */
	KEEP,	/* the same, and waits for the other to close */
	FLOOD,	/* the same, with a body that does not end */
	RESET,	/* resets once asked */
	CLOSE,	/* closes once asked */
	NONSENSE,
	BANNER, /* speaks first, and when the other has half-closed */
	HELD,	/* answers once the test has another mode */
};

struct fake {
	struct addr addr;
	int fd;
	pthread_t thread;
	_Atomic int mode;
	_Atomic int status;
	_Atomic unsigned conns;
	_Atomic unsigned fins; /* how the prober left */
	_Atomic unsigned resets;
	_Atomic bool read; /* HELD */
	_Atomic bool answered;
	char request[1024]; /* the last one; read when conns has ended */
};

static void
fake_say(int fd, const char *text)
{
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void
fake_answer(struct fake *fake, int fd)
{
	char code[16];

	snprintf(code, sizeof(code), "%d", atomic_load(&fake->status));
	fake_say(fd, "HTTP/1.");
	fake_say(fd, "1 ");
	fake_say(fd, code);
	nap();
	fake_say(fd, " Whatever\r\nContent-Type: text/plain\r\n\r\nbody\n");
}

static void
fake_read_request(struct fake *fake, int fd)
{
	size_t have = 0;
	ssize_t n;

	while (have < sizeof(fake->request) - 1) {
		n = recv(fd, fake->request + have,
		    sizeof(fake->request) - 1 - have, 0);
		if (n <= 0)
			return;
		have += (size_t)n;
		fake->request[have] = '\0';
		if (strstr(fake->request, "\r\n\r\n") != NULL)
			return;
	}
}

/* Reads to the end and counts of what kind it was. */
static void
fake_wait_for_end(struct fake *fake, int fd)
{
	char scratch[256];
	ssize_t n;

	while ((n = recv(fd, scratch, sizeof(scratch), 0)) > 0)
		continue;
	atomic_fetch_add(n == 0 ? &fake->fins : &fake->resets, 1);
}

/* Speaks first and last: one who has closed for good answers with a reset,
 * which the second farewell meets. */
static void
fake_talk(struct fake *fake, int fd)
{
	char scratch[16];

	fake_say(fd, "SSH-2.0-example\r\n");
	while (recv(fd, scratch, sizeof(scratch), 0) > 0)
		continue;
	fake_say(fd, "bye\r\n");
	nap();
	atomic_fetch_add(send(fd, "bye\r\n", 5, MSG_NOSIGNAL) == 5
		? &fake->fins
		: &fake->resets,
	    1);
}

static void
fake_serve(struct fake *fake, int fd)
{
	char block[4096];

	switch ((enum mode)atomic_load(&fake->mode)) {
	case SILENT:
		fake_wait_for_end(fake, fd);
		break;
	case HINTS:
	case ANSWER:
		fake_read_request(fake, fd);
		if (atomic_load(&fake->mode) == HINTS)
			fake_say(fd,
			    "HTTP/1.1 100 Continue\r\n\r\n"
			    "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n");
		fake_answer(fake, fd);
		shutdown(fd, SHUT_WR);
		fake_wait_for_end(fake, fd);
		break;
	case KEEP:
		fake_read_request(fake, fd);
		fake_answer(fake, fd);
		fake_wait_for_end(fake, fd);
		break;
	case FLOOD:
		fake_read_request(fake, fd);
		fake_answer(fake, fd);
		memset(block, 'x', sizeof(block));
		while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
			continue;
		break;
	case RESET:
		fake_read_request(fake, fd);
		sock_reset_on_close(fd);
		break;
	case CLOSE:
		fake_read_request(fake, fd);
		break;
	case NONSENSE:
		fake_say(fd, "220 mail.example ESMTP\r\n");
		fake_wait_for_end(fake, fd);
		break;
	case BANNER:
		fake_talk(fake, fd);
		break;
	case HELD:
		fake_read_request(fake, fd);
		atomic_store(&fake->read, true);
		while (atomic_load(&fake->mode) == HELD)
			nap();
		fake_answer(fake, fd);
		atomic_store(&fake->answered, true);
		break;
	}
}

static void *
fake_main(void *arg)
{
	struct fake *fake = arg;
	int fd;

	for (;;) {
		/* accept(2) takes a descriptor before it waits. A test may
		 * allow none meanwhile. */
		fd = accept(fake->fd, NULL, NULL);
		if (fd < 0 && errno == EMFILE) {
			nap();
			continue;
		}
		if (fd < 0)
			return NULL;
		atomic_fetch_add(&fake->conns, 1);
		fake_serve(fake, fd);
		close(fd);
	}
}

/* Listens on a port of the kernel's choice, or again on the one it had. */
static void
fake_listen(struct fake *fake)
{
	int flags = 1;

	fake->fd = socket(fake->addr.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC,
	    0);
	ck_assert_int_ge(fake->fd, 0);
	setsockopt(fake->fd, SOL_SOCKET, SO_REUSEADDR, &flags, sizeof(flags));
	ck_assert_int_eq(bind(fake->fd, &fake->addr.sa, fake->addr.len), 0);
	ck_assert_int_eq(listen(fake->fd, 64), 0);
	if (!addr_is_unix(&fake->addr))
		ck_assert_int_eq(getsockname(fake->fd, &fake->addr.sa,
				     &fake->addr.len),
		    0);
	ck_assert_int_eq(pthread_create(&fake->thread, NULL, fake_main, fake),
	    0);
}

static struct fake *
fake_new(enum mode mode, int status)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	ck_assert_ptr_nonnull(fake);
	ck_assert_int_eq(addr_parse(&fake->addr, "127.0.0.1:0",
			     ADDR_PORT_REQUIRED, NULL),
	    0);
	atomic_store(&fake->mode, mode);
	atomic_store(&fake->status, status);
	fake_listen(fake);
	return fake;
}

/* From here on its port refuses. */
static void
fake_stop(struct fake *fake)
{
	shutdown(fake->fd, SHUT_RDWR);
	pthread_join(fake->thread, NULL);
	close(fake->fd);
}

static void
fake_free(struct fake *fake)
{
	fake_stop(fake);
	free(fake);
}

/* ---- a prober and its table -------------------------------------------- */

struct rig {
	struct tables tables;
	struct prober *prober;
	struct config *config;
};

static void
rig_init(struct rig *rig)
{
	log_set_sink(note_line);
	atomic_store(&log_level, LOG_LEVEL_DEBUG);
	tables_init(&rig->tables, 1);
	rig->config = table_config_new();
	rig->prober = prober_new(&rig->tables);
	ck_assert_ptr_nonnull(rig->prober);
}

/* A service "web" with one backend for each fake, app0, app1, ... */
static struct config_service *
rig_service(struct rig *rig, struct fake *const *fakes, size_t count,
    enum check_kind kind, unsigned inter_ms)
{
	struct config_service *web;
	char name[16];

	web = table_config_service(rig->config, "web", BALANCE_4TUPLE);
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "app%zu", i);
		table_config_backend(web, name, 1, 1);
		web->backend[i].addr = fakes[i]->addr;
	}
	web->settings.check = (struct config_check){
		.kind = kind,
		.inter_ms = inter_ms,
		.timeout_ms = 10000,
		.rise = 2,
		.fall = 3,
	};
	if (kind == CHECK_HTTP)
		strcpy(web->settings.check.args, "GET /healthz?a=b");
	return web;
}

static void
rig_publish(struct rig *rig)
{
	const struct hash_key seed = { 1, 2 };

	ck_assert_int_eq(tables_publish(&rig->tables, rig->config, &seed), 0);
	prober_table_changed(rig->prober);
}

static void
rig_start(struct rig *rig)
{
	rig_publish(rig);
	ck_assert_int_eq(prober_start(rig->prober), 0);
}

static struct backend *
rig_backend(const struct rig *rig, size_t index)
{
	return table_current(&rig->tables)->service[0]->backend[index].backend;
}

static uint32_t
rig_health(const struct rig *rig, size_t index)
{
	return atomic_load(&rig_backend(rig, index)->health);
}

static bool
is(const struct rig *rig, size_t index, bool down, enum health_result result)
{
	uint32_t word = rig_health(rig, index);

	return health_is_down(word) == down && health_result(word) == result;
}

static void
rig_done(struct rig *rig)
{
	prober_stop(rig->prober);
	prober_free(rig->prober);
	/* Nothing but the table refers to a backend any more. */
	for (size_t i = 0; i < rig->tables.backends_count; i++)
		ck_assert_uint_eq(atomic_load(&rig->tables.backends[i]->refs),
		    1);
	tables_done(&rig->tables);
	table_config_free(rig->config);
}

/* ---- the tests --------------------------------------------------------- */

START_TEST(http_passes)
{
	struct fake *fake = fake_new(ANSWER, 200);
	struct rig rig;
	char want[256];

	rig_init(&rig);
	rig_service(&rig, &fake, 1, CHECK_HTTP, DAY_MS);
	rig_start(&rig);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	ck_assert_uint_eq(health_detail(rig_health(&rig, 0)), 200);
	WAIT_FOR(atomic_load(&fake->fins) == 1);
	ck_assert_uint_eq(atomic_load(&fake->resets), 0);
	snprintf(want, sizeof(want),
	    "GET /healthz?a=b HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
	    "User-Agent: lb4\r\nConnection: close\r\n\r\n",
	    addr_port(&fake->addr));
	ck_assert_str_eq(fake->request, want);
	ck_assert_uint_eq(count_said(LOG_LEVEL_INFO,
			      "web/app0 is up: HTTP status 200 (1 in a row"),
	    1);
	rig_done(&rig);
	fake_free(fake);
}
END_TEST

START_TEST(statuses)
{
	static const struct {
		int status;
		bool passes;
	} sample[] = { { 101, false }, { 200, true }, { 204, true },
		{ 302, true }, { 399, true }, { 400, false }, { 404, false },
		{ 500, false }, { 503, false } };
	struct fake *fakes[9];
	struct rig rig;

	rig_init(&rig);
	for (int i = 0; i < 9; i++)
		fakes[i] = fake_new(ANSWER, sample[i].status);
	rig_service(&rig, fakes, 9, CHECK_HTTP, DAY_MS);
	rig_start(&rig);
	for (size_t i = 0; i < 9; i++) {
		WAIT_FOR(is(&rig, i, !sample[i].passes,
		    sample[i].passes ? HEALTH_PASSED : HEALTH_STATUS));
		ck_assert_int_eq(health_detail(rig_health(&rig, i)),
		    sample[i].status);
	}
	ck_assert_uint_eq(
	    count_said(LOG_LEVEL_WARNING,
		"web/app8 is down: HTTP status 503, expected 200-399 ("),
	    1);
	rig_done(&rig);
	for (int i = 0; i < 9; i++)
		fake_free(fakes[i]);
}
END_TEST

START_TEST(hints_are_no_answer)
{
	struct fake *fake = fake_new(HINTS, 200);
	struct rig rig;
	char want[256];

	rig_init(&rig);
	strcpy(rig_service(&rig, &fake, 1, CHECK_HTTP, DAY_MS)
		   ->settings.check.host,
	    "app.example:8080");
	rig_start(&rig);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	ck_assert_uint_eq(health_detail(rig_health(&rig, 0)), 200);
	WAIT_FOR(atomic_load(&fake->fins) == 1);
	snprintf(want, sizeof(want),
	    "GET /healthz?a=b HTTP/1.1\r\nHost: app.example:8080\r\n"
	    "User-Agent: lb4\r\nConnection: close\r\n\r\n");
	ck_assert_str_eq(fake->request, want);
	rig_done(&rig);
	fake_free(fake);
}
END_TEST

static const struct {
	enum mode mode;
	enum health_result result;
	const char *text;
} failures[] = {
	{ RESET, HEALTH_RESET, "web/app0 is down: connection reset (" },
	{ CLOSE, HEALTH_CLOSED,
	    "web/app0 is down: closed without an answer (" },
	{ NONSENSE, HEALTH_GARBLED, "web/app0 is down: answer is not HTTP (" },
	{ SILENT, HEALTH_NO_ANSWER, "web/app0 is down: no answer in 150ms (" },
};

START_TEST(http_fails)
{
	struct fake *fake = fake_new(failures[_i].mode, 0);
	struct rig rig;

	rig_init(&rig);
	rig_service(&rig, &fake, 1, CHECK_HTTP, DAY_MS)
	    ->settings.check.timeout_ms = failures[_i].mode == SILENT ? 150
								      : 10000;
	rig_start(&rig);
	WAIT_FOR(is(&rig, 0, true, failures[_i].result));
	ck_assert_uint_eq(count_said(LOG_LEVEL_WARNING, failures[_i].text), 1);
	rig_done(&rig);
	fake_free(fake);
}
END_TEST

START_TEST(refused)
{
	struct fake *fake = fake_new(SILENT, 0);
	struct rig rig;

	fake_stop(fake);
	rig_init(&rig);
	rig_service(&rig, &fake, 1, CHECK_TCP + _i, DAY_MS);
	rig_start(&rig);
	WAIT_FOR(is(&rig, 0, true, HEALTH_REFUSED));
	ck_assert_uint_eq(count_said(LOG_LEVEL_WARNING,
			      "web/app0 is down: connection refused ("),
	    1);
	rig_done(&rig);
	free(fake);
}
END_TEST

/* No reset, also when the backend speaks first, as many a protocol does. */
START_TEST(tcp_says_goodbye)
{
	struct fake *fake = fake_new(_i == 0 ? SILENT : BANNER, 0);
	struct rig rig;

	rig_init(&rig);
	rig_service(&rig, &fake, 1, CHECK_TCP, 200);
	rig_start(&rig);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	WAIT_FOR(atomic_load(&fake->fins) + atomic_load(&fake->resets) >= 5);
	ck_assert_uint_eq(atomic_load(&fake->resets), 0);
	rig_done(&rig);
	fake_free(fake);
}
END_TEST

/* A backend that does not close, or does not stop talking, is left. */
START_TEST(goodbye_ends)
{
	struct fake *fake = fake_new(_i == 0 ? KEEP : FLOOD, 200);
	struct rig rig;

	rig_init(&rig);
	rig_service(&rig, &fake, 1, CHECK_HTTP, DAY_MS);
	rig_start(&rig);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	if (_i == 0)
		WAIT_FOR(atomic_load(&fake->fins) == 1);
	fake_free(fake); /* waits for its end */
	rig_done(&rig);
}
END_TEST

/* Down after `fall`, up after `rise`, each said once. */
START_TEST(falls_and_rises)
{
	struct fake *fake = fake_new(ANSWER, 200);
	struct rig rig;
	unsigned before;

	rig_init(&rig);
	rig_service(&rig, &fake, 1, CHECK_HTTP, 20);
	rig_start(&rig);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	WAIT_FOR(atomic_load(&fake->conns) > 3);

	before = atomic_load(&fake->conns);
	atomic_store(&fake->status, 503);
	WAIT_FOR(is(&rig, 0, false, HEALTH_STATUS));
	WAIT_FOR(is(&rig, 0, true, HEALTH_STATUS));
	/* the first of the three may have been under way before */
	ck_assert_uint_ge(atomic_load(&fake->conns), before + 2);
	ck_assert_uint_eq(
	    count_said(LOG_LEVEL_INFO,
		"web/app0: check failed: HTTP status 503, expected 200-399 (1 of 3)"),
	    1);
	ck_assert_uint_eq(
	    count_said(LOG_LEVEL_WARNING,
		"web/app0 is down: HTTP status 503, expected 200-399 (3 in a row"),
	    1);

	before = atomic_load(&fake->conns);
	atomic_store(&fake->status, 200);
	WAIT_FOR(is(&rig, 0, true, HEALTH_PASSED));
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	ck_assert_uint_ge(atomic_load(&fake->conns), before + 2);
	ck_assert_uint_eq(count_said(LOG_LEVEL_NOTICE,
			      "web/app0 is up: HTTP status 200 (2 in a row"),
	    1);
	before = atomic_load(&fake->conns);
	WAIT_FOR(atomic_load(&fake->conns) > before + 5);
	ck_assert_uint_eq(count_said(LOG_LEVEL_WARNING, "web/app0 is down"), 1);
	ck_assert_uint_eq(count_said(LOG_LEVEL_NOTICE, "web/app0 is up"), 1);
	rig_done(&rig);
	fake_free(fake);
}
END_TEST

/* With a day between checks, all that follow are a worker's doing. */
START_TEST(suspects_are_checked_now)
{
	struct fake *fake = fake_new(ANSWER, 200);
	struct rig rig;
	uint64_t start_ms;
	unsigned checks, before;

	rig_init(&rig);
	rig_service(&rig, &fake, 1, CHECK_HTTP, DAY_MS);
	rig_start(&rig);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	before = atomic_load(&fake->conns);
	start_ms = timer_now_ms();
	do {
		prober_suspect(rig.prober, rig_backend(&rig, 0)->id);
		prober_suspect(rig.prober, 4711); /* is nobody */
		nap();
		checks = atomic_load(&fake->conns) - before;
	} while (checks < 3 && timer_now_ms() - start_ms < PATIENCE_MS);
	/* Not one check for each suspicion: 100 ms lie between. */
	ck_assert_uint_ge(checks, 3);
	ck_assert_uint_le(checks, (timer_now_ms() - start_ms) / 100 + 1);

	/* A burst of refusals is one failed check. */
	atomic_store(&fake->status, 500);
	WAIT_FOR((prober_suspect(rig.prober, rig_backend(&rig, 0)->id),
	    is(&rig, 0, false, HEALTH_STATUS)));
	before = atomic_load(&fake->conns);
	start_ms = timer_now_ms();
	while (timer_now_ms() - start_ms < 500) {
		prober_suspect(rig.prober, rig_backend(&rig, 0)->id);
		nap();
	}
	ck_assert(is(&rig, 0, false, HEALTH_STATUS));
	ck_assert_uint_eq(atomic_load(&fake->conns), before);
	ck_assert_uint_eq(
	    count_said(LOG_LEVEL_INFO,
		"web/app0: check failed: HTTP status 500, expected 200-399 (1 of 3)"),
	    1);
	rig_done(&rig);
	fake_free(fake);
}
END_TEST

START_TEST(follows_the_table)
{
	struct fake *fakes[3];
	struct config_service *web;
	struct backend *gone;
	struct rig rig;
	unsigned before;

	for (int i = 0; i < 3; i++)
		fakes[i] = fake_new(ANSWER, 503);
	rig_init(&rig);
	ck_assert_int_eq(prober_start(rig.prober), 0); /* without a table */
	web = rig_service(&rig, fakes, 2, CHECK_HTTP, 20);
	rig_publish(&rig);
	WAIT_FOR(is(&rig, 0, true, HEALTH_STATUS));
	WAIT_FOR(is(&rig, 1, true, HEALTH_STATUS));

	/* app1 is replaced by app2; app0 goes on as it is. */
	gone = rig_backend(&rig, 1);
	atomic_fetch_add(&gone->active, 1);
	web->backend[1].addr = fakes[2]->addr;
	strcpy(web->backend[1].name, "app2");
	rig_publish(&rig);
	ck_assert(is(&rig, 0, true, HEALTH_STATUS));
	WAIT_FOR(is(&rig, 1, true, HEALTH_STATUS));
	WAIT_FOR(atomic_load(&gone->refs) == 0);
	ck_assert(!health_is_down(atomic_load(&gone->health)));
	/* It may come back: then there was no check yet. */
	ck_assert_uint_eq(atomic_load(&gone->checked_ms), 0);
	before = atomic_load(&fakes[1]->conns);
	atomic_fetch_sub(&gone->active, 1);
	ck_assert_uint_eq(tables_sweep(&rig.tables), 1);

	/* Other ways: the same backends are checked anew. */
	atomic_store(&fakes[0]->mode, SILENT);
	atomic_store(&fakes[2]->mode, SILENT);
	web->settings.check.kind = CHECK_TCP;
	web->settings.check.args[0] = '\0';
	web->settings.check.inter_ms = 50;
	rig_publish(&rig);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	WAIT_FOR(is(&rig, 1, false, HEALTH_PASSED));

	/* No checks: nothing is known, and it counts as up. */
	fake_stop(fakes[0]);
	WAIT_FOR(is(&rig, 0, true, HEALTH_REFUSED));
	web->settings.check.kind = CHECK_NONE;
	rig_publish(&rig);
	WAIT_FOR(rig_health(&rig, 0) == 0 && rig_health(&rig, 1) == 0);
	WAIT_FOR(atomic_load(&rig_backend(&rig, 0)->refs) == 1);
	ck_assert_uint_eq(atomic_load(&fakes[1]->conns), before);

	rig_done(&rig);
	free(fakes[0]);
	fake_free(fakes[1]);
	fake_free(fakes[2]);
}
END_TEST

/* Many publishes while checks are under way. */
/* The first check of a backend that joins decides, and comes soon, whatever the
 * interval is. */
START_TEST(who_joins_is_checked_soon)
{
	struct fake *fakes[3];
	struct config_service *web;
	struct rig rig;

	for (int i = 0; i < 3; i++)
		fakes[i] = fake_new(ANSWER, i == 2 ? 503 : 200);
	rig_init(&rig);
	web = rig_service(&rig, fakes, 3, CHECK_HTTP, DAY_MS);
	web->backends = 1;
	rig_start(&rig);
	ck_assert(!backend_is_joining(rig_backend(&rig, 0)));
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	web->backends = 3;
	ck_assert_int_eq(tables_publish(&rig.tables, rig.config,
			     &(struct hash_key){ 1, 2 }),
	    0);
	ck_assert(backend_is_joining(rig_backend(&rig, 1)));
	ck_assert(backend_is_joining(rig_backend(&rig, 2)));
	prober_table_changed(rig.prober);
	WAIT_FOR(backend_is_available(rig_backend(&rig, 1)));
	ck_assert(is(&rig, 1, false, HEALTH_PASSED));
	WAIT_FOR(!backend_is_joining(rig_backend(&rig, 2)));
	ck_assert(is(&rig, 2, true, HEALTH_STATUS));

	/* One that was known and joins once more is not left to wait. */
	backend_set_joining(rig_backend(&rig, 1), true);
	rig_publish(&rig);
	WAIT_FOR(backend_is_available(rig_backend(&rig, 1)));
	rig_done(&rig);
	for (int i = 0; i < 3; i++)
		fake_free(fakes[i]);
}
END_TEST

START_TEST(follows_the_table_at_speed)
{
	struct fake *fakes[6];
	struct config_service *web;
	struct rig rig;

	for (int i = 0; i < 6; i++)
		fakes[i] = fake_new(ANSWER, 200);
	rig_init(&rig);
	web = rig_service(&rig, fakes, 6, CHECK_HTTP, 10);
	rig_start(&rig);
	for (unsigned i = 0; i < 300; i++) {
		web->backends = 1 + i % 6;
		web->settings.check.fall = 1 + i % 7 % 3;
		rig_publish(&rig);
		prober_suspect(rig.prober, i);
		if (i % 10 == 0)
			nap();
	}
	web->backends = 6;
	rig_publish(&rig);
	for (size_t i = 0; i < 6; i++)
		WAIT_FOR(is(&rig, i, false, HEALTH_PASSED));
	ck_assert_uint_eq(count_said(LOG_LEVEL_WARNING, ""), 0);
	rig_done(&rig);
	for (int i = 0; i < 6; i++)
		fake_free(fakes[i]);
}
END_TEST

START_TEST(maintenance_is_left_alone)
{
	struct fake *fakes[2] = { fake_new(ANSWER, 200),
		fake_new(ANSWER, 200) };
	struct rig rig;
	unsigned quiet, other;

	rig_init(&rig);
	rig_service(&rig, fakes, 2, CHECK_HTTP, 20);
	rig_start(&rig);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	atomic_store(&rig_backend(&rig, 0)->admin, ADMIN_MAINT);
	atomic_store(&fakes[0]->status, 503);
	quiet = atomic_load(&fakes[0]->conns);
	other = atomic_load(&fakes[1]->conns);
	WAIT_FOR(atomic_load(&fakes[1]->conns) > other + 20);
	ck_assert_uint_le(atomic_load(&fakes[0]->conns), quiet + 1);
	ck_assert(!health_is_down(rig_health(&rig, 0)));

	/* Back: the first result decides, without a second failure. */
	atomic_store(&rig_backend(&rig, 0)->admin, ADMIN_DRAIN);
	WAIT_FOR(is(&rig, 0, true, HEALTH_STATUS));
	ck_assert_uint_eq(
	    count_said(LOG_LEVEL_WARNING,
		"web/app0 is down: HTTP status 503, expected 200-399 (1 in a row") +
		count_said(LOG_LEVEL_WARNING,
		    "web/app0 is down: HTTP status 503, expected 200-399 (2 in a row"),
	    1);
	rig_done(&rig);
	fake_free(fakes[0]);
	fake_free(fakes[1]);
}
END_TEST

/* Suspects the first backend until the condition holds. */
#define SUSPECT_UNTIL(rig, condition) \
	do { \
		uint32_t suspect = rig_backend((rig), 0)->id; \
		WAIT_FOR((prober_suspect((rig)->prober, suspect), \
		    (condition))); \
	} while (0)

/* Without a descriptor to check with, nobody goes down, and it is not said
 * with each check. */
START_TEST(our_own_limits)
{
	struct fake *fake = fake_new(ANSWER, 200);
	struct rlimit before, limit;
	struct rig rig;
	uint64_t start_ms;

	rig_init(&rig);
	rig_service(&rig, &fake, 1, CHECK_HTTP, DAY_MS)->settings.check.fall =
	    1;
	rig_start(&rig);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	WAIT_FOR(atomic_load(&fake->fins) == 1);

	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = 3; /* all below are in use */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	SUSPECT_UNTIL(&rig, is(&rig, 0, false, HEALTH_LOCAL));
	ck_assert_uint_eq(health_detail(rig_health(&rig, 0)), EMFILE);
	/* Some more checks, one in 100 ms. */
	start_ms = timer_now_ms();
	SUSPECT_UNTIL(&rig,
	    timer_now_ms() - start_ms > 500 ||
		!is(&rig, 0, false, HEALTH_LOCAL));
	ck_assert(is(&rig, 0, false, HEALTH_LOCAL));
	ck_assert_uint_eq(count_said(LOG_LEVEL_WARNING,
			      "cannot check web/app0: local error: Too many"),
	    1);
	ck_assert_uint_eq(count_said(LOG_LEVEL_WARNING, ""), 1);

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	SUSPECT_UNTIL(&rig, is(&rig, 0, false, HEALTH_PASSED));
	rig_done(&rig);
	fake_free(fake);
}
END_TEST

START_TEST(check_addresses)
{
	struct fake *fake = fake_new(ANSWER, 200);
	struct config_service *web;
	struct rig rig;

	rig_init(&rig);
	web = rig_service(&rig, (struct fake *[]){ fake, fake, fake }, 3,
	    CHECK_HTTP, DAY_MS);
	/* app0: the backend refuses, its check address answers. */
	addr_set_port(&web->backend[0].addr, 1);
	web->backend[0].check_addr = fake->addr;
	/* app1: the check address borrows the backend's port. */
	web->backend[1].check_addr = fake->addr;
	addr_set_port(&web->backend[1].check_addr, 0);
	/* app2: no port anywhere. */
	addr_set_port(&web->backend[2].addr, 0);
	rig_start(&rig);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	WAIT_FOR(is(&rig, 1, false, HEALTH_PASSED));
	ck_assert_uint_eq(rig_health(&rig, 2), 0);
	ck_assert_uint_eq(count_said(LOG_LEVEL_WARNING,
			      "web/app2 is not checked"),
	    1);
	rig_done(&rig);
	fake_free(fake);
}
END_TEST

START_TEST(unix_sockets)
{
	char path[] = "/tmp/lb4-prober-XXXXXX";
	char text[64];
	struct fake *fake = calloc(1, sizeof(*fake));
	struct rig rig;

	ck_assert_ptr_nonnull(fake);
	ck_assert_ptr_nonnull(mkdtemp(path));
	snprintf(text, sizeof(text), "unix:%s/s", path);
	ck_assert_int_eq(addr_parse(&fake->addr, text, ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	atomic_store(&fake->mode, ANSWER);
	atomic_store(&fake->status, 200);
	fake_listen(fake);
	rig_init(&rig);
	rig_service(&rig, &fake, 1, CHECK_HTTP, 20);
	rig_start(&rig);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	fake_stop(fake);
	ck_assert_ptr_nonnull(strstr(fake->request, "\r\nHost: localhost\r\n"));
	WAIT_FOR(is(&rig, 0, true, HEALTH_REFUSED));
	unlink(fake->addr.un.sun_path);
	WAIT_FOR(is(&rig, 0, true, HEALTH_UNREACHABLE));
	ck_assert_uint_eq(health_detail(rig_health(&rig, 0)), ENOENT);
	rig_done(&rig);
	rmdir(path);
	free(fake);
}
END_TEST

/* An accept queue that is full for a moment is waited for, as TCP does; one
 * that stays full has not answered. */
START_TEST(unix_queues)
{
	struct fake fake = { .fd = -1 }, *fakes[] = { &fake };
	char name[64];
	int in_queue, taken[2];
	struct rig rig;

	snprintf(name, sizeof(name), "unix:@lb4-test-prober-%ld",
	    (long)getpid());
	ck_assert_int_eq(addr_parse(&fake.addr, name, ADDR_PORT_REQUIRED, NULL),
	    0);
	fake.fd = sock_listen(&fake.addr, false, 0, NULL);
	ck_assert_int_ge(fake.fd, 0);
	in_queue = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(connect(in_queue, &fake.addr.sa, fake.addr.len), 0);

	rig_init(&rig);
	rig_service(&rig, fakes, 1, CHECK_TCP, DAY_MS);
	rig_start(&rig);
	ck_assert(prober_ask(rig.prober, rig_backend(&rig, 0)->id));
	for (int i = 0; i < 100; i++)
		nap();
	ck_assert_uint_eq(rig_health(&rig, 0), 0);
	taken[0] = accept(fake.fd, NULL, NULL);
	ck_assert_int_ge(taken[0], 0);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));

	/* the probe itself is in the queue now */
	rig.config->service[0].settings.check.timeout_ms = 150;
	rig.config->service[0].settings.check.fall = 1;
	rig_publish(&rig);
	WAIT_FOR(is(&rig, 0, true, HEALTH_NO_ANSWER));
	ck_assert_uint_eq(count_said(LOG_LEVEL_WARNING,
			      "web/app0 is down: no answer in 150ms ("),
	    1);
	taken[1] = accept(fake.fd, NULL, NULL);
	ck_assert_int_ge(taken[1], 0);
	ck_assert(prober_ask(rig.prober, rig_backend(&rig, 0)->id));
	WAIT_FOR(is(&rig, 0, true, HEALTH_PASSED));
	rig_done(&rig);
	close(in_queue);
	close(taken[0]);
	close(taken[1]);
	close(fake.fd);
}
END_TEST

/* Stopped in the midst of checks, or before it had one. */
START_TEST(stops_at_any_time)
{
	struct fake *fake = fake_new(SILENT, 0);
	struct rig rig;

	for (int i = 0; i < 20; i++) {
		rig_init(&rig);
		rig_service(&rig, &fake, 1, CHECK_HTTP, DAY_MS)
		    ->settings.check.inter_ms = i % 2 ? 10 : 1;
		rig_start(&rig);
		for (int j = 0; j < i; j++)
			nap();
		rig_done(&rig);
	}
	rig_init(&rig); /* never started */
	prober_free(rig.prober);
	prober_free(NULL);
	tables_done(&rig.tables);
	table_config_free(rig.config);
	fake_free(fake);
}
END_TEST

/* One that says nothing does not delay the others. */
START_TEST(nobody_waits_for_another)
{
	struct fake *fakes[2] = { fake_new(SILENT, 0), fake_new(ANSWER, 200) };
	struct rig rig;

	rig_init(&rig);
	rig_service(&rig, fakes, 2, CHECK_HTTP, 10)->settings.check.timeout_ms =
	    DAY_MS;
	rig_start(&rig);
	WAIT_FOR(atomic_load(&fakes[0]->conns) == 1);
	WAIT_FOR(atomic_load(&fakes[1]->conns) >= 20);
	ck_assert_uint_eq(atomic_load(&fakes[0]->conns), 1);
	ck_assert_uint_eq(rig_health(&rig, 0), 0);
	rig_done(&rig);
	fake_free(fakes[0]);
	fake_free(fakes[1]);
}
END_TEST

/* Where the prober stands still, as a process does that is stopped. */
static struct {
	_Atomic uint32_t backend; /* when that is told of */
	_Atomic bool stands;
} halt;

static void
stand_still(void *owner, uint32_t backend)
{
	(void)owner;
	if (backend != atomic_load(&halt.backend))
		return;
	atomic_store(&halt.stands, true);
	while (atomic_load(&halt.stands))
		nap();
}

/* Its answer came while the prober stood, and lay there past the timeout. */
START_TEST(looked_late_is_not_answered_late)
{
	struct fake *fakes[2] = { fake_new(ANSWER, 200), fake_new(HELD, 200) };
	const uint64_t timeout_ms = 2000;
	struct rig rig;
	uint64_t late_ms;

	rig_init(&rig);
	rig_service(&rig, fakes, 2, CHECK_HTTP, DAY_MS)
	    ->settings.check.timeout_ms = (unsigned)timeout_ms;
	rig_publish(&rig);
	prober_set_news(rig.prober, stand_still, NULL);
	ck_assert_int_eq(prober_start(rig.prober), 0);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	WAIT_FOR(atomic_load(&fakes[1]->read));
	late_ms = timer_now_ms() + timeout_ms;
	atomic_store(&halt.backend, rig_backend(&rig, 0)->id);
	ck_assert(prober_ask(rig.prober, rig_backend(&rig, 0)->id));
	WAIT_FOR(atomic_load(&halt.stands));
	atomic_store(&fakes[1]->mode, ANSWER);
	WAIT_FOR(atomic_load(&fakes[1]->answered));
	WAIT_FOR(timer_now_ms() > late_ms + 100);
	atomic_store(&halt.stands, false);
	WAIT_FOR(health_result(rig_health(&rig, 1)) != HEALTH_UNKNOWN);
	ck_assert(is(&rig, 1, false, HEALTH_PASSED));
	atomic_store(&halt.backend, 0);
	rig_done(&rig);
	fake_free(fakes[0]);
	fake_free(fakes[1]);
}
END_TEST

/* With init = down it takes `rise` checks, fastinter apart, to come up; while
 * it is down, downinter counts. */
START_TEST(init_is_down)
{
	struct fake *fake = fake_new(ANSWER, 200);
	struct config_service *web;
	struct rig rig;

	rig_init(&rig);
	web = rig_service(&rig, &fake, 1, CHECK_HTTP, DAY_MS);
	web->settings.check.init = CHECK_INIT_DOWN;
	web->settings.check.rise = 3;
	web->settings.check.fall = 1;
	web->settings.check.fastinter_ms = 20;
	web->settings.check.downinter_ms = 30;
	rig_publish(&rig);
	ck_assert(!backend_is_available(rig_backend(&rig, 0)));
	rig_start(&rig);
	prober_suspect(rig.prober, rig_backend(&rig, 0)->id);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	ck_assert(backend_is_available(rig_backend(&rig, 0)));
	ck_assert_uint_ge(atomic_load(&fake->conns), 3);
	ck_assert_uint_eq(count_said(LOG_LEVEL_NOTICE,
			      "web/app0 is up: HTTP status 200 (3 in a row"),
	    1);
	/* down, and up again without inter */
	atomic_store(&fake->status, 500);
	SUSPECT_UNTIL(&rig, is(&rig, 0, true, HEALTH_STATUS));
	atomic_store(&fake->status, 200);
	WAIT_FOR(is(&rig, 0, false, HEALTH_PASSED));
	rig_done(&rig);
	fake_free(fake);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, http_passes);
	tcase_add_test(tc, statuses);
	tcase_add_test(tc, hints_are_no_answer);
	tcase_add_loop_test(tc, http_fails, 0,
	    sizeof(failures) / sizeof(failures[0]));
	tcase_add_loop_test(tc, refused, 0, 2);
	tcase_add_loop_test(tc, tcp_says_goodbye, 0, 2);
	tcase_add_loop_test(tc, goodbye_ends, 0, 2);
	tcase_add_test(tc, falls_and_rises);
	tcase_add_test(tc, suspects_are_checked_now);
	tcase_add_test(tc, follows_the_table);
	tcase_add_test(tc, who_joins_is_checked_soon);
	tcase_add_test(tc, follows_the_table_at_speed);
	tcase_add_test(tc, maintenance_is_left_alone);
	tcase_add_test(tc, our_own_limits);
	tcase_add_test(tc, check_addresses);
	tcase_add_test(tc, unix_sockets);
	tcase_add_test(tc, unix_queues);
	tcase_add_test(tc, stops_at_any_time);
	tcase_add_test(tc, nobody_waits_for_another);
	tcase_add_test(tc, init_is_down);
	tcase_add_test(tc, looked_late_is_not_answered_late);
}

int
main(void)
{
	Suite *suite = suite_create("prober");
	TCase *tc = tcase_create("prober");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
