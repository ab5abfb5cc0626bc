/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The parser of ClientHellos: within its bounds for any bytes.  A hello that is
 * read has a sound name and list of protocols, and every beginning of it wants
 * more, but no more than there is.
 */
#include "lb4/wire/hello.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CUTS_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* In memory of its own, so that a sanitizer sees a read beyond its end. */
static enum hello_result
parse(const uint8_t *data, size_t size, struct hello *out, unsigned char **copy)
{
	*copy = malloc(size > 0 ? size : 1);
	require(*copy != NULL);
	memcpy(*copy, data, size);
	return hello_parse(*copy, size, out);
}

static void
check_alpn(const struct hello *hello, const unsigned char *copy, size_t size)
{
	size_t at = 0;

	if (hello->alpn_len == 0)
		return;
	require(hello->alpn >= copy &&
	    hello->alpn + hello->alpn_len <= copy + size);
	while (at < hello->alpn_len) {
		require(hello->alpn[at] > 0);
		at += 1U + hello->alpn[at];
	}
	require(at == hello->alpn_len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *copy;
	struct hello hello;
	enum hello_result result;

	if (size > HELLO_READ_MAX)
		return 0;
	result = parse(data, size, &hello, &copy);
	if (result == HELLO_BAD || result == HELLO_PLAIN)
		require(hello.why != NULL && hello.why[0] != '\0');
	if (result == HELLO_MORE)
		require(hello.need > size && hello.need <= HELLO_READ_MAX);
	if (result == HELLO_DONE) {
		require(strlen(hello.name) <= HELLO_NAME_MAX);
		check_alpn(&hello, copy, size);
	}
	free(copy);
	if (result != HELLO_DONE)
		return 0;
	for (size_t cut = 0; cut < size && cut < CUTS_MAX; cut++) {
		result = parse(data, cut, &hello, &copy);
		require(result == HELLO_DONE ||
		    (result == HELLO_MORE && hello.need > cut &&
			hello.need <= size));
		free(copy);
	}
	return 0;
}
