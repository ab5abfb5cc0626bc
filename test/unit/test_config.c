/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Files that are right: what each key makes of its values, up to the ends of
 * its range; defaults; the ad hoc service; files on disk.  What is refused is
 * in test_config_errors.c.
 */
#include "lb4/config/config.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/escape.h"
#include "common/log.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Parses what is expected to be right. */
static struct config *
parse(const char *text)
{
	struct config_errors errors;
	struct config *config = config_parse("t.ini", text, strlen(text),
	    &errors);

	ck_assert_msg(config != NULL, "%s",
	    errors.count > 0 ? errors.text[0] : "no error");
	ck_assert_uint_eq(errors.count, 0);
	config_errors_done(&errors);
	return config;
}

/* What a file needs besides the key that is tried. */
static void
write_file(char *text, size_t size, bool global, const char *key,
    const char *value)
{
	bool plain = strcmp(key, "listen") != 0 && strcmp(key, "backend") != 0;

	if (global)
		snprintf(text, size,
		    "[global]\n%s = %s\n[service s]\nlisten = :80\n"
		    "backend = a 127.0.0.1:81\n",
		    key, value);
	else
		snprintf(text, size, "[service s]\n%s = %s\n%s%s", key, value,
		    plain || key[0] == 'b' ? "listen = :80\n" : "",
		    plain || key[0] == 'l' ? "backend = a 127.0.0.1:81\n" : "");
}

/* The configuration with one key set. */
static struct config *
parse_key(bool global, const char *key, const char *value)
{
	char text[512];

	write_file(text, sizeof(text), global, key, value);
	return parse(text);
}

/* One complaint about one key with this value. */
static void
refuse_key(bool global, const char *key, const char *value, const char *why)
{
	char text[512];
	char want[CONFIG_ERROR_MAX];
	struct config_errors errors;

	write_file(text, sizeof(text), global, key, value);
	snprintf(want, sizeof(want), "t.ini:2: [%s] %s: %s",
	    global ? "global" : "service s", key, why);
	ck_assert_ptr_null(config_parse("t.ini", text, strlen(text), &errors));
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(errors.text[0], want);
	config_errors_done(&errors);
}

/* Keys whose values are an interval: the ends of it, what is just outside, and
 * how the interval is told. */
static const struct ranged {
	bool global;
	const char *key;
	size_t offset;
	size_t size;
	const char *low_text;
	const char *high_text;
	uint64_t low;
	uint64_t high;
	const char *below; /* NULL: nothing is below 0 */
	const char *above;
	const char *range;
	const char *wrong;
	const char *wrong_why;
} ranged[] = {
#define G(key, field) \
	true, key, offsetof(struct config, field), \
	    sizeof(((struct config *)0)->field)
#define S(key, field) \
	false, key, offsetof(struct config_service, settings.field), \
	    sizeof(((struct config_service *)0)->settings.field)
#define WHOLE "is not a whole number"
#define UNIT "needs a unit (500ms, 2s, 10m)"
#define TIME "is not a time (500ms, 2s, 1m30s)"
#define SIZE "is not a size (65536, 64k, 1m)"
#define PERCENT "is not a percentage (125%)"
	{ G("workers", workers), "1", "256", 1, 256, "0", "257",
	    "auto or 1 to 256", "many", WHOLE },
	{ G("maxconn", maxconn), "1", "10000000", 1, 10000000, "0", "10000001",
	    "auto or 1 to 10000000", "-1", WHOLE },
	{ G("maxpipes", maxpipes), "1", "100000", 1, 100000, "0", "100001",
	    "auto or 1 to 100000", "1k", WHOLE },
	{ G("spin", spin_us), "1", "1000", 1, 1000, "0", "1001",
	    "off or 1 to 1000", "50us", WHOLE },
	{ G("busy-poll", busy_poll_us), "1", "1000", 1, 1000, "0", "1001",
	    "off or 1 to 1000", "yes", WHOLE },
	{ G("pipe-size", pipe_size), "64k", "1m", 65536, 1048576, "65535",
	    "1048577", "64k to 1m", "auto", SIZE },
	{ G("stalled-memory", stalled_memory), "1m", "1024g", 1 << 20,
	    UINT64_C(1) << 40, "1023k", "1025g", "auto or 1m to 1024g", "half",
	    SIZE },
	{ G("shutdown-timeout", shutdown_timeout_ms), "0", "1d", 0, 86400000,
	    NULL, "86400001ms", "0s to 1d", "30", UNIT },
	{ G("access-log-every", access_every_ms), "1s", "30d", 1000, 2592000000,
	    "0s", "31d", "off or 1s to 30d", "10", UNIT },
	{ G("access-log-sample", access_sample), "1/1", "1/1000000", 1, 1000000,
	    "1/0", "1/1000001", "1/1 to 1/1000000", "5%",
	    "is not a sample (1/100)" },
	{ S("source-prefix4", source_prefix4), "1", "32", 1, 32, "0", "33",
	    "1 to 32", "/24", WHOLE },
	{ S("source-prefix6", source_prefix6), "1", "128", 1, 128, "0", "129",
	    "1 to 128", "64.", WHOLE },
	{ S("max-load", max_load), "100%", "10000%", 100, 10000, "99%",
	    "10001%", "off or 100% to 10000%", "1.25", PERCENT },
	{ S("pin-clients", pin_clients), "1000", "4000000", 1000, 4000000,
	    "999", "4000001", "1000 to 4000000", "100k", WHOLE },
	{ S("retries", retries), "0", "7", 0, 7, NULL, "8", "0 to 7", "three",
	    WHOLE },
	{ S("maxconn", maxconn), "0", "10000000", 0, 10000000, NULL,
	    "99999999999999999999", "0 to 10000000", "auto", WHOLE },
	{ S("queue", queue), "0", "10000000", 0, 10000000, NULL, "10000001",
	    "0 to 10000000", "auto", WHOLE },
	{ S("backlog", backlog), "1", "65535", 1, 65535, "0", "65536",
	    "1 to 65535", "4k", WHOLE },
	{ S("user-timeout", user_timeout_ms), "0s", "24h", 0, 86400000, NULL,
	    "1d1ms", "0s to 1d", "x", TIME },
	{ S("timeout-connect", conn.timeout_connect_ms), "1ms", "60m", 1,
	    3600000, "0s", "3601s", "1ms to 1h", "5", UNIT },
	{ S("timeout-queue", conn.timeout_queue_ms), "1ms", "60m", 1, 3600000,
	    "0s", "3601s", "auto or 1ms to 1h", "5", UNIT },
	{ S("wait-for-backend", conn.wait_for_backend_ms), "0s", "60m", 0,
	    3600000, NULL, "3601s", "0s to 1h", "10", UNIT },
	{ S("timeout-idle", conn.timeout_idle_ms), "10ms", "30d", 10,
	    2592000000, "9ms", "31d", "10ms to 30d", "1h ms", TIME },
	{ S("timeout-half-close", conn.timeout_half_close_ms), "10ms", "30d",
	    10, 2592000000, "0", "30d1s", "10ms to 30d", "-5m", TIME },
	{ S("timeout-stall", conn.timeout_stall_ms), "0s", "1d", 0, 86400000,
	    NULL, "25h", "0s to 1d", "never", TIME },
	{ S("sndbuf-client", sndbuf_client), "4k", "1g", 4096, 1 << 30, "4095",
	    "2g", "auto or 4k to 1g", "big", SIZE },
	{ S("rcvbuf-backend", rcvbuf_backend), "4k", "1g", 4096, 1 << 30, "0",
	    "1073741825", "auto or 4k to 1g", "4kb", SIZE },
	{ S("notsent-lowat-client", notsent_lowat_client), "4k", "1g", 4096,
	    1 << 30, "1k", "2g", "auto or 4k to 1g", "low", SIZE },
	{ S("reset-linger", conn.reset_linger_ms), "0", "1m", 0, 60000, NULL,
	    "61s", "0s to 1m", "1.5s", "has decimals (1.5s is 1500ms)" },
	{ S("max-lifetime", conn.max_lifetime_ms), "0", "30d", 0, 2592000000,
	    NULL, "31d", "0s to 30d", "1h ms", TIME },
	{ S("on-down-rate", on_down_rate), "1/s", "100000", 1, 100000, "0/s",
	    "100001/s", "1/s to 100000/s", "20/m", "is not a rate (20/s)" },
	{ S("inter", check.inter_ms), "10ms", "1d", 10, 86400000, "1ms", "2d",
	    "10ms to 1d", "2S", "has an unknown unit (known: ms, s, m, h, d)" },
	{ S("timeout-check", check.timeout_ms), "10ms", "1h", 10, 3600000, "0s",
	    "2h", "10ms to 1h", "1s2m",
	    "does not go from large units to small ones" },
	{ S("rise", check.rise), "1", "100", 1, 100, "0", "101", "1 to 100",
	    "2s", WHOLE },
	{ S("fall", check.fall), "1", "100", 1, 100, "0", "101", "1 to 100",
	    "+3", WHOLE },
};

