/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Random configurations come back from their dump as they were; and whatever a
 * broken file says, it is either parsed or complained about, line by line.
 */
#include <bsd/string.h>
#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/log.h"
#include "lb4/config/config.h"

#define ROUNDS 1500

/* A stream of random numbers that a test can repeat. */
struct random {
	uint64_t state;
};

static uint32_t
draw(struct random *random, uint32_t below)
{
	return hash_reduce(hash_mix(random->state++), below);
}

static uint64_t
between(struct random *random, uint64_t low, uint64_t high)
{
	uint32_t which = draw(random, 8);

	/* The ends more often than they come by chance. */
	if (which == 0)
		return low;
	if (which == 1)
		return high;
	return low + hash_mix(random->state++) % (high - low + 1);
}

/* A path with all that is difficult in it; short enough for a line, even if
 * each byte is escaped. */
static void
draw_path(struct random *random, char *path)
{
	static const char bytes[] = "abcxyz019/._-;#\\ \"'=:[]%\xc3\xa9";
	size_t len = 1 + draw(random, 40);

	path[0] = '/';
	for (size_t i = 1; i < len; i++)
		path[i] = bytes[draw(random, sizeof(bytes) - 1)];
	path[len] = '\0';
}

static void
draw_target(struct random *random, const char *const *words, uint32_t count,
    char *target)
{
	uint32_t which = draw(random, count + 1);

	if (which < count)
		strlcpy(target, words[which], CONFIG_PATH_MAX);
	else
		draw_path(random, target);
}

static void
draw_name(struct random *random, const char *prefix, size_t number, char *name)
{
	static const char bytes[] = "abczABCZ019-_.";
	size_t len = (size_t)snprintf(name, CONFIG_NAME_MAX, "%s%zu", prefix,
	    number);
	size_t more = draw(random, 12);

	for (size_t i = 0; i < more; i++)
		name[len++] = bytes[draw(random, sizeof(bytes) - 1)];
	name[len] = '\0';
}

/* One that no other of this configuration has: `number` is its port or path. */
static void
draw_addr(struct random *random, size_t number, bool target, struct addr *addr)
{
	static const char *const hosts[] = { "127.0.0.1", "255.255.255.255",
		"[::1]", "[2001:db8::ffff]", "[::ffff:1.2.3.4]", "0.0.0.0",
		"[::]", "" };
	char text[ADDR_TEXT_MAX];
	uint32_t which = draw(random, target ? 6 : 9);

	if (which == 5)
		snprintf(text, sizeof(text), "unix:/run/a \\;b%zu", number);
	else if (which == 8)
		snprintf(text, sizeof(text), "unix:@%zu", number);
	else
		snprintf(text, sizeof(text), "%s:%zu",
		    hosts[which > 5 ? which - 1 : which], 1 + number);
	ck_assert_int_eq(addr_parse(addr, text, ADDR_PORT_REQUIRED, NULL), 0);
}

static bool
unix_listener(const struct config_service *service)
{
	for (size_t i = 0; i < service->listens; i++)
		if (addr_is_unix(&service->listen[i]))
			return true;
	return false;
}

/* None, or some for clients that come by TCP, and those of a unix socket. */
static void
draw_proxies(struct random *random, bool local, struct config_proxies *proxies)
{
	static const char *const some[] = { "192.0.2.0/24", "10.0.0.1",
		"2001:db8::/32", "0.0.0.0/0", "::/0", "::ffff:0:0/96" };

	if (draw(random, 2) == 0)
		return;
	proxies->local = local;
	proxies->count = 1 + draw(random, 6);
	for (unsigned i = 0; i < proxies->count; i++)
		ck_assert_int_eq(prefix_parse(&proxies->prefix[i],
				     some[draw(random, 6)], NULL),
		    0);
}

