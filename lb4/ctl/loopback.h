/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Addresses of the interface lo, by netlink: drive.c adds and removes them, and
 * checks that they are still as it left them.  rtnetlink(7) describes the
 * protocol.
 */
#ifndef LB4_CTL_LOOPBACK_H
#define LB4_CTL_LOOPBACK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"

/* "2001:db8:...:1/128", with the NUL. */
#define LOOPBACK_TEXT_MAX 56

struct loopback_address {
	int family;		 /* AF_INET, AF_INET6 */
	unsigned char bytes[16]; /* network order */
};

/* Reads "192.0.2.1/32" or "2001:db8::1/128".  Only one host is allowed: a
 * shorter prefix would route all of its addresses to lo.  False for other
 * text. */
bool loopback_parse(const char *text, struct loopback_address *address);

/* The same text; returns `buf`. */
const char *loopback_format(const struct loopback_address *address,
    char buf[LOOPBACK_TEXT_MAX]);

/* A socket for loopback_set(), or for one loopback_look(); or -errno. */
must_check int loopback_open(void);

/* Adds the address to lo, or removes it.  Succeeds if that is already so.
 * Returns 0 or -errno. */
must_check int loopback_set(int fd, const struct loopback_address *address,
    bool present);

/*
 * Sets present[i] to whether lo has address[i].  Returns 0, or -errno; -EAGAIN:
 * the addresses changed meanwhile, try again.
 */
must_check int loopback_look(int fd, const struct loopback_address *address,
    size_t count, bool *present);

/* A socket that becomes readable when an address of any interface comes or
 * goes, or -errno. */
must_check int loopback_events_open(void);

/* Discards all events, so that the next one is noticed. */
void loopback_events_take(int fd);

#endif
