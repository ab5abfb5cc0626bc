/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What lb4ctl watch tells the cluster's engine by: the file that keepalived's
 * track_file follows, and addresses on lo that BIRD announces while they are
 * there.
 */
#ifndef LB4_CTL_DRIVE_H
#define LB4_CTL_DRIVE_H

#include <stdbool.h>
#include <stddef.h>

#define DRIVE_ADDRESSES_MAX 16

struct drive_address {
	int family;		 /* AF_INET, AF_INET6 */
	unsigned char bytes[16]; /* network order */
	unsigned char prefix;
};

struct drive {
	const char *track_file; /* NULL: none */
	struct drive_address address[DRIVE_ADDRESSES_MAX];
	size_t addresses;
};

/* Adds "192.0.2.1/32" or "2001:db8::1/128".  False when it is no such thing, or
 * one too many. */
bool drive_add_address(struct drive *drive, const char *text);

/*
 * Ready: puts the addresses on lo and writes 0 to the file.  Not ready: takes
 * them off and writes 1.  It does as much of it as it can; what is so already
 * is fine.  Returns 0, or -errno after writing what has failed to standard
 * error.
 */
int drive_set(const struct drive *drive, bool ready);

#endif