static void
draw_backends(struct random *random, struct config_service *service)
{
	service->backends = 1 + draw(random, 12);
	service->backend = calloc(service->backends, sizeof(*service->backend));
	for (size_t i = 0; i < service->backends; i++) {
		struct config_backend *backend = &service->backend[i];

		/* In the order of their names. */
		draw_name(random, "b", 10 + i, backend->name);
		/* where none listens */
		draw_addr(random, 30000 + draw(random, 30000), true,
		    &backend->addr);
		backend->weight = (unsigned)between(random, i == 0 ? 1 : 0,
		    CONFIG_WEIGHT_MAX);
		backend->maxconn = (unsigned)between(random, 0, 10000000);
		backend->order = (unsigned)(service->backends - 1 - i);
		backend->backup = draw(random, 4) == 0;
		if (draw(random, 3) == 0)
			draw_name(random, "z", draw(random, 4), backend->zone);
		backend->send_proxy = draw(random, SEND_PROXY_COUNT + 1);
		if (draw(random, 3) == 0)
			draw_addr(random, draw(random, 60000), true,
			    &backend->check_addr);
		else if (!addr_is_unix(&backend->addr) && draw(random, 2))
			backend->check_port = (unsigned)between(random, 1,
			    65535);
		if (addr_is_unix(&backend->addr) || draw(random, 3) == 0)
			draw_addr(random, 1 + draw(random, 60000), true,
			    &backend->agent_addr);
		else if (draw(random, 2))
			backend->agent_port = (unsigned)between(random, 1,
			    65535);
		if (draw(random, 4) == 0 && !unix_listener(service) &&
		    (service->settings.check.kind == CHECK_NONE ||
			backend->check_addr.len > 0))
			ck_assert_int_eq(addr_parse(&backend->addr, "192.0.2.1",
					     ADDR_PORT_OPTIONAL, NULL),
			    0);
	}
}

static void
draw_http(struct random *random, struct config_check *check)
{
	if (draw(random, 2))
		strlcpy(check->headers, "X-A: b c;d \\ \"e\r\nB:\r\n",
		    sizeof(check->headers));
	check->statuses.count = draw(random, CONFIG_STATUSES_MAX + 1);
	for (size_t i = 0; i < check->statuses.count; i++) {
		check->statuses.range[i].low = (uint16_t)between(random, 100,
		    999);
		check->statuses.range[i].high = (uint16_t)between(random,
		    check->statuses.range[i].low, 999);
	}
	check->body.len = draw(random, 30);
	for (size_t i = 0; i < check->body.len; i++)
		check->body.byte[i] = (char)draw(random, 256);
}

static void
draw_tls(struct random *random, struct config_check *check)
{
	if (draw(random, 2))
		strlcpy(check->tls.sni, "app-1.example",
		    sizeof(check->tls.sni));
	if (draw(random, 2))
		strlcpy(check->tls.alpn, "http/1.1", sizeof(check->tls.alpn));
	check->tls.verify = draw(random, 2);
	check->tls.expiry_warn_ms = (unsigned)between(random, 0, 3888000000);
}