static uint64_t
read_field(const struct config *config, const struct ranged *key)
{
	const char *object = key->global ? (const char *)config
					 : (const char *)config->service;
	uint64_t wide;
	uint32_t narrow;

	if (key->size == sizeof(wide)) {
		memcpy(&wide, object + key->offset, sizeof(wide));
		return wide;
	}
	ck_assert_uint_eq(key->size, sizeof(narrow));
	memcpy(&narrow, object + key->offset, sizeof(narrow));
	return narrow;
}

static void
accept_range(const struct ranged *key, const char *text, uint64_t want)
{
	struct config *config = parse_key(key->global, key->key, text);

	ck_assert_msg(read_field(config, key) == want, "%s = %s is %" PRIu64,
	    key->key, text, read_field(config, key));
	config_free(config);
}

static void
refuse_range(const struct ranged *key, const char *text, const char *problem)
{
	char why[256];

	snprintf(why, sizeof(why), "\"%s\" %s: give %s", text, problem,
	    key->range);
	refuse_key(key->global, key->key, text, why);
}

START_TEST(test_range)
{
	const struct ranged *key = &ranged[_i];

	accept_range(key, key->low_text, key->low);
	accept_range(key, key->high_text, key->high);
	if (key->below != NULL)
		refuse_range(key, key->below, "is too low");
	refuse_range(key, key->above, "is too high");
	refuse_range(key, key->wrong, key->wrong_why);
}
END_TEST

START_TEST(test_auto)
{
	struct config *config = parse_key(true, "workers", "auto");

	ck_assert_uint_eq(config->workers, 0);
	config_free(config);
	config = parse_key(true, "maxconn", "auto");
	ck_assert_uint_eq(config->maxconn, 0);
	config_free(config);
	config = parse_key(true, "maxpipes", "auto");
	ck_assert_uint_eq(config->maxpipes, 0);
	config_free(config);
}
END_TEST

START_TEST(test_yes_and_no)
{
	static const char *const wrong[] = { "true", "1", "Yes", "yes no" };
	struct config *config;
	char why[80];

	config = parse_key(true, "cpu-affinity", "no");
	ck_assert(!config->cpu_affinity);
	config_free(config);
	config = parse_key(true, "cpu-affinity", "yes");
	ck_assert(config->cpu_affinity);
	config_free(config);
	config = parse_key(false, "nodelay", "no");
	ck_assert(!config->service->settings.nodelay);
	config_free(config);
	config = parse_key(false, "nodelay", "yes");
	ck_assert(config->service->settings.nodelay);
	config_free(config);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		snprintf(why, sizeof(why),
		    "\"%s\" is neither yes nor no: give one of them", wrong[i]);
		refuse_key(true, "cpu-affinity", wrong[i], why);
		refuse_key(false, "nodelay", wrong[i], why);
	}
}
END_TEST

/* All words of an enum, and one that is none. */
#define CHECK_WORDS(global, key, field, count, name, why) \
	do { \
		for (int word = 0; word < (count); word++) { \
			struct config *config = parse_key((global), (key), \
			    name(word)); \
\
			ck_assert_int_eq((int)config->field, word); \
			config_free(config); \
		} \
		refuse_key((global), (key), "nothing", \
		    "\"nothing\" is unknown: give " why); \
	} while (0)

START_TEST(test_words)
{
	CHECK_WORDS(true, "relay", relay, RELAY_WAY_COUNT, relay_way_name,
	    "auto, copy, splice or peek");
	CHECK_WORDS(true, "access-format", access_format, ACCESS_FORMAT_COUNT,
	    access_format_name, "kv or json");
	CHECK_WORDS(false, "balance", service->settings.balance, BALANCE_COUNT,
	    balance_name,
	    "4tuple, source, roundrobin, leastconn, random or first");
	CHECK_WORDS(false, "keepalive", service->settings.keepalive,
	    KEEPALIVE_COUNT, keepalive_name, "none, client, backend or both");
	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		struct config *config = parse_key(true, "log-level",
		    log_level_name(level));

		ck_assert_int_eq(config->log_level, level);
		config_free(config);
	}
	refuse_key(true, "log-level", "loud",
	    "\"loud\" is unknown: give error, warning, notice, info or debug");
}
END_TEST

