/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Reading a configuration: from an INI file, from memory or from the command
 * line to the settings (settings.h), and back to text.  Nothing here resolves
 * names, logs or exits.
 */
#ifndef LB4_CONFIG_CONFIG_H
#define LB4_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lb4/config/errors.h"
#include "lb4/config/names.h"
#include "lb4/config/settings.h"

/*
 * Reads the regular file at `path` ("-": standard input), and the files that
 * its keys name: hash-seed-file (seedfile.h), allow and deny (access_rules.h).
 * Returns a configuration that the
 * caller frees, or NULL with at least one error, even without memory.  It
 * reports all errors of a file, not only the first.  A fifo, a device or a
 * socket is an error: the call never waits for data.
 */
struct config *config_load(const char *path, struct config_errors *errors);

/* The same, but waits for the data of a pipe: for a process that does nothing
 * else. */
struct config *config_load_stream(const char *path,
    struct config_errors *errors);

/* The same from memory.  It reads no other file: hash-seed-file leaves
 * hash_seed_set false, and a rule with a file has no prefixes.  Errors call the
 * text `name`. */
struct config *config_parse(const char *name, const char *text, size_t len,
    struct config_errors *errors);

/*
 * The ad hoc configuration of `lb4 -l ADDR BACKEND...`: each call adds a
 * service named "adhoc", "adhoc2", ..., with backends named b1, b2, ...  Starts
 * from `config`, or from the defaults when that is NULL.  When an address is
 * wrong, frees `config` and returns NULL with errors.
 */
struct config *config_adhoc(struct config *config, const char *listen,
    const char *const *backends, size_t count, struct config_errors *errors);

/* Writes the effective configuration: every key with its value, in a form that
 * config_parse() reads back as an equal configuration. */
void config_dump(const struct config *config, FILE *out);

/* Writes "section key" for every key, one per line, and options of backends as
 * "backend key".  The lint compares the manual with this list. */
void config_keys_list(FILE *out);

#endif
