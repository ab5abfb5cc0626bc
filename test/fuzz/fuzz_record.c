/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The reader of records, and what makes conns of them: whatever another process
 * sends, the reader stays within its bounds, what it has read can be written
 * and read again without a change, and a conn is made of sound values only.
 */
#include "lb4/handover/records.h"

#include <stdlib.h>
#include <string.h>

#include "lb4/engine/conn_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_twice(const struct record_kind *kind, const uint8_t *data, size_t size)
{
	static unsigned char buf[RECORD_MAX];
	void *first = malloc(kind->size), *second = malloc(kind->size);
	int len;

	if (first == NULL || second == NULL)
		abort();
	if (record_read(kind, data, size, first) == 0) {
		len = record_write(kind, first, buf, sizeof(buf));
		if (len < 0 || !record_is(kind, buf, (size_t)len) ||
		    record_read(kind, buf, (size_t)len, second) != 0 ||
		    memcmp(first, second, kind->size) != 0)
			abort();
	}
	free(first);
	free(second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct conn_record_names names = { .service = NULL };
	struct conn_record record;
	int fd[CONN_RECORD_FDS] = { -1, -1, -1, -1, -1, -1 };

	for (size_t i = 0; handover_kinds[i] != NULL; i++)
		read_twice(handover_kinds[i], data, size);
	if (record_read(&handover_conn_kind, data, size, &record) == 0 &&
	    conn_record_make(&record, &names, fd, size % 7) != NULL)
		abort(); /* its service is unknown */
	return 0;
}
