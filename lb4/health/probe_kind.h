/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What a way of checking has to have.  One file each, probe_NAME.c, reads its
 * arguments and keeps its state; a new one is a file, a line in kinds.c, a
 * value of enum check_kind and its name.
 *
 * The handlers see no socket: probe.c connects, sends what they say, and brings
 * what the peer answers.  So a test and a fuzzer can do the same.
 */
#ifndef LB4_HEALTH_PROBE_KIND_H
#define LB4_HEALTH_PROBE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb4/config/check.h"
#include "lb4/model/backend.h"

struct probe;

struct probe_kind {
	struct check_way way; /* what the configuration asks */
	size_t state_size;    /* of the state of one check */

	/* Ends with shutdown(2), so that the peer sees us leave. */
	bool half_close;

	/* Connected: says something, or waits for the peer to begin, or has a
	 * result already. */
	void (*on_connected)(struct probe *probe);

	/* The peer has sent `len` > 0 bytes.  What stands behind the result is
	 * for nobody. */
	void (*on_bytes)(struct probe *probe, const char *bytes, size_t len);

	/* Time is up, or the peer has closed, after some bytes: the result and
	 * its detail.  NULL: HEALTH_NO_ANSWER, or HEALTH_CLOSED. */
	enum health_result (*unfinished)(const struct probe *probe,
	    uint16_t *detail);
};

/* NULL for CHECK_NONE. */
const struct probe_kind *probe_kind(enum check_kind kind);

/* Has `len` bytes sent, in the order of the calls; one at a time is under way.
 * They stay where they are until the check has ended: in the kind's own block,
 * its state or its constants. */
void probe_say(struct probe *probe, const void *bytes, size_t len);

/* The one way to end a check.  After a result that came from the peer's own
 * words the peer gets the time to close first. */
void probe_finish(struct probe *probe, enum health_result result,
    uint16_t detail);

/* The same, with a last message, such as QUIT. */
void probe_leave(struct probe *probe, enum health_result result,
    uint16_t detail, const void *bytes, size_t len);

/* The same from an errno (positive). */
void probe_fail(struct probe *probe, int error);

extern const struct probe_kind probe_tcp;
extern const struct probe_kind probe_http;
extern const struct probe_kind probe_redis;
extern const struct probe_kind probe_postgresql;
extern const struct probe_kind probe_mysql;
extern const struct probe_kind probe_smtp;

#endif
