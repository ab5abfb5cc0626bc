/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * pin-on-change: a client that was active lately keeps its backend when a new
 * table would send it elsewhere, as long as that backend is healthy and the
 * client stays active.
 *
 *	                    |<---- time ---->|
 *	----- old table ----+---------- new table ----------------
 *	 adds clients to    |  a client in    |  the past is gone;
 *	 its activity       |  the old one's  |  pins go when their clients
 *	                    |  activity whose |  have been away for `time`
 *	                    |  place moved is |
 *	                    |  pinned         |
 *
 * There is no list of clients.  While a table is in use, each pick adds its
 * client to the table's activity (activity.h).  When another table moves
 * clients, the old one becomes a past: its places, which backends were up at
 * that moment, and its activity, kept for `time`.  A pick first looks for a
 * pin, then asks the pasts, oldest first, whether the client was active then
 * and where.  If the new table would place it elsewhere, the client is pinned
 * there.  Clients that are in no past are new: they follow the new table at
 * once.
 *
 * A pin whose backend is down, taken out or gone is given up, and its client
 * follows the new table.  After `time` without activity a pin is forgotten:
 * when all are, every client is where a fresh start would place it.
 *
 * Pins are a bounded table of atomics that workers write.  Control owns the
 * pasts, and decides what a new table carries over.  A worker never waits.
 */
#ifndef LB4_BALANCE_PINS_H
#define LB4_BALANCE_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

struct pick;
struct pins;
struct service;

/* What is known of one client during a pick. */
struct pin {
	int index;   /* of its old backend; -1: it has none here */
	bool stored; /* there is a pin, in use or given up */
	bool moved;  /* the new table places it elsewhere */
	bool lost;   /* its backend cannot be used */
	uint64_t hash;
};

/*
 * Gives a service that is built, and not yet visible to readers, its pins:
 * those of the service that it replaces (NULL: none), whose places become a
 * past if they differ.  Does nothing without pin-on-change.  Returns 0 or
 * -ENOMEM.  This and the functions up to pins_report() are for the control
 * thread.
 */
must_check int pins_build(struct service *service, const struct service *old,
    uint64_t now_ms);

/* NULL is fine.  No reader may be left. */
void pins_free(struct pins *pins);

/* Takes out the pasts whose time is over; returns how many.  pins_bury() frees
 * them after a grace period. */
size_t pins_expire(struct pins *pins, uint64_t now_ms);
void pins_bury(struct pins *pins);

/* For the status. */
struct pins_report {
	uint64_t pinned;   /* clients that keep their backend */
	uint64_t given_up; /* those whose backend could not be used */
	uint64_t refused;  /* not pinned: the table was full */
	uint64_t places;   /* for pins */
	unsigned pasts;
	uint64_t until_ms; /* when the last past ends; 0: there is none */
	size_t memory;	   /* bytes, all of it */
};
void pins_report(const struct pins *pins, uint64_t now_ms,
    struct pins_report *report);

/* Where the client with that hash was before; only reads.  Any thread. */
void pins_find(const struct service *service, const struct pick *pick,
    uint64_t hash, struct pin *pin);

/* The pick has chosen backend `index`: notes the client's activity, and pins
 * the client if necessary.  `pin` is as pins_find() and the pick have left it.
 * Workers. */
void pins_note(const struct service *service, const struct pick *pick,
    const struct pin *pin, int index);

#endif