START_TEST(test_names_of_words)
{
	ck_assert_str_eq(balance_name(BALANCE_4TUPLE), "4tuple");
	ck_assert_str_eq(balance_name(BALANCE_SOURCE), "source");
	ck_assert_str_eq(balance_name(BALANCE_ROUNDROBIN), "roundrobin");
	ck_assert_str_eq(balance_name(BALANCE_LEASTCONN), "leastconn");
	ck_assert_str_eq(balance_name(BALANCE_RANDOM), "random");
	ck_assert_str_eq(balance_name(BALANCE_FIRST), "first");
	for (int i = 0; i < BALANCE_COUNT; i++)
		ck_assert_int_eq(balance_hashes(i),
		    i == BALANCE_4TUPLE || i == BALANCE_SOURCE);
	ck_assert_str_eq(check_kind_name(CHECK_NONE), "none");
	ck_assert_str_eq(check_kind_name(CHECK_TCP), "tcp");
	ck_assert_str_eq(check_kind_name(CHECK_HTTP), "http");
	ck_assert_str_eq(keepalive_name(KEEPALIVE_NONE), "none");
	ck_assert_str_eq(keepalive_name(KEEPALIVE_CLIENT), "client");
	ck_assert_str_eq(keepalive_name(KEEPALIVE_BACKEND), "backend");
	ck_assert_str_eq(keepalive_name(KEEPALIVE_BOTH), "both");
	ck_assert_str_eq(access_format_name(ACCESS_KV), "kv");
	ck_assert_str_eq(access_format_name(ACCESS_JSON), "json");
	ck_assert_str_eq(relay_way_name(RELAY_AUTO), "auto");
	ck_assert_int_eq(relay_way_parse("auto"), RELAY_AUTO);
	ck_assert_int_eq(relay_way_parse("copy"), RELAY_COPY);
	ck_assert_int_eq(relay_way_parse("splice"), RELAY_SPLICE);
	ck_assert_int_eq(relay_way_parse("peek"), RELAY_PEEK);
	ck_assert_int_eq(relay_way_parse(""), -1);
	ck_assert_int_eq(relay_way_parse("Auto"), -1);
}
END_TEST

START_TEST(test_seed)
{
	struct config *config = parse_key(true, "hash-seed",
	    "000102030405060708090a0B0c0D0e0f ; the same on every node");

	ck_assert(config->hash_seed_set);
	ck_assert_uint_eq(config->hash_seed.k0, 0x0706050403020100);
	ck_assert_uint_eq(config->hash_seed.k1, 0x0f0e0d0c0b0a0908);
	config_free(config);
	refuse_key(true, "hash-seed", "000102030405060708090a0b0c0d0e0",
	    "31 characters are not a seed: give 32 hexadecimal digits");
	refuse_key(true, "hash-seed", "000102030405060708090a0b0c0d0e0f0",
	    "33 characters are not a seed: give 32 hexadecimal digits");
	refuse_key(true, "hash-seed", "000102030405060708090a0b0c0d0e0g",
	    "32 characters are not a seed: give 32 hexadecimal digits");
}
END_TEST

START_TEST(test_user)
{
	struct config *config = parse_key(true, "user", "_lb4-x.y$");

	ck_assert_str_eq(config->user, "_lb4-x.y$");
	config_free(config);
	refuse_key(true, "user", "-x",
	    "\"-x\" is not a valid name of a user or group: give one from "
	    "passwd(5) or group(5)");
	refuse_key(true, "user", "a b",
	    "\"a b\" is not a valid name of a user or group: give one from "
	    "passwd(5) or group(5)");
}
END_TEST

START_TEST(test_paths)
{
	static const char *const words[] = { "stderr", "syslog", "/x",
		"/var/log/lb4 access.log" };
	struct config *config;

	for (size_t i = 0; i < COUNT(words); i++) {
		const char *text = i == 3 ? "/var/log/lb4\\x20access.log"
					  : words[i];

		config = parse_key(true, "log", text);
		ck_assert_str_eq(config->log, words[i]);
		config_free(config);
		config = parse_key(true, "access-log", text);
		ck_assert_str_eq(config->access_log, words[i]);
		config_free(config);
	}
	config = parse_key(true, "access-log", "off");
	ck_assert_str_eq(config->access_log, "off");
	config_free(config);
	config = parse_key(true, "pidfile", "/run/\\x3blb4.pid");
	ck_assert_str_eq(config->pidfile, "/run/;lb4.pid");
	config_free(config);

	refuse_key(true, "log", "off",
	    "\"off\" is not an absolute path: give stderr, syslog or a path "
	    "that starts with /");
	refuse_key(true, "access-log", "lb4.log",
	    "\"lb4.log\" is not an absolute path: give off, stderr, syslog or "
	    "a path that starts with /");
	refuse_key(true, "pidfile", "stderr",
	    "\"stderr\" is not an absolute path: give a path that starts with "
	    "/");
	refuse_key(true, "pidfile", "/run/lb4 pid",
	    "\"pid\" is one word too many: remove it, or write \\x20 for a "
	    "space");
}
END_TEST

static void
check_addr(const struct addr *addr, const char *want)
{
	char buf[ADDR_TEXT_MAX];

	ck_assert_str_eq(addr_format(addr, buf, sizeof(buf)), want);
}

#define SUCH \
	": give an address such as 192.0.2.1:80, [2001:db8::1]:80 or " \
	"unix:/path"

START_TEST(test_listen)
{
	static const char *const good[] = { ":80", "0.0.0.0:1", "[::1]:65535",
		"127.0.0.1:0", "unix:/run/lb4.sock", "unix:@lb4", "fd:web",
		"fd:lb4.socket" };
	struct config *config;

	for (size_t i = 0; i < COUNT(good); i++) {
		config = parse_key(false, "listen", good[i]);
		ck_assert_uint_eq(config->service->listens, 1);
		check_addr(&config->service->listen[0], good[i]);
		config_free(config);
	}
	refuse_key(false, "listen", "1.2.3.4",
	    "\"1.2.3.4\": the port is missing" SUCH);
	refuse_key(false, "listen", "localhost:80",
	    "\"localhost:80\": host names are not supported; write an IP "
	    "address" SUCH);
	refuse_key(false, "listen", ":65536",
	    "\":65536\": port must be 0 to 65535" SUCH);
	refuse_key(false, "listen", "fd:",
	    "\"fd:\" is not the name of a socket: give fd:NAME, as the service "
	    "manager names it");
	refuse_key(false, "listen", "fd:a:b",
	    "\"fd:a:b\" is not the name of a socket: give fd:NAME, as the "
	    "service manager names it");
	refuse_key(false, "listen", ":80 :81",
	    "\":81\" is one word too many: remove it, or write \\x20 for a "
	    "space");
}
END_TEST

START_TEST(test_listeners_in_order)
{
	struct config *config = parse("[service s]\nlisten = :82\n"
				      "listen = unix:/x\nlisten = :81\n"
				      "backend = a 1.2.3.4:80\n");

	ck_assert_uint_eq(config->service->listens, 3);
	check_addr(&config->service->listen[0], ":82");
	check_addr(&config->service->listen[1], "unix:/x");
	check_addr(&config->service->listen[2], ":81");
	config_free(config);
}
END_TEST

/* The same address is no conflict with port 0, with another family, or with a
 * wild one. */
START_TEST(test_listeners_that_go_together)
{
	config_free(parse("[service s]\nlisten = 127.0.0.1:0\n"
			  "listen = 127.0.0.1:0\nlisten = 0.0.0.0:80\n"
			  "listen = [::]:80\nlisten = 127.0.0.1:80\n"
			  "listen = :81\nlisten = 127.0.0.1:81\n"
			  "listen = unix:/a\nlisten = unix:/b\n"
			  "listen = fd:a\nlisten = fd:b\n"
			  "backend = a 1.2.3.4:80\n"));
}
END_TEST

