/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kinds allow and deny: each line is a rule in the service's set of access
 * rules.
 */
#include <string.h>

#include "lb4/config/access_rules.h"
#include "lb4/config/kinds.h"
#include "lb4/config/settings.h"
#include "lb4/config/values.h"

static int
parse_rule(const struct key *key, void *object, const char *text,
    struct why *why)
{
	struct config_service *service = object;

	return access_rules_add(&service->access, key->kind == &kind_deny, text,
	    why);
}

/* The rule of that index among those of the key's verb; NULL: there is none. */
static const struct access_rule *
rule_at(const struct key *key, const struct config_service *service,
    size_t index)
{
	const struct access_rules *rules = service->access;

	for (size_t i = 0; rules != NULL && i < rules->rules; i++)
		if (rules->rule[i].deny == (key->kind == &kind_deny) &&
		    index-- == 0)
			return &rules->rule[i];
	return NULL;
}

static size_t
count_rules(const struct key *key, const void *object)
{
	const struct config_service *service = object;
	const struct access_rules *rules = service->access;
	size_t count = 0;

	for (size_t i = 0; rules != NULL && i < rules->rules; i++)
		count += rules->rule[i].deny == (key->kind == &kind_deny);
	return count;
}

static void
print_rule(const struct key *key, const void *object, size_t index, FILE *out)
{
	const struct access_rule *rule = rule_at(key, object, index);

	if (rule->path == NULL) {
		fputs(rule->text, out);
		return;
	}
	fputs(ACCESS_FILE_PREFIX, out);
	value_print_word(rule->path, out);
}

const struct kind kind_allow = {
	.parse = parse_rule,
	.count = count_rules,
	.print = print_rule,
};

const struct kind kind_deny = {
	.parse = parse_rule,
	.count = count_rules,
	.print = print_rule,
};
