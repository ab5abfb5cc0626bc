/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Figures as JSON: see figures_json.h.  Called by command_status.c. */
#include "lb4/command/figures_json.h"

#include <stddef.h>

static const struct {
	const char *name;
	const struct histogram_scale *scale;
	size_t offset;
} kinds[] = {
	{ "connect", &histogram_short,
	    offsetof(struct figures_times, connect) },
	{ "queue", &histogram_short, offsetof(struct figures_times, queue) },
	{ "first_byte", &histogram_short,
	    offsetof(struct figures_times, first_byte) },
	{ "session", &histogram_long, offsetof(struct figures_times, session) },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static json_t *
numbers(const uint64_t *value, size_t count)
{
	json_t *list = json_array();
	int error = 0;

	for (size_t i = 0; i < count; i++)
		error |= json_array_append_new(list,
		    json_integer((json_int_t)value[i]));
	if (error == 0)
		return list;
	json_decref(list);
	return NULL;
}

json_t *
figures_json_bounds(void)
{
	json_t *object = json_object();
	int error = 0;

	for (size_t i = 0; i < KINDS; i++)
		error |= json_object_set_new(object, kinds[i].name,
		    numbers(kinds[i].scale->bound_us, kinds[i].scale->bounds));
	if (error == 0)
		return object;
	json_decref(object);
	return NULL;
}

json_t *
figures_json_times(const struct figures_times *times)
{
	json_t *object = json_object();
	int error = 0;

	for (size_t i = 0; i < KINDS; i++) {
		const struct histogram_sums *sums =
		    (const void *)((const char *)times + kinds[i].offset);

		error |= json_object_set_new(object, kinds[i].name,
		    json_pack("{s:o,s:I}", "counts",
			numbers(sums->bucket, kinds[i].scale->bounds + 1),
			"sum_us", (json_int_t)sums->sum_us));
	}
	if (error == 0)
		return object;
	json_decref(object);
	return NULL;
}

json_t *
figures_json_closes(const uint64_t closes[REASON_COUNT])
{
	json_t *list = json_array();
	int error = 0;

	for (int reason = 0; reason < REASON_COUNT; reason++) {
		if (closes[reason] == 0)
			continue;
		error |= json_array_append_new(list,
		    json_pack("{s:s,s:s,s:I}", "reason",
			reason_code((enum reason)reason), "text",
			reason_text((enum reason)reason), "conns",
			(json_int_t)closes[reason]));
	}
	if (error == 0)
		return list;
	json_decref(list);
	return NULL;
}
