/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The names under which lb4 stores its listening sockets in the service
 * manager: FDNAME= of sd_notify(3), which come back in $LISTEN_FDNAMES.  A name
 * has at most 255 printable characters and no colon.
 *
 *	lb4,0.0.0.0,80			":" has become ","
 *	lb4,unix,/run/web,fd00,8a3f	with the device and the inode of the
 *					file, in hexadecimal
 *
 * Other characters that cannot stand there, "," and "%" are written as %XX.
 */
#ifndef LB4_PROCESS_STORED_NAME_H
#define LB4_PROCESS_STORED_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "common/attr.h"
#include "common/sockfile.h"

/* With the NUL. */
#define STORED_NAME_MAX 256

/* The name of a socket that is bound to `addr`, with the identity of its file
 * (all zero: it has none).  Returns 0, or -ENAMETOOLONG. */
must_check int stored_name_format(char *name, size_t size,
    const struct addr *addr, const struct sockfile_id *file);

/* Whether it is such a name; then writes the identity of the file to `file`, or
 * zero. */
bool stored_name_parse(const char *name, struct sockfile_id *file);

#endif