START_TEST(test_backend)
{
	struct config *config = parse_key(false, "backend",
	    "App-1_x.y  [2001:db8::1]:8080\tcheck-addr=127.0.0.1:9 backup "
	    "weight=7 maxconn=9 zone=eu-1.a "
	    "; comment");
	const struct config_backend *backend = config->service->backend;

	ck_assert_uint_eq(config->service->backends, 1);
	ck_assert_str_eq(backend->name, "App-1_x.y");
	check_addr(&backend->addr, "[2001:db8::1]:8080");
	ck_assert_uint_eq(backend->weight, 7);
	ck_assert_uint_eq(backend->maxconn, 9);
	ck_assert(backend->backup);
	ck_assert_str_eq(backend->zone, "eu-1.a");
	check_addr(&backend->check_addr, "127.0.0.1:9");
	ck_assert_int_eq(backend->line, 2);
	config_free(config);

	config = parse_key(false, "backend", "1 10.0.0.1");
	backend = config->service->backend;
	check_addr(&backend->addr, "10.0.0.1:0");
	ck_assert_uint_eq(backend->weight, 1);
	ck_assert_uint_eq(backend->maxconn, 0);
	ck_assert(!backend->backup);
	ck_assert_str_eq(backend->zone, "");
	ck_assert_uint_eq(backend->check_addr.len, 0);
	config_free(config);

	config = parse_key(false, "backend", "a unix:/run/my\\x20app.sock");
	check_addr(&config->service->backend->addr, "unix:/run/my app.sock");
	config_free(config);
}
END_TEST

static const struct {
	const char *value;
	const char *why;
} wrong_backends[] = {
	{ "a", "no address: write backend = a ADDRESS" },
	{ "127.0.0.1:80",
	    "\"127.0.0.1:80\" is not a valid backend name: use letters, "
	    "digits and -_. after a letter or digit, at most 63" },
	{ "-a 1.2.3.4:80",
	    "\"-a\" is not a valid backend name: use letters, digits and -_. "
	    "after a letter or digit, at most 63" },
	{ "a/b 1.2.3.4:80",
	    "\"a/b\" is not a valid backend name: use letters, digits and -_. "
	    "after a letter or digit, at most 63" },
	{ "a example.com:0", "\"example.com:0\": the port must be 1 to 65535" },
	{ "a example..com:80", "\"example..com:80\" is not a host name" },
	{ "a 1.2.3.4:80 resolve=all",
	    "option \"resolve\" is for host names: remove it" },
	{ "a example.com:80 resolve=some",
	    "option \"resolve\": \"some\" is unknown: give first or all" },
	{ "abcdefghijklmnopqrstuvwx example.com:80 resolve=all",
	    "the name of a backend with resolve=all has at most 23 characters: "
	    "an address follows it" },
	{ "a 1.2.3.4:80 srv=_pg._tcp.db.internal",
	    "option \"srv\": it stands in place of the address: write backend "
	    "= NAME srv=_pg._tcp.db.internal" },
	{ "a srv=_pg._tcp.db.internal resolve=all",
	    "option \"resolve\" is for host names, and every SRV record becomes "
	    "a backend: remove it" },
	{ "a srv=_pg._tcp.db.internal weight=2",
	    "option \"weight\" is in the SRV records: remove it" },
	{ "a srv=_pg._tcp.db.internal:80",
	    "\"_pg._tcp.db.internal:80\" is not a name of SRV records: give one "
	    "such as _pg._tcp.db.internal, without a port" },
	{ "a srv=",
	    "\"\" is not a name of SRV records: give one such as "
	    "_pg._tcp.db.internal, without a port" },
	{ "a srv=10.0.0.1",
	    "\"10.0.0.1\" is not a name of SRV records: give one such as "
	    "_pg._tcp.db.internal, without a port" },
	{ "abcdefghijklmnopqrstuvwx srv=_pg._tcp.db.internal",
	    "the name of a backend with srv= has at most 23 characters: a "
	    "target follows it" },
	{ "a :80",
	    "\":80\" is not an address to connect to: give one such as "
	    "127.0.0.1:80" },
	{ "a [::]:80",
	    "\"[::]:80\" is not an address to connect to: give one such as "
	    "127.0.0.1:80" },
	{ "a 1.2.3.4:80 weight",
	    "option \"weight\" has no value: write weight=..." },
	{ "a 1.2.3.4:80 weight=",
	    "option \"weight\" has no value: write weight=..." },
	{ "a 1.2.3.4:80 weight=257",
	    "option \"weight\": \"257\" is too high: give 0 to 256" },
	{ "a 1.2.3.4:80 weight=x",
	    "option \"weight\": \"x\" is not a whole number: give 0 "
	    "to 256" },
	{ "a 1.2.3.4:80 weight=2 weight=2",
	    "option \"weight\" is given twice: keep one" },
	{ "a 1.2.3.4:80 backup=yes",
	    "option \"backup\" takes no value: write backup" },
	{ "a 1.2.3.4:80 backup=",
	    "option \"backup\" takes no value: write backup" },
	{ "a 1.2.3.4:80 backup weight=2 backup",
	    "option \"backup\" is given twice: keep one" },
	{ "a 1.2.3.4:80 zone", "option \"zone\" has no value: write zone=..." },
	{ "a 1.2.3.4:80 zone=a/b",
	    "option \"zone\": \"a/b\" is not a valid name: use letters, "
	    "digits and -_. after a letter or digit, at most 63" },
	{ "a 1.2.3.4:80 wieght=2",
	    "unknown option \"wieght\": did you mean \"weight\"?" },
	{ "a 1.2.3.4:80 fast",
	    "unknown option \"fast\": remove it, or see lb4.ini(5)" },
	{ "a 1.2.3.4:80 check-addr=1.2.3.4",
	    "option \"check-addr\": \"1.2.3.4\": the port is missing" SUCH },
	{ "a 1.2.3.4:80 check-addr=1.2.3.4:0",
	    "option \"check-addr\": \"1.2.3.4:0\" has port 0: give "
	    "another" },
	{ "a 1.2.3.4:80 check-addr=0.0.0.0:80",
	    "option \"check-addr\": \"0.0.0.0:80\" is not an address to "
	    "connect to: give one such as 127.0.0.1:80" },
	{ "a 1.2.3.4:80\\n",
	    "'\\' without x and two hex digits: write \\x5c for a "
	    "backslash" },
};

START_TEST(test_wrong_backends)
{
	for (size_t i = 0; i < COUNT(wrong_backends); i++)
		refuse_key(false, "backend", wrong_backends[i].value,
		    wrong_backends[i].why);
}
END_TEST

