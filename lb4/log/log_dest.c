/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The buffers of a destination, and its writer.
 *
 * The lock is held for moments only, never during a write(2).  An owner that
 * abandons a destination with a running writer leaves it to the writer: it sets
 * `orphan` as its last act, and the writer then frees the destination.
 */
#include "lb4/log/log_dest.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mailbox.h"
#include "common/timer.h"
#include "lb4/log/access_format.h"

_Static_assert(LOG_DEST_LINE > ACCESS_LINE_MAX + 100 &&
	LOG_DEST_LINE > LOG_LINE_MAX + 100,
    "a line, its time and its level");

struct log_dest {
	/* set before the writer starts */
	bool journal; /* stderr is the journal's: "<6>text", no time */
	bool started;
	pthread_t writer;
	struct mailbox *bell;
	int wake; /* eventfd: gets the writer out of waiting for room */

	/* the owner's own */
	char *gathered;
	size_t used;

	/* the writer's own while it runs */
	struct log_output output;

	/* Under `lock`; the block's bytes are the writer's while `len` > 0. */
	pthread_mutex_t lock;
	pthread_cond_t given; /* to the writer */
	pthread_cond_t idle;  /* to the owner */
	char *block;
	size_t len, done;
	uint64_t progress_ms; /* when the writer last got further */
	uint64_t lost, last_lost;
	int error;
	bool wanted; /* the owner wants to know when the writer is idle */
	bool reopen, reopened;
	int reopen_error;
	bool closing; /* no more blocks will come */
	bool orphan;

	char buffer[2][LOG_DEST_BUFFER];
};

/* Whether standard error is connected to systemd's journal: $JOURNAL_STREAM has
 * the device and inode of the descriptor that it gave us. */
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

/* CLOCK_MONOTONIC, which does not change when the clock is set. */
static int
init_locks(struct log_dest *dest)
{
	pthread_condattr_t monotonic;
	int error = pthread_condattr_init(&monotonic);

	if (error != 0)
		return -error;
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&dest->lock, NULL);
	pthread_cond_init(&dest->given, NULL);
	pthread_cond_init(&dest->idle, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return 0;
}

static void
free_dest(struct log_dest *dest)
{
	log_output_close(&dest->output);
	(void)close(dest->wake);
	pthread_cond_destroy(&dest->given);
	pthread_cond_destroy(&dest->idle);
	pthread_mutex_destroy(&dest->lock);
	free(dest);
}

int
log_dest_open(struct log_dest **out, const char *name)
{
	struct log_dest *dest = calloc(1, sizeof(*dest));
	int error;

	if (dest == NULL)
		return -ENOMEM;
	dest->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = dest->wake < 0 ? -errno : log_output_open(&dest->output, name);
	if (error < 0)
		goto fail;
	error = init_locks(dest);
	if (error < 0) {
		log_output_close(&dest->output);
		goto fail;
	}
	dest->journal = dest->output.kind == LOG_OUTPUT_STDERR &&
	    stderr_is_journal();
	dest->gathered = dest->buffer[0];
	dest->block = dest->buffer[1];
	*out = dest;
	return 0;
fail:
	if (dest->wake >= 0)
		(void)close(dest->wake);
	free(dest);
	return error;
}

const char *
log_dest_name(const struct log_dest *dest)
{
	return dest->output.name;
}

static uint64_t
count_lines(const char *data, size_t len)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += data[i] == '\n';
	return lines;
}

/* ---- writing ------------------------------------------------------------- */

/* Bytes that cannot be written: of the one line that the system's log did not
 * take, or of all that are left. */
static size_t
unwritable(const struct log_dest *dest)
{
	const char *at = dest->block + dest->done, *end;
	const size_t len = dest->len - dest->done;

	if (dest->output.kind != LOG_OUTPUT_SYSLOG_SOCKET)
		return len;
	end = memchr(at, '\n', len);
	return end != NULL ? (size_t)(end - at) + 1 : len;
}

static void
lose(struct log_dest *dest, int error)
{
	const size_t len = unwritable(dest);
	const uint64_t lines = count_lines(dest->block + dest->done, len);

	if (dest->output.kind != LOG_OUTPUT_SYSLOG_SOCKET && dest->done > 0)
		dest->output.torn = dest->block[dest->done - 1] != '\n';
	dest->lost += lines;
	dest->last_lost += lines;
	dest->error = error;
	dest->done += len;
}

/* The next bytes of the block; the lock is held, but not while it writes.
 * False when it was woken while it waited for room. */
