/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Attributes of functions. */
#ifndef COMMON_ATTR_H
#define COMMON_ATTR_H

/* The caller must use the result; a cast to void is not a use. */
#define must_check __attribute__((warn_unused_result))

#endif
