/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The access rules of a service: which clients may come in.  Each line `allow`
 * or `deny` is a rule, a list of prefixes that is inline or in a file.  Of all
 * prefixes of the service the longest one that contains the client's address
 * decides; of equal ones deny does, then the earlier rule.  A client that no
 * prefix contains comes in.
 *
 * A set of rules is built once and immutable from then on.  Copies of a
 * configuration and the tables share it by reference, so a change of a weight
 * neither copies nor builds 100,000 prefixes again.
 */
#ifndef LB4_CONFIG_ACCESS_RULES_H
#define LB4_CONFIG_ACCESS_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/attr.h"
#include "common/file.h"
#include "common/prefix.h"
#include "lb4/config/limits.h"

struct prefixes;
struct why;

/* Prefixes of one service, all rules together. */
#define ACCESS_PREFIXES_MAX 1000000
#define ACCESS_RULES_MAX 1000
#define ACCESS_FILE_PREFIX "file:"

struct access_rule {
	bool deny;
	char text[CONFIG_ARGS_MAX]; /* the value, as the dump has it */
	const char *path;	 /* in `text`; NULL: the prefixes are inline */
	struct file_stamp stamp; /* of the file, when it was read */
	uint32_t prefixes;
};

struct access_prefix {
	struct prefix prefix; /* the first field: see prefixes_build() */
	uint16_t rule;	      /* its index */
	uint32_t line;	      /* in the rule's file; 0: inline */
};

struct access_rules {
	/* owners: configurations and tables; atomic read-modify-write */
	_Atomic unsigned refs;

	/* immutable once built */
	struct access_rule *rule; /* owned; in the file's order */
	size_t rules;
	struct access_prefix *prefix; /* owned */
	size_t prefixes, room;
	struct prefixes *set; /* owned; of `prefix`; NULL: not built yet */
};

/* Drops a reference; NULL is allowed. */
void access_rules_unref(struct access_rules *rules);

/* One more reference; NULL, which is no rules, stays NULL. */
struct access_rules *access_rules_ref(struct access_rules *rules);

/*
 * Adds a rule from a value of the file: prefixes with spaces between them,
 * "all", or "file:/path", whose file is not read yet.  Makes *rules if it is
 * NULL; it must not be built.  Returns 0, -EINVAL or -E2BIG with the reason, or
 * -ENOMEM.
 */
must_check int access_rules_add(struct access_rules **rules, bool deny,
    const char *text, struct why *why);

/*
 * Reads the file of a rule, which must not be built: one prefix on a line, with
 * comments from '#' on.  Returns 0, -EINVAL with "/path:7: ..." as the reason,
 * or -ENOMEM.
 */
must_check int access_rules_read(struct access_rules *rules, size_t rule,
    struct why *why);

/* Makes the rules ready for access_rules_judge(), which they stay.  Returns 0
 * or -ENOMEM.  NULL is allowed. */
must_check int access_rules_build(struct access_rules *rules);

/* The same rules with their files read again, built: 0 with a reference for the
 * caller, or as access_rules_read(). */
must_check int access_rules_again(struct access_rules **again,
    const struct access_rules *rules, struct why *why);

/* Whether a file of the rules is not as it was when it was read. */
bool access_rules_changed(const struct access_rules *rules);

/* The prefix that decides for this client, or NULL.  NULL is allowed. */
const struct access_prefix *access_rules_judge(const struct access_rules *rules,
    const struct endpoint *client);

/* Whether the prefix that decides for a client refuses it; NULL: none does. */
bool access_rules_refuse(const struct access_rules *rules,
    const struct access_prefix *prefix);

/* "deny" or "allow". */
const char *access_rule_verb(const struct access_rule *rule);

#endif
