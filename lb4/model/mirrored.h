/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What is counted of the copies that the mirror of a service gets: see
 * lb4/engine/mirror.h.
 */
#ifndef LB4_MODEL_MIRRORED_H
#define LB4_MODEL_MIRRORED_H

#include <stdatomic.h>
#include <stdint.h>

/* Why a copy has ended before it was complete.  Part of the records of an
 * upgrade: add new reasons at the end.  Named by mirror_drop_name(). */
enum mirror_drop {
	MIRROR_SLOW,	 /* the mirror does not take the bytes in time */
	MIRROR_CONNECT,	 /* it cannot be connected to */
	MIRROR_TIMEOUT,	 /* it has not answered within timeout-connect */
	MIRROR_RESET,	 /* it has reset the connection */
	MIRROR_RESOURCE, /* this machine lacks descriptors, pipes or memory */
	MIRROR_LATE,	 /* the conn has ended, and it lacks bytes long after */
	MIRROR_UPGRADE,	 /* the conn has moved to a new process */
	MIRROR_DROP_COUNT,
};

/* Room in the records of an upgrade. */
#define MIRROR_DROPS_MAX 16

/* Counts of one worker with one service; see struct service_stats. */
struct mirror_stats {
	_Atomic uint64_t conns; /* that were to be copied */
	_Atomic uint64_t bytes; /* that the mirror's sockets have taken */
	_Atomic uint64_t dropped[MIRROR_DROPS_MAX]; /* by enum mirror_drop */
};

/* The same, summed over the workers. */
struct mirror_sums {
	uint64_t conns, bytes;
	uint64_t dropped[MIRROR_DROPS_MAX];
};

/* The word of metrics and of status; for any value of the enum. */
const char *mirror_drop_name(enum mirror_drop drop);

/* The same as a clause: "the mirror has reset it". */
const char *mirror_drop_text(enum mirror_drop drop);

/* Adds to `sums`. */
void mirror_add(struct mirror_sums *sums, const struct mirror_stats *stats);

uint64_t mirror_dropped(const struct mirror_sums *sums);

#endif