START_TEST(test_backends_are_sorted)
{
	struct config *config = parse("[service s]\nlisten = :80\n"
				      "backend = b 1.2.3.4:80 weight=3\n"
				      "backend = c 1.2.3.4:80 weight=0\n"
				      "backend = a 1.2.3.4:80\n"
				      "backend = B 1.2.3.4:80\n");
	const struct config_backend *backend = config->service->backend;

	ck_assert_uint_eq(config->service->backends, 4);
	ck_assert_str_eq(backend[0].name, "B");
	ck_assert_str_eq(backend[1].name, "a");
	ck_assert_str_eq(backend[2].name, "b");
	ck_assert_str_eq(backend[3].name, "c");
	ck_assert_uint_eq(backend[2].weight, 3);
	ck_assert_uint_eq(backend[3].weight, 0);
	ck_assert_int_eq(backend[1].line, 5);
	config_free(config);
}
END_TEST

START_TEST(test_check)
{
	struct config *config = parse_key(false, "check", "tcp");

	ck_assert_int_eq(config->service->settings.check.kind, CHECK_TCP);
	config_free(config);
	config = parse_key(false, "check", "none");
	ck_assert_int_eq(config->service->settings.check.kind, CHECK_NONE);
	config_free(config);
	config = parse_key(false, "check", "http  HEAD /a;b#c?d=\\x5c ; e");
	ck_assert_int_eq(config->service->settings.check.kind, CHECK_HTTP);
	ck_assert_str_eq(config->service->settings.check.args,
	    "HEAD /a;b#c?d=\\x5c");
	config_free(config);

	refuse_key(false, "check", "icmp",
	    "\"icmp\" is unknown: give none, tcp, http GET /path, redis, "
	    "postgresql USER, mysql USER, smtp, tls, https GET /path or exec "
	    "/path ARGUMENT...");
	refuse_key(false, "check", "tcp 80",
	    "\"80\" is not a step of a check: give send TEXT or expect TEXT");
	refuse_key(false, "check", "http GET / HTTP/1.1",
	    "\"HTTP/1.1\" is one word too many: remove it");
#define NEEDS "http needs a method and a path: write check = http GET /path"
	refuse_key(false, "check", "http", NEEDS);
	refuse_key(false, "check", "http GET", NEEDS);
	refuse_key(false, "check", "http get /x", NEEDS);
	refuse_key(false, "check", "http GET x",
	    "\"x\" is not a path for HTTP: start it with '/', and write "
	    "non-ASCII characters as %XX");
	refuse_key(false, "check", "http GET /a\\x20b",
	    "\"/a b\" is not a path for HTTP: start it with '/', and write "
	    "non-ASCII characters as %XX");
	refuse_key(false, "check", "http GET /\xc3\xa9",
	    "\"/\xc3\xa9\" is not a path for HTTP: start it with '/', and "
	    "write non-ASCII characters as %XX");
}
END_TEST

static void
accept_host(const char *host)
{
	char text[512];
	struct config *config;

	snprintf(text, sizeof(text),
	    "[service s]\nlisten = :80\nbackend = a 1.2.3.4:80\n"
	    "check = http GET /\ncheck-host = %s\n",
	    host);
	config = parse(text);
	ck_assert_str_eq(config->service->settings.check.host, host);
	config_free(config);
}

#define NO_STATUSES \
	" is not a list of HTTP statuses: give statuses of 100 to 999 and " \
	"ranges, such as 200,204,300-399"

START_TEST(test_check_keys)
{
	static const char *const refused[] = { "20", "2000", "99", "099",
		"300-200", "200-", "-200", "200,", ",200", "200 204", "x" };
	char why[256];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		snprintf(why, sizeof(why), "\"%s\"" NO_STATUSES, refused[i]);
		refuse_key(false, "check-status", refused[i], why);
	}
	refuse_key(false, "check-status",
	    "200,201,202,203,204,205,206,207,208,209,210,211,212",
	    "more than 12 statuses: use ranges");
	refuse_key(false, "check-header", "X y",
	    "\"X y\" is not a header: write check-header = Name: value");
	refuse_key(false, "check-header", "X Y: z",
	    "\"X Y: z\" is not a header: write check-header = Name: value");
	refuse_key(false, "check-header", "host: a",
	    "lb4 writes Host itself: use check-host");
	refuse_key(false, "check-header", "Connection: a",
	    "lb4 writes Connection itself: it is always \"close\"");
	refuse_key(false, "check-sni", "10.0.0.1",
	    "\"10.0.0.1\" is not a host name: give one such as app.example");
	refuse_key(false, "check-alpn", "h2,,http/1.1",
	    "\"h2,,http/1.1\" is not a list of protocols: give names such as "
	    "h2,http/1.1");
	refuse_key(false, "check", "exec true",
	    "exec needs the absolute path of a program: write check = exec "
	    "/path ARGUMENT...");
	refuse_key(false, "check", "https GET",
	    "https needs a method and a path: write check = https GET /path");
}
END_TEST

#define NO_HOST \
	" is not a host: give a name or an address, such as app.example, " \
	"app.example:8080 or [2001:db8::1]"

START_TEST(test_check_host)
{
	static const char *const refused[] = { "a b", "a/b", "a@b",
		"a:", "a:123456", "a:b", ":80", "http://a", "[::1", "[::1]x",
		"[fe80::1%eth0]", "[fe80::1%25eth0]", "::1", "a\\x0d", "\xc3" };
	char longest[CONFIG_HOST_MAX + 1];
	char why[256], plain[64];

	accept_host("app.example");
	accept_host("app_1.example:8080");
	accept_host("192.0.2.1:80");
	accept_host("[2001:db8::1]");
	accept_host("[2001:db8::1]:8080");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		escape_text(refused[i], strlen(refused[i]), plain,
		    sizeof(plain));
		snprintf(why, sizeof(why), "\"%s\"" NO_HOST, plain);
		refuse_key(false, "check-host", refused[i], why);
	}
	memset(longest, 'a', sizeof(longest));
	longest[CONFIG_HOST_MAX - 1] = '\0';
	accept_host(longest);
	longest[CONFIG_HOST_MAX - 1] = 'a';
	longest[CONFIG_HOST_MAX] = '\0';
	refuse_key(false, "check-host", longest,
	    "the host has at most 127 characters");
}
END_TEST

START_TEST(test_global_defaults)
{
	struct config *config = parse("[service s]\nlisten = :80\n"
				      "backend = a 1.2.3.4:80\n");

	ck_assert_uint_eq(config->workers, 0);
	ck_assert(config->cpu_affinity);
	ck_assert_uint_eq(config->maxconn, 0);
	ck_assert_uint_eq(config->maxpipes, 0);
	ck_assert_uint_eq(config->pipe_size, 262144);
	ck_assert_int_eq(config->relay, RELAY_AUTO);
	ck_assert(!config->hash_seed_set);
	ck_assert_uint_eq(config->hash_seed.k0, 0);
	ck_assert_uint_eq(config->hash_seed.k1, 0);
	ck_assert_str_eq(config->user, "");
	ck_assert_str_eq(config->pidfile, "");
	ck_assert_str_eq(config->log, "stderr");
	ck_assert_int_eq(config->log_level, LOG_LEVEL_INFO);
	ck_assert_str_eq(config->access_log, "off");
	ck_assert_int_eq(config->access_format, ACCESS_KV);
	ck_assert_uint_eq(config->shutdown_timeout_ms, 30000);
	ck_assert_uint_eq(config->services, 1);
	config_free(config);
}
END_TEST

