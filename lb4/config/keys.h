/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The table of keys: everything that a file can say, with default and range.
 * Parsing, defaults, dump and listing all walk this table, so a new key is one
 * entry in keys.c, and one each in the manual and the sample.
 */
#ifndef LB4_CONFIG_KEYS_H
#define LB4_CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/attr.h"
#include "lb4/config/key.h"

extern const struct key keys_table[];
extern const size_t keys_count;

/* "global", "service", "backend". */
const char *keys_section_name(enum key_section section);

/* The key of that name, or NULL. */
const struct key *keys_find(enum key_section section, const char *name);

/* The key with the most similar name, or NULL when none is similar. */
const struct key *keys_nearest(enum key_section section, const char *name);

/* Gives every field its default. */
void keys_preset(enum key_section section, void *object);

/*
 * For a reload: gives the fixed keys of `config` the values that they have in
 * `before`, and calls `on_change` for each that had another.
 */
struct config;
void keys_keep_fixed(struct config *config, const struct config *before,
    void (*on_change)(const struct key *key));

/* These call the key's kind: see key.h.  key_parse() also refuses a value whose
 * line, written out in full, would be too long for a file, so that the dump can
 * always be read back; the object is then unusable. */
must_check int key_parse(const struct key *key, void *object, const char *text,
    struct why *why);
bool key_equal(const struct key *key, const void *one, const void *other);
size_t key_count(const struct key *key, const void *object);
void key_print(const struct key *key, const void *object, size_t index,
    FILE *out);

/* "key = value", without the line's end. */
void key_print_line(const struct key *key, const void *object, size_t index,
    FILE *out);

#endif
