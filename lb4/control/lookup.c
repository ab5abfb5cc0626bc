/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The addresses of a host: see lookup.h. */
#include "lb4/control/lookup.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <bsd/string.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "lb4/control/resolver.h"

/* /etc/hosts has no time to live. */
#define FILE_TTL_S 30

/* ---- addresses ----------------------------------------------------------- */

int
lookup_family(const struct addr *addr)
{
	return addr->sa.sa_family == AF_INET6 ? LOOKUP_V6 : LOOKUP_V4;
}

int
lookup_compare(const void *a, const void *b)
{
	const struct addr *x = a, *y = b;

	if (lookup_family(x) != lookup_family(y))
		return lookup_family(x) - lookup_family(y);
	return lookup_family(x) == LOOKUP_V4
	    ? memcmp(&x->in.sin_addr, &y->in.sin_addr, sizeof(x->in.sin_addr))
	    : memcmp(&x->in6.sin6_addr, &y->in6.sin6_addr,
		  sizeof(x->in6.sin6_addr));
}

static bool
has(const struct lookup_answer *answer, const struct addr *addr)
{
	for (size_t i = 0; i < answer->count; i++)
		if (lookup_compare(&answer->addr[i], addr) == 0)
			return true;
	return false;
}

bool
lookup_choose(const struct lookup *lookup, const struct lookup_answer *answer,
    const struct addr *now, struct addr *out)
{
	const struct question *other = &lookup->question[!answer->family];
	bool changes = answer->count > 0;

	if (now != NULL)
		changes = changes &&
		    (lookup_family(now) == answer->family
			    ? !has(answer, now)
			    : other->state == ANSWER_EMPTY);
	if (changes)
		*out = answer->addr[0];
	else if (now != NULL)
		*out = *now;
	return changes || now != NULL;
}

/* ---- answers ------------------------------------------------------------- */

static void
add(struct lookup_answer *answer, const void *ip, int ttl_s)
{
	struct addr *addr = &answer->addr[answer->count++];

	memset(addr, 0, sizeof(*addr));
	if (answer->family == LOOKUP_V4) {
		addr->in.sin_family = AF_INET;
		memcpy(&addr->in.sin_addr, ip, sizeof(addr->in.sin_addr));
		addr->len = sizeof(addr->in);
	} else {
		addr->in6.sin6_family = AF_INET6;
		memcpy(&addr->in6.sin6_addr, ip, sizeof(addr->in6.sin6_addr));
		addr->len = sizeof(addr->in6);
	}
	if (ttl_s >= 0 && (unsigned)ttl_s < answer->ttl_s)
		answer->ttl_s = (unsigned)ttl_s;
}

/* Returns an error of c-ares, or ARES_EBADRESP if there are too many. */
static int
parse(const unsigned char *buf, size_t len, struct lookup_answer *answer)
{
	struct ares_addrttl v4[LOOKUP_ADDRESSES_MAX + 1];
	struct ares_addr6ttl v6[LOOKUP_ADDRESSES_MAX + 1];
	const bool is_v4 = answer->family == LOOKUP_V4;
	int count = LOOKUP_ADDRESSES_MAX + 1, status;

	status = is_v4 ? ares_parse_a_reply(buf, (int)len, NULL, v4, &count)
		       : ares_parse_aaaa_reply(buf, (int)len, NULL, v6, &count);
	if (status != ARES_SUCCESS)
		return status;
	if (count > LOOKUP_ADDRESSES_MAX)
		return ARES_EBADRESP;
	for (int i = 0; i < count; i++)
		if (is_v4)
			add(answer, &v4[i].ipaddr, v4[i].ttl);
		else
			add(answer, &v6[i].ip6addr, v6[i].ttl);
	return ARES_SUCCESS;
}

static struct lookup_answer *
answer_new(int family)
{
	struct lookup_answer *answer = calloc(1, sizeof(*answer));

	if (answer != NULL) {
		answer->family = family;
		answer->ttl_s = UINT32_MAX;
	}
	return answer;
}

static int
give(struct question *question, const struct lookup_answer *answer,
    struct why *why)
{
	struct lookup *lookup = question->owner;
	int error = lookup->take(lookup, answer, why);

	question->ttl_s = answer->ttl_s;
	if (error == 0 && answer->count == 0)
		return why_fail(why, -ENODATA, "it has no address");
	return error;
}

static int
take(struct question *question, const unsigned char *buf, size_t len,
    struct why *why)
{
	struct lookup_answer *answer = answer_new(question->type == ns_t_a
		? LOOKUP_V4
		: LOOKUP_V6);
	int status = ARES_ENODATA, error;

