/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The table of keys, and functions that search it.
 */
#include "lb4/config/keys.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "common/textbuf.h"
#include "lb4/config/inifile.h"
#include "lb4/config/kinds.h"
#include "lb4/config/settings.h"

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define GLOBAL(key, field) \
	.name = (key), .section = KEY_GLOBAL, \
	.offset = offsetof(struct config, field), \
	.size = sizeof(((struct config *)0)->field)
#define SERVICE(key, field) \
	.name = (key), .section = KEY_SERVICE, \
	.offset = offsetof(struct config_service, field), \
	.size = sizeof(((struct config_service *)0)->field)
#define SETTING(key, field) SERVICE(key, settings.field)
#define BACKEND(key, field) \
	.name = (key), .section = KEY_BACKEND, \
	.offset = offsetof(struct config_backend, field), \
	.size = sizeof(((struct config_backend *)0)->field)
#define KIND(name) .kind = &kind_##name
#define OWN .local = true
#define FIXED .fixed = true
#define BUFFER \
	KIND(size), .low = 4096, .high = 1 << 30, .zero = "auto", \
		    .preset = "auto"
#define RANGE(from, to) .low = (from), .high = (to)

static const char *const log_words[] = { "stderr", "syslog" };
static const char *const access_words[] = { "off", "stderr", "syslog" };
static const struct names log_targets = { log_words, 2 };
static const struct names access_targets = { access_words, 3 };

