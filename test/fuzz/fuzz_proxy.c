/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The parser of PROXY headers: within its bounds for any bytes.  A header is
 * the same whatever follows it; every beginning of it wants more, but no more
 * than there is; a client that it names is read back as it is written.
 */
#include "lb4/wire/proxy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* In memory of its own, so that a sanitizer sees a read beyond its end. */
static enum proxy_result
parse(const uint8_t *data, size_t size, struct proxy_header *out)
{
	unsigned char *copy = malloc(size > 0 ? size : 1);
	enum proxy_result result;

	require(copy != NULL);
	memcpy(copy, data, size);
	result = proxy_parse(copy, size, out);
	free(copy);
	return result;
}

static void
write_and_read(const struct proxy_header *header, enum send_proxy version)
{
	const struct proxy_say say = {
		.version = version,
		.src = header->src,
		.dst = header->dst,
		.unique_id = { "1", 1 },
	};
	unsigned char buf[PROXY_WRITE_MAX];
	const size_t len = proxy_write(&say, buf);
	struct proxy_header again;

	require(parse(buf, len, &again) == PROXY_DONE && again.len == len);
	require(again.named &&
	    memcmp(&again.src, &header->src, sizeof(again.src)) == 0 &&
	    memcmp(&again.dst, &header->dst, sizeof(again.dst)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header whole, cut;
	const enum proxy_result result = parse(data, size, &whole);

	if (result == PROXY_BAD)
		require(whole.why != NULL && whole.why[0] != '\0');
	if (result == PROXY_MORE)
		require(whole.len > size && whole.len <= PROXY_READ_MAX);
	if (result != PROXY_DONE)
		return 0;
	require(whole.len <= size);
	require(parse(data, whole.len, &cut) == PROXY_DONE);
	require(whole.len == cut.len && whole.named == cut.named &&
	    memcmp(&whole.src, &cut.src, sizeof(whole.src)) == 0 &&
	    memcmp(&whole.dst, &cut.dst, sizeof(whole.dst)) == 0 &&
	    whole.why == cut.why);
	for (size_t len = 0; len < whole.len; len++) {
		require(parse(data, len, &cut) == PROXY_MORE);
		require(cut.len > len && cut.len <= whole.len);
	}
	if (whole.named) {
		write_and_read(&whole, SEND_PROXY_V1);
		write_and_read(&whole, SEND_PROXY_V2);
	}
	return 0;
}
