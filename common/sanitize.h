/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Tells ThreadSanitizer what it cannot see: that an action of one thread
 * happens before an action of another, because of synchronisation in code that
 * was built without it, such as liburcu.  Without the sanitizer, these do
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

/* Everything that this thread has done so far happens before ... */
static inline void
sanitize_release(void *sync)
{
	__tsan_release(sync);
}

/* ... everything that this thread does from now on. */
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