static void
draw_service(struct random *random, size_t number,
    struct config_service *service)
{
	struct service_settings *set = &service->settings;
	draw_name(random, "s", number, service->name);
	service->listens = 1 + draw(random, 4);
	service->listen = calloc(service->listens, sizeof(*service->listen));
	for (size_t i = 0; i < service->listens; i++)
		draw_addr(random, number * 8 + i, false, &service->listen[i]);
	set->balance = draw(random, BALANCE_COUNT);
	set->source_prefix4 = (unsigned)between(random, 1, 32);
	set->source_prefix6 = (unsigned)between(random, 1, 128);
	set->zone_affinity = draw(random, 2);
	if (balance_hashes(set->balance) && draw(random, 2))
		set->max_load = (unsigned)between(random, 100, 10000);
	if (set->balance == BALANCE_SOURCE)
		set->pin_on_change_ms = (unsigned)between(random, 0, 86400000);
	set->pin_clients = (uint32_t)between(random, 1000, 4000000);
	if (!balance_hashes(set->balance) && set->balance != BALANCE_FIRST)
		set->slowstart_ms = (unsigned)between(random, 0, 3600000);
	set->retries = (unsigned)between(random, 0, 7);
	set->maxconn = between(random, 0, 10000000);
	set->queue = between(random, 0, 10000000);
	set->conn.timeout_queue_ms = (unsigned)between(random, 0, 3600000);
	set->conn.wait_for_backend_ms = (unsigned)between(random, 0, 3600000);
	set->backlog = (unsigned)between(random, 1, 65535);
	set->freebind = draw(random, 2);
	if (draw(random, 2)) {
		strlcpy(set->listen_owner, "_lb4", sizeof(set->listen_owner));
		strlcpy(set->listen_group, "lb4-web",
		    sizeof(set->listen_group));
		set->listen_mode = (unsigned)between(random, 1, 0777);
	}
	set->nodelay = draw(random, 2);
	set->keepalive = draw(random, KEEPALIVE_COUNT);
	set->send_proxy = draw(random, SEND_PROXY_COUNT);
	set->check.send_proxy = draw(random, 2);
	set->conn.timeout_proxy_ms = (unsigned)between(random, 10, 3600000);
	set->conn.timeout_hello_ms = (unsigned)between(random, 10, 3600000);
	draw_proxies(random, unix_listener(service), &set->accept_proxy);
	set->user_timeout_ms = (unsigned)between(random, 0, 86400000);
	set->conn.timeout_connect_ms = (unsigned)between(random, 1, 3600000);
	set->conn.timeout_idle_ms = (unsigned)between(random, 10, 2592000000);
	set->conn.timeout_half_close_ms = (unsigned)between(random, 10,
	    2592000000);
	set->conn.reset_linger_ms = (unsigned)between(random, 0, 60000);
	set->conn.timeout_stall_ms = (unsigned)between(random, 0, 86400000);
	set->conn.abort_on_close = draw(random, 2);
	set->sndbuf_client = (unsigned)between(random, 4096, 1 << 30);
	set->sndbuf_backend = (unsigned)between(random, 4096, 1 << 30);
	set->rcvbuf_client = (unsigned)between(random, 4096, 1 << 30);
	set->rcvbuf_backend = (unsigned)between(random, 4096, 1 << 30);
	set->notsent_lowat_client = (unsigned)between(random, 4096, 1 << 30);
	set->notsent_lowat_backend = (unsigned)between(random, 4096, 1 << 30);
	set->conn.max_lifetime_ms = (unsigned)between(random, 0, 2592000000);
	set->observe = draw(random, OBSERVE_COUNT);
	set->observe_fall = (unsigned)between(random, 1, 1000);
	set->eject_time_ms = (unsigned)between(random, 10, 3600000);
	set->max_eject = (unsigned)between(random, 0, 100);
	set->panic = (unsigned)between(random, 1, 100);
	set->on_down = draw(random, ON_DOWN_COUNT);
	set->on_down_rate = (unsigned)between(random, 1, 100000);
	set->check.kind = draw(random, CHECK_KIND_COUNT);
	if (set->check.kind == CHECK_EXEC)
		strlcpy(set->check.args, "/a\\x20b -c \\x0d'\"",
		    sizeof(set->check.args));
	if (set->check.kind == CHECK_HTTP || set->check.kind == CHECK_HTTPS)
		draw_http(random, &set->check);
	if (set->check.kind == CHECK_TLS || set->check.kind == CHECK_HTTPS)
		draw_tls(random, &set->check);
	if (set->check.kind == CHECK_HTTP || set->check.kind == CHECK_HTTPS) {
		strlcpy(set->check.args,
		    draw(random, 2) ? "GET /"
				    : "OPTIONSOPTIONSO /;#a\\x5cx=\"b'?c=%20",
		    sizeof(set->check.args));
	} else if (set->check.kind == CHECK_MYSQL ||
	    set->check.kind == CHECK_POSTGRESQL) {
		strlcpy(set->check.args, "lb4\\x20\\x5c",
		    sizeof(set->check.args));
	} else if (set->check.kind == CHECK_TCP && draw(random, 2)) {
		strlcpy(set->check.args,
		    "send a\\x00\\x0d\\x0a expect \\x3b\\x20\\x5c",
		    sizeof(set->check.args));
	}
	set->check.inter_ms = (unsigned)between(random, 10, 86400000);
	set->check.fastinter_ms = (unsigned)between(random, 10, 86400000);
	set->check.downinter_ms = (unsigned)between(random, 10, 86400000);
	if (set->check.kind != CHECK_NONE)
		set->check.init = draw(random, CHECK_INIT_COUNT);
	set->check.timeout_ms = (unsigned)between(random, 10, 3600000);
	set->check.rise = (unsigned)between(random, 1, 100);
	set->check.fall = (unsigned)between(random, 1, 100);
	set->check.damping = draw(random, 2);
	set->agent.port = (unsigned)between(random, 1, 65535);
	set->agent.inter_ms = (unsigned)between(random, 10, 86400000);
	set->agent.send.len = draw(random, 30);
	for (size_t i = 0; i < set->agent.send.len; i++)
		set->agent.send.byte[i] = (char)draw(random, 256);
	draw_backends(random, service);
}