const struct key keys_table[] = {
	{ GLOBAL("workers", workers), OWN, KIND(number), RANGE(1, 256),
	    .zero = "auto", .preset = "auto" },
	{ GLOBAL("cpu-affinity", cpu_affinity), OWN, FIXED, KIND(yesno),
	    .preset = "yes" },
	{ GLOBAL("worker-rebalance", worker_rebalance), OWN, KIND(yesno),
	    .preset = "no" },
	{ GLOBAL("incoming-cpu", incoming_cpu), OWN, KIND(yesno),
	    .preset = "no" },
	{ GLOBAL("spin", spin_us), OWN, KIND(number), RANGE(1, 1000),
	    .zero = "off", .preset = "off" },
	{ GLOBAL("busy-poll", busy_poll_us), OWN, KIND(number), RANGE(1, 1000),
	    .zero = "off", .preset = "off" },
	{ GLOBAL("maxconn", maxconn), OWN, KIND(number), RANGE(1, 10000000),
	    .zero = "auto", .preset = "auto" },
	{ GLOBAL("rate", rate), OWN, KIND(limit), RANGE(1, 1000000),
	    .preset = "off" },
	{ GLOBAL("maxpipes", maxpipes), OWN, KIND(number), RANGE(1, 100000),
	    .zero = "auto", .preset = "auto" },
	{ GLOBAL("pipe-size", pipe_size), OWN, FIXED, KIND(size),
	    RANGE(64 << 10, 1 << 20), .preset = "256k" },
	{ GLOBAL("stalled-memory", stalled_memory), OWN, KIND(size),
	    RANGE(1 << 20, UINT64_C(1) << 40), .zero = "auto",
	    .preset = "auto" },
	{ GLOBAL("relay", relay), OWN, FIXED, KIND(names),
	    .names = &names_relay, .preset = "auto" },
	{ GLOBAL("hash-seed", hash_seed), KIND(seed),
	    .absent = "random at each start" },
	{ GLOBAL("hash-seed-file", hash_seed_file), OWN, KIND(target),
	    .absent = "none" },
	{ GLOBAL("user", user), OWN, FIXED, KIND(user),
	    .absent = "the user who started lb4" },
	{ GLOBAL("pidfile", pidfile), OWN, FIXED, KIND(target),
	    .absent = "none" },
	{ GLOBAL("control", control), OWN, FIXED, KIND(socket),
	    .absent = "none" },
	{ GLOBAL("control-owner", control_owner), OWN, FIXED, KIND(user),
	    .absent = "the user who started lb4" },
	{ GLOBAL("control-group", control_group), OWN, FIXED, KIND(user),
	    .absent = "the group of the user who started lb4" },
	{ GLOBAL("control-mode", control_mode), OWN, FIXED, KIND(mode),
	    RANGE(0, 0777), .preset = "0600" },
	{ GLOBAL("control-read", control_read), OWN, FIXED, KIND(user),
	    .absent = "no group" },
	{ GLOBAL("control-operate", control_operate), OWN, FIXED, KIND(user),
	    .absent = "no group" },
	{ GLOBAL("control-admin", control_admin), OWN, FIXED, KIND(user),
	    .absent = "no group" },
	{ GLOBAL("metrics", metrics), OWN, FIXED, KIND(server),
	    .absent = "none" },
	{ GLOBAL("log", log), OWN, KIND(target), .names = &log_targets,
	    .preset = "stderr" },
	{ GLOBAL("log-level", log_level), OWN, KIND(level), .preset = "info" },
	{ GLOBAL("access-log", access_log), OWN, KIND(target),
	    .names = &access_targets, .preset = "off" },
	{ GLOBAL("access-format", access_format), OWN, KIND(names),
	    .names = &names_access_format, .preset = "kv" },
	{ GLOBAL("access-log-start", access_start), OWN, KIND(yesno),
	    .preset = "no" },
	{ GLOBAL("access-log-every", access_every_ms), OWN, KIND(time),
	    RANGE(SECOND, 30 * DAY), .zero = "off", .preset = "off" },
	{ GLOBAL("access-log-sample", access_sample), OWN, KIND(sample),
	    RANGE(1, 1000000), .preset = "1/1" },
	{ GLOBAL("shutdown-timeout", shutdown_timeout_ms), KIND(time),
	    RANGE(0, DAY), .preset = "30s" },

	{ GLOBAL("on-change", on_change), OWN, KIND(target), .absent = "none" },
	{ GLOBAL("on-change-timeout", on_change_timeout_ms), OWN, KIND(time),
	    RANGE(100, HOUR), .preset = "30s" },

	{ GLOBAL("resolver", resolver), OWN, KIND(resolver),
	    .absent = "those of /etc/resolv.conf" },
	{ GLOBAL("resolve-min", resolve_min_ms), OWN, KIND(time),
	    RANGE(100, HOUR), .preset = "1s" },
	{ GLOBAL("resolve-max", resolve_max_ms), OWN, KIND(time),
	    RANGE(SECOND, DAY), .preset = "5m" },

	{ SERVICE("listen", listen), KIND(listen), .repeats = true,
	    .absent = "only routes lead here" },
	{ SERVICE("route", route), KIND(route), .repeats = true,
	    .absent = "all clients get these backends" },
	{ SETTING("balance", balance), KIND(names), .names = &names_balance,
	    .preset = "4tuple" },
	{ SERVICE("backend", backend), KIND(backend), .repeats = true,
	    .required = true },
	{ SERVICE("allow", access), KIND(allow), .repeats = true,
	    .absent = "no rule" },
	{ SERVICE("deny", access), KIND(deny), .repeats = true,
	    .absent = "no rule" },
	{ SERVICE("backends-file", backends_file), KIND(target),
	    .absent = "none" },
	{ SERVICE("backends-file-empty", backends_file_empty), KIND(yesno),
	    .preset = "no" },
	{ SETTING("source-prefix4", source_prefix4), KIND(number), RANGE(1, 32),
	    .preset = "32" },
	{ SETTING("source-prefix6", source_prefix6), KIND(number),
	    RANGE(1, 128), .preset = "64" },
	{ SETTING("max-load", max_load), KIND(percent), RANGE(100, 10000),
	    .zero = "off", .preset = "off" },
	{ SETTING("pin-on-change", pin_on_change_ms), KIND(time), RANGE(0, DAY),
	    .preset = "0s" },
	{ SETTING("pin-clients", pin_clients), KIND(number),
	    RANGE(1000, 4000000), .preset = "100000" },
	{ SETTING("slowstart", slowstart_ms), KIND(time), RANGE(0, HOUR),
	    .preset = "0s" },
	{ SETTING("zone-affinity", zone_affinity), KIND(yesno),
	    .preset = "no" },
	{ SETTING("retries", retries), KIND(number),
	    RANGE(0, CONFIG_RETRIES_MAX), .preset = "3" },
	{ SETTING("maxconn", maxconn), KIND(number), RANGE(0, 10000000),
	    .preset = "0" },
	{ SETTING("source-maxconn", source_maxconn), KIND(number),
	    RANGE(1, 10000000), .zero = "off", .preset = "off" },
	{ SETTING("source-rate", source_rate), KIND(limit), RANGE(1, 100000),
	    .preset = "off" },
	{ SETTING("rate", rate), KIND(limit), RANGE(1, 1000000),
	    .preset = "off" },
	{ SETTING("over-limit", over_limit), KIND(names),
	    .names = &names_over_limit, .preset = "reset" },
	{ SETTING("queue", queue), KIND(number), RANGE(0, 10000000),
	    .preset = "1024" },
	{ SETTING("backlog", backlog), KIND(number), RANGE(1, 65535),
	    .preset = "4096" },
	{ SETTING("freebind", freebind), KIND(yesno), .preset = "no" },
	{ SETTING("device", tuning.device), OWN, KIND(device),
	    .absent = "any interface" },
	{ SETTING("tcp-fastopen", tuning.fastopen), KIND(number),
	    RANGE(1, 65535), .zero = "off", .preset = "off" },
	{ SETTING("defer-accept", tuning.defer_accept_ms), KIND(time),
	    RANGE(SECOND, HOUR), .zero = "off", .preset = "off" },
	{ SETTING("listen-owner", listen_owner), OWN, KIND(user),
	    .absent = "the user who started lb4" },
	{ SETTING("listen-group", listen_group), OWN, KIND(user),
	    .absent = "the group of the user who started lb4" },
	{ SETTING("listen-mode", listen_mode), OWN, KIND(mode), RANGE(1, 0777),
	    .absent = "set by the umask" },
	{ SETTING("mptcp", mptcp), KIND(names), .names = &names_mptcp,
	    .preset = "no" },
	{ SETTING("nodelay", nodelay), KIND(yesno), .preset = "yes" },
	{ SETTING("accept-proxy", accept_proxy), KIND(proxies), .repeats = true,
	    .absent = "connections begin with no header" },
	{ SETTING("send-proxy", send_proxy), KIND(names),
	    .names = &names_send_proxy, .preset = "no" },
	{ SETTING("keepalive", keepalive), KIND(names),
	    .names = &names_keepalive, .preset = "client" },
	{ SETTING("keepalive-idle", tuning.keepalive_idle_ms), KIND(time),
	    RANGE(SECOND, 9 * HOUR), .zero = "auto", .preset = "auto" },
	{ SETTING("keepalive-interval", tuning.keepalive_interval_ms),
	    KIND(time), RANGE(SECOND, 9 * HOUR), .zero = "auto",
	    .preset = "auto" },
	{ SETTING("keepalive-count", tuning.keepalive_count), KIND(number),
	    RANGE(1, 127), .zero = "auto", .preset = "auto" },
	{ SETTING("user-timeout", user_timeout_ms), KIND(time), RANGE(0, DAY),
	    .preset = "0s" },
	{ SETTING("sndbuf-client", sndbuf_client), BUFFER },
	{ SETTING("sndbuf-backend", sndbuf_backend), BUFFER },
	{ SETTING("rcvbuf-client", rcvbuf_client), BUFFER },
	{ SETTING("rcvbuf-backend", rcvbuf_backend), BUFFER },
	{ SETTING("notsent-lowat-client", notsent_lowat_client), BUFFER },
	{ SETTING("notsent-lowat-backend", notsent_lowat_backend), BUFFER },
	{ SETTING("source", source), OWN, KIND(source),
	    .absent = "chosen by the kernel" },
	{ SETTING("source-ports", source), OWN, KIND(ports),
	    .absent = "net.ipv4.ip_local_port_range" },
	{ SETTING("mark", tuning.mark), OWN, KIND(number), RANGE(1, UINT32_MAX),
	    .zero = "off", .preset = "off" },
	{ SETTING("mirror", mirror), KIND(mirror),
	    .absent = "nobody gets a copy" },
	{ SETTING("congestion", tuning.congestion), KIND(congestion),
	    .absent = "the kernel's default" },
	{ SETTING("tos", tuning.tos), KIND(number), RANGE(0, 252),
	    .preset = "0" },
	{ SETTING("abort-on-close", conn.abort_on_close), KIND(yesno),
	    .preset = "no" },
	{ SETTING("timeout-connect", conn.timeout_connect_ms), KIND(time),
	    RANGE(1, HOUR), .preset = "5s" },
	{ SETTING("timeout-queue", conn.timeout_queue_ms), KIND(time),
	    RANGE(1, HOUR), .zero = "auto", .preset = "auto" },
	{ SETTING("wait-for-backend", conn.wait_for_backend_ms), KIND(time),
	    RANGE(0, HOUR), .preset = "0s" },
	{ SETTING("timeout-proxy", conn.timeout_proxy_ms), KIND(time),
	    RANGE(10, HOUR), .preset = "5s" },
	{ SETTING("timeout-hello", conn.timeout_hello_ms), KIND(time),
	    RANGE(10, HOUR), .preset = "5s" },
	{ SETTING("timeout-idle", conn.timeout_idle_ms), KIND(time),
	    RANGE(10, 30 * DAY), .preset = "1h" },
	{ SETTING("timeout-half-close", conn.timeout_half_close_ms), KIND(time),
	    RANGE(10, 30 * DAY), .preset = "5m" },
	{ SETTING("timeout-stall", conn.timeout_stall_ms), KIND(time),
	    RANGE(0, DAY), .preset = "5m" },
	{ SETTING("reset-linger", conn.reset_linger_ms), KIND(time),
	    RANGE(0, MINUTE), .preset = "1s" },
	{ SETTING("max-lifetime", conn.max_lifetime_ms), KIND(time),
	    RANGE(0, 30 * DAY), .preset = "0s" },
	{ SETTING("observe", observe), KIND(names), .names = &names_observe,
	    .preset = "off" },
	{ SETTING("observe-fall", observe_fall), KIND(number), RANGE(1, 1000),
	    .preset = "5" },
	{ SETTING("eject-time", eject_time_ms), KIND(time), RANGE(10, HOUR),
	    .preset = "30s" },
	{ SETTING("max-eject", max_eject), KIND(percent), RANGE(0, 100),
	    .preset = "50%" },
	{ SETTING("panic", panic), KIND(percent), RANGE(1, 100), .zero = "off",
	    .preset = "30%" },
	{ SETTING("on-down", on_down), KIND(names), .names = &names_on_down,
	    .preset = "stuck" },
	{ SETTING("on-down-rate", on_down_rate), KIND(rate), RANGE(1, 100000),
	    .preset = "20/s" },
	{ SETTING("check", check), KIND(check), .preset = "none" },
	{ SETTING("check-host", check.host), KIND(host),
	    .absent = "the address that is checked" },
	{ SETTING("check-send-proxy", check.send_proxy), KIND(yesno),
	    .preset = "yes" },
	{ SETTING("check-header", check.headers), KIND(header), .repeats = true,
	    .absent = "none" },
	{ SETTING("check-status", check.statuses), KIND(statuses),
	    .absent = "200-399" },
	{ SETTING("check-body", check.body), KIND(text),
	    .absent = "not looked at" },
	{ SETTING("check-sni", check.tls.sni), KIND(sni),
	    .absent = "the name in check-host, or none" },
	{ SETTING("check-alpn", check.tls.alpn), KIND(alpn), .absent = "none" },
	{ SETTING("check-ca", check.tls.ca), OWN, KIND(target),
	    .absent = "the authorities that the system trusts" },
	{ SETTING("check-verify", check.tls.verify), KIND(yesno),
	    .preset = "yes" },
	{ SETTING("check-expiry-warn", check.tls.expiry_warn_ms), KIND(time),
	    RANGE(0, 45 * DAY), .preset = "14d" },
	{ SETTING("inter", check.inter_ms), KIND(time), RANGE(10, DAY),
	    .preset = "2s" },
	{ SETTING("fastinter", check.fastinter_ms), KIND(time), RANGE(10, DAY),
	    .zero = "auto", .preset = "auto" },
	{ SETTING("downinter", check.downinter_ms), KIND(time), RANGE(10, DAY),
	    .zero = "auto", .preset = "auto" },
	{ SETTING("init", check.init), KIND(names), .names = &names_check_init,
	    .preset = "up" },
	{ SETTING("timeout-check", check.timeout_ms), KIND(time),
	    RANGE(10, HOUR), .preset = "2s" },
	{ SETTING("rise", check.rise), KIND(number), RANGE(1, 100),
	    .preset = "2" },
	{ SETTING("fall", check.fall), KIND(number), RANGE(1, 100),
	    .preset = "3" },
	{ SETTING("damping", check.damping), KIND(yesno), .preset = "yes" },
	{ SETTING("agent", agent.port), KIND(number), RANGE(1, 65535),
	    .zero = "off", .preset = "off" },
	{ SETTING("agent-inter", agent.inter_ms), KIND(time), RANGE(10, DAY),
	    .zero = "auto", .preset = "auto" },
	{ SETTING("agent-send", agent.send), KIND(text), .absent = "nothing" },

	{ BACKEND("weight", weight), KIND(number), RANGE(0, CONFIG_WEIGHT_MAX),
	    .preset = "1" },
	{ BACKEND("maxconn", maxconn), KIND(number), RANGE(0, 10000000),
	    .preset = "0" },
	{ BACKEND("backup", backup), KIND(flag), .absent = "no backup" },
	{ BACKEND("zone", zone), KIND(name), .absent = "in no zone" },
	{ BACKEND("resolve", resolve), KIND(resolve),
	    .absent = "an address, or the first one of a name" },
	{ BACKEND("srv", of_srv), KIND(srv), .absent = "an address or a name" },
	{ BACKEND("check-addr", check_addr), KIND(addr),
	    .absent = "the backend's address" },
	{ BACKEND("check-port", check_port), KIND(port), RANGE(1, 65535),
	    .absent = "the port of the checked address" },
	{ BACKEND("agent-addr", agent_addr), KIND(addr),
	    .absent = "the backend's address" },
	{ BACKEND("agent-port", agent_port), KIND(port), RANGE(1, 65535),
	    .absent = "the service's agent" },
	{ BACKEND("send-proxy", send_proxy), KIND(choice),
	    .names = &names_send_proxy, .absent = "as the service says" },
	{ BACKEND("track", track), KIND(track), .absent = "no other backend" },
};
const size_t keys_count = sizeof(keys_table) / sizeof(keys_table[0]);

