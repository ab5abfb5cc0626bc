/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How many clients each access rule of a service has decided about.  A
 * service_state owns a list of them, so that the count of a rule that is kept
 * goes on over a reload, whatever has changed in its file.  The tables hold
 * references.
 */
#ifndef LB4_MODEL_RULE_COUNT_H
#define LB4_MODEL_RULE_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

#include "lb4/config/settings.h"

/* "deny file:/etc/lb4/blocked": the verb and the value. */
#define RULE_TEXT_MAX (CONFIG_ARGS_MAX + sizeof("allow "))

struct rule_count {
	/* Clients.  Writers: workers, fetch-and-add; control, before anybody
	 * reads it, with that of an earlier process. */
	_Alignas(64) _Atomic uint64_t clients;

	/* set before any other thread sees it */
	char text[RULE_TEXT_MAX];

	/* control's own */
	struct rule_count *next; /* of the same service */
	uint32_t refs;
};

/* The count of the rule with that text in the list, with a reference for the
 * caller; made if there is none.  NULL without memory.  Control only, as the
 * others. */
struct rule_count *rule_count_get(struct rule_count **list, const char *text);

/* Drops a reference.  Frees the count with the last one: no thread may read a
 * table that names it any more. */
void rule_count_put(struct rule_count **list, struct rule_count *count);

/* Frees a list to which no references are left. */
void rule_counts_free(struct rule_count *list);

#endif
