/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How many conns each source has, and how fast it opens them: a table of fixed
 * size that all workers share without a lock.
 *
 * A source is known by a keyed hash, of which the table keeps the bits that
 * find its set of 16 entries and 40 more: two sources share an entry with a
 * probability of about 10^-11.  Nobody without the key can choose sources that
 * fall into one set.  An access looks at one set, so it costs the same in a
 * full table as in an empty one.
 *
 *	word	a tag of the source (40 bits) and its conns (24 bits), changed
 *		together by compare-and-swap.  An entry is another's only when
 *		it has no conns, so the conns of a source are exact
 *	time	a check of the tag (12 bits) and the source's theoretical
 *		arrival time (52 bits): the generic cell rate algorithm
 *		(ITU-T I.371).  If the check is another source's, there is no
 *		time yet
 *
 * Two workers may enter the same new source into different entries.  So whoever
 * has counted a conn looks once more for another entry of the source with
 * conns, and if there is one takes the conn back and begins again.  All of this
 * is sequentially consistent: of two that have counted, at least one sees the
 * other (Dekker's argument).
 *
 * A new source takes the first of these entries of its set: an empty one; one
 * without conns whose time has passed, which is as good as empty; the one
 * without conns whose time passes first.  A source that lost its time begins
 * with its whole burst again, so an eviction never refuses anybody.  Where all
 * 16 have conns the new source is not tracked, and not limited.  A table has
 * four entries for each conn that the process has room for, so that happens to
 * less than one source in a million even if each conn is from another source.
 */
#ifndef COMMON_SOURCES_H
#define COMMON_SOURCES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/hash.h"

struct sources;

/* The limits of a source. */
struct sources_limit {
	uint32_t conns;	      /* at a time; 0: no limit */
	uint64_t interval_ns; /* between two conns in the long run; 0: none */
	uint64_t slack_ns;    /* how much too early one may come: a burst of n
			       * is n - 1 intervals */
};

enum sources_verdict {
	SOURCES_PASS,
	SOURCES_CONNS, /* it has as many as it may */
	SOURCES_RATE,  /* it comes too early */
};

/* An entry that a conn holds; 0: none. */
typedef uint32_t sources_entry;

/* Makes a table for so many conns in all: 64 bytes each, at least 1 MiB, of
 * which the system provides only what is touched.  `key` is that of the hashes;
 * NULL without memory. */
struct sources *sources_new(uint64_t conns, const struct hash_key *key);

/* NULL is allowed. */
void sources_free(struct sources *sources);

/* The hash of a source, from bytes that say who it is. */
uint64_t sources_hash(const struct sources *sources, const void *who,
    size_t len);

/*
 * Counts another conn of the source, unless that exceeds a limit.  If it
 * passes, *out is what sources_leave() takes, 0 if the source is not tracked.
 */
enum sources_verdict sources_enter(struct sources *sources, uint64_t hash,
    const struct sources_limit *limit, uint64_t now_ns, sources_entry *out);

/* A conn has ended. */
void sources_leave(struct sources *sources, sources_entry entry);

/* The conn that has just entered was refused elsewhere: it does not count for
 * the rate either. */
void sources_undo(struct sources *sources, sources_entry entry,
    uint64_t interval_ns);

/* The present conns of a source, and in how many ns its next conn would be in
 * time (0: now). */
uint32_t sources_look(const struct sources *sources, uint64_t hash,
    const struct sources_limit *limit, uint64_t now_ns, uint64_t *wait_ns);

/* Conns whose sources were not tracked, since the start. */
uint64_t sources_untracked(const struct sources *sources);

/* The entries of the table. */
uint64_t sources_room(const struct sources *sources);

/*
 * The same algorithm for one rate: *time_ns is the theoretical arrival time, at
 * first 0.  Any number of threads may take.
 */
bool sources_pace(_Atomic uint64_t *time_ns, const struct sources_limit *limit,
    uint64_t now_ns);

#endif
