/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What ThreadSanitizer cannot see by itself: that something done in one thread
 * happens before something in another, because of synchronisation in code that
 * was not built with it, such as liburcu's.  Without the sanitizer these are
 * nothing.
 */
#ifndef COMMON_SANITIZE_H
#define COMMON_SANITIZE_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZE_THREAD 1
#endif
#endif

#if defined(__SANITIZE_THREAD__) || defined(SANITIZE_THREAD)

#include <sanitizer/tsan_interface.h>

/* What this thread did so far happens before ... */
static inline void
sanitize_release(void *sync)
{
	__tsan_release(sync);
}

/* ... what this one does from here on. */
static inline void
sanitize_acquire(void *sync)
{
	__tsan_acquire(sync);
}

#else

static inline void
sanitize_release(void *sync)
{
	(void)sync;
}

static inline void
sanitize_acquire(void *sync)
{
	(void)sync;
}

#endif
#endif
