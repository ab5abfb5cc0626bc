/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checks MySQL and MariaDB by logging in as a user without a password (MySQL's
 * internals manual, "Connection Phase"), and leaves with COM_QUIT.  The server
 * counts connections that end before the login, and blocks a host after
 * max_connect_errors of them.  So the check completes the login.
 *
 * Every packet has a length of 3 bytes, little-endian, a sequence number and
 * the payload.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/health/probe.h"
#include "lb4/health/probe_kind.h"

#define USER_MAX 81 /* MariaDB's; MySQL has 32 */
#define HEAD 4
#define PACKET_MAX 65536
#define KEPT_MAX 64 /* bytes of a payload; enough for a plugin's name */

/* CLIENT_LONG_PASSWORD, _PROTOCOL_41, _SECURE_CONNECTION, _PLUGIN_AUTH */
#define CAPABILITIES (1 | 0x200 | 0x8000 | 0x80000)
#define UTF8 33
#define PLUGIN "mysql_native_password"

/* The first byte of a payload. */
#define VERSION_10 10
#define OK 0x00
#define SWITCH 0xfe
#define ERROR 0xff

struct login {
	char user[USER_MAX];
};

struct state {
	size_t had; /* bytes of the head */
	unsigned char head[HEAD];
	uint32_t left; /* bytes of the payload to come */
	size_t kept;
	unsigned char payload[KEPT_MAX + 1]; /* ends with 0 */
	bool greeted;
	size_t said;
	char say[HEAD + 32 + USER_MAX + 1 + sizeof(PLUGIN)];
};

static const char com_quit[] = { 1, 0, 0, 0, 1 };

static int
read_user(struct login *login, const char *args, struct why *why)
{
	int error = value_word(&args, login->user, sizeof(login->user), why);

	if (error != 0)
		return error;
	if (login->user[0] == '\0')
		return why_set(why,
		    "mysql needs a user: write check = mysql USER");
	return check_no_more(args, why);
}

static int
parse(const struct config_check *check, void **own, struct why *why)
{
	struct login *login = calloc(1, sizeof(*login));
	int error = login == NULL ? -ENOMEM
				  : read_user(login, check->args, why);

	if (error != 0) {
		free(login);
		login = NULL;
	}
	*own = login;
	return error;
}

static bool
words(int result, uint16_t detail, char *buf, size_t size)
{
	if (result == HEALTH_PASSED)
		(void)snprintf(buf, size, "logged in");
	else if (result == HEALTH_ERROR)
		(void)snprintf(buf, size, "error %u", detail);
	else if (result == HEALTH_GARBLED)
		(void)snprintf(buf, size, "answer is not MySQL");
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

static void
add(struct state *state, const void *bytes, size_t len)
{
	memcpy(state->say + state->said, bytes, len);
	state->said += len;
}

/* Answers the current packet: writes the head before what was added. */
static void
send_packet(struct probe *probe)
{
	struct state *state = probe->state;

	state->say[0] = (char)(state->said - HEAD);
	state->say[1] = 0;
	state->say[2] = 0;
	state->say[3] = (char)(state->head[3] + 1);
	probe_say(probe, state->say, state->said);
}

/* HandshakeResponse41, with an empty password. */
static void
send_login(struct probe *probe)
{
	static const unsigned char fixed[32] = { CAPABILITIES & 255,
		CAPABILITIES >> 8 & 255, CAPABILITIES >> 16 & 255, 0, 0, 0, 0,
		1, UTF8 };
	struct state *state = probe->state;
	const struct login *login = probe->own;

	state->said = HEAD;
	add(state, fixed, sizeof(fixed));
	add(state, login->user, strlen(login->user) + 1);
	add(state, "", 1);
	add(state, PLUGIN, sizeof(PLUGIN));
	send_packet(probe);
}

/* The server wants another plugin.  SHA-2 plugins take a NUL as an empty
 * password, others an empty packet. */
static void
send_empty_password(struct probe *probe)
{
	struct state *state = probe->state;
	const char *plugin = (const char *)state->payload + 1;

	state->said = HEAD;
	if (strcmp(plugin, "caching_sha2_password") == 0 ||
	    strcmp(plugin, "sha256_password") == 0)
		add(state, "", 1);
	send_packet(probe);
}

static void
on_packet(struct probe *probe)
{
	struct state *state = probe->state;
	const unsigned char *payload = state->payload;

	state->payload[state->kept] = 0;
	if (state->kept >= 3 && payload[0] == ERROR) {
		probe_finish(probe, HEALTH_ERROR,
		    (uint16_t)(payload[1] | payload[2] << 8));
	} else if (!state->greeted && payload[0] == VERSION_10) {
		state->greeted = true;
		send_login(probe);
	} else if (state->greeted && state->kept > 0 && payload[0] == OK) {
		probe_leave(probe, HEALTH_PASSED, 0, com_quit,
		    sizeof(com_quit));
	} else if (state->greeted && payload[0] == SWITCH) {
		send_empty_password(probe);
	} else {
		probe_finish(probe, HEALTH_GARBLED, 0);
	}
}

/* The head is complete; false if it is not valid. */
static bool
begin_packet(struct state *state)
{
	state->left = state->head[0] | (uint32_t)state->head[1] << 8 |
	    (uint32_t)state->head[2] << 16;
	state->kept = 0;
	return state->left > 0 && state->left <= PACKET_MAX;
}

/* The server waits for our answer to each packet: nothing follows a packet. */
static void
on_bytes(struct probe *probe, const char *bytes, size_t len)
{
	struct state *state = probe->state;

	for (size_t i = 0; i < len; i++) {
		if (state->had < HEAD) {
			state->head[state->had++] = (unsigned char)bytes[i];
			if (state->had == HEAD && !begin_packet(state)) {
				probe_finish(probe, HEALTH_GARBLED, 0);
				return;
			}
			continue;
		}
		if (state->kept < KEPT_MAX)
			state->payload[state->kept++] = (unsigned char)bytes[i];
		if (--state->left > 0)
			continue;
		state->had = 0;
		on_packet(probe);
		return;
	}
}

const struct probe_kind probe_mysql = {
	.way = {
		.usage = "mysql USER",
		.parse = parse,
		.words = words,
	},
	.state_size = sizeof(struct state),
	.on_connected = on_connected,
	.on_bytes = on_bytes,
};
