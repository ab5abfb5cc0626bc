/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * "1 conn", "2 conns": the end of a noun behind a number, for messages.
 */
#ifndef COMMON_PLURAL_H
#define COMMON_PLURAL_H

#include <stdint.h>

static inline const char *
plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

#endif
