/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A key: its name, the kind of its values, its range and default.  The table of
 * all of them is in keys.h, the kinds are in kinds.h.
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

/* How values of one kind are read and written.  `object` is what the key's
 * section says. */
struct kind {
	/* Sets the field from the file's text; 0, or -EINVAL with the reason,
	 * -E2BIG with one when the key has as many values as it may have, or
	 * -ENOMEM.  On an error the field keeps what it had. */
	int (*parse)(const struct key *key, void *object, const char *text,
	    struct why *why);

	/* How many values there are to print; NULL: always one. */
	size_t (*count)(const struct key *key, const void *object);

	/* Whether two objects have the same value; NULL: when the fields have
	 * the same bytes. */
	bool (*equal)(const struct key *key, const void *one,
	    const void *other);

	/* Writes one of them so that parse reads it back. */
	void (*print)(const struct key *key, const void *object, size_t index,
	    FILE *out);

	/* The kinds of numbers read and write one so: see values.h. */
	const char *(*read)(const char *text, uint64_t *out);
	const char *(*format)(uint64_t value, char *buf, size_t size);
};

struct key {
	const char *name;
	enum key_section section;
	bool repeats;  /* may be given more than once */
	bool required; /* must be given */
	bool local;    /* a node's own: in a cluster it may differ */
	bool fixed;    /* of [global]: a reload keeps the value of the start */
	const struct kind *kind;
	size_t offset; /* of the field in the object */
	size_t size;
	uint64_t low; /* numbers, times, sizes */
	uint64_t high;
	const char *zero;	   /* a word for 0, outside of low to high */
	const struct names *names; /* the words that it may be */
	const char *preset;	   /* default as a file would say it, or NULL */
	const char *absent; /* what it means not to be given, when no preset */
};

#endif