const char *
keys_section_name(enum key_section section)
{
	static const char *const names[] = {
		[KEY_GLOBAL] = "global",
		[KEY_SERVICE] = "service",
		[KEY_BACKEND] = "backend",
	};

	static_assert(sizeof(names) / sizeof(names[0]) == KEY_SECTION_COUNT,
	    "names of sections");
	return names[section];
}

const struct key *
keys_find(enum key_section section, const char *name)
{
	for (size_t i = 0; i < keys_count; i++) {
		if (keys_table[i].section == section &&
		    strcmp(keys_table[i].name, name) == 0)
			return &keys_table[i];
	}
	return NULL;
}

/* Translates the words of other balancers. */
static const char *
translate(const char *name)
{
	static const char *const words[][2] = {
		{ "bind", "listen" },
		{ "server", "backend" },
		{ "nbthread", "workers" },
		{ "hard-stop-after", "shutdown-timeout" },
		{ "maxqueue", "queue" },
		{ "abortonclose", "abort-on-close" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i][0], name) == 0)
			return words[i][1];
	}
	return name;
}

const struct key *
keys_nearest(enum key_section section, const char *name)
{
	struct nearest nearest;

	nearest_begin(&nearest, translate(name));
	for (size_t i = 0; i < keys_count; i++)
		if (keys_table[i].section == section)
			nearest_try(&nearest, keys_table[i].name);
	return nearest.best != NULL ? keys_find(section, nearest.best) : NULL;
}