START_TEST(test_service_defaults)
{
	struct config *config = parse("[global]\n[service s]\nlisten = :80\n"
				      "backend = a 1.2.3.4:80\n");
	const struct config_service *service = config->service;

	ck_assert_str_eq(service->name, "s");
	ck_assert_int_eq(service->line, 2);
	ck_assert_int_eq(service->settings.balance, BALANCE_4TUPLE);
	ck_assert_uint_eq(service->settings.source_prefix4, 32);
	ck_assert_uint_eq(service->settings.source_prefix6, 64);
	ck_assert_uint_eq(service->settings.max_load, 0);
	ck_assert_uint_eq(service->settings.slowstart_ms, 0);
	ck_assert_uint_eq(service->settings.pin_on_change_ms, 0);
	ck_assert_uint_eq(service->settings.pin_clients, 100000);
	ck_assert(!service->settings.zone_affinity);
	ck_assert(!service->backend->backup);
	ck_assert_str_eq(service->backend->zone, "");
	ck_assert_uint_eq(service->settings.retries, 3);
	ck_assert_uint_eq(service->settings.maxconn, 0);
	ck_assert_uint_eq(service->settings.queue, 1024);
	ck_assert_uint_eq(service->settings.conn.timeout_queue_ms, 0);
	ck_assert_uint_eq(service->settings.backlog, 4096);
	ck_assert(!service->settings.freebind);
	ck_assert(service->settings.nodelay);
	ck_assert_int_eq(service->settings.keepalive, KEEPALIVE_CLIENT);
	ck_assert_uint_eq(service->settings.user_timeout_ms, 0);
	ck_assert_uint_eq(service->settings.conn.timeout_connect_ms, 5000);
	ck_assert_uint_eq(service->settings.conn.timeout_idle_ms, 3600000);
	ck_assert_uint_eq(service->settings.conn.timeout_half_close_ms, 300000);
	ck_assert_uint_eq(service->settings.conn.reset_linger_ms, 1000);
	ck_assert_uint_eq(service->settings.conn.timeout_stall_ms, 300000);
	ck_assert(!service->settings.conn.abort_on_close);
	ck_assert_uint_eq(service->settings.sndbuf_client, 0);
	ck_assert_uint_eq(config->stalled_memory, 0);
	ck_assert_int_eq(service->settings.check.kind, CHECK_NONE);
	ck_assert_str_eq(service->settings.check.args, "");
	ck_assert_uint_eq(service->settings.check.inter_ms, 2000);
	ck_assert_uint_eq(service->settings.check.timeout_ms, 2000);
	ck_assert_uint_eq(service->settings.check.rise, 2);
	ck_assert_uint_eq(service->settings.check.fall, 3);
	config_free(config);
}
END_TEST

/* In the file's order, each with its own values; [global] may come last. */
START_TEST(test_services)
{
	struct config *config = parse(
	    "[service  web ] ; one\nlisten = :80\nbackend = a 1.2.3.4:80\n"
	    "retries = 1\n\n[service db.1]\nbackend = b 1.2.3.4\n"
	    "listen = :90\n[global]\nworkers = 4\n");

	ck_assert_uint_eq(config->services, 2);
	ck_assert_uint_eq(config->workers, 4);
	ck_assert_str_eq(config->service[0].name, "web");
	ck_assert_str_eq(config->service[1].name, "db.1");
	ck_assert_uint_eq(config->service[0].settings.retries, 1);
	ck_assert_uint_eq(config->service[1].settings.retries, 3);
	check_addr(&config->service[1].listen[0], ":90");
	ck_assert_str_eq(config->service[1].backend[0].name, "b");
	ck_assert_int_eq(config->service[1].line, 6);
	config_free(config);
}
END_TEST

/* The longest name, which inih would have cut. */
START_TEST(test_long_name)
{
	char name[CONFIG_NAME_MAX];
	char text[256];
	struct config *config;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text),
	    "[service %s]\nlisten = :80\nbackend = %s 1.2.3.4:80\n", name,
	    name);
	config = parse(text);
	ck_assert_str_eq(config->service->name, name);
	ck_assert_str_eq(config->service->backend->name, name);
	config_free(config);
}
END_TEST

/* 20,000 times the common divisor is the most for a hash, round robin does not
 * mind. */
START_TEST(test_weights)
{
	enum { BACKENDS = 118 };
	size_t size = 64 * BACKENDS;
	char *text = malloc(size);

	for (unsigned sum = 19999; sum <= 20002; sum++) {
		unsigned left = sum;
		size_t len;
		struct config_errors errors;
		struct config *config;

		len = (size_t)snprintf(text, size,
		    "[service s]\nlisten = :80\n");
		for (unsigned i = 0; i < BACKENDS; i++) {
			unsigned rest = BACKENDS - i - 1;
			unsigned weight = left - rest > 255 ? 255 : left - rest;

			left -= weight;
			len += (size_t)snprintf(text + len, size - len,
			    "backend = b%u 1.2.3.4:80 weight=%u\n", i, weight);
		}
		ck_assert_uint_eq(left, 0);
		config = config_parse("t.ini", text, len, &errors);
		ck_assert_int_eq(config != NULL, sum <= 20000);
		ck_assert_uint_eq(errors.count, sum > 20000);
		if (sum == 20001)
			ck_assert_str_eq(errors.text[0],
			    "t.ini:1: [service s] balance: the sum of the "
			    "weights, 20001 divided by their common divisor "
			    "1, is above 20000: "
			    "give smaller weights, or set balance = "
			    "roundrobin");
		config_free(config);
		config_errors_done(&errors);

		snprintf(text + len, size - len, "balance = roundrobin\n");
		config_free(parse(text));
	}
	free(text);
}
END_TEST

/* 25,600 by 256 is 100. */
START_TEST(test_weights_with_divisor)
{
	char text[8192] = "[service s]\nlisten = :80\n";
	size_t len = strlen(text);

	for (int i = 0; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "backend = b%d 1.2.3.4:80 weight=256\n", i);
	snprintf(text + len, sizeof(text) - len,
	    "backend = zero 1.2.3.4:80 weight=0\n");
	config_free(parse(text));
}
END_TEST

/* As ever by name, but each knows where it stood. */
START_TEST(test_order_of_backends)
{
	struct config *config = parse("[service s]\nlisten = :80\n"
				      "backend = b 1.2.3.4:80\n"
				      "backend = c 1.2.3.4:80\n"
				      "backend = a 1.2.3.4:80 weight=0\n");
	const struct config_backend *backend = config->service->backend;

	ck_assert_str_eq(backend[0].name, "a");
	ck_assert_uint_eq(backend[0].order, 2);
	ck_assert_uint_eq(backend[1].order, 0);
	ck_assert_uint_eq(backend[2].order, 1);
	config_free(config);
}
END_TEST

