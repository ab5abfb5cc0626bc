/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One examination by the doctor: what its parts share.  A part has one function
 * for each limit, which adds a finding if the limit is known.
 */
#ifndef LB4_HOST_EXAM_H
#define LB4_HOST_EXAM_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/config/settings.h"
#include "lb4/engine/engine_limits.h"
#include "lb4/host/finding.h"

struct host;

struct exam {
	const struct config *config;
	const struct host *host;
	struct doctor_report *report;
	struct engine_limits limits;
	uint64_t workers;
	uint64_t open; /* conns, now */
	bool running;
	bool asked; /* the configuration limits the number of conns; otherwise
		     * there are as many as fit */
};

/* The parts. */
void exam_files(struct exam *exam);   /* descriptors and pipes */
void exam_ports(struct exam *exam);   /* local ports */
void exam_network(struct exam *exam); /* queues and tables of the kernel */
void exam_process(struct exam *exam); /* memory, threads and CPUs */
void exam_source(struct exam *exam);  /* what source = client needs */

/* Adds a finding without a wall.  It belongs to the report. */
struct doctor_finding *exam_add(struct exam *exam,
    enum doctor_severity severity, const char *what);

/* Adds a finding with a wall of conns, for all services together. */
struct doctor_finding *exam_add_wall(struct exam *exam, const char *what,
    uint64_t wall);

/* How bad a wall of `wall` conns is, if `wanted` are wanted. */
enum doctor_severity exam_judge(const struct exam *exam, uint64_t wall,
    uint64_t wanted);

/* Formats a text of a finding; it is cut to DOCTOR_TEXT_MAX bytes. */
void exam_say(char *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A limit as text: "unlimited", "unknown" or its number. */
struct exam_number {
	char text[24];
};
struct exam_number exam_number(int64_t value);

/* Whether a number of struct host is known and a limit. */
bool exam_is_limit(int64_t value);

/* The value, or 0 if it is negative. */
uint64_t exam_above_zero(int64_t value);

/* Whether lb4 keeps the rights of root, or CAP_SYS_RESOURCE: the user that it
 * becomes may not. */
bool exam_is_privileged(const struct exam *exam);

#endif