static struct config *
draw_config(struct random *random)
{
	static const char *const targets[] = { "off", "stderr", "syslog" };
	struct config *config = calloc(1, sizeof(*config));

	config->workers = (unsigned)between(random, 0, 256);
	config->cpu_affinity = draw(random, 2);
	config->incoming_cpu = config->cpu_affinity && draw(random, 2);
	config->spin_us = (unsigned)between(random, 0, 1000);
	config->busy_poll_us = (unsigned)between(random, 0, 1000);
	config->maxconn = between(random, 0, 10000000);
	config->maxpipes = between(random, 0, 100000);
	config->pipe_size = between(random, 65536, 1048576);
	config->relay = draw(random, RELAY_WAY_COUNT);
	config->hash_seed_set = draw(random, 2);
	if (config->hash_seed_set) {
		config->hash_seed.k0 = hash_mix(random->state++);
		config->hash_seed.k1 = hash_mix(random->state++);
	}
	if (draw(random, 2))
		strlcpy(config->user, "_lb4", sizeof(config->user));
	if (draw(random, 2))
		draw_path(random, config->pidfile);
	draw_target(random, targets + 1, 2, config->log);
	config->log_level = LOG_LEVEL_ERROR + (int)draw(random, 5);
	draw_target(random, targets, 3, config->access_log);
	config->access_format = draw(random, ACCESS_FORMAT_COUNT);
	config->access_start = draw(random, 2);
	config->access_every_ms = draw(random, 2) == 0
	    ? 0
	    : (unsigned)between(random, 1000, 2592000000);
	config->access_sample = (unsigned)between(random, 1, 1000000);
	config->shutdown_timeout_ms = (unsigned)between(random, 0, 86400000);
	config->on_change_timeout_ms = (unsigned)between(random, 100, 3600000);
	if (draw(random, 2))
		strlcpy(config->on_change, "/a b\\;c",
		    sizeof(config->on_change));
	config->resolve_min_ms = (unsigned)between(random, 100, 3600000);
	config->resolve_max_ms = (unsigned)between(random, 1000, 86400000);
	config->services = 1 + draw(random, 5);
	config->service = calloc(config->services, sizeof(*config->service));
	for (size_t i = 0; i < config->services; i++)
		draw_service(random, i, &config->service[i]);
	return config;
}

#define SAME_NUMBER(field) ck_assert_uint_eq(a->field, b->field)
#define SAME_TEXT(field) ck_assert_str_eq(a->field, b->field)

static void
same_backend(const struct config_backend *a, const struct config_backend *b)
{
	SAME_TEXT(name);
	ck_assert(addr_equal(&a->addr, &b->addr));
	SAME_NUMBER(weight);
	SAME_NUMBER(maxconn);
	SAME_NUMBER(backup);
	SAME_TEXT(zone);
	ck_assert(addr_equal(&a->check_addr, &b->check_addr));
	ck_assert_uint_eq(a->check_port, b->check_port);
	ck_assert(addr_equal(&a->agent_addr, &b->agent_addr));
	ck_assert_uint_eq(a->agent_port, b->agent_port);
	SAME_NUMBER(send_proxy);
}

