/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * lb4ctl top: services and backends, live in a terminal.
 */
#ifndef LB4_CTL_TOP_H
#define LB4_CTL_TOP_H

#include <stdbool.h>

/* Shows the lb4 at `path` until a key or a signal ends it.  `interval` is a
 * time as text, or NULL for the default.  Returns the exit status of lb4ctl(8),
 * after it has said why. */
int top_main(const char *path, const char *interval, bool color);

#endif
