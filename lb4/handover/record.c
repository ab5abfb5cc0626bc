/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Writing and reading records: see record.h. */
#include "lb4/handover/record.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* ---- writing ------------------------------------------------------------- */

/* Where the next byte goes; `full` once something did not fit. */
struct writer {
	unsigned char *at;
	size_t left;
	bool full;
};

static void
put(struct writer *writer, const void *from, size_t size)
{
	if (size > writer->left) {
		writer->full = true;
		return;
	}
	memcpy(writer->at, from, size);
	writer->at += size;
	writer->left -= size;
}

static void
put_name(struct writer *writer, const char *name)
{
	const size_t len = strlen(name);
	const uint8_t byte = (uint8_t)len;

	put(writer, &byte, 1);
	put(writer, name, len);
}

static void
put_number(struct writer *writer, uint64_t number)
{
	const uint64_t little = htole64(number);

	put(writer, &little, sizeof(little));
}

/* The number in a member of 1, 2, 4 or 8 bytes. */
static uint64_t
load_uint(const unsigned char *member, size_t size)
{
	uint64_t number = 0;
	uint32_t four;
	uint16_t two;

	switch (size) {
	case 1:
		number = *member;
		break;
	case 2:
		memcpy(&two, member, sizeof(two));
		number = two;
		break;
	case 4:
		memcpy(&four, member, sizeof(four));
		number = four;
		break;
	default:
		memcpy(&number, member, sizeof(number));
		break;
	}
	return number;
}

static int64_t
load_int(const unsigned char *member, size_t size)
{
	int64_t number;
	int32_t four;

	if (size == sizeof(four)) {
		memcpy(&four, member, sizeof(four));
		return four;
	}
	memcpy(&number, member, sizeof(number));
	return number;
}

/* The length of a member's value in a record; 0 leaves the field out. */
static size_t
length_of(const struct record_field *field, const unsigned char *member)
{
	bool zero = true;

	for (size_t i = 0; zero && i < field->size; i++)
		zero = member[i] == 0;
	if (zero)
		return 0;
	if (field->type == RECORD_TEXT)
		return strnlen((const char *)member, field->size);
	if (field->type == RECORD_BYTES || field->type == RECORD_UINTS)
		return field->size;
	return sizeof(uint64_t);
}

static void
put_value(struct writer *writer, const struct record_field *field,
    const unsigned char *member, size_t len)
{
	switch (field->type) {
	case RECORD_UINT:
		put_number(writer, load_uint(member, field->size));
		break;
	case RECORD_INT:
		put_number(writer, (uint64_t)load_int(member, field->size));
		break;
	case RECORD_TEXT:
	case RECORD_BYTES:
		put(writer, member, len);
		break;
	case RECORD_UINTS:
		for (size_t i = 0; i < len; i += sizeof(uint64_t))
			put_number(writer,
			    load_uint(member + i, sizeof(uint64_t)));
		break;
	}
}

int
record_write(const struct record_kind *kind, const void *value,
    unsigned char *buf, /* NOLINT(readability-non-const-parameter) */
    size_t size)
{
	struct writer writer = { .at = buf, .left = size };

	put_name(&writer, kind->name);
	for (size_t i = 0; i < kind->fields; i++) {
		const struct record_field *field = &kind->field[i];
		const unsigned char *member = (const unsigned char *)value +
		    field->offset;
		const size_t len = length_of(field, member);
		const uint8_t type = (uint8_t)field->type;
		const uint32_t little = htole32((uint32_t)len);

		if (len == 0)
			continue;
		put_name(&writer, field->name);
		put(&writer, &type, sizeof(type));
		put(&writer, &little, sizeof(little));
		put_value(&writer, field, member, len);
	}
	return writer.full ? -EMSGSIZE : (int)(size - writer.left);
}

/* ---- reading ------------------------------------------------------------- */

struct reader {
	const unsigned char *at;
	size_t left;
};

/* A piece of the record, or NULL if it ends before. */
static const unsigned char *
take(struct reader *reader, size_t size)
{
	const unsigned char *piece = reader->at;

	if (size > reader->left)
		return NULL;
	reader->at += size;
	reader->left -= size;
	return piece;
}

/* A name, not ended by a zero, and its length. */
static const unsigned char *
take_name(struct reader *reader, size_t *len)
{
	const unsigned char *byte = take(reader, 1);

	if (byte == NULL)
		return NULL;
	*len = *byte;
	return take(reader, *len);
}

