/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How lb4ctl watch drives the engine of a cluster: by the file that
 * keepalived's track_file follows, and by addresses on lo that BIRD announces
 * while they are there.
 */
#ifndef LB4_CTL_DRIVE_H
#define LB4_CTL_DRIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
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
	struct drive_list clients; /* the addresses of clients */
	struct drive_list
	    drain; /* addresses that announce that the node drains */
};

/* Adds "192.0.2.1/32" or "2001:db8::1/128".  False when the text is neither, or
 * the list is full. */
bool drive_add_address(struct drive_list *list, const char *text);

/*
 * Ready: puts the clients' addresses on lo, removes the drain addresses, and
 * writes 0 to the file if all of that succeeds, otherwise 1.  Not ready:
 * removes all addresses and writes 1.  Draining: puts all addresses on lo and
 * writes 1; without drain addresses, the same as not ready.  Does as much as it
 * can, and accepts what is already done.  Returns 0, or -errno after writing to
 * standard error what failed.
 */
must_check int drive_set(const struct drive *drive, enum drive_state state);

/*
 * Checks that lo, or the file, is still as drive_set() left it.  Returns 0 when
 * it is; 1 when another program has changed it, and describes the change in
 * `change`; or -errno.
 */
must_check int drive_look_addresses(const struct drive *drive,
    enum drive_state state, char change[DRIVE_CHANGE_MAX]);
must_check int drive_look_file(const struct drive *drive,
    enum drive_state state, char change[DRIVE_CHANGE_MAX]);

#endif
