/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Terms: the settings of a service that a conn keeps as they were when it
 * began.  All conns that began with equal settings share one struct terms, so
 * that a conn stores a pointer and a reload changes nothing for it.
 *
 * A service_state owns its terms (service_state_terms()).  The tables hold
 * references; each worker counts its conns.  Control frees terms that no table
 * names and no conn keeps (tables_sweep()).
 */
#ifndef LB4_MODEL_TERMS_H
#define LB4_MODEL_TERMS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lb4/config/settings.h"

/* Conns that one worker has counted in, less those that it has counted out,
 * modulo 2^64: a conn may move to another worker in between.  Writer: that
 * worker.  Reader: control. */
struct terms_count {
	_Alignas(64) _Atomic uint64_t conns;
};

struct terms {
	/* set before any other thread sees it */
	struct conn_settings settings;
	unsigned workers;
	struct terms_count *count; /* owned; one per worker */

	/* control's own */
	struct terms *next; /* of the same service */
	uint32_t refs;
	bool retired; /* unused, to be freed */
};

/* Makes terms without a reference; NULL without memory. */
struct terms *terms_new(const struct conn_settings *settings, unsigned workers);

/* Whether they have these settings. */
bool terms_are(const struct terms *terms, const struct conn_settings *settings);

/* NULL is allowed. */
void terms_free(struct terms *terms);

/*
 * Whether nothing holds them: no table and no conn (acquire).  Control only.
 * Call it a grace period after the last table that named them: from then on the
 * counts only go down, so that their sum is never taken for 0 too early, though
 * they are read one after another.
 */
bool terms_is_unused(const struct terms *terms);

/* For a worker: a conn begins with these terms, or ends (release). */
static inline void
terms_enter(struct terms *terms, unsigned worker)
{
	_Atomic uint64_t *conns = &terms->count[worker].conns;

	atomic_store_explicit(conns,
	    atomic_load_explicit(conns, memory_order_relaxed) + 1,
	    memory_order_relaxed);
}

static inline void
terms_leave(struct terms *terms, unsigned worker)
{
	_Atomic uint64_t *conns = &terms->count[worker].conns;

	atomic_store_explicit(conns,
	    atomic_load_explicit(conns, memory_order_relaxed) - 1,
	    memory_order_release);
}

#endif
