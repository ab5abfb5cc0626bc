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

#include "lb4/ctl/loopback.h"

#define DRIVE_ADDRESSES_MAX 16
#define DRIVE_CHANGE_MAX 160

enum drive_state { DRIVE_NOT_READY, DRIVE_DRAINING, DRIVE_READY };

struct drive_list {
	struct loopback_address address[DRIVE_ADDRESSES_MAX];
	size_t count;
};

struct drive {
	const char *track_file;	   /* NULL: none */
	struct drive_list clients; /* where clients come */
	struct drive_list drain;   /* that say that the node drains */
};

/* Adds "192.0.2.1/32" or "2001:db8::1/128".  False when it is no such thing, or
 * one too many. */
bool drive_add_address(struct drive_list *list, const char *text);

/*
 * Ready: puts the clients' addresses on lo, takes the drain addresses off and
 * writes 0 to the file, if all of that succeeds; else 1.  Not ready: takes all
 * addresses off and writes 1.  Draining is not ready if there are no drain
 * addresses; if there are, all addresses are put on lo, and 1 is written.  It
 * does as much of it as it can; what is so already is fine.  Returns 0, or
 * -errno after writing what has failed to standard error.
 */
int drive_set(const struct drive *drive, enum drive_state state);

/*
 * Looks whether lo, or the file, still is as drive_set() has left it.  Returns
 * 0 when it is; 1 when another program has changed it, with what it did in
 * `change`; or -errno.
 */
int drive_look_addresses(const struct drive *drive, enum drive_state state,
    char change[DRIVE_CHANGE_MAX]);
int drive_look_file(const struct drive *drive, enum drive_state state,
    char change[DRIVE_CHANGE_MAX]);

#endif
