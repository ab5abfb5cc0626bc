/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The settings that conns keep: see terms.h. */
#include "lb4/model/terms.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct terms *
terms_new(const struct conn_settings *settings, unsigned workers)
{
	const size_t size = workers * sizeof(struct terms_count);
	struct terms *terms;

	assert(workers > 0);
	if ((terms = calloc(1, sizeof(*terms))) == NULL)
		return NULL;
	terms->count = aligned_alloc(_Alignof(struct terms_count), size);
	if (terms->count == NULL) {
		free(terms);
		return NULL;
	}
	memset(terms->count, 0, size);
	terms->settings = *settings;
	terms->workers = workers;
	return terms;
}

void
terms_free(struct terms *terms)
{
	if (terms == NULL)
		return;
	free(terms->count);
	free(terms);
}

bool
terms_is_unused(const struct terms *terms)
{
	uint64_t conns = 0;

	for (unsigned i = 0; i < terms->workers; i++)
		conns += atomic_load_explicit(&terms->count[i].conns,
		    memory_order_acquire);
	return terms->refs == 0 && conns == 0;
}
