/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A sweep: a walk (walk.h) over the conns of all workers that lists or kills
 * those that match a filter.
 */
#ifndef LB4_ENGINE_SWEEP_H
#define LB4_ENGINE_SWEEP_H

#include <stdint.h>

#include "common/addr.h"
#include "lb4/config/settings.h"
#include "lb4/engine/walk.h"

struct worker;

/* The most conns that one piece finds. */
#define SWEEP_ROWS 64

enum sweep_act {
	SWEEP_LIST,
	SWEEP_KILL,
};

/* Which conns match: those that meet every condition. */
struct sweep_filter {
	uint64_t id;		       /* 0: any */
	char service[CONFIG_NAME_MAX]; /* "": any */
	char backend[CONFIG_NAME_MAX]; /* "": any */
	struct endpoint client;	       /* family 0: any; port 0: any port */
	uint64_t idle_ms;	       /* idle for at least this long */
	uint64_t age_ms;	       /* accepted at least this long ago */
	uint64_t bytes;		       /* moved at least, both ways together */
};

/* What a listing shows of a conn. */
struct sweep_row {
	uint64_t id;
	uint32_t worker;
	uint8_t state;		       /* enum conn_state */
	char service[CONFIG_NAME_MAX]; /* by name, since control may show */
	char backend[CONFIG_NAME_MAX]; /* it when both have gone; "": none */
	struct endpoint client;
	uint64_t age_ms;
	uint64_t idle_ms;
	uint64_t bytes_to_backend;
	uint64_t bytes_to_client;
};

struct sweep {
	struct walk walk;

	/* control's, and not touched by workers */
	uint32_t caller; /* whose it is: index and generation */
	uint32_t caller_generation;

	/* set by control */
	enum sweep_act act;
	struct sweep_filter filter;

	/* set by the worker */
	unsigned rows; /* listed or ended by this piece */
	struct sweep_row row[SWEEP_ROWS];
};

/* Does the next piece: walk.run of a sweep. */
void sweep_run(struct worker *worker, struct walk *walk);

#endif
