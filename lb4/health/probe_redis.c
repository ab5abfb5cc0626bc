/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checks Redis, and other servers that speak its protocol (RESP), with PING,
 * and leaves with QUIT.  A server that asks for a password is up.  A server
 * that loads its data, has lost its master or has too many clients is not.
 */
#include <stdio.h>
#include <string.h>

#include "lb4/health/probe.h"
#include "lb4/health/probe_kind.h"

#define ANSWER_MAX 64 /* the rest of an answer is ignored */

struct state {
	size_t len;
	char line[ANSWER_MAX];
};

/* The first word of an error, by detail. */
static const char *const errors[] = { "ERR", "LOADING", "MASTERDOWN", "BUSY",
	"DENIED", "MISCONF", "CLUSTERDOWN" };
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static const char ping[] = "PING\r\n";
static const char quit[] = "QUIT\r\n";

static bool
words(int result, uint16_t detail, char *buf, size_t size)
{
	if (result == HEALTH_PASSED)
		(void)snprintf(buf, size, "%s",
		    detail == 0 ? "PONG" : "asks for a password");
	else if (result == HEALTH_ERROR)
		(void)snprintf(buf, size, "error %s",
		    detail < ERRORS ? errors[detail] : "of another kind");
	else if (result == HEALTH_GARBLED)
		(void)snprintf(buf, size, "answer is not Redis");
	else
		return false;
	return true;
}

static void
on_connected(struct probe *probe)
{
	probe_say(probe, ping, strlen(ping));
}

static bool
begins(const char *line, const char *word)
{
	size_t len = strlen(word);

	return strncmp(line, word, len) == 0 &&
	    (line[len] == ' ' || line[len] == '\0');
}

static void
leave(struct probe *probe, enum health_result result, size_t detail)
{
	probe_leave(probe, result, (uint16_t)detail, quit, strlen(quit));
}

static void
on_line(struct probe *probe, const char *line)
{
	size_t error = 0;

	if (strcmp(line, "+PONG") == 0) {
		leave(probe, HEALTH_PASSED, 0);
	} else if (begins(line, "-NOAUTH") || begins(line, "-NOPERM")) {
		leave(probe, HEALTH_PASSED, 1);
	} else if (line[0] == '-') {
		while (error < ERRORS && !begins(line + 1, errors[error]))
			error++;
		leave(probe, HEALTH_ERROR, error);
	} else {
		probe_finish(probe, HEALTH_GARBLED, 0);
	}
}

static void
on_bytes(struct probe *probe, const char *bytes, size_t len)
{
	struct state *state = probe->state;

	for (size_t i = 0; i < len; i++) {
		bool end = bytes[i] == '\r' || bytes[i] == '\n';

		if (!end)
			state->line[state->len++] = bytes[i];
		if (end || state->len == ANSWER_MAX - 1) {
			state->line[state->len] = '\0';
			on_line(probe, state->line);
			return;
		}
	}
}

const struct probe_kind probe_redis = {
	.way = {
		.usage = "redis",
		.parse = check_parse_nothing,
		.words = words,
	},
	.state_size = sizeof(struct state),
	.on_connected = on_connected,
	.on_bytes = on_bytes,
};