static void
same_service(const struct config_service *a, const struct config_service *b)
{
	SAME_TEXT(name);
	SAME_NUMBER(listens);
	for (size_t i = 0; i < a->listens; i++)
		ck_assert(addr_equal(&a->listen[i], &b->listen[i]));
	SAME_NUMBER(backends);
	for (size_t i = 0; i < a->backends; i++)
		same_backend(&a->backend[i], &b->backend[i]);
	SAME_NUMBER(settings.balance);
	for (size_t i = 0;
	     i < a->backends && a->settings.balance == BALANCE_FIRST; i++)
		SAME_NUMBER(backend[i].order);
	SAME_NUMBER(settings.source_prefix4);
	SAME_NUMBER(settings.source_prefix6);
	SAME_NUMBER(settings.zone_affinity);
	SAME_NUMBER(settings.max_load);
	SAME_NUMBER(settings.pin_on_change_ms);
	SAME_NUMBER(settings.pin_clients);
	SAME_NUMBER(settings.slowstart_ms);
	SAME_NUMBER(settings.retries);
	SAME_NUMBER(settings.maxconn);
	SAME_NUMBER(settings.queue);
	SAME_NUMBER(settings.conn.timeout_queue_ms);
	SAME_NUMBER(settings.conn.wait_for_backend_ms);
	SAME_NUMBER(settings.backlog);
	SAME_NUMBER(settings.freebind);
	SAME_NUMBER(settings.nodelay);
	SAME_NUMBER(settings.keepalive);
	SAME_NUMBER(settings.send_proxy);
	SAME_NUMBER(settings.check.send_proxy);
	SAME_NUMBER(settings.conn.timeout_proxy_ms);
	SAME_NUMBER(settings.conn.timeout_hello_ms);
	SAME_NUMBER(settings.accept_proxy.local);
	SAME_NUMBER(settings.accept_proxy.count);
	for (unsigned i = 0; i < a->settings.accept_proxy.count; i++)
		ck_assert_mem_eq(&a->settings.accept_proxy.prefix[i],
		    &b->settings.accept_proxy.prefix[i], sizeof(struct prefix));
	SAME_NUMBER(settings.user_timeout_ms);
	SAME_NUMBER(settings.conn.timeout_connect_ms);
	SAME_NUMBER(settings.conn.timeout_idle_ms);
	SAME_NUMBER(settings.conn.timeout_half_close_ms);
	SAME_NUMBER(settings.conn.reset_linger_ms);
	SAME_NUMBER(settings.conn.timeout_stall_ms);
	SAME_NUMBER(settings.conn.abort_on_close);
	SAME_NUMBER(settings.sndbuf_client);
	SAME_NUMBER(settings.sndbuf_backend);
	SAME_NUMBER(settings.rcvbuf_client);
	SAME_NUMBER(settings.rcvbuf_backend);
	SAME_NUMBER(settings.notsent_lowat_client);
	SAME_NUMBER(settings.notsent_lowat_backend);
	SAME_NUMBER(settings.conn.max_lifetime_ms);
	SAME_NUMBER(settings.observe);
	SAME_NUMBER(settings.observe_fall);
	SAME_NUMBER(settings.eject_time_ms);
	SAME_NUMBER(settings.max_eject);
	SAME_NUMBER(settings.panic);
	SAME_NUMBER(settings.on_down);
	SAME_NUMBER(settings.on_down_rate);
	SAME_NUMBER(settings.check.kind);
	SAME_TEXT(settings.check.args);
	SAME_TEXT(settings.check.headers);
	ck_assert_mem_eq(&a->settings.check.statuses,
	    &b->settings.check.statuses, sizeof(a->settings.check.statuses));
	ck_assert_mem_eq(&a->settings.check.body, &b->settings.check.body,
	    sizeof(a->settings.check.body));
	SAME_TEXT(settings.check.tls.sni);
	SAME_TEXT(settings.check.tls.alpn);
	SAME_NUMBER(settings.check.tls.verify);
	SAME_NUMBER(settings.check.tls.expiry_warn_ms);
	SAME_NUMBER(settings.check.inter_ms);
	SAME_NUMBER(settings.check.fastinter_ms);
	SAME_NUMBER(settings.check.downinter_ms);
	SAME_NUMBER(settings.check.init);
	SAME_NUMBER(settings.check.timeout_ms);
	SAME_NUMBER(settings.check.rise);
	SAME_NUMBER(settings.check.fall);
	SAME_NUMBER(settings.check.damping);
	SAME_NUMBER(settings.agent.port);
	SAME_NUMBER(settings.agent.inter_ms);
	ck_assert_mem_eq(&a->settings.agent.send, &b->settings.agent.send,
	    sizeof(a->settings.agent.send));
}

