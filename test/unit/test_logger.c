/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The log thread: what it is given arrives, where it was asked for; what does
 * not arrive is counted; and nothing that is wrong with a disk or a pipe stops
 * anybody but itself.
 */
#include "lb4/log/logger.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mailbox.h"
#include "common/why.h"
#include "lb4/engine/access.h"
#include "lb4/log/log_dest.h"

#define TIME_PATTERN \
	"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"

#define NAMES(messages, access, format) \
	(&(struct log_names){ messages, access, format })

/* As in logger.c: how many of each may wait. */
#define MESSAGES_MAX 2048
#define RECORDS_MAX 8192

static char directory[64];
static char log_path[96], access_path[96], moved_path[96];
static struct logger *logger;

static void
setup(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/lb4-test-logger.XXXXXX",
	    base != NULL ? base : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	snprintf(access_path, sizeof(access_path), "%s/access", directory);
	snprintf(moved_path, sizeof(moved_path), "%s/moved", directory);
	signal(SIGPIPE, SIG_IGN);
	logger = logger_new();
	ck_assert_ptr_nonnull(logger);
}

static void
teardown(void)
{
	unlink(log_path);
	unlink(access_path);
	unlink(moved_path);
	rmdir(directory);
}

static void
open_logger(const char *messages, const char *access, enum access_format format)
{
	struct why why = { "" };

	ck_assert_msg(logger_open(logger, NAMES(messages, access, format),
			  &why) == 0,
	    "%s", why.text);
}

static void
end(void)
{
	ck_assert_int_eq(logger_stop(logger), 0);
	logger_free(logger);
}

