/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checks a mail server by its greeting (RFC 5321, section 4.2): 220 is up.
 * Leaves with QUIT, so that the server does not log a lost connection.  LMTP
 * (RFC 2033) has the same greeting.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lb4/health/probe.h"
#include "lb4/health/probe_kind.h"

#define READY 220
#define CODE_LEN 3

struct state {
	size_t at; /* position in the line */
	uint16_t code;
	bool more; /* another line follows this one */
};

static const char quit[] = "QUIT\r\n";

static bool
words(int result, uint16_t detail, char *buf, size_t size)
{
	if (result == HEALTH_GARBLED)
		(void)snprintf(buf, size, "answer is not SMTP");
	else if (result == HEALTH_PASSED || result == HEALTH_STATUS)
		(void)snprintf(buf, size, "status %u", detail);
	else
		return false;
	return true;
}

/* The server speaks first. */
static void
on_connected(struct probe *probe)
{
	(void)probe;
}

/* Takes one byte of a reply; false if this is not a reply. */
static bool
take(struct state *state, char byte)
{
	size_t at = state->at++;

	if (at < CODE_LEN) {
		if (at == 0)
			state->code = 0;
		state->code = (uint16_t)(state->code * 10 + byte - '0');
		return isdigit((unsigned char)byte) && (at > 0 || byte >= '2');
	}
	if (at == CODE_LEN) {
		state->more = byte == '-';
		return byte == '-' || byte == ' ' || byte == '\r' ||
		    byte == '\n';
	}
	return true;
}

static void
on_bytes(struct probe *probe, const char *bytes, size_t len)
{
	struct state *state = probe->state;

	for (size_t i = 0; i < len; i++) {
		if (!take(state, bytes[i])) {
			probe_finish(probe, HEALTH_GARBLED, 0);
			return;
		}
		if (bytes[i] != '\n')
			continue;
		state->at = 0;
		if (!state->more) {
			probe_leave(probe,
			    state->code == READY ? HEALTH_PASSED
						 : HEALTH_STATUS,
			    state->code, quit, strlen(quit));
			return;
		}
	}
}

const struct probe_kind probe_smtp = {
	.way = {
		.usage = "smtp",
		.parse = check_parse_nothing,
		.words = words,
	},
	.state_size = sizeof(struct state),
	.on_connected = on_connected,
	.on_bytes = on_bytes,
};
