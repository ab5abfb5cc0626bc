/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One destination of log lines: open, gather, write, count what is lost.
 */
#include "lb4/log/log_dest.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <syslog.h>
#include <unistd.h>

#include "common/log.h"
#include "lb4/log/access_format.h"

/* A file that cannot be written at once (a fifo) is waited for with poll(2);
 * opened without O_NONBLOCK, one without a reader would hold up the start. */
static int
file_open(const char *path)
{
	int fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    0640);

	if (fd < 0)
		return -errno;
	return fd;
}

/* Whether standard error leads to systemd's journal: it says which descriptor
 * it gave us by device and inode. */
static bool
stderr_is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return text != NULL &&
	    sscanf(text, "%llu:%llu", &device, &inode) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	    st.st_ino == inode;
}

int
log_dest_open(struct log_dest *dest, const char *name)
{
	enum log_dest_kind kind = LOG_DEST_FILE;
	int fd = -1;

	if (strcmp(name, "stderr") == 0) {
		kind = LOG_DEST_STDERR;
		fd = STDERR_FILENO;
	} else if (strcmp(name, "syslog") == 0) {
		kind = LOG_DEST_SYSLOG;
		openlog("lb4", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	} else {
		fd = file_open(name);
		if (fd < 0)
			return fd;
	}
	strlcpy(dest->name, name, sizeof(dest->name));
	dest->kind = kind;
	dest->fd = fd;
	dest->journal = kind == LOG_DEST_STDERR && stderr_is_journal();
	dest->torn = false;
	dest->lost = 0;
	dest->used = 0;
	return 0;
}

int
log_dest_reopen(struct log_dest *dest)
{
	int fd;

	if (dest->kind != LOG_DEST_FILE)
		return 0;
	fd = file_open(dest->name);
	if (fd < 0)
		return fd;
	log_dest_flush(dest);
	close(dest->fd);
	dest->fd = fd;
	dest->torn = false;
	return 0;
}

void
log_dest_close(struct log_dest *dest)
{
	log_dest_flush(dest);
	if (dest->kind == LOG_DEST_FILE)
		close(dest->fd);
	else if (dest->kind == LOG_DEST_SYSLOG)
		closelog();
	dest->fd = -1;
}

/* Room for `len` bytes more, which are fewer than the buffer. */
static char *
buffer_room(struct log_dest *dest, size_t len)
{
	if (dest->used + len > sizeof(dest->buffer))
		log_dest_flush(dest);
	return dest->buffer + dest->used;
}

void
log_dest_message(struct log_dest *dest, int level, int64_t realtime_ms,
    const char *text, size_t len)
{
	char when[ACCESS_TIME_MAX];
	const size_t room = len + 64;
	char *to;

	if (dest->kind == LOG_DEST_SYSLOG) {
		syslog(level, "%.*s", (int)len, text);
		return;
	}
	to = buffer_room(dest, room);
	if (dest->journal) {
		dest->used += (size_t)snprintf(to, room, "<%d>%.*s\n", level,
		    (int)len, text);
	} else {
		access_format_time(realtime_ms, when);
		dest->used += (size_t)snprintf(to, room, "%s %s: %.*s\n", when,
		    log_level_name(level), (int)len, text);
	}
}

void
log_dest_line(struct log_dest *dest, const char *line, size_t len)
{
	const size_t room = len + 8;
	char *to;

	if (dest->kind == LOG_DEST_SYSLOG) {
		syslog(LOG_INFO, "%.*s", (int)len, line);
		return;
	}
	to = buffer_room(dest, room);
	dest->used += (size_t)snprintf(to, room, "%s%.*s\n",
	    dest->journal ? "<6>" : "", (int)len, line);
}

/* One write(2) until it is over; standard error may be non-blocking without
 * our doing. */
static ssize_t
write_waiting(int fd, const char *data, size_t len)
{
	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLOUT };
		ssize_t n = write(fd, data, len);

		if (n >= 0)
			return n;
		if (errno == EAGAIN)
			(void)poll(&ready, 1, -1);
		else if (errno != EINTR)
			return -errno;
	}
}

static size_t
count_lines(const char *data, size_t len)
{
	size_t lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += data[i] == '\n';
	return lines;
}

int
log_dest_flush(struct log_dest *dest)
{
	size_t done = 0;
	ssize_t n = 0;

	/* A torn line is ended, lest the next one be glued to it. */
	if (dest->torn && dest->used > 0) {
		n = write_waiting(dest->fd, "\n", 1);
		dest->torn = n != 1;
	}
	while (done < dest->used && n >= 0) {
		n = write_waiting(dest->fd, dest->buffer + done,
		    dest->used - done);
		if (n > 0)
			done += (size_t)n;
	}
	if (n < 0) {
		dest->lost += count_lines(dest->buffer + done,
		    dest->used - done);
		dest->error = (int)-n;
		if (done > 0)
			dest->torn = dest->buffer[done - 1] != '\n';
	}
	dest->used = 0;
	return n < 0 ? (int)n : 0;
}
