/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Answers with SRV records: see srv.h. */
#include "lb4/wire/srv.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LEN 12
#define CLASS_IN 1
#define LABEL_MAX 63
#define TTL_MAX 0x7fffffffU /* RFC 2181, section 8 */

enum { TYPE_A = 1, TYPE_AAAA = 28, TYPE_SRV = 33 };

struct message {
	const unsigned char *buf;
	size_t len;
	size_t at;
};

/* The fixed part of a record, after its name. */
struct fixed {
	unsigned type, class;
	unsigned ttl_s;
	size_t len; /* of the data, which are within the message */
};

/* ---- the message --------------------------------------------------------- */

static bool
has(const struct message *message, size_t bytes)
{
	return message->len - message->at >= bytes;
}

static unsigned
get16(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* Skips a name.  False: it is cut off. */
static bool
skip_name(struct message *message)
{
	while (has(message, 1)) {
		const unsigned length = message->buf[message->at];

		if (length > LABEL_MAX) { /* a pointer ends the name */
			if ((length & 0xc0) != 0xc0 || !has(message, 2))
				return false;
			message->at += 2;
			return true;
		}
		if (!has(message, 1 + (size_t)length))
			return false;
		message->at += 1 + (size_t)length;
		if (length == 0)
			return true;
	}
	return false;
}

static bool
read_fixed(struct message *message, struct fixed *out)
{
	const unsigned char *at = message->buf + message->at;
	uint32_t ttl;

	if (!has(message, 10))
		return false;
	ttl = get16(at + 4) << 16 | get16(at + 6);
	*out = (struct fixed){
		.type = get16(at),
		.class = get16(at + 2),
		.ttl_s = ttl <= TTL_MAX ? ttl : 0,
		.len = get16(at + 8),
	};
	message->at += 10;
	return has(message, out->len);
}

/* ---- names --------------------------------------------------------------- */

/* Appends a label; false: it is no label of a host name, or there is no room.
 * The underscore is in many names. */
static bool
add_label(const unsigned char *label, size_t length, char *name, size_t *len)
{
	if (*len + 1 + length >= CONFIG_DNS_MAX)
		return false;
	if (*len > 0)
		name[(*len)++] = '.';
	for (size_t i = 0; i < length; i++) {
		if (!isalnum(label[i]) && label[i] != '-' && label[i] != '_')
			return false;
		name[(*len)++] = (char)tolower(label[i]);
	}
	return true;
}

/* Reads the name at that place; "": the root.  A pointer must lead back, to
 * before where the name or the last pointer led: so it ends. */
static bool
read_name(const struct message *message, size_t at, char name[CONFIG_DNS_MAX])
{
	size_t before = at, len = 0;

	while (at < message->len) {
		const unsigned length = message->buf[at];

		if (length > LABEL_MAX) {
			if ((length & 0xc0) != 0xc0 || at + 1 >= message->len)
				return false;
			at = get16(message->buf + at) & 0x3fff;
			if (at >= before)
				return false;
			before = at;
			continue;
		}
		if (length == 0) {
			name[len] = '\0';
			return true;
		}
		if (message->len - at <= length ||
		    !add_label(message->buf + at + 1, length, name, &len))
			return false;
		at += 1 + (size_t)length;
	}
	return false;
}

/* ---- records ------------------------------------------------------------- */

static int
bad(const char **why, const char *text)
{
	*why = text;
	return -EBADMSG;
}

static int
take_record(const struct message *message, const struct fixed *fixed,
    struct srv_answer *out, const char **why)
{
	const unsigned char *data = message->buf + message->at;
	struct srv_record *record = &out->record[out->records];

	if (fixed->ttl_s < out->ttl_s)
		out->ttl_s = fixed->ttl_s;
	if (fixed->type != TYPE_SRV || fixed->class != CLASS_IN)
		return 0; /* such as an alias on the way */
	if (fixed->len < 7)
		return bad(why, "a record is too short");
	if (out->records == SRV_RECORDS_MAX)
		return -E2BIG;
	if (!read_name(message, message->at + 6, record->target))
		return bad(why, "a target is no host name");
	record->priority = (uint16_t)get16(data);
	record->weight = (uint16_t)get16(data + 2);
	record->port = (uint16_t)get16(data + 4);
	if (record->target[0] == '\0') {
		out->none = true;
		return 0;
	}
	if (record->port == 0)
		return bad(why, "a record has port 0");
	out->records++;
	return 0;
}

/* An address that is wrong, or one too many, is left out: lb4 asks for it. */
static void
take_address(const struct message *message, size_t name,
    const struct fixed *fixed, struct srv_answer *out)
{
	struct srv_address *address = &out->address[out->addresses];
	const unsigned char *data = message->buf + message->at;
	struct addr *addr = &address->addr;

	if (out->addresses == SRV_ADDRESSES_MAX || fixed->class != CLASS_IN ||
	    !read_name(message, name, address->name))
		return;
	memset(addr, 0, sizeof(*addr));
	if (fixed->type == TYPE_A && fixed->len == sizeof(addr->in.sin_addr)) {
		addr->in.sin_family = AF_INET;
		memcpy(&addr->in.sin_addr, data, sizeof(addr->in.sin_addr));
		addr->len = sizeof(addr->in);
	} else if (fixed->type == TYPE_AAAA &&
	    fixed->len == sizeof(addr->in6.sin6_addr)) {
		addr->in6.sin6_family = AF_INET6;
		memcpy(&addr->in6.sin6_addr, data, sizeof(addr->in6.sin6_addr));
		addr->len = sizeof(addr->in6);
	} else {
		return;
	}
	address->ttl_s = fixed->ttl_s;
	out->addresses++;
}

/* ---- order --------------------------------------------------------------- */

static int
compare_numbers(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int
compare(const void *left, const void *right)
{
	const struct srv_record *a = left, *b = right;
	int order = compare_numbers(a->priority, b->priority);

	if (order == 0)
		order = compare_numbers(b->weight, a->weight);
	if (order == 0)
		order = strcmp(a->target, b->target);
	return order != 0 ? order : compare_numbers(a->port, b->port);
}

static bool
is_known(const struct srv_answer *out, size_t count,
    const struct srv_record *record)
{
	for (size_t i = 0; i < count; i++)
		if (out->record[i].port == record->port &&
		    strcmp(out->record[i].target, record->target) == 0)
			return true;
	return false;
}

/* The same whatever the order in the answer. */
static void
sort(struct srv_answer *out)
{
	size_t kept = 0;

	qsort(out->record, out->records, sizeof(out->record[0]), compare);
	for (size_t i = 0; i < out->records; i++)
		if (!is_known(out, kept, &out->record[i]))
			out->record[kept++] = out->record[i];
	out->records = kept;
}

int
srv_parse(const unsigned char *buf, size_t len, struct srv_answer *out,
    const char **why)
{
	struct message message = { buf, len, HEADER_LEN };
	size_t answers, others;
	int error = 0;

	out->records = out->addresses = 0;
	out->none = false;
	out->ttl_s = TTL_MAX;
	if (len < HEADER_LEN)
		return bad(why, "it is cut off");
	for (unsigned i = get16(buf + 4); i > 0; i--) {
		if (!skip_name(&message) || !has(&message, 4))
			return bad(why, "it is cut off");
		message.at += 4; /* type and class of the question */
	}
	answers = get16(buf + 6);
	others = answers + get16(buf + 8);
	for (size_t i = 0; i < others + get16(buf + 10); i++) {
		const size_t name = message.at;
		struct fixed fixed;

		if (!skip_name(&message) || !read_fixed(&message, &fixed))
			return bad(why, "it is cut off");
		if (i < answers)
			error = take_record(&message, &fixed, out, why);
		else if (i >= others)
			take_address(&message, name, &fixed, out);
		if (error < 0)
			return error;
		message.at += fixed.len;
	}
	if (out->records > 0)
		out->none = false; /* beside others, it means nothing */
	sort(out);
	return 0;
}
