/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Records: how one lb4 process describes things to another, which may be an
 * older or a newer version.  A record has the name of its kind and a list of
 * fields, in any order:
 *
 *	record	length of the kind's name (1 byte), name, fields
 *	field	length of its name (1 byte), name, type (1 byte),
 *		length of the value (4 bytes), value
 *
 * Numbers are little-endian.  The reader skips fields and kinds that it does
 * not know; a field that is missing, or that has another type, keeps its
 * default, zero.  So either side may add a field and drop one.
 *
 * A kind is a struct and a table of its fields, which both directions use.
 * records.h has the kinds.
 */
#ifndef LB4_HANDOVER_RECORD_H
#define LB4_HANDOVER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

enum record_type {
	RECORD_UINT = 1, /* 8 bytes; of a uint8_t, 16, 32, 64, or a bool */
	RECORD_INT,	 /* 8 bytes, signed; of an int or int64_t */
	RECORD_TEXT,	 /* of a char[], without its end */
	RECORD_BYTES,	 /* of a uint8_t[] */
	RECORD_UINTS,	 /* 8 bytes each; of a uint64_t[] */
};

struct record_field {
	const char *name; /* 1 to 255 bytes */
	enum record_type type;
	size_t offset; /* in the kind's struct */
	size_t size;   /* of the member, in bytes */
};

struct record_kind {
	const char *name; /* 1 to 255 bytes */
	size_t size;	  /* of the struct */
	const struct record_field *field;
	size_t fields;
};

/* A field of `struct kind`, named like its member. */
#define RECORD_FIELD(kind, member, type) \
	{ \
#member, type, offsetof(struct kind, member), \
		    sizeof(((struct kind *)0)->member) \
	}

/* Defines the kind of `struct kind`, with that array of fields. */
#define RECORD_KIND(variable, name, kind, fields) \
	const struct record_kind variable = { name, sizeof(struct kind), \
		fields, sizeof(fields) / sizeof((fields)[0]) }

/* Room for any record. */
#define RECORD_MAX 16384

/* Writes the struct `value` into `buf`.  A field that is zero is left out,
 * since the reader gives it that default.  Returns the length, or -EMSGSIZE if
 * `size` is too small. */
must_check int record_write(const struct record_kind *kind, const void *value,
    unsigned char *buf, size_t size);

/* Whether the record is of that kind. */
bool record_is(const struct record_kind *kind, const unsigned char *buf,
    size_t len);

/* Reads a record of that kind into the struct `value`.  Text that is too long
 * is cut, and always ended.  A number that does not fit the member keeps its
 * default, as does an array that is longer than the member.  Returns 0, or
 * -EBADMSG if the record is not of this kind or ends in the middle. */
must_check int record_read(const struct record_kind *kind,
    const unsigned char *buf, size_t len, void *value);

#endif