/* The file's text, which the caller frees; empty when there is none. */
static char *
text_of(const char *path)
{
	size_t size = 1 << 22;
	char *text = calloc(1, size);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	ck_assert_ptr_nonnull(text);
	if (fd < 0)
		return text;
	while ((n = read(fd, text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	ck_assert_uint_lt(used, size - 1);
	close(fd);
	return text;
}

/* How many lines of the file match the pattern as a whole. */
static size_t
lines_like(const char *path, const char *pattern)
{
	char *text = text_of(path), *rest = text, *line;
	size_t count = 0;
	regex_t regex;

	ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	while ((line = strsep(&rest, "\n")) != NULL && rest != NULL)
		count += regexec(&regex, line, 0, NULL, 0) == 0;
	regfree(&regex);
	free(text);
	return count;
}

static void
await(const char *path, const char *pattern)
{
	const struct timespec pause = { .tv_nsec = 2000000 };

	/* The test's own time limit ends this. */
	while (lines_like(path, pattern) == 0)
		nanosleep(&pause, NULL);
}

static void
await_size(const char *path, off_t size)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	struct stat st;

	while (stat(path, &st) < 0 || st.st_size < size)
		nanosleep(&pause, NULL);
}

/* The sum of the numbers that follow each `word` in the file. */
static size_t
number_after(const char *path, const char *word)
{
	char *text = text_of(path);
	const char *at = text;
	size_t sum = 0;

	while ((at = strstr(at, word)) != NULL) {
		at += strlen(word);
		sum += strtoul(at, NULL, 10);
	}
	free(text);
	return sum;
}

static size_t
times_in(const char *path, const char *word)
{
	char *text = text_of(path);
	size_t times = 0;

	for (const char *at = text; (at = strstr(at, word)) != NULL;
	     at += strlen(word))
		times++;
	free(text);
	return times;
}

static struct access_record
record_of(uint64_t conn)
{
	struct access_record record = { .conn = conn,
		.service = "web",
		.backend = "app1" };

	record.client.family = AF_UNIX;
	return record;
}

/* Standard error becomes a pipe; returns the end to read from. */
static int
stderr_to_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	return ends[0];
}

static void
stderr_to_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

START_TEST(test_messages)
{
	struct stat st;

	log_notice("before there is a file");
	open_logger(log_path, "off", ACCESS_KV);
	log_warning("before there is a thread");
	ck_assert_int_eq(logger_start(logger), 0);
	log_error("number %d", 3);
	end();
	ck_assert_uint_eq(lines_like(log_path, ""), 3);
	ck_assert_uint_eq(lines_like(log_path,
			      "^" TIME_PATTERN
			      " notice: before there is a file$"),
	    1);
	ck_assert_uint_eq(lines_like(log_path,
			      "^" TIME_PATTERN
			      " warning: before there is a thread$"),
	    1);
	ck_assert_uint_eq(lines_like(log_path,
			      "^" TIME_PATTERN " error: number 3$"),
	    1);
	ck_assert_int_eq(stat(log_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07137, 0);
}
END_TEST

/* A start that fails before its files are open is not silent. */
START_TEST(test_unopened)
{
	stderr_to_file(log_path);
	log_notice("what happened");
	logger_free(logger);
	ck_assert_uint_eq(lines_like(log_path, " notice: what happened$"), 1);
}
END_TEST

START_TEST(test_cannot_open)
{
	struct why why = { "" };
	char want[256];

	snprintf(moved_path, sizeof(moved_path), "%s/no/log", directory);
	ck_assert_int_eq(logger_open(logger,
			     NAMES(moved_path, "off", ACCESS_KV), &why),
	    -ENOENT);
	snprintf(want, sizeof(want),
	    "cannot open %s: No such file or directory", moved_path);
	ck_assert_str_eq(why.text, want);
	ck_assert_int_eq(logger_open(logger,
			     NAMES(log_path, moved_path, ACCESS_KV), &why),
	    -ENOENT);
	ck_assert_str_eq(why.text, want);
	logger_free(logger);
}
END_TEST

/* What came before a change stands in the old files, what comes after it in the
 * new ones; an access log that was off is on then. */
START_TEST(test_change)
{
	struct access_record record = record_of(17);
	struct logger_change *change;
	struct why why = { "" };

	open_logger(log_path, "off", ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	log_notice("before");
	logger_access(logger, &record);
	ck_assert_int_eq(logger_prepare(logger,
			     NAMES(log_path, "off", ACCESS_KV), &change, &why),
	    0);
	ck_assert_ptr_null(change);
	ck_assert_int_eq(logger_prepare(logger,
			     NAMES("/no/such/log", "off", ACCESS_KV), &change,
			     &why),
	    -ENOENT);

	ck_assert_int_eq(logger_prepare(logger,
			     NAMES(moved_path, access_path, ACCESS_JSON),
			     &change, &why),
	    0);
	ck_assert_ptr_nonnull(change);
	logger_commit(logger, NAMES(moved_path, access_path, ACCESS_JSON),
	    change);
	await(log_path, " notice: before$");
	/* The test's own time limit ends this. */
	while (lines_like(moved_path, " notice: taken up$") == 0)
		log_notice("taken up");
	ck_assert_int_eq(logger_prepare(logger,
			     NAMES(log_path, "off", ACCESS_KV), &change, &why),
	    0);
	logger_abandon(change);
	log_notice("after");
	logger_access(logger, &record);
	end();
	ck_assert_uint_eq(lines_like(log_path, " notice: after$"), 0);
	ck_assert_uint_eq(lines_like(moved_path, " notice: after$"), 1);
	ck_assert_uint_eq(lines_like(moved_path, " notice: before$"), 0);
	ck_assert_uint_eq(lines_like(access_path, "^\\{.*\\}$"), 1);
}
END_TEST

/* A fifo that nobody reads must not hold up the start. */
START_TEST(test_fifo)
{
	struct why why = { "" };

	ck_assert_int_eq(mkfifo(log_path, 0600), 0);
	ck_assert_int_eq(logger_open(logger, NAMES(log_path, "off", ACCESS_KV),
			     &why),
	    -ENXIO);
	logger_free(logger);
}
END_TEST

START_TEST(test_access)
{
	struct access_record record = record_of(17);

	open_logger(log_path, access_path, ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	logger_access(logger, &record);
	await(access_path, "conn=17");
	log_notice("a message");
	end();
	ck_assert_uint_eq(lines_like(log_path, ""), 1);
	ck_assert_uint_eq(lines_like(access_path, ""), 1);
	ck_assert_uint_eq(lines_like(access_path,
			      "^time=.* conn=17 .* retries=0$"),
	    1);
}
END_TEST

START_TEST(test_access_off)
{
	struct access_record record = record_of(17);

	open_logger(log_path, "off", ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	logger_access(logger, &record);
	end();
	ck_assert_uint_eq(lines_like(log_path, ""), 0);
}
END_TEST

/* One file for both: one descriptor, whole lines. */
START_TEST(test_access_same_file)
{
	open_logger(log_path, log_path, ACCESS_JSON);
	ck_assert_int_eq(logger_start(logger), 0);
	for (unsigned i = 0; i < 1000; i++) {
		struct access_record record = record_of(i);

		logger_access(logger, &record);
		log_notice("message %u", i);
	}
	end();
	ck_assert_uint_eq(lines_like(log_path, "^\\{\"time\":.*\\}$"), 1000);
	ck_assert_uint_eq(lines_like(log_path, " notice: message [0-9]+$"),
	    1000);
	ck_assert_uint_eq(lines_like(log_path, ""), 2000);
}
END_TEST

START_TEST(test_reopen)
{
	struct access_record record = record_of(1);

	open_logger(log_path, access_path, ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	log_notice("old");
	await(log_path, "old");
	ck_assert_int_eq(rename(log_path, moved_path), 0);
	logger_reopen(logger);
	await(log_path, " info: reopened .*/access$");
	log_notice("new");
	logger_access(logger, &record);
	end();
	ck_assert_uint_eq(lines_like(moved_path, "old"), 1);
	ck_assert_uint_eq(lines_like(moved_path, "new"), 0);
	ck_assert_uint_eq(lines_like(log_path, "notice: new"), 1);
	ck_assert_uint_eq(lines_like(log_path, " info: reopened .*/log$"), 1);
	ck_assert_uint_eq(lines_like(access_path, "conn=1"), 1);
}
END_TEST

START_TEST(test_reopen_fails)
{
	char inner[80], path[96], away[80], kept[96];

	snprintf(inner, sizeof(inner), "%s/d", directory);
	snprintf(path, sizeof(path), "%s/log", inner);
	snprintf(away, sizeof(away), "%s/e", directory);
	snprintf(kept, sizeof(kept), "%s/log", away);
	ck_assert_int_eq(mkdir(inner, 0700), 0);
	open_logger(path, "off", ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	ck_assert_int_eq(rename(inner, away), 0);
	logger_reopen(logger);
	await(kept,
	    " error: cannot reopen .*/d/log: "
	    "No such file or directory; the old file stays in use$");
	log_notice("goes on");
	end();
	ck_assert_uint_eq(lines_like(kept, "notice: goes on"), 1);
	unlink(kept);
	rmdir(away);
}
END_TEST

/* What does not fit is dropped and counted, the oldest is kept. */
START_TEST(test_dropped)
{
	open_logger(log_path, access_path, ACCESS_KV);
	for (unsigned i = 0; i < MESSAGES_MAX + 100; i++)
		log_notice("message %u.", i);
	for (unsigned i = 0; i < RECORDS_MAX + 23; i++) {
		struct access_record record = record_of(i);

		logger_access(logger, &record);
	}
	ck_assert_int_eq(logger_start(logger), 0);
	end();
	ck_assert_uint_eq(lines_like(log_path, "message"), MESSAGES_MAX);
	ck_assert_uint_eq(lines_like(log_path, "message 2047\\."), 1);
	ck_assert_uint_eq(lines_like(access_path, ""), RECORDS_MAX);
	ck_assert_uint_eq(lines_like(log_path,
			      " warning: dropped 100 log records: .*/log: "),
	    1);
	ck_assert_uint_eq(lines_like(log_path,
			      " warning: dropped 23 log records: .*/access: "),
	    1);
}
END_TEST

#define FLOOD_THREADS 4
#define FLOOD_LINES 5000

static void *
flood(void *arg)
{
	for (unsigned i = 0; i < FLOOD_LINES; i++) {
		struct access_record record = record_of(i);

		logger_access(arg, &record);
		log_notice("message");
	}
	return NULL;
}

/* Under load each line is either written or counted as dropped. */
START_TEST(test_flood)
{
	pthread_t threads[FLOOD_THREADS];
	size_t written;

	open_logger(log_path, access_path, ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	for (int i = 0; i < FLOOD_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, flood,
				     logger),
		    0);
	for (int i = 0; i < FLOOD_THREADS; i++)
		pthread_join(threads[i], NULL);
	end();
	written = lines_like(log_path, " notice: message$") +
	    lines_like(access_path, "^time=.* retries=0$");
	ck_assert_uint_eq(written + number_after(log_path, "warning: dropped "),
	    2 * FLOOD_THREADS * FLOOD_LINES);
}
END_TEST

/* How often the log thread has gone to sleep; 0 when it is not there. */
static unsigned long
sleeps(void)
{
	unsigned long count = 0;
	bool found = false;
	glob_t tasks;
	char line[128];

	ck_assert_int_eq(glob("/proc/self/task/*/status", 0, NULL, &tasks), 0);
	for (size_t i = 0; i < tasks.gl_pathc && !found; i++) {
		FILE *status = fopen(tasks.gl_pathv[i], "re");

		if (status == NULL)
			continue;
		while (fgets(line, sizeof(line), status) != NULL) {
			found = found || strcmp(line, "Name:\tlb4-log\n") == 0;
			if (found)
				sscanf(line, "voluntary_ctxt_switches: %lu",
				    &count);
		}
		fclose(status);
	}
	globfree(&tasks);
	return count;
}

/* With nothing to write the thread sleeps, and wakes for the next line. */
START_TEST(test_idle)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	unsigned long before;

	open_logger(log_path, "off", ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	for (unsigned i = 0; i < 3; i++) {
		log_notice("message %u.", i);
		await(log_path, i == 0 ? "0\\." : i == 1 ? "1\\." : "2\\.");
		/* The test's own time limit ends this. */
		do {
			before = sleeps();
			nanosleep(&pause, NULL);
		} while (sleeps() != before);
		ck_assert_uint_gt(before, 0);
	}
	end();
}
END_TEST

/* Lines that were handed over before a file is opened again are of the old
 * one. */
START_TEST(test_dest_reopen)
{
	struct log_dest *dest;
	struct mailbox bell;
	int error;

	ck_assert_int_eq(mailbox_init(&bell, 1, 1), 0);
	ck_assert_int_eq(log_dest_open(&dest, log_path), 0);
	ck_assert_int_eq(log_dest_start(dest, &bell), 0);
	log_dest_line(dest, 0, "one", 3);
	ck_assert_int_eq(rename(log_path, moved_path), 0);
	log_dest_reopen(dest);
	while (!log_dest_reopened(dest, &error))
		(void)poll(NULL, 0, 1);
	ck_assert_int_eq(error, 0);
	log_dest_line(dest, 0, "two", 3);
	log_dest_flush(dest);
	while (!log_dest_settled(dest))
		(void)poll(NULL, 0, 1);
	log_dest_stop(dest);
	ck_assert_uint_eq(log_dest_close(dest), 0);
	ck_assert_uint_eq(lines_like(moved_path, "^one$"), 1);
	ck_assert_uint_eq(lines_like(log_path, "^two$"), 1);
	ck_assert_uint_eq(lines_like(log_path, ""), 1);
	mailbox_done(&bell);
	logger_free(logger);
}
END_TEST

START_TEST(test_disk_full)
{
	open_logger(log_path, "/dev/full", ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct access_record record = record_of(i);

		logger_access(logger, &record);
	}
	log_notice("not lost");
	end();
	ck_assert_uint_eq(lines_like(log_path, "notice: not lost"), 1);
	/* in one report, or in several if the machine is busy */
	ck_assert_uint_ge(lines_like(log_path,
			      "lost .* log records: /dev/full: "
			      "No space left on device$"),
	    1);
	ck_assert_uint_eq(number_after(log_path, "warning: lost "), 3);
}
END_TEST

/* A write that stops in the middle of a line: when there is room again, the
 * next line begins on a line of its own, and the lost ones are reported. */
START_TEST(test_torn_line)
{
	struct rlimit limit;
	size_t lines;

	signal(SIGXFSZ, SIG_IGN);
	open_logger(log_path, "off", ACCESS_KV);
	for (unsigned i = 0; i < 100; i++)
		log_notice("message");
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = 1000;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(logger_start(logger), 0);
	await_size(log_path, 1000);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	await(log_path, "lost .*: File too large$");
	end();
	/* "2026-11-23T08:14:17.123Z notice: message" and its end */
	lines = 1000 / 41;
	ck_assert_uint_eq(lines_like(log_path,
			      "^" TIME_PATTERN " notice: message$"),
	    lines);
	ck_assert_uint_eq(number_after(log_path, " warning: lost "),
	    100 - lines);
	ck_assert_uint_eq(lines_like(log_path,
			      "^" TIME_PATTERN " warning: lost"),
	    1);
}
END_TEST

/* Fills the pipe behind standard error, in a way that the reader can tell. */
static void
fill_stderr(void)
{
	char block[4096];
	int flags = fcntl(STDERR_FILENO, F_GETFL);

	memset(block, '#', sizeof(block));
	fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
	while (write(STDERR_FILENO, block, sizeof(block)) > 0)
		;
	fcntl(STDERR_FILENO, F_SETFL, flags);
}

/* A reader that has stopped reading holds up nobody who logs, and the end of
 * the process but for a moment. */
START_TEST(test_stuck)
{
	int fd = stderr_to_pipe();

	open_logger("stderr", "stderr", ACCESS_KV);
	fill_stderr();
	ck_assert_int_eq(logger_start(logger), 0);
	for (unsigned i = 0; i < 3 * RECORDS_MAX; i++) {
		struct access_record record = record_of(i);

		logger_access(logger, &record);
		log_notice("message");
	}
	ck_assert_int_eq(logger_stop(logger), -ETIMEDOUT);
	logger_free(logger);
	close(fd);
}
END_TEST

/* A fifo that somebody has opened and nobody reads; returns the reader's end. */
static int
fifo_at(const char *path)
{
	int fd;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void
change_to(const char *messages, const char *access)
{
	struct logger_change *change;
	struct why why = { "" };

	ck_assert_msg(logger_prepare(logger, NAMES(messages, access, ACCESS_KV),
			  &change, &why) == 0,
	    "%s", why.text);
	ck_assert_ptr_nonnull(change);
	logger_commit(logger, NAMES(messages, access, ACCESS_KV), change);
}

static void
post_records(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct access_record record = record_of(i);

		logger_access(logger, &record);
	}
}

#define FIFO_TEXT_MAX (1 << 21) /* more than a pipe holds */

/* What a non-blocking reader gets; ends at an empty pipe. */
static size_t
lines_in(int fd)
{
	char block[4096];
	size_t lines = 0;
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += block[i] == '\n';
	return lines;
}

/* The lines that a non-blocking reader gets, and those that they tell to be
 * missing: a slow machine tells of some while the log still goes. */
static size_t
accounted_in(int fd)
{
	static const char *const words[] = { "warning: dropped ",
		"warning: lost " };
	char *text = calloc(1, FIFO_TEXT_MAX);
	size_t len = 0, lines = 0;
	ssize_t n;

	ck_assert_ptr_nonnull(text);
	while ((n = read(fd, text + len, FIFO_TEXT_MAX - 1 - len)) > 0)
		len += (size_t)n;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	for (size_t i = 0; i < 2; i++)
		for (const char *at = text; (at = strstr(at, words[i])) != NULL;
		     at += strlen(words[i]))
			lines += strtoul(at + strlen(words[i]), NULL, 10) - 1;
	free(text);
	return lines;
}

/* An access log that is stuck silences no message, what it has no room for is
 * told, and another change takes effect at once and accounts for the rest. */
START_TEST(test_stuck_access)
{
	const unsigned many = 2 * RECORDS_MAX;
	struct access_record record = record_of(17);
	int fd = fifo_at(access_path);
	size_t read_lines;

	open_logger(log_path, access_path, ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	post_records(many);
	log_notice("goes on");
	await(log_path, " notice: goes on$");
	await(log_path, "dropped [0-9]+ log records: .*/access: ");

	change_to(log_path, "off");
	log_notice("switched off");
	await(log_path, " notice: switched off$");
	await(log_path, "lost [0-9]+ log records: .*/access: it was stuck");
	change_to(log_path, moved_path);
	logger_access(logger, &record);
	await(moved_path, "conn=17 ");
	end();
	read_lines = lines_in(fd);
	ck_assert_uint_gt(read_lines, 0);
	ck_assert_uint_eq(read_lines +
		number_after(log_path, "warning: dropped ") +
		number_after(log_path, "warning: lost "),
	    many);
	close(fd);
}
END_TEST

/* The other way round; what is missing is told when messages go again. */
START_TEST(test_stuck_messages)
{
	const unsigned many = 4 * MESSAGES_MAX;
	struct access_record record = record_of(17);
	int fd = fifo_at(log_path);

	open_logger(log_path, access_path, ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	for (unsigned i = 0; i < many; i++)
		log_notice("message");
	logger_access(logger, &record);
	await(access_path, "conn=17 ");
	change_to(moved_path, access_path);
	await(moved_path, "dropped [0-9]+ log records: .*/log: ");
	await(moved_path, "lost [0-9]+ log records: .*/log: it was stuck");
	end();
	/* those that waited at the change may have gone to the new log */
	ck_assert_uint_eq(accounted_in(fd) +
		number_after(moved_path, "warning: dropped ") +
		number_after(moved_path, "warning: lost ") +
		times_in(moved_path, "notice: message\n"),
	    many);
	close(fd);
}
END_TEST

/* The end waits for the one that is stuck, and the other one gets all. */
START_TEST(test_stuck_end)
{
	const unsigned many = 2 * RECORDS_MAX;
	int fd = fifo_at(access_path);
	size_t written;

	open_logger(log_path, access_path, ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	post_records(many);
	log_notice("the last");
	ck_assert_int_eq(logger_stop(logger), -ETIMEDOUT);
	logger_free(logger);
	ck_assert_uint_eq(lines_like(log_path, " notice: the last$"), 1);
	/* reading makes room for a write that was given up, too */
	written = lines_in(fd) + number_after(log_path, "warning: dropped ");
	ck_assert_uint_le(written, many);
	ck_assert_uint_ge(written + number_after(log_path, "warning: lost "),
	    many);
	close(fd);
}
END_TEST

/* A stuck fifo that has been replaced by another one: opening again heals it,
 * and no line is lost. */
START_TEST(test_stuck_reopen)
{
	int old = fifo_at(access_path), fd;
	size_t lines = 0;

	open_logger(log_path, access_path, ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	post_records(1000);
	log_notice("goes on");
	await(log_path, " notice: goes on$");
	ck_assert_int_eq(rename(access_path, moved_path), 0);
	fd = fifo_at(access_path);
	logger_reopen(logger);
	/* The test's own time limit ends this. */
	while (lines == 0)
		lines = lines_in(fd);
	lines += lines_in(old);
	while (lines < 1000)
		lines += lines_in(fd) + lines_in(old);
	end();
	ck_assert_uint_eq(lines + lines_in(fd), 1000);
	ck_assert_uint_eq(lines_like(log_path, " info: reopened .*/access$"),
	    1);
	close(old);
	close(fd);
}
END_TEST

static void *
drain(void *arg)
{
	const int *fd = arg;
	FILE *out = fopen(log_path, "we");
	char block[4096];
	ssize_t n;

	ck_assert_ptr_nonnull(out);
	while ((n = read(*fd, block, sizeof(block))) > 0)
		fwrite(block, 1, (size_t)n, out);
	fclose(out);
	return NULL;
}

/* It reads on: what was kept comes, what was not is counted. */
static void
stuck_then_read(bool nonblocking)
{
	const size_t many = (size_t)3 * MESSAGES_MAX;
	int fd = stderr_to_pipe();
	size_t written;
	pthread_t reader;

	open_logger("stderr", "off", ACCESS_KV);
	fill_stderr();
	if (nonblocking)
		fcntl(STDERR_FILENO, F_SETFL,
		    fcntl(STDERR_FILENO, F_GETFL) | O_NONBLOCK);
	ck_assert_int_eq(logger_start(logger), 0);
	for (size_t i = 0; i < many; i++)
		log_notice("message");
	ck_assert_int_eq(pthread_create(&reader, NULL, drain, &fd), 0);
	end();
	close(STDERR_FILENO);
	pthread_join(reader, NULL);
	close(fd);
	written = lines_like(log_path, TIME_PATTERN " notice: message$");
	ck_assert_uint_ge(written, MESSAGES_MAX);
	ck_assert_uint_lt(written, many);
	ck_assert_uint_eq(written + number_after(log_path, "warning: dropped "),
	    many);
}

START_TEST(test_stuck_then_read)
{
	stuck_then_read(_i == 1);
}
END_TEST

/* The reader is gone: the report of what was lost waits until there is one
 * again. */
START_TEST(test_reader_gone)
{
	int fd = stderr_to_pipe();
	char byte;

	open_logger("stderr", "off", ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	log_notice("heard");
	ck_assert_int_eq(read(fd, &byte, 1), 1);
	close(fd);
	log_notice("not heard");
	log_notice("not heard");
	ck_assert_int_eq(logger_stop(logger), 0);
	stderr_to_file(log_path);
	logger_free(logger);
	ck_assert_uint_eq(
	    lines_like(log_path,
		" warning: lost 2 log records: stderr: Broken pipe$"),
	    1);
	ck_assert_uint_eq(lines_like(log_path, ""), 1);
}
END_TEST

START_TEST(test_journal)
{
	struct access_record record = record_of(17);
	char stream[64];
	struct stat st;

	stderr_to_file(log_path);
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu",
	    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	open_logger("stderr", "stderr", ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	log_warning("a message");
	logger_access(logger, &record);
	end();
	ck_assert_uint_eq(lines_like(log_path, "^<4>a message$"), 1);
	ck_assert_uint_eq(lines_like(log_path, "^<6>time=.* conn=17 "), 1);
	ck_assert_uint_eq(lines_like(log_path, ""), 2);
}
END_TEST

/* The variable is inherited by processes whose stderr goes elsewhere. */
START_TEST(test_not_journal)
{
	stderr_to_file(log_path);
	setenv("JOURNAL_STREAM", "1:2", 1);
	open_logger("stderr", "off", ACCESS_KV);
	ck_assert_int_eq(logger_start(logger), 0);
	log_warning("a message");
	end();
	ck_assert_uint_eq(lines_like(log_path,
			      "^" TIME_PATTERN " warning: a message$"),
	    1);
}
END_TEST

static Suite *
logger_suite(void)
{
	Suite *suite = suite_create("logger");
	TCase *tc = tcase_create("logger");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_messages);
	tcase_add_test(tc, test_unopened);
	tcase_add_test(tc, test_cannot_open);
	tcase_add_test(tc, test_fifo);
	tcase_add_test(tc, test_change);
	tcase_add_test(tc, test_access);
	tcase_add_test(tc, test_access_off);
	tcase_add_test(tc, test_access_same_file);
	tcase_add_test(tc, test_reopen);
	tcase_add_test(tc, test_reopen_fails);
	tcase_add_test(tc, test_dropped);
	tcase_add_test(tc, test_flood);
	tcase_add_test(tc, test_idle);
	tcase_add_test(tc, test_dest_reopen);
	tcase_add_test(tc, test_disk_full);
	tcase_add_test(tc, test_torn_line);
	tcase_add_test(tc, test_stuck);
	tcase_add_test(tc, test_stuck_access);
	tcase_add_test(tc, test_stuck_messages);
	tcase_add_test(tc, test_stuck_end);
	tcase_add_test(tc, test_stuck_reopen);
	tcase_add_loop_test(tc, test_stuck_then_read, 0, 2);
	tcase_add_test(tc, test_reader_gone);
	tcase_add_test(tc, test_journal);
	tcase_add_test(tc, test_not_journal);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(logger_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