static void
same_config(const struct config *a, const struct config *b)
{
	SAME_NUMBER(workers);
	SAME_NUMBER(cpu_affinity);
	SAME_NUMBER(incoming_cpu);
	SAME_NUMBER(spin_us);
	SAME_NUMBER(busy_poll_us);
	SAME_NUMBER(maxconn);
	SAME_NUMBER(maxpipes);
	SAME_NUMBER(pipe_size);
	SAME_NUMBER(relay);
	SAME_NUMBER(hash_seed_set);
	SAME_NUMBER(hash_seed.k0);
	SAME_NUMBER(hash_seed.k1);
	SAME_TEXT(user);
	SAME_TEXT(pidfile);
	SAME_TEXT(log);
	SAME_NUMBER(log_level);
	SAME_TEXT(access_log);
	SAME_NUMBER(access_format);
	SAME_NUMBER(access_start);
	SAME_NUMBER(access_every_ms);
	SAME_NUMBER(access_sample);
	SAME_NUMBER(shutdown_timeout_ms);
	SAME_TEXT(on_change);
	SAME_NUMBER(on_change_timeout_ms);
	SAME_NUMBER(resolve_min_ms);
	SAME_NUMBER(resolve_max_ms);
	SAME_NUMBER(services);
	for (size_t i = 0; i < a->services; i++)
		same_service(&a->service[i], &b->service[i]);
}

static char *
dump(const struct config *config, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	config_dump(config, out);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

START_TEST(test_dump_comes_back)
{
	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct random random = { round << 32 };
		struct config *config = draw_config(&random);
		struct config *back;
		struct config_errors errors;
		size_t len;
		char *text = dump(config, &len);

		back = config_parse("dump", text, len, &errors);
		ck_assert_msg(back != NULL, "%s\n%s",
		    errors.count > 0 ? errors.text[0] : "no error", text);
		same_config(config, back);
		config_free(back);
		config_free(config);
		config_errors_done(&errors);
		free(text);
	}
}
END_TEST

