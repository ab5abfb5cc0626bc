/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A key: its name, the kind of its values, its range and default.  keys.h has
 * the table of all keys, kinds.h the kinds.
 */
#ifndef LB4_CONFIG_KEY_H
#define LB4_CONFIG_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lb4/config/names.h"
#include "lb4/config/values.h"

enum key_section {
	KEY_GLOBAL,  /* the object is a struct config */
	KEY_SERVICE, /* a struct config_service */
	KEY_BACKEND, /* an option of a backend: a struct config_backend */
	KEY_SECTION_COUNT,
};

struct key;

/* How values of one kind are read and written.  `object` is the struct that
 * belongs to the section of the key. */
struct kind {
	/* Sets the field from the file's text.  Returns 0; -EINVAL with the
	 * reason; -E2BIG with the reason when the key already has the most
	 * values that it can have; or -ENOMEM.  On an error the field keeps its
	 * value. */
	int (*parse)(const struct key *key, void *object, const char *text,
	    struct why *why);

	/* The number of values to print; NULL: always one. */
	size_t (*count)(const struct key *key, const void *object);

	/* Whether two objects have the same value; NULL: compares the bytes of
	 * the fields. */
	bool (*equal)(const struct key *key, const void *one,
	    const void *other);

	/* Writes one of them in a form that parse reads back. */
	void (*print)(const struct key *key, const void *object, size_t index,
	    FILE *out);

	/* For kinds of numbers: reads and writes one; see values.h. */
	const char *(*read)(const char *text, uint64_t *out);
	const char *(*format)(uint64_t value, char *buf, size_t size);
};

struct key {
	const char *name;
	enum key_section section;
	bool repeats;  /* can be given more than once */
	bool required; /* must be given */
	bool local;    /* belongs to the node: may differ within a cluster */
	bool fixed;    /* of [global]: a reload keeps the value of the start */
	const struct kind *kind;
	size_t offset; /* of the field in the object */
	size_t size;
	uint64_t low; /* numbers, times, sizes */
	uint64_t high;
	const char *zero;	   /* a word for 0, outside of low to high */
	const struct names *names; /* the words that it accepts */
	const char *preset; /* the default as written in a file, or NULL */
	const char *absent; /* without a preset: what it means when not given */
};

#endif
