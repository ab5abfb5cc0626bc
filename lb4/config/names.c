/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The words for the values of the configuration's enums.
 */
#include "lb4/config/names.h"

#include <assert.h>
#include <string.h>

#include "lb4/config/settings.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NAMES(list, values) \
	static_assert(COUNT(list##_text) == (values), #list); \
	const struct names list = { list##_text, COUNT(list##_text) }

static const char *const names_balance_text[] = {
	[BALANCE_4TUPLE] = "4tuple",
	[BALANCE_SOURCE] = "source",
	[BALANCE_ROUNDROBIN] = "roundrobin",
	[BALANCE_LEASTCONN] = "leastconn",
	[BALANCE_RANDOM] = "random",
	[BALANCE_FIRST] = "first",
};
NAMES(names_balance, BALANCE_COUNT);

static const char *const names_relay_text[] = {
	[RELAY_AUTO] = "auto",
	[RELAY_COPY] = "copy",
	[RELAY_SPLICE] = "splice",
	[RELAY_PEEK] = "peek",
};
NAMES(names_relay, RELAY_WAY_COUNT);

static const char *const names_check_text[] = {
	[CHECK_NONE] = "none",
	[CHECK_TCP] = "tcp",
	[CHECK_HTTP] = "http",
	[CHECK_REDIS] = "redis",
	[CHECK_POSTGRESQL] = "postgresql",
	[CHECK_MYSQL] = "mysql",
	[CHECK_SMTP] = "smtp",
	[CHECK_TLS] = "tls",
	[CHECK_HTTPS] = "https",
	[CHECK_EXEC] = "exec",
};
NAMES(names_check, CHECK_KIND_COUNT);

static const char *const names_check_init_text[] = {
	[CHECK_INIT_UP] = "up",
	[CHECK_INIT_DOWN] = "down",
	[CHECK_INIT_CHECKED] = "checked",
};
NAMES(names_check_init, CHECK_INIT_COUNT);

static const char *const names_keepalive_text[] = {
	[KEEPALIVE_NONE] = "none",
	[KEEPALIVE_CLIENT] = "client",
	[KEEPALIVE_BACKEND] = "backend",
	[KEEPALIVE_BOTH] = "both",
};
NAMES(names_keepalive, KEEPALIVE_COUNT);

static const char *const names_mptcp_text[] = {
	[MPTCP_NO] = "no",
	[MPTCP_CLIENT] = "client",
	[MPTCP_BACKEND] = "backend",
	[MPTCP_YES] = "yes",
};
NAMES(names_mptcp, MPTCP_COUNT);

static const char *const names_send_proxy_text[] = {
	[SEND_PROXY_NO] = "no",
	[SEND_PROXY_V1] = "v1",
	[SEND_PROXY_V2] = "v2",
};
NAMES(names_send_proxy, SEND_PROXY_COUNT);

static const char *const names_observe_text[] = {
	[OBSERVE_OFF] = "off",
	[OBSERVE_ON] = "on",
};
NAMES(names_observe, OBSERVE_COUNT);

static const char *const names_on_down_text[] = {
	[ON_DOWN_KEEP] = "keep",
	[ON_DOWN_IDLE] = "idle",
	[ON_DOWN_ALL] = "all",
	[ON_DOWN_STUCK] = "stuck",
};
NAMES(names_on_down, ON_DOWN_COUNT);

static const char *const names_over_limit_text[] = {
	[OVER_LIMIT_RESET] = "reset",
	[OVER_LIMIT_WAIT] = "wait",
};
NAMES(names_over_limit, OVER_LIMIT_COUNT);

static const char *const names_access_format_text[] = {
	[ACCESS_KV] = "kv",
	[ACCESS_JSON] = "json",
};
NAMES(names_access_format, ACCESS_FORMAT_COUNT);

int
names_find(const struct names *names, const char *word)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->text[i], word) == 0)
			return (int)i;
	}
	return -1;
}

const char *
balance_name(enum balance balance)
{
	assert(balance < BALANCE_COUNT);
	return names_balance_text[balance];
}

bool
balance_hashes(enum balance balance)
{
	return balance == BALANCE_4TUPLE || balance == BALANCE_SOURCE;
}

const char *
relay_way_name(enum relay_way way)
{
	assert(way < RELAY_WAY_COUNT);
	return names_relay_text[way];
}

const char *
check_kind_name(enum check_kind kind)
{
	assert(kind < CHECK_KIND_COUNT);
	return names_check_text[kind];
}

const char *
keepalive_name(enum keepalive keepalive)
{
	assert(keepalive < KEEPALIVE_COUNT);
	return names_keepalive_text[keepalive];
}

const char *
send_proxy_name(enum send_proxy version)
{
	assert(version < SEND_PROXY_COUNT);
	return names_send_proxy_text[version];
}

const char *
access_format_name(enum access_format format)
{
	assert(format < ACCESS_FORMAT_COUNT);
	return names_access_format_text[format];
}

int
relay_way_parse(const char *name)
{
	return names_find(&names_relay, name);
}