/* Backups and the others have tables, and so limits, of their own. */
START_TEST(test_weights_of_backups)
{
	struct config_errors errors;
	struct config *config;
	char text[8000];
	size_t len;

	len = (size_t)snprintf(text, sizeof(text),
	    "[service s]\nlisten = :80\n");
	for (int i = 0; i < 158; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "backend = b%d 1.2.3.4:80 weight=253%s\n", i,
		    i % 2 ? " backup" : "");
	config_free(parse(text));
	len += (size_t)snprintf(text + len, sizeof(text) - len,
	    "backend = c 1.2.3.4:80 weight=14 backup\n");
	config = config_parse("t.ini", text, len, &errors);
	ck_assert_ptr_null(config);
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(errors.text[0],
	    "t.ini:1: [service s] balance: the sum of the backups' weights, "
	    "20001 divided by their common divisor 1, is above 20000: give "
	    "smaller weights, or "
	    "set balance = roundrobin");
	config_errors_done(&errors);
}
END_TEST

START_TEST(test_slowstart)
{
	static const char *const ways[] = { "roundrobin", "leastconn",
		"random" };

	for (size_t i = 0; i < COUNT(ways); i++) {
		struct config *config;
		char text[128];

		snprintf(text, sizeof(text),
		    "[service s]\nlisten = :80\nbackend = a 1.2.3.4:80\n"
		    "slowstart = 30s\nbalance = %s\n",
		    ways[i]);
		config = parse(text);
		ck_assert_uint_eq(config->service->settings.slowstart_ms,
		    30000);
		config_free(config);
	}
	refuse_key(false, "slowstart", "2h",
	    "\"2h\" is too high: give 0s to 1h");
}
END_TEST

START_TEST(test_pin_on_change)
{
	struct config *config = parse("[service s]\nlisten = :80\n"
				      "backend = a 1.2.3.4:80\n"
				      "balance = source\n"
				      "pin-on-change = 30m\n");

	ck_assert_uint_eq(config->service->settings.pin_on_change_ms, 1800000);
	config_free(config);
	refuse_key(false, "pin-on-change", "25h",
	    "\"25h\" is too high: give 0s to 1d");
}
END_TEST

START_TEST(test_adhoc)
{
	static const char *const backends[] = { "10.0.0.11:80",
		"unix:/run/a b;c", "[2001:db8::1]" };
	struct config_errors errors;
	struct config *config;

	config = config_adhoc(NULL, ":8080", backends, 1, &errors);
	ck_assert_ptr_nonnull(config);
	ck_assert_uint_eq(errors.count, 0);
	config = config_adhoc(config, ":8081", backends, 3, &errors);
	ck_assert_ptr_nonnull(config);
	ck_assert_uint_eq(errors.count, 0);

	ck_assert_uint_eq(config->services, 2);
	ck_assert_str_eq(config->service[0].name, "adhoc");
	ck_assert_str_eq(config->service[1].name, "adhoc2");
	check_addr(&config->service[0].listen[0], ":8080");
	check_addr(&config->service[1].listen[0], ":8081");
	ck_assert_uint_eq(config->service[1].backends, 3);
	ck_assert_str_eq(config->service[1].backend[0].name, "b1");
	check_addr(&config->service[1].backend[0].addr, "10.0.0.11:80");
	check_addr(&config->service[1].backend[1].addr, "unix:/run/a b;c");
	check_addr(&config->service[1].backend[2].addr, "[2001:db8::1]:0");
	/* The rest is as in a file. */
	ck_assert_uint_eq(config->service[1].settings.retries, 3);
	ck_assert_uint_eq(config->shutdown_timeout_ms, 30000);
	config_free(config);
}
END_TEST

START_TEST(test_adhoc_errors)
{
	static const char *const good[] = { "10.0.0.11:80" };
	static const char *const wrong[] = { "10.0.0.11:80 weight=2", "" };
	struct config_errors errors;

	ck_assert_ptr_null(config_adhoc(NULL, "8080", good, 1, &errors));
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(errors.text[0],
	    "[service adhoc] listen: \"8080\": not an IPv4 address" SUCH);
	config_errors_done(&errors);

	ck_assert_ptr_null(config_adhoc(NULL, ":8080", wrong, 2, &errors));
	ck_assert_uint_eq(errors.count, 2);
	ck_assert_str_eq(errors.text[0],
	    "[service adhoc] backend: \"10.0.0.11:80 weight=2\": port must be "
	    "0 to 65535" SUCH);
	ck_assert_str_eq(errors.text[1],
	    "[service adhoc] backend: no address: write backend = b2 ADDRESS");
	config_errors_done(&errors);

	ck_assert_ptr_null(config_adhoc(NULL, ":8080", good, 0, &errors));
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(errors.text[0],
	    "[service adhoc] backend: missing: give at least one address");
	config_errors_done(&errors);
}
END_TEST

/* Beside a file's services, which it may not disturb. */
START_TEST(test_adhoc_with_file)
{
	static const char *const good[] = { "10.0.0.11:80" };
	const char *file = "[service adhoc]\nlisten = :80\n"
			   "backend = a 1.2.3.4:80\n";
	struct config_errors errors;
	struct config *config;

	config = config_adhoc(parse(file), ":81", good, 1, &errors);
	ck_assert_ptr_nonnull(config);
	ck_assert_str_eq(config->service[1].name, "adhoc2");
	config_free(config);
	config_errors_done(&errors);

	ck_assert_ptr_null(config_adhoc(parse(file), ":80", good, 1, &errors));
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(errors.text[0],
	    "[service adhoc2] listen: :80 is taken by [service adhoc]: remove "
	    "one of them");
	config_errors_done(&errors);
}
END_TEST

START_TEST(test_load)
{
	char path[] = P_tmpdir "/lb4-test-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct config_errors errors;
	struct config *config;

	/* Bigger than the buffer that it is read into at first. */
	fprintf(file, "[service s]\nlisten = :80\n");
	for (int i = 0; i < 1000; i++)
		fprintf(file,
		    "; a comment that makes the file a big one\n"
		    "backend = b%d 1.2.3.4:80\n",
		    i);
	fclose(file);
	config = config_load(path, &errors);
	ck_assert_ptr_nonnull(config);
	ck_assert_uint_eq(errors.count, 0);
	ck_assert_uint_eq(config->service->backends, 1000);
	config_free(config);

	file = fopen(path, "a");
	fprintf(file, "wrong\n");
	fclose(file);
	ck_assert_ptr_null(config_load(path, &errors));
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_int_eq(strncmp(errors.text[0], path, strlen(path)), 0);
	ck_assert_str_eq(errors.text[0] + strlen(path),
	    ":2003: [service s] wrong: no '=': write key = value");
	config_errors_done(&errors);
	unlink(path);
}
END_TEST

static void
check_load_error(const char *path, const char *want)
{
	struct config_errors errors;

	ck_assert_ptr_null(config_load(path, &errors));
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(errors.text[0], want);
	config_errors_done(&errors);
}

