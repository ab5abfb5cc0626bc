/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Why a call failed, in words.  A function that takes a struct why fills it in
 * when it returns an error, and does not touch it otherwise.  The caller owns
 * it and decides where the text goes.
 */
#ifndef COMMON_WHY_H
#define COMMON_WHY_H

/* A longer text is cut. */
#define WHY_TEXT_MAX 512

struct why {
	char text[WHY_TEXT_MAX];
};

/* Formats the reason; the arguments may refer to the present text.  Returns
 * `error`, so that the caller can return it. */
int why_fail(struct why *why, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for text that was entered and is not valid: returns -EINVAL. */
int why_set(struct why *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text for an -errno of a call that starts a thread: pthread_create(3) of
 * glibc says EAGAIN for a lack of memory and of threads alike. */
const char *why_no_thread(int error);

#endif
