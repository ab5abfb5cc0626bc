/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The figures that lb4ctl top shows, made from two answers of lb4,
 * lb4.info/1 and lb4.status/1.  Rates are differences of counters over the time
 * that lb4's own uptime shows.  A counter that is lower than before has begun
 * anew: its rate is unknown, not negative.  Pure.
 *
 * Texts of lb4 are kept escaped (common/escape.h).
 */
#ifndef LB4_CTL_TOP_DATA_H
#define LB4_CTL_TOP_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

#define TOP_SECONDS 60 /* of history */
#define TOP_NAME_MAX 64
#define TOP_WORD_MAX 24
#define TOP_LONG_MAX 256

/* A rate in each of the last seconds, the latest one last; NAN: unknown. */
struct top_history {
	float value[TOP_SECONDS];
};

/* A service, or one of its backends. */
struct top_row {
	char service[TOP_NAME_MAX];
	char backend[TOP_NAME_MAX]; /* "" in the row of a service */
	char address[TOP_LONG_MAX]; /* of a service: where it listens */
	char state[TOP_WORD_MAX];   /* "up", "down", "joining", ... */
	char reason[TOP_LONG_MAX];  /* for that state; may be "" */
	size_t group;		    /* index of the service's row */
	unsigned trouble; /* 0: up; the worse the state, the more; a service's
			     own state counts more than those of its backends */

	uint64_t weight, conns, failed;
	uint64_t accepted, to_backend, to_client; /* ever */

	/* NAN: unknown yet */
	double share; /* of the conns of the service, 0 to 1 */
	double accepted_per_s, to_backend_per_s, to_client_per_s;
	struct top_history rates, bytes; /* conns and bytes per second */
};

struct top_worker {
	unsigned number;
	uint64_t conns, busy_us;
	double busy; /* share of the time, 0 to 1; NAN: unknown yet */
};

/* The process. */
struct top_node {
	char version[TOP_WORD_MAX * 2];
	char state[TOP_WORD_MAX]; /* "ready", "draining", "not-ready" */
	char life[TOP_WORD_MAX];  /* "running", "draining", "killing" */
	uint64_t pid, uptime_ms;
	uint64_t conns, maxconn, queued;
	uint64_t accepted, failed, retries;
	double accepted_per_s, to_backend_per_s, to_client_per_s;
	bool full; /* it is at its maxconn */
};

struct top_data {
	bool known; /* answers were taken */
	struct top_node node;
	struct top_row *row; /* owned: each service and behind it its backends;
				then the backends that were removed with it */
	size_t rows;
	struct top_worker *worker; /* owned */
	size_t workers;

	uint64_t second; /* of the latest values of the histories */
};

/*
 * Takes the answers to info and status, as JSON, that arrived in that second of
 * a clock that never goes back.  Returns 0, or -EPROTO when lb4 has sent
 * something else, or -ENOMEM; then `data` is as before.
 */
must_check int top_data_take(struct top_data *data, const char *info,
    const char *status, uint64_t second);

/* Writes what an answer that is an error says, escaped. */
void top_data_error(const char *text, char why[TOP_LONG_MAX]);

void top_data_done(struct top_data *data);

#endif
