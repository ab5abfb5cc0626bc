/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Addresses of the interface lo, by netlink: drive.c puts them there, takes
 * them off, and looks whether they still are as it left them.  The kernel's
 * side is in rtnetlink(7).
 */
#ifndef LB4_CTL_LOOPBACK_H
#define LB4_CTL_LOOPBACK_H

#include <stdbool.h>
#include <stddef.h>

/* "2001:db8:...:1/128", with the NUL. */
#define LOOPBACK_TEXT_MAX 56

struct loopback_address {
	int family;		 /* AF_INET, AF_INET6 */
	unsigned char bytes[16]; /* network order */
};

/* Reads "192.0.2.1/32" or "2001:db8::1/128": one host, for a shorter prefix
 * would make lo the way to all of its addresses.  False when it is neither. */
bool loopback_parse(const char *text, struct loopback_address *address);

/* The same text; returns `buf`. */
const char *loopback_format(const struct loopback_address *address,
    char buf[LOOPBACK_TEXT_MAX]);

/* A socket for loopback_set(), or for one loopback_look(); or -errno. */
int loopback_open(void);

/* Puts the address on lo, or takes it off.  What is so already is fine.
 * Returns 0 or -errno. */
int loopback_set(int fd, const struct loopback_address *address, bool present);

/*
 * Sets present[i] to whether lo has address[i].  Returns 0, or -errno;
 * -EAGAIN: the addresses changed meanwhile, ask again.
 */
int loopback_look(int fd, const struct loopback_address *address, size_t count,
    bool *present);

/* A socket that becomes readable when an address of any interface comes or
 * goes, or -errno. */
int loopback_events_open(void);

/* Reads all events away, so that the next one is noticed. */
void loopback_events_take(int fd);

#endif
