/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A short text about a 32-bit word, with one writer and any number of readers,
 * none of which waits: a sequence lock whose data are atomics (Boehm, "Can
 * seqlocks get along with programming language memory models?", 2012).
 */
#ifndef LB4_MODEL_REMARK_H
#define LB4_MODEL_REMARK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REMARK_MAX 128 /* bytes of the text, with its NUL */

/* All zero at the start: no text. */
struct remark {
	_Atomic uint32_t turn; /* odd while the writer writes */
	_Atomic uint32_t word;
	_Atomic uint64_t text[REMARK_MAX / sizeof(uint64_t)];
};

/* Sets the text, which is cut to REMARK_MAX; "": there is none. */
void remark_set(struct remark *remark, uint32_t word, const char *text);

/* Reads the text if there is one for `word`.  Returns false and leaves `buf`
 * undefined if there is none, or the writer is just changing it. */
bool remark_get(const struct remark *remark, uint32_t word, char *buf,
    size_t size);

#endif
