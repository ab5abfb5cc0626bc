/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kind of a limit of new conns: "50/s", "10/m burst 20", or "off".
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/kinds.h"
#include "lb4/config/settings.h"
#include "lb4/config/values.h"

#define SECOND_MS 1000
#define MINUTE_MS 60000

static const char advice[] =
    "give off, or a rate such as 50/s, 10/m or 50/s burst 100";

static bool
read_count(const char *text, const char *end, uint64_t most, unsigned *count)
{
	const size_t digits = strspn(text, "0123456789");
	unsigned long value;

	if (digits == 0 || digits > 9 || strcmp(text + digits, end) != 0)
		return false;
	value = strtoul(text, NULL, 10);
	*count = (unsigned)value;
	return value > 0 && value <= most;
}

/* "50/s" or "10/m". */
static bool
read_rate(const char *word, uint64_t most, struct rate_limit *limit)
{
	limit->per_ms = SECOND_MS;
	if (read_count(word, "/s", most, &limit->conns))
		return true;
	limit->per_ms = MINUTE_MS;
	return read_count(word, "/m", most, &limit->conns);
}

static int
parse_limit(const struct key *key, void *object, const char *text,
    struct why *why)
{
	const char *rest = text;
	struct rate_limit limit = { 0 };
	char word[4][16];
	int error = 0;

	for (int i = 0; error == 0 && i < 4; i++)
		error = value_word(&rest, word[i], sizeof(word[i]), why);
	if (error != 0)
		return error;
	if (strcmp(word[0], "off") == 0 && word[1][0] == '\0') {
		memcpy((char *)object + key->offset, &limit, sizeof(limit));
		return 0;
	}
	if (!read_rate(word[0], key->high, &limit))
		return why_set(why,
		    "\"%.64s\" is not a rate of 1 to %" PRIu64 ": %s", text,
		    key->high, advice);
	/* what comes in a second */
	limit.burst = limit.per_ms == SECOND_MS ? limit.conns : 1;
	if (word[1][0] != '\0' &&
	    (strcmp(word[1], "burst") != 0 || word[3][0] != '\0' ||
		!read_count(word[2], "", key->high, &limit.burst)))
		return why_set(why,
		    "\"%.64s\" has no burst of 1 to %" PRIu64
		    " after the rate: %s",
		    text, key->high, advice);
	memcpy((char *)object + key->offset, &limit, sizeof(limit));
	return 0;
}

static void
print_limit(const struct key *key, const void *object, size_t index, FILE *out)
{
	struct rate_limit limit;

	(void)index;
	memcpy(&limit, (const char *)object + key->offset, sizeof(limit));
	if (limit.conns == 0)
		fputs("off", out);
	else
		fprintf(out, "%u/%c burst %u", limit.conns,
		    limit.per_ms == SECOND_MS ? 's' : 'm', limit.burst);
}

const struct kind kind_limit = {
	.parse = parse_limit,
	.print = print_limit,
};
