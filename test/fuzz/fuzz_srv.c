/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The parser of DNS answers with SRV records: within its bounds for any bytes.
 * What it takes is sound: names that a backend can have, ports that lb4 can
 * connect to, no record twice, and a fixed order.
 */
#include "lb4/wire/srv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
require_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

	require(strlen(name) < CONFIG_DNS_MAX &&
	    strspn(name, allowed) == strlen(name));
}

static void
require_records(const struct srv_answer *answer)
{
	require(answer->records <= SRV_RECORDS_MAX);
	require(!answer->none || answer->records == 0);
	for (size_t i = 0; i < answer->records; i++) {
		const struct srv_record *one = &answer->record[i];

		require(one->target[0] != '\0' && one->port != 0);
		require_name(one->target);
		require(i == 0 || one[-1].priority <= one->priority);
		for (size_t j = 0; j < i; j++)
			require(answer->record[j].port != one->port ||
			    strcmp(answer->record[j].target, one->target) != 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* in memory of their own, so that a sanitizer sees what is beyond */
	unsigned char *copy = malloc(size > 0 ? size : 1);
	struct srv_answer *answer = malloc(sizeof(*answer));
	const char *why = NULL;
	int error;

	require(copy != NULL && answer != NULL);
	memcpy(copy, data, size);
	error = srv_parse(copy, size, answer, &why);
	require(error == 0 || error == -E2BIG ||
	    (error == -EBADMSG && why != NULL));
	if (error == 0) {
		require_records(answer);
		require(answer->addresses <= SRV_ADDRESSES_MAX);
		for (size_t i = 0; i < answer->addresses; i++) {
			require_name(answer->address[i].name);
			require(answer->address[i].addr.len > 0);
		}
	}
	free(answer);
	free(copy);
	return 0;
}
