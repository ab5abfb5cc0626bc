/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checks PostgreSQL by beginning a session (its manual, "Frontend/Backend
 * Protocol", "Start-up").  A server that lets the user in or asks for a
 * password is up.  One that starts, stops or has too many clients sends an
 * error.
 *
 * The check ends with a Terminate message or, if the server waits for a
 * password, by closing the connection, as psql does.  The server logs neither.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/health/probe.h"
#include "lb4/health/probe_kind.h"

#define IDENTIFIER_MAX 64 /* NAMEDATALEN */
#define PROTOCOL 196608	  /* 3.0 */
#define HEAD 5		  /* a type and a length, which counts itself */
#define MESSAGE_MAX 65536
#define KEPT_MAX 256 /* bytes of a message; enough for the code of an error */

/* The details of HEALTH_PASSED. */
#define LOGGED_IN 0
#define ASKS 1

/* The first message. */
struct start {
	uint32_t len;
	char bytes[4 + 3 * IDENTIFIER_MAX + 64];
};

struct state {
	size_t had; /* bytes of the head */
	unsigned char head[HEAD];
	uint32_t left; /* bytes of the message to come */
	size_t kept;
	char message[KEPT_MAX];
};

static const char terminate[] = "X\0\0\0\4";

static void
add_text(struct start *start, const char *text)
{
	size_t len = strlen(text) + 1;

	memcpy(start->bytes + start->len, text, len);
	start->len += (uint32_t)len;
}

/* USER [DATABASE] */
static int
read_names(struct start *start, const char *args, struct why *why)
{
	const uint32_t protocol = htonl(PROTOCOL);
	char user[IDENTIFIER_MAX], database[IDENTIFIER_MAX];
	int error = value_word(&args, user, sizeof(user), why);

	if (error == 0)
		error = value_word(&args, database, sizeof(database), why);
	if (error != 0)
		return error;
	if (user[0] == '\0')
		return why_set(why,
		    "postgresql needs a user: write check = postgresql USER");
	memcpy(start->bytes, &protocol, sizeof(protocol));
	start->len = sizeof(protocol);
	add_text(start, "user");
	add_text(start, user);
	add_text(start, "database");
	add_text(start, database[0] != '\0' ? database : "postgres");
	add_text(start, "application_name");
	add_text(start, "lb4");
	add_text(start, "");
	start->len += (uint32_t)sizeof(start->len);
	start->len = htonl(start->len);
	return check_no_more(args, why);
}

static int
parse(const struct config_check *check, void **own, struct why *why)
{
	struct start *start = calloc(1, sizeof(*start));
	int error = start == NULL ? -ENOMEM
				  : read_names(start, check->args, why);

	if (error != 0) {
		free(start);
		start = NULL;
	}
	*own = start;
	return error;
}

/* The detail of HEALTH_ERROR is the class of an SQLSTATE: two characters. */
static const char *
class_name(uint16_t class)
{
	switch (class) {
	case '2' << 8 | '8':
		return ": login refused";
	case '3' << 8 | 'D':
		return ": no such database";
	case '5' << 8 | '3':
		return ": out of resources, or too many clients";
	case '5' << 8 | '7':
		return ": starting up, or shutting down";
	default:
		return "";
	}
}

static bool
words(int result, uint16_t detail, char *buf, size_t size)
{
	if (result == HEALTH_PASSED)
		(void)snprintf(buf, size, "%s",
		    detail == ASKS ? "asks for a password" : "logged in");
	else if (result == HEALTH_ERROR)
		(void)snprintf(buf, size, "error of class %c%c%s", detail >> 8,
		    detail & 255, class_name(detail));
	else if (result == HEALTH_GARBLED)
		(void)snprintf(buf, size, "answer is not PostgreSQL");
	else
		return false;
	return true;
}

static void
on_connected(struct probe *probe)
{
	const struct start *start = probe->own;

	probe_say(probe, start, ntohl(start->len));
}

static bool
is_code(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/* An error has fields, each a letter and a text; C is the SQLSTATE. */
static void
on_error(struct probe *probe, const char *message, size_t len)
{
	size_t at = 0;

	while (at + 3 <= len && message[at] != 'C')
		at += strnlen(message + at, len - at) + 1;
	if (at + 3 > len || !is_code(message[at + 1]) ||
	    !is_code(message[at + 2])) {
		probe_finish(probe, HEALTH_GARBLED, 0);
		return;
	}
	probe_finish(probe, HEALTH_ERROR,
	    (uint16_t)(message[at + 1] << 8 | message[at + 2]));
}

/* The server lets the user in at once, or asks for authentication. */
static void
on_authentication(struct probe *probe, const char *message, size_t len)
{
	static const char in[4] = { 0 };

	if (len < sizeof(in))
		probe_finish(probe, HEALTH_GARBLED, 0);
	else if (memcmp(message, in, sizeof(in)) != 0)
		probe_finish(probe, HEALTH_PASSED, ASKS);
}

static void
on_message(struct probe *probe, const struct state *state)
{
	switch (state->head[0]) {
	case 'R':
		on_authentication(probe, state->message, state->kept);
		break;
	case 'E':
		on_error(probe, state->message, state->kept);
		break;
	case 'Z': /* ready for a query */
		probe_leave(probe, HEALTH_PASSED, LOGGED_IN, terminate,
		    sizeof(terminate) - 1);
		break;
	case 'K': /* the key for cancel requests */
	case 'N': /* a notice */
	case 'S': /* a parameter */
	case 'v': /* the protocol's version */
		break;
	default:
		probe_finish(probe, HEALTH_GARBLED, 0);
	}
}

/* The head is complete; false if it is not valid. */
static bool
begin_message(struct state *state)
{
	uint32_t len;

	memcpy(&len, state->head + 1, sizeof(len));
	len = ntohl(len);
	if (strchr("REZKNSv", state->head[0]) == NULL ||
	    state->head[0] == '\0' || len < sizeof(len) || len > MESSAGE_MAX)
		return false;
	state->left = len - (uint32_t)sizeof(len);
	state->kept = 0;
	return true;
}

static void
on_bytes(struct probe *probe, const char *bytes, size_t len)
{
	struct state *state = probe->state;

	for (size_t i = 0; i < len && probe_is_busy(probe); i++) {
		if (state->had < HEAD) {
			state->head[state->had++] = (unsigned char)bytes[i];
			if (state->had < HEAD)
				continue;
			if (!begin_message(state)) {
				probe_finish(probe, HEALTH_GARBLED, 0);
				return;
			}
		} else {
			if (state->kept < KEPT_MAX)
				state->message[state->kept++] = bytes[i];
			state->left--;
		}
		if (state->left == 0) {
			state->had = 0;
			on_message(probe, state);
		}
	}
}

const struct probe_kind probe_postgresql = {
	.way = {
		.usage = "postgresql USER",
		.parse = parse,
		.words = words,
	},
	.state_size = sizeof(struct state),
	.half_close = true,
	.on_connected = on_connected,
	.on_bytes = on_bytes,
};
