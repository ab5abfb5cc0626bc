/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Looks the addresses of a host up, again and again: A and AAAA apart, each by
 * its own time to live; /etc/hosts comes first, as usual.  An answer is for the
 * addresses of its family.
 */
#ifndef LB4_CONTROL_LOOKUP_H
#define LB4_CONTROL_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"
#include "common/why.h"
#include "lb4/config/limits.h"
#include "lb4/control/question.h"

/* An answer with more addresses is refused. */
#define LOOKUP_ADDRESSES_MAX 256

enum { LOOKUP_V4, LOOKUP_V6, LOOKUP_FAMILIES };

struct lookup_answer {
	int family;
	struct addr addr[LOOKUP_ADDRESSES_MAX]; /* port 0 */
	size_t count;				/* 0: it has none */
	unsigned ttl_s;
};

struct lookup;

/* Takes an answer.  Returns 0, -EBUSY, or another -errno with why. */
typedef int lookup_take(struct lookup *lookup,
    const struct lookup_answer *answer, struct why *why);

struct lookup {
	char name[CONFIG_DNS_MAX];
	lookup_take *take;
	void *owner;
	struct question question[LOOKUP_FAMILIES];
	struct why ill; /* why it cannot be resolved; "": it can */
};

/* Fills it in; it must stay where it is while lookup_is_asking(). */
struct lookup_setup {
	struct asker *asker;
	const char *name;
	bool absolute;
	lookup_take *take;
	void *owner;
};
void lookup_init(struct lookup *lookup, const struct lookup_setup *setup);

/* Asks what is due. */
void lookup_turn(struct lookup *lookup, uint64_t now_ms);

/* As question_sleep_ms(). */
int lookup_sleep_ms(const struct lookup *lookup, uint64_t now_ms);

bool lookup_is_asking(const struct lookup *lookup);

/* Whether both answers have come, of whatever kind. */
bool lookup_is_complete(const struct lookup *lookup);

/* Asks again soon. */
void lookup_hurry(struct lookup *lookup);

/* The one address to use: `now` (NULL: none) while it is in the answer; one of
 * the other family stays while that family has any.  False: there is none. */
must_check bool lookup_choose(const struct lookup *lookup,
    const struct lookup_answer *answer, const struct addr *now,
    struct addr *out);

/* The family of an address, which is IPv4 or IPv6, and the order of addresses,
 * whatever their ports. */
int lookup_family(const struct addr *addr);
int lookup_compare(const void *a, const void *b);

#endif
