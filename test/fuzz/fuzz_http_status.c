/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The status line's parser: whatever a backend answers, in one piece or in
 * any two or byte by byte, the outcome is the same and within its bounds.
 */
#include "lb4/health/http_status.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONGEST 13 /* bytes of a status line until it has made up its mind */
#define CUTS_MAX 512

static void
require_equal(const struct http_status *a, const struct http_status *b)
{
	if (a->state != b->state || a->at != b->at || a->code != b->code ||
	    a->interim != b->interim || a->empty != b->empty ||
	    a->skipped != b->skipped)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_status whole = { 0 };
	struct http_status bytes = { 0 };

	if (http_status_feed(&whole, data, size) != whole.state)
		abort();
	/* an interim response is no outcome, but for 101 */
	if (whole.state == HTTP_STATUS_DONE && whole.code != 101 &&
	    (whole.code < 200 || whole.code > 999))
		abort();
	if (whole.at > LONGEST || whole.skipped > HTTP_STATUS_INTERIM_MAX + 1)
		abort();
	for (size_t i = 0; i < size; i++)
		http_status_feed(&bytes, data + i, 1);
	require_equal(&whole, &bytes);
	for (size_t cut = 0; cut <= size && cut <= CUTS_MAX; cut++) {
		struct http_status halves = { 0 };

		http_status_feed(&halves, data, cut);
		http_status_feed(&halves, data + cut, size - cut);
		require_equal(&whole, &halves);
	}
	return 0;
}
