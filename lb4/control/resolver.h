/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Asks DNS without ever waiting: a channel of c-ares, whose sockets one epoll
 * instance watches.
 */
#ifndef LB4_CONTROL_RESOLVER_H
#define LB4_CONTROL_RESOLVER_H

#include <ares.h>
#include <stdbool.h>
#include <time.h>

#include "common/addr.h"
#include "common/attr.h"

struct resolver {
	int epfd; /* readable when there is something to serve */
	ares_channel channel;
	bool open;
	struct addr server;   /* as the channel has it */
	struct timespec conf; /* when resolv.conf(5) was changed */
};

/* 0 or -errno; resolver_done() is for one that was initialised. */
must_check int resolver_init(struct resolver *resolver);
void resolver_done(struct resolver *resolver);

/* Opens the channel if there is none yet or, after a change of the
 * configuration, if the name server or resolv.conf(5) has changed: then all
 * questions end with ARES_EDESTRUCTION.  `server` may be unset.  0 or -EIO,
 * which is logged. */
must_check int resolver_follow(struct resolver *resolver,
    const struct addr *server, bool changed);

/* Asks for records of a type (ns_t_a, ...).  An absolute name is asked for as
 * it is, another one with the search list of resolv.conf(5), too. */
struct resolver_question {
	const char *name;
	int type;
	bool absolute;
};
void resolver_ask(const struct resolver *resolver,
    const struct resolver_question *question, ares_callback on_reply,
    void *owner);

/* Takes answers, and ends questions that have waited for too long. */
void resolver_serve(const struct resolver *resolver);

/* Returns the milliseconds until resolver_serve() must be called at the latest,
 * or -1. */
int resolver_sleep_ms(const struct resolver *resolver);

#endif
