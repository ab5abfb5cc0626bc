/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The table of the kinds of check, for probe.c and for the configuration.
 */
#include <assert.h>

#include "lb4/health/probe_kind.h"

static const struct probe_kind *const kinds[] = {
	[CHECK_NONE] = NULL,
	[CHECK_TCP] = &probe_tcp,
	[CHECK_HTTP] = &probe_http,
	[CHECK_REDIS] = &probe_redis,
	[CHECK_POSTGRESQL] = &probe_postgresql,
	[CHECK_MYSQL] = &probe_mysql,
	[CHECK_SMTP] = &probe_smtp,
	[CHECK_TLS] = &probe_tls,
	[CHECK_HTTPS] = &probe_https,
	[CHECK_EXEC] = &probe_exec,
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == CHECK_KIND_COUNT,
    "a line for each kind of check");

const struct probe_kind *
probe_kind(enum check_kind kind)
{
	return (unsigned)kind < CHECK_KIND_COUNT ? kinds[kind] : NULL;
}

const struct check_way *
check_way(enum check_kind kind)
{
	const struct probe_kind *found = probe_kind(kind);

	return found != NULL ? &found->way : NULL;
}