	if (answer == NULL)
		return why_fail(why, -ENOMEM, "%s", strerror(ENOMEM));
	if (buf != NULL)
		status = parse(buf, len, answer);
	if (status == ARES_SUCCESS || status == ARES_ENODATA)
		error = give(question, answer, why);
	else
		error = why_fail(why, -EBADMSG, "%s",
		    status == ARES_EBADRESP
			? "the answer is wrong, or has more than 256 addresses"
			: ares_strerror(status));
	free(answer);
	return error;
}

/* Some servers say that there is no such name when only the type is missing. */
static bool
lacks(const struct question *question)
{
	return question->state == ANSWER_EMPTY ||
	    question->state == ANSWER_NO_NAME;
}

static void
on_end(struct question *question, const char *why)
{
	struct lookup *lookup = question->owner;
	const struct question *q = lookup->question;
	const bool ill = q[LOOKUP_V4].state == ANSWER_FAILED ||
	    q[LOOKUP_V6].state == ANSWER_FAILED ||
	    (lacks(&q[LOOKUP_V4]) && lacks(&q[LOOKUP_V6]));
	const bool good = q[LOOKUP_V4].state == ANSWER_GOOD ||
	    q[LOOKUP_V6].state == ANSWER_GOOD;

	if (ill && lookup->ill.text[0] == '\0')
		log_error("%s cannot be resolved: %s: its backends keep the "
			  "addresses that they have",
		    lookup->name, why);
	if (ill && why[0] != '\0') {
		(void)strlcpy(lookup->ill.text, why, sizeof(lookup->ill.text));
	} else if (!ill && good && lookup->ill.text[0] != '\0') {
		log_notice("%s is resolved again", lookup->name);
		lookup->ill.text[0] = '\0';
	}
}

static const struct question_handler handler = { take, on_end };

/* ---- questions ----------------------------------------------------------- */

/* /etc/hosts; false: it does not have the name. */
static bool
ask_file(struct question *question)
{
	const struct lookup *lookup = question->owner;
	const int family = question->type == ns_t_a ? LOOKUP_V4 : LOOKUP_V6;
	struct hostent *entry[LOOKUP_FAMILIES] = { NULL, NULL };
	struct lookup_answer *answer = answer_new(family);
	ares_channel channel = question->asker->resolver->channel;
	struct why why = { "" };
	bool found;

	(void)ares_gethostbyname_file(channel, lookup->name, AF_INET,
	    &entry[LOOKUP_V4]);
	(void)ares_gethostbyname_file(channel, lookup->name, AF_INET6,
	    &entry[LOOKUP_V6]);
	found = answer != NULL &&
	    (entry[LOOKUP_V4] != NULL || entry[LOOKUP_V6] != NULL);
	if (found) {
		answer->ttl_s = FILE_TTL_S;
		for (int i = 0; entry[family] != NULL &&
		     entry[family]->h_addr_list[i] != NULL &&
		     i < LOOKUP_ADDRESSES_MAX;
		     i++)
			add(answer, entry[family]->h_addr_list[i], -1);
		question_end(question, give(question, answer, &why), &why);
	}
	for (int i = 0; i < LOOKUP_FAMILIES; i++)
		if (entry[i] != NULL)
			ares_free_hostent(entry[i]);
	free(answer);
	return found;
}

void
lookup_init(struct lookup *lookup, const struct lookup_setup *setup)
{
	memset(lookup, 0, sizeof(*lookup));
	(void)strlcpy(lookup->name, setup->name, sizeof(lookup->name));
	lookup->take = setup->take;
	lookup->owner = setup->owner;
	for (int i = 0; i < LOOKUP_FAMILIES; i++)
		lookup->question[i] = (struct question){
			.asker = setup->asker,
			.handler = &handler,
			.owner = lookup,
			.name = lookup->name,
			.type = i == LOOKUP_V4 ? ns_t_a : ns_t_aaaa,
			.absolute = setup->absolute,
		};
}

void
lookup_turn(struct lookup *lookup, uint64_t now_ms)
{
	for (int i = 0; i < LOOKUP_FAMILIES; i++) {
		struct question *question = &lookup->question[i];

		if (question_is_due(question, now_ms) && !ask_file(question))
			question_ask(question);
	}
}

int
lookup_sleep_ms(const struct lookup *lookup, uint64_t now_ms)
{
	return loop_sooner(question_sleep_ms(&lookup->question[LOOKUP_V4],
			       now_ms),
	    question_sleep_ms(&lookup->question[LOOKUP_V6], now_ms));
}

bool
lookup_is_asking(const struct lookup *lookup)
{
	return lookup->question[LOOKUP_V4].asking ||
	    lookup->question[LOOKUP_V6].asking;
}

bool
lookup_is_complete(const struct lookup *lookup)
{
	return lookup->question[LOOKUP_V4].state != ANSWER_NONE &&
	    lookup->question[LOOKUP_V6].state != ANSWER_NONE;
}

void
lookup_hurry(struct lookup *lookup)
{
	for (int i = 0; i < LOOKUP_FAMILIES; i++)
		lookup->question[i].due_ms = 0;
}
