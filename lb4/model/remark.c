/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A text about a word: see remark.h.
 *
 * A reader that sees part of a new text has acquired it from a release store
 * behind the odd turn, so it sees that turn, or a later one, when it looks
 * again.
 */
#include "lb4/model/remark.h"

#include <bsd/string.h>
#include <string.h>

#define WORDS (REMARK_MAX / sizeof(uint64_t))

void
remark_set(struct remark *remark, uint32_t word, const char *text)
{
	const uint32_t turn = atomic_load_explicit(&remark->turn,
	    memory_order_relaxed);
	uint64_t words[WORDS] = { 0 };

	(void)strlcpy((char *)words, text, sizeof(words));
	atomic_store_explicit(&remark->turn, turn + 1, memory_order_relaxed);
	atomic_store_explicit(&remark->word, word, memory_order_release);
	for (size_t i = 0; i < WORDS; i++)
		atomic_store_explicit(&remark->text[i], words[i],
		    memory_order_release);
	atomic_store_explicit(&remark->turn, turn + 2, memory_order_release);
}

bool
remark_get(const struct remark *remark, uint32_t word, char *buf, size_t size)
{
	const uint32_t turn = atomic_load_explicit(&remark->turn,
	    memory_order_acquire);
	uint64_t words[WORDS];
	uint32_t about;

	about = atomic_load_explicit(&remark->word, memory_order_acquire);
	for (size_t i = 0; i < WORDS; i++)
		words[i] = atomic_load_explicit(&remark->text[i],
		    memory_order_acquire);
	if (turn % 2 != 0 || about != word ||
	    atomic_load_explicit(&remark->turn, memory_order_relaxed) != turn)
		return false;
	(void)strlcpy(buf, (const char *)words, size);
	return buf[0] != '\0';
}
