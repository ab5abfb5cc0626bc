/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Text that is not ours, of any bytes: what comes out is plain, is UTF-8 to
 * another reader of it, stays as it is when it is escaped again, and is cut
 * between characters.
 */
#include "common/escape.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool truth)
{
	if (!truth)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *whole = escape_dup((const char *)data, size, "");
	char *again = escape_dup(whole, strlen(whole), "");
	char part[64];
	json_t *value = json_string(whole);

	require(value != NULL);
	require(escape_is_plain(whole));
	require(strcmp(whole, again) == 0);
	for (size_t room = 1; room <= sizeof(part); room++) {
		size_t len = escape_text((const char *)data, size, part, room);

		require(len == strlen(part) && len < room);
		require(escape_is_plain(part));
		require(strncmp(whole, part, len) == 0);
	}
	json_decref(value);
	free(whole);
	free(again);
	return 0;
}