/* What is not set is told as a comment. */
START_TEST(test_dump_text)
{
	static const char file[] = "[service s]\nlisten = :80\n"
				   "backend = a 1.2.3.4:80\n"
				   "backend = c 1.2.3.4\n"
				   "backend = b [2001:db8::1]\n";
	static const char want[] =
	    "[global]\nworkers = auto\ncpu-affinity = yes\nworker-rebalance = no\n"
	    "incoming-cpu = no\nspin = off\nbusy-poll = off\n"
	    "maxconn = auto\nrate = off\n"
	    "maxpipes = auto\npipe-size = 256k\n"
	    "stalled-memory = auto\nrelay = auto\n"
	    "; hash-seed = (random at each start)\n"
	    "; hash-seed-file = (none)\n"
	    "; user = (the user who started lb4)\n; pidfile = (none)\n"
	    "; control = (none)\n"
	    "; control-owner = (the user who started lb4)\n"
	    "; control-group = (the group of the user who started lb4)\n"
	    "control-mode = 0600\n"
	    "; control-read = (no group)\n"
	    "; control-operate = (no group)\n"
	    "; control-admin = (no group)\n"
	    "; metrics = (none)\n"
	    "log = stderr\nlog-level = info\naccess-log = off\n"
	    "access-format = kv\naccess-log-start = no\n"
	    "access-log-every = off\naccess-log-sample = 1/1\n"
	    "shutdown-timeout = 30s\n"
	    "; on-change = (none)\non-change-timeout = 30s\n"
	    "; resolver = (those of /etc/resolv.conf)\n"
	    "resolve-min = 1s\nresolve-max = 5m\n\n"
	    "[service s]\nlisten = :80\n"
	    "; route = (all clients get these backends)\nbalance = 4tuple\n"
	    "backend = a 1.2.3.4:80 weight=1 maxconn=0\n"
	    "backend = b [2001:db8::1] weight=1 maxconn=0\n"
	    "backend = c 1.2.3.4 weight=1 maxconn=0\n"
	    "; allow = (no rule)\n; deny = (no rule)\n"
	    "; backends-file = (none)\nbackends-file-empty = no\n"
	    "source-prefix4 = 32\nsource-prefix6 = 64\nmax-load = off\n"
	    "pin-on-change = 0s\npin-clients = 100000\n"
	    "slowstart = 0s\nzone-affinity = no\n"
	    "retries = 3\nmaxconn = 0\nsource-maxconn = off\n"
	    "source-rate = off\nrate = off\nover-limit = reset\n"
	    "queue = 1024\nbacklog = 4096\n"
	    "freebind = no\n; device = (any interface)\n"
	    "tcp-fastopen = off\ndefer-accept = off\n"
	    "; listen-owner = (the user who started lb4)\n"
	    "; listen-group = (the group of the user who started lb4)\n"
	    "; listen-mode = (set by the umask)\n"
	    "mptcp = no\nnodelay = yes\n"
	    "; accept-proxy = (connections begin with no header)\n"
	    "send-proxy = no\nkeepalive = client\n"
	    "keepalive-idle = auto\nkeepalive-interval = auto\n"
	    "keepalive-count = auto\n"
	    "user-timeout = 0s\nsndbuf-client = auto\n"
	    "sndbuf-backend = auto\nrcvbuf-client = auto\n"
	    "rcvbuf-backend = auto\nnotsent-lowat-client = auto\n"
	    "notsent-lowat-backend = auto\n"
	    "; source = (chosen by the kernel)\n"
	    "; source-ports = (net.ipv4.ip_local_port_range)\n"
	    "mark = off\n; mirror = (nobody gets a copy)\n"
	    "; congestion = (the kernel's default)\ntos = 0\n"
	    "abort-on-close = no\n"
	    "timeout-connect = 5s\n"
	    "timeout-queue = auto\nwait-for-backend = 0s\n"
	    "timeout-proxy = 5s\ntimeout-hello = 5s\n"
	    "timeout-idle = 1h\n"
	    "timeout-half-close = 5m\ntimeout-stall = 5m\n"
	    "reset-linger = 1s\n"
	    "max-lifetime = 0s\nobserve = off\nobserve-fall = 5\n"
	    "eject-time = 30s\nmax-eject = 50%\npanic = 30%\n"
	    "on-down = stuck\non-down-rate = 20/s\n"
	    "check = none\n; check-host = (the address that is checked)\n"
	    "check-send-proxy = yes\n"
	    "; check-header = (none)\n; check-status = (200-399)\n"
	    "; check-body = (not looked at)\n"
	    "; check-sni = (the name in check-host, or none)\n"
	    "; check-alpn = (none)\n"
	    "; check-ca = (the authorities that the system trusts)\n"
	    "check-verify = yes\ncheck-expiry-warn = 14d\n"
	    "inter = 2s\nfastinter = auto\ndowninter = auto\ninit = up\n"
	    "timeout-check = 2s\nrise = 2\nfall = 3\ndamping = yes\n"
	    "agent = off\nagent-inter = auto\n; agent-send = (nothing)\n";
	struct config_errors errors;
	struct config *config = config_parse("t", file, strlen(file), &errors);
	size_t len;
	char *text = dump(config, &len);

	ck_assert_str_eq(text, want);
	config_free(config);
	free(text);
}
END_TEST

