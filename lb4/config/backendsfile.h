/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The file that a service's backends-file names: backends, one a line, written
 * as the value of `backend` is.  config_load() reads it, and the control thread
 * reads it again whenever it changes (lb4/control/follow.h).
 */
#ifndef LB4_CONFIG_BACKENDSFILE_H
#define LB4_CONFIG_BACKENDSFILE_H

#include <stdbool.h>

#include "common/attr.h"

struct config_errors;
struct config_service;

/*
 * Reads the regular file and replaces the backends that the service has from
 * it, all or nothing.  A line may be empty, or a comment that begins with `#`
 * or `;`; a `;` after a space begins a comment, too.  Returns 0, -ENOMEM, or
 * -EINVAL with at least one error, "file:line: ...", in `errors`, which must be
 * empty: the file cannot be read or is too large, a line is wrong, a name is
 * taken, or the file has no backend and backends-file-empty does not allow
 * that.
 */
must_check int backendsfile_read(struct config_service *service,
    struct config_errors *errors);

/* Whether both have the same backends from their files. */
bool backendsfile_equal(const struct config_service *one,
    const struct config_service *other);

#endif
