/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The access rules of a service in a table: see table_access.h. */
#include "lb4/table/table_access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lb4/config/access_rules.h"
#include "lb4/model/rule_count.h"
#include "lb4/model/service.h"

int
table_access_set(struct service *service, struct access_rules *access)
{
	char text[RULE_TEXT_MAX];

	if (access == NULL || access->rules == 0)
		return 0;
	service->access = access_rules_ref(access);
	service->rule_count = calloc(access->rules,
	    sizeof(*service->rule_count));
	if (service->rule_count == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < access->rules; i++) {
		const struct access_rule *rule = &access->rule[i];

		(void)snprintf(text, sizeof(text), "%s %s",
		    access_rule_verb(rule), rule->text);
		service->rule_count[i] =
		    rule_count_get(&service->state->rule_counts, text);
		if (service->rule_count[i] == NULL)
			return -ENOMEM;
	}
	return access_rules_build(access);
}

void
table_access_drop(struct service *service)
{
	const struct access_rules *access = service->access;

	for (size_t i = 0; access != NULL && i < access->rules; i++)
		if (service->rule_count != NULL &&
		    service->rule_count[i] != NULL)
			rule_count_put(&service->state->rule_counts,
			    service->rule_count[i]);
	free(service->rule_count);
	access_rules_unref(service->access);
}
