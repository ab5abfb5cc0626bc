/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The command line of lb4(8), as a value.
 */
#ifndef LB4_PROCESS_OPTIONS_H
#define LB4_PROCESS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/attr.h"
#include "lb4/config/config.h"

#ifndef OPTIONS_FILE /* the Makefile knows SYSCONFDIR */
#define OPTIONS_FILE "/etc/lb4/lb4.ini"
#endif

enum options_action {
	OPTIONS_RUN,
	OPTIONS_CHECK,	  /* -t */
	OPTIONS_DUMP,	  /* -T */
	OPTIONS_VERSION,  /* -v */
	OPTIONS_FEATURES, /* -vv */
	OPTIONS_HELP,
	OPTIONS_KEYS,
	OPTIONS_EXPLAIN,
	OPTIONS_SIMULATE,
};

/* One -l: the words point into argv. */
struct options_service {
	const char *listen;
	const char *const *backend;
	size_t backends;
};

struct options {
	enum options_action action;
	const char *file;		 /* NULL: not given */
	struct options_service *service; /* owned; `services` of them */
	size_t services;
	bool background;
	bool core;   /* it may leave one, and be traced */
	bool parent; /* the process that is started stays the parent */
	char *path;  /* owned: `file` made absolute; NULL: as it was given */
	bool host;   /* with OPTIONS_CHECK: judge the machine too */
	/* Values that override the file; NULL or -1: not given. */
	const char *pidfile;
	const char *user;
	const char *zone;
	const char *access_log;
	int relay;
	int log_level;
	int access_format;
	/* The arguments of --explain and --simulate. */
	const char *explain_service;
	const char *explain_client;
	const char *explain_sni;  /* NULL: it asks for no name */
	const char *explain_alpn; /* NULL: it offers no protocol */
	const char *explain_port; /* that it comes to; NULL: not told */
	bool simulates;
	const char *simulate; /* the new file; NULL: the same one */
	const char *clients;
	const char **down; /* owned; `downs` of them */
	size_t downs;
	const char **down_after; /* owned; `downs_after` of them */
	size_t downs_after;
};

/* Parses the command line.  Returns 0, or -EINVAL after writing to standard
 * error what is wrong. */
must_check int options_parse(struct options *options, int argc, char **argv);
void options_done(struct options *options);

/* The configuration that the options ask for: the file, or the services of -l,
 * with the values that the command line overrides.  NULL with errors. */
struct config *options_config(const struct options *options,
    struct config_errors *errors);

/* What the configuration is called in messages. */
const char *options_source(const struct options *options);

/* Whether the configuration comes from standard input. */
bool options_reads_stdin(const struct options *options);

/* Makes the file's name absolute, so that it is valid after a daemon's
 * chdir(2).  Returns 0 or -errno. */
must_check int options_fix_file(struct options *options);

/* Whether there is a file that can be read again. */
bool options_can_reload(const struct options *options);

/* The destination of log lines for `name`: a daemon has no standard error, so
 * its lines go to syslog instead. */
const char *options_destination(const struct options *options,
    const char *name);

/* The synopsis and each option on a line of its own. */
void options_help(FILE *out);

#endif
