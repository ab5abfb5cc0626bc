/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Reading a configuration: from an INI file, from memory or from the command
 * line to the settings (settings.h), and back to text.  Pure: no name is
 * resolved, nothing is logged, nobody exits.
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
 * Reads the regular file at `path` ("-": standard input).  Returns a
 * configuration that the caller frees, or NULL with at least one error, also
 * without memory.  All errors of a file are reported, not only the first.  A
 * fifo, a device or a socket is an error: nothing is waited for.  The file that
 * hash-seed-file names is read, too: see seedfile.h.
 */
struct config *config_load(const char *path, struct config_errors *errors);

/* The same, and waits for what a pipe has to say: for a process that does
 * nothing else. */
struct config *config_load_stream(const char *path,
    struct config_errors *errors);

/* The same from memory, and from no other file: hash-seed-file leaves
 * hash_seed_set false; `name` stands for the file's name in errors. */
struct config *config_parse(const char *name, const char *text, size_t len,
    struct config_errors *errors);

/*
 * The ad hoc configuration of `lb4 -l ADDR BACKEND...`: services named
 * "adhoc", "adhoc2", ..., one for each call, backends named b1, b2, ...
 * Starts from `config`, or from the defaults when that is NULL.  NULL with
 * errors when an address is wrong; `config` is freed then.
 */
struct config *config_adhoc(struct config *config, const char *listen,
    const char *const *backends, size_t count, struct config_errors *errors);

/* Writes the effective configuration: every key with its value, in a form
 * that config_parse() reads back to an equal configuration. */
void config_dump(const struct config *config, FILE *out);

/* Writes "section key" for every key there is, one a line; backend options
 * as "backend key".  For the lint that holds the manual against the code. */
void config_keys_list(FILE *out);

#endif