/* What a file is changed with: bytes that mean something, and keys. */
static const char *const pieces[] = { "\n", " ", "\t", "=", ":", ";", "#", "[",
	"]", "\\", "\\x3b", "\"", "\r\n", "\v", "-", "0", "99999999999", "auto",
	"\n[service x]\n", "\n[global]\n", "\nlisten = :1\n", "weight=", "ms",
	"unix:", "check-addr=", "\xef\xbb\xbf", "\nbackend = q 1.2.3.4\n" };

static size_t
mutate(struct random *random, char *text, size_t len, size_t room)
{
	size_t at = draw(random, (uint32_t)len + 1);
	size_t count = 1 + draw(random, 8);
	const char *piece;

	switch (draw(random, 4)) {
	case 0: /* another byte */
		if (at < len)
			text[at] = (char)draw(random, 256);
		return len;
	case 1: /* something less */
		if (count > len - at)
			count = len - at;
		memmove(text + at, text + at + count, len - at - count);
		return len - count;
	case 2: /* something twice */
		if (count > len - at)
			count = len - at;
		piece = text + at;
		break;
	default:
		piece = pieces[draw(random, sizeof(pieces) / sizeof(*pieces))];
		count = strlen(piece);
		break;
	}
	if (len + count > room)
		return len;
	memmove(text + at + count, text + at, len - at);
	if (piece != text + at)
		memcpy(text + at, piece, count);
	return len + count;
}

/* "t:LINE: ..." or "t: ...", one line, lines in order. */
static void
check_complaints(const struct config_errors *errors)
{
	long last = 0;

	for (size_t i = 0; i < errors->count; i++) {
		const char *text = errors->text[i];
		char *end = NULL;
		long line = last;

		ck_assert_int_eq(text[0], 't');
		ck_assert_int_eq(text[1], ':');
		if (text[2] != ' ') {
			line = strtol(text + 2, &end, 10);
			ck_assert_int_eq(strncmp(end, ": ", 2), 0);
		}
		ck_assert_int_ge(line, last);
		last = line;
		for (size_t j = 0; text[j] != '\0'; j++)
			ck_assert(!iscntrl((unsigned char)text[j]));
		ck_assert_uint_lt(strlen(text), CONFIG_ERROR_MAX - 1);
	}
}

START_TEST(test_broken_files)
{
	unsigned good = 0;
	unsigned bad = 0;

	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct random random = { round << 32 | 1 };
		struct config *config = draw_config(&random);
		struct config_errors errors;
		size_t len;
		size_t room;
		char *text = dump(config, &len);
		uint32_t changes = 1 + draw(&random, 10);

		config_free(config);
		room = len + 256;
		text = realloc(text, room);
		for (uint32_t i = 0; i < changes; i++)
			len = mutate(&random, text, len, room);
		text = realloc(text, len + (len == 0));
		config = config_parse("t", text, len, &errors);
		ck_assert_int_eq(config != NULL, errors.count == 0);
		check_complaints(&errors);
		good += config != NULL;
		bad += config == NULL;
		config_free(config);
		config_errors_done(&errors);
		free(text);
	}
	/* Else the test tries nothing. */
	ck_assert_uint_gt(good, ROUNDS / 100);
	ck_assert_uint_gt(bad, ROUNDS / 4);
}
END_TEST

static Suite *
config_random_suite(void)
{
	Suite *suite = suite_create("config random");
	TCase *tc = tcase_create("config random");

	tcase_set_tags(tc, "one-thread");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_dump_comes_back);
	tcase_add_test(tc, test_dump_text);
	tcase_add_test(tc, test_broken_files);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(config_random_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
