/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The doctor: finds out which limits of a machine a configuration would reach,
 * and which one first, and says what to set.  For `lb4 -t --host`, and for the
 * running process, whose own limits may differ from those of a shell.
 */
#ifndef LB4_HOST_DOCTOR_H
#define LB4_HOST_DOCTOR_H

#include <stdint.h>
#include <stdio.h>

#include "lb4/config/settings.h"
#include "lb4/host/finding.h"

struct host;

/* lb4 is not running. */
#define DOCTOR_NOT_RUNNING UINT64_MAX

/*
 * Judges `config` on `host`: for the process that runs it and has `conns` open,
 * or before it is started (DOCTOR_NOT_RUNNING).  Pure: it reads only its
 * arguments and, with `workers = auto`, the number of usable CPUs.  `report`
 * needs no preparation and no clean-up.
 */
void doctor_examine(const struct config *config, const struct host *host,
    uint64_t conns, struct doctor_report *report);

/* Adds a finding: a thread of the running process, such as "the prober", has
 * been stuck for so long. */
void doctor_add_thread(struct doctor_report *report, const char *name,
    uint64_t ms);

/*
 * Writes the report: the first wall on a line, then a line for each finding,
 *
 *	bites: RLIMIT_NOFILE: soft 1024, hard 1024; needs 10060; 498 conns at
 *	once; set LimitNOFILE=10060
 */
void doctor_print(const struct doctor_report *report, FILE *out);

/* "bites", "note", "fine". */
const char *doctor_severity_name(enum doctor_severity severity);

#endif
