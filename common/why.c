/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Reasons: see why.h. */
#include "common/why.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The arguments may point into the old text. */
static void __attribute__((format(printf, 2, 0)))
format_text(struct why *why, const char *format, va_list args)
{
	struct why next;

	(void)vsnprintf(next.text, sizeof(next.text), format, args);
	memcpy(why->text, next.text, strlen(next.text) + 1);
}

int
why_fail(struct why *why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_text(why, format, args);
	va_end(args);
	return error;
}

int
why_set(struct why *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_text(why, format, args);
	va_end(args);
	return -EINVAL;
}

const char *
why_no_thread(int error)
{
	return error == -EAGAIN
	    ? "no memory for a thread, or no more are allowed"
	    : strerror(-error);
}
