/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Levels, and the one place where a line is put together: here what a client
 * sent is kept from breaking a line or driving a terminal.
 */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/escape.h"

_Atomic int log_level = LOG_LEVEL_INFO;

static log_sink_fn *log_sink; /* set before threads start */

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

#define LEVEL_COUNT ((int)(sizeof(level_names) / sizeof(level_names[0])))

_Static_assert(LEVEL_COUNT == LOG_LEVEL_DEBUG + 1, "a name for each level");

const char *
log_level_name(int level)
{
	return level >= 0 && level < LEVEL_COUNT ? level_names[level] : NULL;
}

int
log_level_parse(const char *name)
{
	for (int level = LOG_LEVEL_ERROR; level < LEVEL_COUNT; level++)
		if (strcmp(name, level_names[level]) == 0)
			return level;
	return -1;
}

void
log_set_sink(log_sink_fn *sink)
{
	log_sink = sink;
}

static void
sink_stderr(enum log_level level, const char *line, size_t len)
{
	const char *name = log_level_name((int)level);
	struct iovec parts[4];

	if (name == NULL)
		name = "log";
	parts[0] = (struct iovec){ (char *)name, strlen(name) };
	parts[1] = (struct iovec){ (char *)": ", 2 };
	parts[2] = (struct iovec){ (char *)line, len };
	parts[3] = (struct iovec){ (char *)"\n", 1 };
	/* One call, so that lines of several threads do not mix.  There is
	 * nowhere to report its failure to. */
	if (writev(STDERR_FILENO, parts, 4) < 0)
		return;
}

void
log_write(enum log_level level, const char *format, ...)
{
	int saved = errno;
	char line[LOG_LINE_MAX], clean[LOG_LINE_MAX];
	va_list args;
	size_t len;
	int wanted;

	va_start(args, format);
	wanted = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (wanted < 0)
		snprintf(line, sizeof(line),
		    "(a message that cannot be shown)");
	len = escape_text(line, strlen(line), clean, sizeof(clean));
	(log_sink != NULL ? log_sink : sink_stderr)(level, clean, len);
	errno = saved;
}
