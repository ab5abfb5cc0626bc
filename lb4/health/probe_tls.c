/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checks with a TLS handshake (RFC 8446, RFC 5246), and says goodbye with
 * close_notify.  probe.c does the handshake, as it does for `https`, whose
 * dialogue is that of probe_http.c.
 */
#include <stdio.h>
#include <string.h>

#include "lb4/health/probe.h"
#include "lb4/health/probe_kind.h"
#include "lb4/health/tls.h"

static int
judge(const struct config_check *check, const char **key, struct why *why)
{
	*key = "check-ca";
	return tls_judge(&check->tls, why);
}

static bool
words(int result, uint16_t detail, char *buf, size_t size)
{
	if (result == HEALTH_PASSED)
		(void)snprintf(buf, size, "TLS handshake");
	else if (result == HEALTH_TLS)
		(void)tls_detail_text(detail, buf, size);
	else
		return false;
	return true;
}

static void
on_connected(struct probe *probe)
{
	probe_finish(probe, HEALTH_PASSED, 0);
}

/* Nothing is expected. */
static void
on_bytes(struct probe *probe, const char *bytes, size_t len)
{
	(void)probe;
	(void)bytes;
	(void)len;
}

const struct probe_kind probe_tls = {
	.way = {
		.usage = "tls",
		.keys = CHECK_KEYS_TLS,
		.parse = check_parse_nothing,
		.judge = judge,
		.words = words,
	},
	.tls = true,
	.half_close = true,
	.on_connected = on_connected,
	.on_bytes = on_bytes,
};