void
keys_preset(enum key_section section, void *object)
{
	struct why why = { "" };
	int error;

	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys_table[i];

		if (key->section != section || key->preset == NULL)
			continue;
		/* presets need no memory, and none is too long */
		error = key->kind->parse(key, object, key->preset, &why);
		assert(error == 0);
	}
}

bool
key_equal(const struct key *key, const void *one, const void *other)
{
	if (key->kind->equal != NULL)
		return key->kind->equal(key, one, other);
	return memcmp((const char *)one + key->offset,
		   (const char *)other + key->offset, key->size) == 0;
}

void
keys_keep_fixed(struct config *config, const struct config *before,
    void (*on_change)(const struct key *key))
{
	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys_table[i];

		if (!key->fixed || key_equal(key, config, before))
			continue;
		memcpy((char *)config + key->offset,
		    (const char *)before + key->offset, key->size);
		on_change(key);
	}
}

/* The length of the line with the last value of the key; 0 without memory. */
static size_t
line_length(const struct key *key, const void *object)
{
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);
	size_t len;

	if (out != NULL)
		key_print_line(key, object, key_count(key, object) - 1, out);
	if (textbuf_close(&buf) < 0)
		return 0;
	len = buf.len;
	textbuf_done(&buf);
	return len;
}

int
key_parse(const struct key *key, void *object, const char *text,
    struct why *why)
{
	int error = key->kind->parse(key, object, text, why);
	size_t len;

	if (error != 0)
		return error;
	len = line_length(key, object);
	if (len == 0)
		return -ENOMEM;
	if (len <= INIFILE_LINE_MAX)
		return 0;
	return why_set(why,
	    "the line, written out in full, is longer than %d characters: "
	    "shorten it",
	    INIFILE_LINE_MAX);
}

size_t
key_count(const struct key *key, const void *object)
{
	return key->kind->count != NULL ? key->kind->count(key, object) : 1;
}

void
key_print(const struct key *key, const void *object, size_t index, FILE *out)
{
	key->kind->print(key, object, index, out);
}

void
key_print_line(const struct key *key, const void *object, size_t index,
    FILE *out)
{
	fprintf(out, "%s = ", key->name);
	key_print(key, object, index, out);
}