static bool
is_name(const char *want, const unsigned char *name, size_t len)
{
	return strlen(want) == len && memcmp(want, name, len) == 0;
}

static uint64_t
number_at(const unsigned char *value)
{
	uint64_t little;

	memcpy(&little, value, sizeof(little));
	return le64toh(little);
}

static void
store_uint(unsigned char *member, size_t size, uint64_t number)
{
	const uint32_t four = (uint32_t)number;
	const uint16_t two = (uint16_t)number;

	if (size < sizeof(number) && number >> size * 8 != 0)
		return;
	switch (size) {
	case 1:
		*member = (unsigned char)number;
		break;
	case 2:
		memcpy(member, &two, sizeof(two));
		break;
	case 4:
		memcpy(member, &four, sizeof(four));
		break;
	default:
		memcpy(member, &number, sizeof(number));
		break;
	}
}

static void
store_int(unsigned char *member, size_t size, int64_t number)
{
	const int32_t four = (int32_t)number;

	if (size == sizeof(number))
		memcpy(member, &number, sizeof(number));
	else if (number >= INT32_MIN && number <= INT32_MAX)
		memcpy(member, &four, sizeof(four));
}

static void
store(const struct record_field *field, unsigned char *member,
    const unsigned char *value, size_t len)
{
	switch (field->type) {
	case RECORD_UINT:
		if (len == sizeof(uint64_t))
			store_uint(member, field->size, number_at(value));
		break;
	case RECORD_INT:
		if (len == sizeof(uint64_t))
			store_int(member, field->size,
			    (int64_t)number_at(value));
		break;
	case RECORD_TEXT:
		if (len >= field->size)
			len = field->size - 1;
		memset(member, 0, field->size);
		memcpy(member, value, len);
		break;
	case RECORD_BYTES:
		if (len <= field->size)
			memcpy(member, value, len);
		break;
	case RECORD_UINTS:
		if (len > field->size || len % sizeof(uint64_t) != 0)
			break;
		for (size_t i = 0; i < len; i += sizeof(uint64_t))
			store_uint(member + i, sizeof(uint64_t),
			    number_at(value + i));
		break;
	}
}

/* The field of that name and type, or NULL.  Fields nearly always come in the
 * order of the table: *next is where to look first. */
static const struct record_field *
find_field(const struct record_kind *kind, const unsigned char *name,
    size_t len, uint8_t type, size_t *next)
{
	for (size_t i = 0; i < kind->fields; i++) {
		const size_t at = (*next + i) % kind->fields;
		const struct record_field *field = &kind->field[at];

		if (!is_name(field->name, name, len))
			continue;
		*next = at + 1;
		return field->type == (enum record_type)type ? field : NULL;
	}
	return NULL;
}

/* Reads the next field.  False: the record ends in the middle of it. */
static bool
read_field(const struct record_kind *kind, struct reader *reader, void *out,
    size_t *next)
{
	const struct record_field *field;
	const unsigned char *name, *type, *length, *value;
	size_t name_len = 0;
	uint32_t little;

	name = take_name(reader, &name_len);
	type = take(reader, 1);
	length = take(reader, sizeof(little));
	if (name == NULL || type == NULL || length == NULL)
		return false;
	memcpy(&little, length, sizeof(little));
	value = take(reader, le32toh(little));
	if (value == NULL)
		return false;
	field = find_field(kind, name, name_len, *type, next);
	if (field != NULL)
		store(field, (unsigned char *)out + field->offset, value,
		    le32toh(little));
	return true;
}

/* Takes the name of the kind.  False if it is another. */
static bool
take_kind(const struct record_kind *kind, struct reader *reader)
{
	size_t len = 0;
	const unsigned char *name = take_name(reader, &len);

	return name != NULL && is_name(kind->name, name, len);
}

bool
record_is(const struct record_kind *kind, const unsigned char *buf, size_t len)
{
	struct reader reader = { buf, len };

	return take_kind(kind, &reader);
}

int
record_read(const struct record_kind *kind, const unsigned char *buf,
    size_t len, void *value)
{
	struct reader reader = { buf, len };
	size_t next = 0;

	memset(value, 0, kind->size);
	if (!take_kind(kind, &reader))
		return -EBADMSG;
	while (reader.left > 0)
		if (!read_field(kind, &reader, value, &next))
			return -EBADMSG;
	return 0;
}
