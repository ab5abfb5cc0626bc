/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Why a call failed, in words.  A function that takes a struct why fills it in
 * when it returns an error, and leaves it alone otherwise.  The caller owns it
 * and decides where the text goes.
 */
#ifndef COMMON_WHY_H
#define COMMON_WHY_H

/* A longer text is cut. */
#define WHY_TEXT_MAX 512

struct why {
	char text[WHY_TEXT_MAX];
};

/* Formats the reason, which may quote the text that is there now.  Returns
 * `error`, for the caller to return. */
int why_fail(struct why *why, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for what somebody wrote and cannot be accepted: -EINVAL. */
int why_set(struct why *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
