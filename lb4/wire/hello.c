/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Reading a ClientHello: see hello.h. */
#include "lb4/wire/hello.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define RECORD_HEAD 5	 /* type, version, length */
#define RECORD_MAX 16384 /* bytes of one record */
#define RECORD_HANDSHAKE 22
#define MESSAGE_HEAD 4 /* type, length */
#define MESSAGE_HELLO 1
#define RANDOM_LEN 32
#define SESSION_MAX 32

#define EXTENSION_NAME 0
#define EXTENSION_ALPN 16
#define NAME_HOST 0

static enum hello_result
bad(struct hello *out, const char *why)
{
	out->why = why;
	return HELLO_BAD;
}

/* ---- records ------------------------------------------------------------ */

/* The bytes of the message so far, moved together at the beginning of the
 * buffer. */
struct message {
	size_t len;	/* bytes that are there */
	size_t missing; /* bytes of the present record that are still to come */
};

static size_t
read16(const unsigned char *at)
{
	return (size_t)at[0] << 8 | at[1];
}

/* Bytes of the whole message, as far as it says so. */
static size_t
message_len(const unsigned char *buf, size_t len)
{
	return len < MESSAGE_HEAD
	    ? MESSAGE_HEAD
	    : MESSAGE_HEAD + ((size_t)buf[1] << 16 | read16(buf + 2));
}

/* How many bytes must come at least until the message is whole: the rest of
 * the present record, and records as large as they can be. */
static size_t
still_to_come(const struct message *message, size_t whole)
{
	size_t rest = whole - message->len;

	if (rest <= message->missing)
		return rest;
	rest -= message->missing;
	return message->missing + rest +
	    (rest + RECORD_MAX - 1) / RECORD_MAX * RECORD_HEAD;
}

static bool
is_record(const unsigned char *at)
{
	const size_t len = read16(at + 3);

	return at[0] == RECORD_HANDSHAKE && at[1] == 3 && at[2] <= 4 &&
	    len > 0 && len <= RECORD_MAX;
}

/* Gathers the message from its records.  HELLO_DONE: it is whole. */
static enum hello_result
gather(unsigned char *buf, size_t len, struct message *message,
    struct hello *out)
{
	size_t at = 0, part, whole;

	do {
		if (len - at < RECORD_HEAD) {
			message->missing = 0;
			out->need = at +
			    still_to_come(message,
				message_len(buf, message->len));
			return HELLO_MORE;
		}
		if (!is_record(buf + at))
			return bad(out, "a record is no part of a hello");
		part = read16(buf + at + 3);
		at += RECORD_HEAD;
		message->missing = part > len - at ? part - (len - at) : 0;
		part -= message->missing;
		memmove(buf + message->len, buf + at, part);
		message->len += part;
		at += part;
		if (message->len > 0 && buf[0] != MESSAGE_HELLO)
			return bad(out, "its first message is no hello");
		whole = message_len(buf, message->len);
		if (whole > HELLO_READ_MAX)
			return bad(out, "its hello is longer than 32768 bytes");
		if (message->len >= whole && message->len >= MESSAGE_HEAD) {
			message->len = whole;
			return HELLO_DONE;
		}
	} while (message->missing == 0);
	out->need = len + still_to_come(message, whole);
	return HELLO_MORE;
}

/* ---- the hello ---------------------------------------------------------- */

/* What is left of a vector. */
struct span {
	const unsigned char *at;
	const unsigned char *end;
};

static size_t
left(const struct span *span)
{
	return (size_t)(span->end - span->at);
}

static bool
skip(struct span *span, size_t len)
{
	if (left(span) < len)
		return false;
	span->at += len;
	return true;
}

/* Takes a vector with a length of `bytes` bytes (1 or 2) before it. */
static bool
take(struct span *span, size_t bytes, struct span *out)
{
	size_t len;

	if (left(span) < bytes)
		return false;
	len = bytes == 1 ? span->at[0] : read16(span->at);
	span->at += bytes;
	*out = (struct span){ span->at, span->at + len };
	return skip(span, len);
}

/* A host name in lower case, without a dot at its end. */
static bool
read_name(const struct span *host, struct hello *out)
{
	size_t len = left(host);

	if (len > 1 && host->end[-1] == '.')
		len--;
	if (len == 0 || len > HELLO_NAME_MAX || host->at[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = host->at[i];

		if (c >= 0x80 || (!isalnum(c) && strchr("-_.", c) == NULL) ||
		    c == '\0')
			return false;
		out->name[i] = (char)tolower(c);
	}
	out->name[len] = '\0';
	return true;
}

/* A list with one host name. */
static bool
read_names(struct span *extension, struct hello *out)
{
	struct span list, host;

	return take(extension, 2, &list) && left(extension) == 0 &&
	    left(&list) > 0 && *list.at++ == NAME_HOST &&
	    take(&list, 2, &host) && left(&list) == 0 && read_name(&host, out);
}

static bool
read_protocols(struct span *extension, struct hello *out)
{
	struct span list, one;

	if (!take(extension, 2, &list) || left(extension) != 0 ||
	    left(&list) == 0)
		return false;
	out->alpn = list.at;
	out->alpn_len = left(&list);
	while (left(&list) > 0)
		if (!take(&list, 1, &one) || left(&one) == 0)
			return false;
	return true;
}

static enum hello_result
read_extensions(struct span *all, struct hello *out)
{
	struct span one;
	size_t type;

	while (left(all) > 0) {
		if (left(all) < 2)
			return bad(out, "its extensions are cut off");
		type = read16(all->at);
		all->at += 2;
		if (!take(all, 2, &one))
			return bad(out, "its extensions are cut off");
		if (type == EXTENSION_NAME &&
		    (out->name[0] != '\0' || !read_names(&one, out)))
			return bad(out, "its server name is invalid");
		if (type == EXTENSION_ALPN &&
		    (out->alpn != NULL || !read_protocols(&one, out)))
			return bad(out, "its list of protocols is invalid");
	}
	return HELLO_DONE;
}

static enum hello_result
read_hello(struct span hello, struct hello *out)
{
	struct span session, ciphers, compression, extensions;

	if (!skip(&hello, MESSAGE_HEAD + 2 + RANDOM_LEN) ||
	    !take(&hello, 1, &session) || left(&session) > SESSION_MAX ||
	    !take(&hello, 2, &ciphers) || left(&ciphers) < 2 ||
	    left(&ciphers) % 2 != 0 || !take(&hello, 1, &compression) ||
	    left(&compression) == 0)
		return bad(out, "its hello is cut off or has wrong lengths");
	if (left(&hello) == 0)
		return HELLO_DONE; /* of a client without any extension */
	if (!take(&hello, 2, &extensions) || left(&hello) != 0)
		return bad(out, "its hello is cut off or has wrong lengths");
	return read_extensions(&extensions, out);
}

enum hello_result
hello_parse(unsigned char *buf, size_t len, struct hello *out)
{
	struct message message = { .len = 0 };
	enum hello_result result;

	*out = (struct hello){ .need = 0 };
	if ((len > 0 && buf[0] != RECORD_HANDSHAKE) ||
	    (len > 1 && buf[1] != 3)) {
		out->why = "its first bytes are not TLS";
		return HELLO_PLAIN;
	}
	result = gather(buf, len, &message, out);
	if (result == HELLO_MORE && out->need > HELLO_READ_MAX)
		return bad(out, "its hello is longer than 32768 bytes");
	if (result != HELLO_DONE)
		return result;
	return read_hello((struct span){ buf, buf + message.len }, out);
}
