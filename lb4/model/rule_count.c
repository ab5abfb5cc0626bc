/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Counts of access rules: see rule_count.h.  Called by table.c. */
#include "lb4/model/rule_count.h"

#include <assert.h>
#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

struct rule_count *
rule_count_get(struct rule_count **list, const char *text)
{
	struct rule_count *count = *list;

	while (count != NULL && strcmp(count->text, text) != 0)
		count = count->next;
	if (count == NULL) {
		count = aligned_alloc(_Alignof(struct rule_count),
		    sizeof(*count));
		if (count == NULL)
			return NULL;
		memset(count, 0, sizeof(*count));
		(void)strlcpy(count->text, text, sizeof(count->text));
		count->next = *list;
		*list = count;
	}
	count->refs++;
	return count;
}

void
rule_count_put(struct rule_count **list, struct rule_count *count)
{
	assert(count->refs > 0);
	if (--count->refs > 0)
		return;
	while (*list != count)
		list = &(*list)->next;
	*list = count->next;
	free(count);
}

void
rule_counts_free(struct rule_count *list)
{
	struct rule_count *next;

	for (; list != NULL; list = next) {
		next = list->next;
		free(list);
	}
}