static bool
write_piece(struct log_dest *dest, int wake)
{
	const char *at = dest->block + dest->done;
	const size_t len = dest->len - dest->done;
	ssize_t n;

	pthread_mutex_unlock(&dest->lock);
	n = log_output_write(&dest->output, at, len, wake);
	pthread_mutex_lock(&dest->lock);
	if (n == -ECANCELED)
		return false;
	dest->progress_ms = timer_now_ms();
	if (n < 0)
		lose(dest, (int)-n);
	else
		dest->done += (size_t)n;
	return true;
}

/* ---- the writer ---------------------------------------------------------- */

static void
ring(struct log_dest *dest)
{
	dest->wanted = false;
	pthread_cond_signal(&dest->idle);
	if (!dest->orphan)
		mailbox_ring(dest->bell);
}

/* False when there is something else to do first. */
static bool
write_more(struct log_dest *dest)
{
	if (!write_piece(dest, dest->wake))
		return false;
	if (dest->done < dest->len)
		return true;
	dest->len = dest->done = 0;
	pthread_cond_signal(&dest->idle);
	if (dest->wanted || dest->last_lost > 0)
		ring(dest);
	return true;
}

/* The rest of a block that found no room goes to the new file. */
static void
open_again(struct log_dest *dest)
{
	eventfd_t count;
	int error;

	(void)eventfd_read(dest->wake, &count);
	dest->reopen = false;
	pthread_mutex_unlock(&dest->lock);
	error = log_output_reopen(&dest->output);
	pthread_mutex_lock(&dest->lock);
	dest->reopened = true;
	dest->reopen_error = error;
	ring(dest);
}

static void *
writer_main(void *arg)
{
	struct log_dest *dest = arg;
	bool orphan;

	pthread_setname_np(pthread_self(), "lb4-log-writer");
	pthread_mutex_lock(&dest->lock);
	while (!dest->orphan) {
		if (dest->len > 0 && write_more(dest))
			continue;
		if (dest->reopen)
			open_again(dest);
		else if (dest->len == 0 && dest->closing)
			break;
		else if (dest->len == 0)
			pthread_cond_wait(&dest->given, &dest->lock);
	}
	orphan = dest->orphan;
	pthread_mutex_unlock(&dest->lock);
	if (orphan)
		free_dest(dest);
	return NULL;
}

/* ---- the owner ----------------------------------------------------------- */

int
log_dest_start(struct log_dest *dest, struct mailbox *bell)
{
	int error;

	dest->bell = bell;
	dest->closing = false;
	error = pthread_create(&dest->writer, NULL, writer_main, dest);
	dest->started = error == 0;
	return -error;
}

void
log_dest_stop(struct log_dest *dest)
{
	if (!dest->started)
		return;
	pthread_mutex_lock(&dest->lock);
	dest->closing = true;
	pthread_cond_signal(&dest->given);
	pthread_mutex_unlock(&dest->lock);
	pthread_join(dest->writer, NULL);
	dest->started = false;
}

uint64_t
log_dest_close(struct log_dest *dest)
{
	uint64_t lines;
	pthread_t writer;

	if (dest == NULL)
		return 0;
	if (!dest->started) {
		log_dest_flush(dest);
		free_dest(dest);
		return 0;
	}
	writer = dest->writer;
	pthread_mutex_lock(&dest->lock);
	lines = count_lines(dest->gathered, dest->used) +
	    count_lines(dest->block + dest->done, dest->len - dest->done);
	dest->orphan = true;
	(void)eventfd_write(dest->wake, 1);
	pthread_cond_signal(&dest->given);
	pthread_mutex_unlock(&dest->lock);
	pthread_detach(writer);
	return lines;
}

bool
log_dest_room(const struct log_dest *dest)
{
	return dest->used + LOG_DEST_LINE <= LOG_DEST_BUFFER;
}

/* Where the next line goes; NULL when there is no room. */
static char *
next_line(struct log_dest *dest)
{
	if (log_dest_room(dest))
		return dest->gathered + dest->used;
	pthread_mutex_lock(&dest->lock);
	dest->lost++;
	dest->error = EAGAIN;
	pthread_mutex_unlock(&dest->lock);
	return NULL;
}

/* The format of syslog(3), with the facility `daemon`. */
static int
syslog_line(char *to, int level, int64_t realtime_ms, const char *text,
    size_t len)
{
	const time_t seconds = (time_t)(realtime_ms / 1000);
	char when[32] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%h %e %T", &tm);
	return snprintf(to, LOG_DEST_LINE, "<%d>%s lb4[%d]: %.*s\n",
	    LOG_DAEMON | level, when, (int)getpid(), (int)len, text);
}