START_TEST(test_unreadable)
{
	check_load_error("/nonexistent/lb4.ini",
	    "/nonexistent/lb4.ini: No such file or directory");
	check_load_error("/", "/: Is a directory");
	check_load_error("/dev/zero", "/dev/zero: not a regular file");
}
END_TEST

/* Who only asks may wait for what comes out of a pipe, but not for ever. */
START_TEST(test_stream)
{
	struct config_errors errors;

	ck_assert_ptr_null(config_load_stream("/dev/zero", &errors));
	ck_assert_str_eq(errors.text[0], "/dev/zero: File too large");
	config_errors_done(&errors);
	ck_assert_ptr_null(config_load_stream("/dev/null", &errors));
	ck_assert_str_eq(errors.text[0],
	    "/dev/null: no [service NAME] section: add one");
	config_errors_done(&errors);
}
END_TEST

/* A fifo has nobody who writes it: nothing waits for one. */
START_TEST(test_fifo)
{
	char path[] = "/tmp/lb4-test-fifo.XXXXXX";
	char want[sizeof(path) + 32];

	ck_assert_int_ge(close(mkstemp(path)), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	snprintf(want, sizeof(want), "%s: not a regular file", path);
	check_load_error(path, want);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* Of too many of a kind the first one is told of, and no other. */
START_TEST(test_too_many)
{
	struct config_errors errors;
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	fputs("[service s]\nlisten = :80\n", file);
	for (int i = 0; i < CONFIG_BACKENDS_MAX + 70; i++)
		fprintf(file, "backend = b%d 1.2.3.4:80\n", i);
	fclose(file);
	ck_assert_ptr_null(config_parse("f", text, size, &errors));
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(errors.text[0],
	    "f:1003: [service s] backend: more than 1000 in one service: "
	    "remove some");
	config_errors_done(&errors);
	free(text);

	file = open_memstream(&text, &size);
	for (int i = 0; i < CONFIG_SERVICES_MAX + 70; i++)
		fprintf(file,
		    "[service s%d]\nlisten = :%d\nbackend = a 1.2.3.4:80\n", i,
		    1000 + i);
	fclose(file);
	ck_assert_ptr_null(config_parse("f", text, size, &errors));
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(errors.text[0],
	    "f:3001: [service s1000]: more than 1000 services: remove some");
	config_errors_done(&errors);
	free(text);
}
END_TEST

/* A file that was cut anywhere but between two lines is an error, and says so
 * where it was cut. */
START_TEST(test_cut)
{
	static const char text[] = "[service web]\nlisten = 127.0.0.1:80\n"
				   "backend = app1 127.0.0.1:8001 weight=10\n"
				   "backend = app2 127.0.0.1:8002 weight=100\n"
				   "timeout-idle = 10m\n; the end\n";
	struct config_errors errors;
	struct config *config;
	bool told;

	for (size_t len = 1; len < strlen(text); len++) {
		if (text[len - 1] == '\n')
			continue;
		config = config_parse("f", text, len, &errors);
		ck_assert_msg(config == NULL, "cut to %zu", len);
		told = false;
		for (size_t i = 0; i < errors.count; i++)
			told |=
			    strstr(errors.text[i],
				"the file ends in the middle of this line") !=
			    NULL;
		ck_assert_msg(told, "cut to %zu: %s", len, errors.text[0]);
		config_errors_done(&errors);
	}
}
END_TEST

START_TEST(test_copy)
{
	static const char text[] = "[global]\nworkers = 3\n"
				   "[service a]\nlisten = :80\nlisten = :81\n"
				   "backend = x 1.2.3.4:80 weight=7 zone=z\n"
				   "[service b]\nlisten = :82\n"
				   "backend = y 1.2.3.4:80\n";
	struct config_errors errors;
	struct config *config = config_parse("f", text, strlen(text), &errors);
	struct config *copy = config_copy(config);
	char *dump[2] = { NULL, NULL };
	size_t size;
	FILE *file;

	file = open_memstream(&dump[0], &size);
	config_dump(config, file);
	fclose(file);
	config_free(config);
	file = open_memstream(&dump[1], &size);
	config_dump(copy, file);
	fclose(file);
	config_free(copy);
	ck_assert_str_eq(dump[0], dump[1]);
	free(dump[0]);
	free(dump[1]);
}
END_TEST

START_TEST(test_standard_input)
{
	const char *text = "[service s]\nlisten = :80\nbackend = a 1.2.3.4\n";
	struct config_errors errors;
	struct config *config;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], text, strlen(text)), (int)strlen(text));
	close(ends[1]);
	ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	config = config_load("-", &errors);
	ck_assert_ptr_nonnull(config);
	config_free(config);
	/* At its end now. */
	check_load_error("-",
	    "standard input: no [service NAME] section: add one");
}
END_TEST

static Suite *
config_suite(void)
{
	Suite *suite = suite_create("config");
	TCase *keys = tcase_create("keys");
	TCase *whole = tcase_create("whole");

	tcase_set_tags(keys, "one-thread");
	tcase_add_loop_test(keys, test_range, 0, COUNT(ranged));
	tcase_add_test(keys, test_auto);
	tcase_add_test(keys, test_yes_and_no);
	tcase_add_test(keys, test_words);
	tcase_add_test(keys, test_names_of_words);
	tcase_add_test(keys, test_seed);
	tcase_add_test(keys, test_user);
	tcase_add_test(keys, test_paths);
	tcase_add_test(keys, test_listen);
	tcase_add_test(keys, test_listeners_in_order);
	tcase_add_test(keys, test_listeners_that_go_together);
	tcase_add_test(keys, test_backend);
	tcase_add_test(keys, test_wrong_backends);
	tcase_add_test(keys, test_backends_are_sorted);
	tcase_add_test(keys, test_check);
	tcase_add_test(keys, test_check_host);
	tcase_add_test(keys, test_check_keys);
	suite_add_tcase(suite, keys);

	tcase_set_tags(whole, "one-thread");
	tcase_add_test(whole, test_global_defaults);
	tcase_add_test(whole, test_service_defaults);
	tcase_add_test(whole, test_services);
	tcase_add_test(whole, test_long_name);
	tcase_add_test(whole, test_weights);
	tcase_add_test(whole, test_weights_with_divisor);
	tcase_add_test(whole, test_order_of_backends);
	tcase_add_test(whole, test_weights_of_backups);
	tcase_add_test(whole, test_slowstart);
	tcase_add_test(whole, test_pin_on_change);
	tcase_add_test(whole, test_adhoc);
	tcase_add_test(whole, test_adhoc_errors);
	tcase_add_test(whole, test_adhoc_with_file);
	tcase_add_test(whole, test_load);
	tcase_add_test(whole, test_unreadable);
	tcase_add_test(whole, test_stream);
	tcase_add_test(whole, test_fifo);
	tcase_add_test(whole, test_too_many);
	tcase_add_test(whole, test_cut);
	tcase_add_test(whole, test_copy);
	tcase_add_test(whole, test_standard_input);
	suite_add_tcase(suite, whole);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(config_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
