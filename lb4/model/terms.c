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

bool
terms_are(const struct terms *terms, const struct conn_settings *settings)
{
	const struct conn_settings *own = &terms->settings;

	return own->timeout_connect_ms == settings->timeout_connect_ms &&
	    own->timeout_queue_ms == settings->timeout_queue_ms &&
	    own->wait_for_backend_ms == settings->wait_for_backend_ms &&
	    own->timeout_proxy_ms == settings->timeout_proxy_ms &&
	    own->timeout_hello_ms == settings->timeout_hello_ms &&
	    own->timeout_idle_ms == settings->timeout_idle_ms &&
	    own->timeout_half_close_ms == settings->timeout_half_close_ms &&
	    own->timeout_stall_ms == settings->timeout_stall_ms &&
	    own->reset_linger_ms == settings->reset_linger_ms &&
	    own->max_lifetime_ms == settings->max_lifetime_ms &&
	    own->abort_on_close == settings->abort_on_close;
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