void
log_dest_message(struct log_dest *dest, int level, int64_t realtime_ms,
    const char *text, size_t len)
{
	char when[ACCESS_TIME_MAX];
	char *to = next_line(dest);
	int added;

	if (to == NULL)
		return;
	if (dest->output.kind == LOG_OUTPUT_SYSLOG_SOCKET) {
		added = syslog_line(to, level, realtime_ms, text, len);
	} else if (dest->journal) {
		added = snprintf(to, LOG_DEST_LINE, "<%d>%.*s\n", level,
		    (int)len, text);
	} else {
		access_format_time(realtime_ms, when);
		added = snprintf(to, LOG_DEST_LINE, "%s %s: %.*s\n", when,
		    log_level_name(level), (int)len, text);
	}
	dest->used += (size_t)added;
}

void
log_dest_line(struct log_dest *dest, int64_t realtime_ms, const char *line,
    size_t len)
{
	char *to = next_line(dest);
	int added;

	if (to == NULL)
		return;
	if (dest->output.kind == LOG_OUTPUT_SYSLOG_SOCKET)
		added = syslog_line(to, LOG_LEVEL_INFO, realtime_ms, line, len);
	else
		added = snprintf(to, LOG_DEST_LINE, "%s%.*s\n",
		    dest->journal ? "<6>" : "", (int)len, line);
	dest->used += (size_t)added;
}

/* The gathered lines become the block. */
static void
hand_over(struct log_dest *dest)
{
	char *empty = dest->block;

	dest->block = dest->gathered;
	dest->gathered = empty;
	dest->len = dest->used;
	dest->done = 0;
	dest->used = 0;
	dest->last_lost = 0;
	dest->progress_ms = timer_now_ms();
}

void
log_dest_flush(struct log_dest *dest)
{
	if (dest->used == 0)
		return;
	pthread_mutex_lock(&dest->lock);
	/* Lines that come after a request to reopen belong in the new file. */
	if (dest->len > 0 || dest->reopen) {
		dest->wanted = true;
	} else {
		hand_over(dest);
		if (dest->started)
			pthread_cond_signal(&dest->given);
		while (!dest->started && dest->done < dest->len)
			write_piece(dest, -1);
		if (!dest->started)
			dest->len = dest->done = 0;
	}
	pthread_mutex_unlock(&dest->lock);
}

bool
log_dest_settled(struct log_dest *dest)
{
	bool settled;

	pthread_mutex_lock(&dest->lock);
	settled = dest->used == 0 && dest->len == 0 && !dest->reopen;
	if (!settled)
		dest->wanted = true;
	pthread_mutex_unlock(&dest->lock);
	return settled;
}

uint64_t
log_dest_stalled_ms(struct log_dest *dest)
{
	uint64_t since;

	pthread_mutex_lock(&dest->lock);
	since = dest->len > 0 ? timer_now_ms() - dest->progress_ms : 0;
	pthread_mutex_unlock(&dest->lock);
	return since;
}

void
log_dest_wait(struct log_dest *dest, unsigned ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&dest->lock);
	while (dest->len > 0 &&
	    pthread_cond_timedwait(&dest->idle, &dest->lock, &until) == 0)
		continue;
	pthread_mutex_unlock(&dest->lock);
}

void
log_dest_reopen(struct log_dest *dest)
{
	if (dest->output.kind != LOG_OUTPUT_FILE)
		return;
	log_dest_flush(dest);
	pthread_mutex_lock(&dest->lock);
	dest->reopen = true;
	(void)eventfd_write(dest->wake, 1);
	pthread_cond_signal(&dest->given);
	pthread_mutex_unlock(&dest->lock);
}

bool
log_dest_reopened(struct log_dest *dest, int *error)
{
	bool reopened;

	pthread_mutex_lock(&dest->lock);
	reopened = dest->reopened;
	*error = dest->reopen_error;
	dest->reopened = false;
	pthread_mutex_unlock(&dest->lock);
	return reopened;
}

uint64_t
log_dest_lost(struct log_dest *dest, int *error)
{
	uint64_t lost;

	pthread_mutex_lock(&dest->lock);
	lost = dest->lost;
	*error = dest->error;
	pthread_mutex_unlock(&dest->lock);
	return lost;
}

void
log_dest_lost_told(struct log_dest *dest, uint64_t count)
{
	pthread_mutex_lock(&dest->lock);
	dest->lost -= count;
	pthread_mutex_unlock(&dest->lock);
}

bool
log_dest_finished(struct log_dest *dest, uint64_t *lost)
{
	bool finished;

	pthread_mutex_lock(&dest->lock);
	finished = dest->len == 0;
	*lost = dest->last_lost;
	if (!finished)
		dest->wanted = true;
	pthread_mutex_unlock(&dest->lock);
	return finished;
}
