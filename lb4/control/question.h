/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A question to DNS that is asked again and again: after the time to live of
 * its answer, within resolve-min and resolve-max, and after a failure with a
 * pause that grows.  What is in the answers is for its owner.
 */
#ifndef LB4_CONTROL_QUESTION_H
#define LB4_CONTROL_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/why.h"

struct question;
struct resolver;
struct running;

enum answer_state {
	ANSWER_NONE, /* not yet */
	ANSWER_GOOD,
	ANSWER_EMPTY,	/* the name has no record of this type */
	ANSWER_NO_NAME, /* there is no such name: NXDOMAIN */
	ANSWER_FAILED,
};

/* What all questions share. */
struct asker {
	const struct running *running; /* for the bounds of the times */
	struct resolver *resolver;
	bool told; /* a question has ended since this was cleared */
};

struct question_handler {
	/* Takes an answer; NULL: DNS says that there is none.  Sets
	 * question->ttl_s.  Returns 0; -ENODATA with why: it has nothing;
	 * -EBUSY: lb4 can take no answer now; or another -errno with why. */
	int (*take)(struct question *question, const unsigned char *buf,
	    size_t len, struct why *why);

	/* question->state has been set; `why`: "", or what has failed. */
	void (*on_end)(struct question *question, const char *why);
};

struct question {
	/* set by the owner before it asks */
	struct asker *asker;
	const struct question_handler *handler;
	void *owner;
	const char *name;
	int type; /* ns_t_a, ns_t_aaaa or ns_t_srv */
	bool absolute;

	bool asking;
	enum answer_state state;
	unsigned ttl_s;
	uint64_t due_ms;   /* when to ask */
	unsigned failures; /* in a row */
};

bool question_is_due(const struct question *question, uint64_t now_ms);

/* It must be due; an answer, or a failure, comes later, or at once. */
void question_ask(struct question *question);

/* Ends it as handler->take() does by its result: for an answer from elsewhere
 * than DNS. */
void question_end(struct question *question, int error, const struct why *why);

/* The milliseconds until it is to be asked; -1: it waits for an answer. */
int question_sleep_ms(const struct question *question, uint64_t now_ms);

#endif
