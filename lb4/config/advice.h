/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Warnings about a configuration that is valid and still likely to cause
 * trouble.
 */
#ifndef LB4_CONFIG_ADVICE_H
#define LB4_CONFIG_ADVICE_H

#include "lb4/config/errors.h"
#include "lb4/config/settings.h"

/* The reader of the warnings. */
enum advice_for {
	ADVICE_FOR_LOG,	  /* a process that starts or reloads */
	ADVICE_FOR_CHECK, /* lb4 -t: all of them */
};

/*
 * Fills `list` with the warnings about `config`; the caller frees it with
 * config_errors_done().  Each is "file:line: [section] key: what happens: what
 * to do", for a check with "warning: " in front of the section.  `file` NULL:
 * without file and line.
 */
void advice_give(const struct config *config, const char *file,
    enum advice_for whom, struct config_errors *list);

#endif
