/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A sweep: control's look at the conns of one worker, to list or to end those
 * that a filter describes.  It goes to and fro, as one message in either
 * direction: control posts it to the worker, which does a piece of bounded
 * length in one turn of its loop, notes in the sweep how far it came, and posts
 * it back.  Control sends it on until `at_end`, and then to the next worker.
 *
 * Who holds the sweep owns it: control, or the worker from the posting until it
 * has posted back.  Conns come and go between two pieces, and one that moves to
 * another worker meanwhile may be seen twice, or not at all.
 */
#ifndef LB4_ENGINE_SWEEP_H
#define LB4_ENGINE_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "lb4/config/settings.h"

struct mailbox;
struct worker;

/* Of one piece: conns found, at most, and slots looked at, at most. */
#define SWEEP_ROWS 64
#define SWEEP_LOOKS 2048

enum sweep_act {
	SWEEP_LIST,
	SWEEP_KILL,
};

/* Which conns are meant: those for which all of it holds. */
struct sweep_filter {
	uint64_t id;		       /* 0: any */
	char service[CONFIG_NAME_MAX]; /* "": any */
	char backend[CONFIG_NAME_MAX]; /* "": any */
	struct endpoint client;	       /* family 0: any; port 0: any port */
	uint64_t idle_ms;	       /* idle for at least so long */
	uint64_t age_ms;	       /* accepted at least so long ago */
};

/* What is told of a conn. */
struct sweep_row {
	uint64_t id;
	uint32_t worker;
	uint8_t state;		       /* enum conn_state */
	char service[CONFIG_NAME_MAX]; /* by name: control may show it */
	char backend[CONFIG_NAME_MAX]; /* when both are gone; "": none */
	struct endpoint client;
	uint64_t age_ms;
	uint64_t idle_ms;
	uint64_t bytes_to_backend;
	uint64_t bytes_to_client;
};

struct sweep {
	/* control's, and not touched by workers */
	uint32_t caller; /* whose it is: index and generation */
	uint32_t caller_generation;
	unsigned worker; /* where it is, or goes next */

	/* set by control */
	enum sweep_act act;
	struct sweep_filter filter;
	struct mailbox *reply; /* of struct sweep *, never full: see socket.c */

	/* set by the worker; `cursor` 0 at first */
	uint32_t cursor;
	bool at_end;
	unsigned rows; /* listed or ended by this piece */
	struct sweep_row row[SWEEP_ROWS];
};

/* Does the next piece, and posts the sweep back; in its thread. */
void sweep_run(struct worker *worker, struct sweep *sweep);

/* Posts it back with nothing more to come: the worker is at its end. */
void sweep_give_back(struct sweep *sweep);

#endif
