/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The side of lb4: forks the guard and asks it, and takes what a guard has
 * passed on.  The guard itself is guard_process.c.
 */
#include "lb4/process/guard.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "common/file.h"
#include "common/loop.h"
#include "common/timer.h"
#include "common/why.h"
#include "lb4/process/guard_message.h"
#include "lb4/process/guard_process.h"

/* How long an answer may take: a machine may be busy, and a file system slow.
 * The control thread waits that long. */
#define ANSWER_MS 5000

/* ... and to the thread of the handover: to GUARD_KILL, which comes when the
 * kernel has freed the memory of the process, and to GUARD_SPAWN. */
#define HANDOVER_MS 30000

/* More of what was written to standard error is not copied. */
#define REPORT_MAX (64 << 10)

/* How long each piece of it may wait for the reader of standard error. */
#define REPORT_MS 100

/* What the kernel appends to the name of a file that has been replaced
 * (proc_pid_exe(5)). */
#define DELETED " (deleted)"

struct guard {
	int socket;
	pid_t pid;
	bool parent;	 /* in parent mode */
	char *path;	 /* owned: of the running executable; or NULL */
	uint32_t number; /* of the last request */
};

/* ---- requests ----------------------------------------------------------- */

/* Waits until the guard has said something, or has gone.  0 or -errno. */
static int
wait_for_guard(const struct guard *guard, struct loop_clock *clock,
    uint64_t until_ms)
{
	struct pollfd polled = { .fd = guard->socket, .events = POLLIN };
	const int n = loop_poll(clock, &polled, 1, until_ms);

	if (n < 0)
		return n;
	return n == 0 ? -ETIMEDOUT : 0;
}

/* Receives the answer with that number; those to requests that were given up
 * are skipped. */
static int
receive(const struct guard *guard, struct guard_message *answer,
    uint32_t number)
{
	const bool waits = answer->kind == GUARD_KILL ||
	    answer->kind == GUARD_SPAWN;
	const unsigned within_ms = waits ? HANDOVER_MS : ANSWER_MS;
	struct loop_clock clock;
	uint64_t until_ms;
	ssize_t n;
	int error;

	loop_clock_start(&clock, timer_now_ms());
	until_ms = clock.own_ms + within_ms;
	do {
		error = wait_for_guard(guard, &clock, until_ms);
		if (error < 0)
			return error;
		memset(answer, 0, sizeof(*answer));
		do
			n = recv(guard->socket, answer, sizeof(*answer), 0);
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		answer->text[sizeof(answer->text) - 1] = '\0';
	} while (answer->number != number);
	return 0;
}

/* Sends the request, with GUARD_FDS descriptors or NULL.  0 or -errno. */
static int
post(struct guard *guard, struct guard_message *request, const int *fds)
{
	const struct iovec bytes = {
		.iov_base = request,
		.iov_len = sizeof(*request),
	};

	request->number = ++guard->number;
	/* the queue is empty, or the guard does not read */
	return fdpass_send(guard->socket, bytes, fds,
	    fds != NULL ? GUARD_FDS : 0, MSG_DONTWAIT);
}

/* Has the guard do it; the request becomes the answer.  Returns the answer's
 * value, or -errno with why. */
static int
ask(struct guard *guard, struct guard_message *request, const int *fds,
    struct why *why)
{
	int error = post(guard, request, fds);

	if (error == 0)
		error = receive(guard, request, request->number);
	if (error == -EPIPE || error == -ECONNRESET) {
		return why_fail(why, error,
		    "the guard process has ended: restart lb4");
	}
	if (error < 0) {
		return why_fail(why, error,
		    "the guard process, %ld, does not answer: %s",
		    (long)guard->pid, strerror(-error));
	}
	if (request->value < 0)
		return why_fail(why, request->value, "%s", request->text);
	return request->value;
}

int
guard_spawn(struct guard *guard, const char *path, int channel, int messages,
    struct why *why)
{
	const int fds[GUARD_FDS] = {
		[GUARD_CHANNEL] = channel,
		[GUARD_MESSAGES] = messages,
	};
	struct guard_message request = { .kind = GUARD_SPAWN };
	int result;

	if (path == NULL)
		path = guard->path;
	if (path == NULL) {
		return why_fail(why, -ENOENT,
		    "the path of the executable is not known: "
		    "/proc/self/exe could not be read");
	}
	if (path[0] != '/')
		return why_fail(why, -EINVAL, "%s: not an absolute path", path);
	if (strlcpy(request.text, path, sizeof(request.text)) >=
	    sizeof(request.text)) {
		return why_fail(why, -ENAMETOOLONG, "%s",
		    strerror(ENAMETOOLONG));
	}
	result = ask(guard, &request, fds, why);
	if (result == -ETIMEDOUT) {
		/* it may start the process later */
		request = (struct guard_message){ .kind = GUARD_KILL };
		(void)post(guard, &request, NULL);
	}
	return result;
}

int
guard_programs(struct guard *guard, int socket, struct why *why)
{
	const int fds[GUARD_FDS] = {
		[GUARD_CHANNEL] = socket,
		[GUARD_MESSAGES] = socket,
	};
	struct guard_message request = { .kind = GUARD_PROGRAMS };

	return ask(guard, &request, fds, why);
}

int
guard_kill(struct guard *guard, struct why *how)
{
	struct guard_message request = { .kind = GUARD_KILL };
	const int error = ask(guard, &request, NULL, how);

	return error < 0 ? error : why_fail(how, 0, "%s", request.text);
}

/* A guard that does not leave is killed: the new process must get another
 * parent. */
static void
wait_for_end(const struct guard *guard)
{
	struct loop_clock clock;
	uint64_t until_ms;
	char rest;

	loop_clock_start(&clock, timer_now_ms());
	until_ms = clock.own_ms + ANSWER_MS;
	/* the answers that were given up are before the end of file */
	while (wait_for_guard(guard, &clock, until_ms) == 0 &&
	    recv(guard->socket, &rest, sizeof(rest), 0) > 0)
		;
	(void)kill(guard->pid, SIGKILL);
	while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void
guard_release(struct guard *guard)
{
	struct guard_message request = { .kind = GUARD_RELEASE };
	struct why why;

	if (guard->parent) {
		(void)ask(guard, &request, NULL, &why);
	} else if (post(guard, &request, NULL) == 0) {
		wait_for_end(guard);
	}
}

bool
guard_is_parent(const struct guard *guard)
{
	return guard->parent;
}

void
guard_follow(const struct guard *guard)
{
	if (!guard->parent)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != guard->pid) /* it had died before */
		(void)kill(getpid(), SIGTERM);
}

void
guard_free(struct guard *guard)
{
	if (guard == NULL)
		return;
	if (guard->socket >= 0)
		(void)close(guard->socket);
	free(guard->path);
	free(guard);
}

/* ---- start -------------------------------------------------------------- */

char *
guard_path(void)
{
	char path[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
	const size_t cut = sizeof(DELETED) - 1;
	size_t len;

	if (n < 0)
		return NULL;
	len = (size_t)n;
	if (len > cut && memcmp(path + len - cut, DELETED, cut) == 0)
		len -= cut;
	return strndup(path, len);
}

/* The parent that exists.  The socket pair is of its making, so the kernel
 * knows whose it is. */
static int
adopt(struct guard *guard, struct guard_given *given, struct why *why)
{
	struct ucred maker;
	socklen_t len = sizeof(maker);

	guard->socket = given->guard;
	given->guard = -1;
	guard->parent = true;
	if (getsockopt(guard->socket, SOL_SOCKET, SO_PEERCRED, &maker, &len) <
	    0) {
		return why_fail(why, -errno, "the parent process: %s",
		    strerror(errno));
	}
	guard->pid = maker.pid;
	return 0;
}

/* Forks.  Returns only as lb4, with its end of the socket pair. */
static int
fork_guard(struct guard *guard, const struct guard_setup *setup)
{
	const pid_t before = getpid();
	int ends[2], error;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	guard->socket = ends[0];
	child = fork();
	if (child < 0) {
		error = -errno;
		(void)close(ends[1]);
		return error;
	}
	if (setup->parent ? child > 0 : child == 0)
		guard_process(setup, ends[1], child);
	(void)close(ends[1]);
	guard->parent = setup->parent;
	guard->pid = setup->parent ? before : child;
	return 0;
}

/* Parent mode: lb4 is another process than the one that was started. */
static void
become_child(pid_t parent)
{
	const char *pid = getenv("WATCHDOG_PID");

	/* a signal to the group is the parent's to forward: lb4 would get it
	 * twice */
	(void)setpgid(0, 0);
	if (pid != NULL && strtoll(pid, NULL, 10) == (long long)parent)
		(void)unsetenv("WATCHDOG_PID");
}

static int
start(struct guard *guard, const struct guard_setup *setup, struct why *why)
{
	struct guard_message first;
	int error;

	if (setup->path != NULL) {
		guard->path = strdup(setup->path);
		if (guard->path == NULL)
			return why_fail(why, -ENOMEM, "%s", strerror(ENOMEM));
	}
	if (setup->given->guard >= 0)
		return adopt(guard, setup->given, why);
	error = fork_guard(guard, setup);
	if (error < 0) {
		return why_fail(why, error,
		    "cannot start the guard process: %s", strerror(-error));
	}
	if (guard->parent)
		become_child(guard->pid);
	error = receive(guard, &first, 0);
	if (error < 0) {
		return why_fail(why, error, "the guard process: %s",
		    strerror(-error));
	}
	return first.value < 0 ? why_fail(why, first.value, "%s", first.text)
			       : 0;
}

int
guard_start(struct guard **out, const struct guard_setup *setup,
    struct why *why)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	int error;

	if (guard == NULL)
		return why_fail(why, -ENOMEM, "%s", strerror(ENOMEM));
	guard->socket = -1;
	error = start(guard, setup, why);
	if (error < 0) {
		guard_free(guard);
		return error;
	}
	*out = guard;
	return 0;
}

/* ---- in a process that a guard has started ------------------------------ */

/* What the environment announces to this process, and nobody after it. */
static bool
announced(int *channel, int *error, int *guard)
{
	const char *pid = getenv(GUARD_ENV_PID);
	const char *fds = getenv(GUARD_ENV_FDS);
	const bool is = pid != NULL && fds != NULL &&
	    strtoll(pid, NULL, 10) == (long long)getpid() &&
	    sscanf(fds, "%d:%d:%d", channel, error, guard) == 3;

	(void)unsetenv(GUARD_ENV_PID);
	(void)unsetenv(GUARD_ENV_FDS);
	return is;
}

/* Has `stderr` lead to what descriptor 2 is, and descriptor 2 to `error`.
 * Returns the old `stderr`, or NULL if that one stays. */
static FILE *
divert(int error)
{
	const int messages = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	FILE *stream = messages < 0 ? NULL : fdopen(messages, "a+");
	FILE *real = stderr;

	(void)dup2(error, STDERR_FILENO);
	if (stream == NULL) {
		if (messages >= 0)
			(void)close(messages);
		return NULL;
	}
	(void)setvbuf(stream, NULL, _IOLBF, BUFSIZ);
	stderr = stream; /* glibc lets one assign it (stdio(3)) */
	return real;
}

void
guard_take(struct guard_given *given)
{
	int error;

	*given = (struct guard_given){ .channel = -1, .guard = -1 };
	if (!announced(&given->channel, &error, &given->guard))
		return;
	(void)fcntl(given->channel, F_SETFD, FD_CLOEXEC);
	if (given->guard >= 0)
		(void)fcntl(given->guard, F_SETFD, FD_CLOEXEC);
	given->error = divert(error);
	(void)close(error);
}

/* Writes to standard error, as long as its reader keeps up. */
static void
copy_out(const char *text, size_t len)
{
	struct pollfd polled = { .fd = STDERR_FILENO, .events = POLLOUT };

	while (len > 0 && poll(&polled, 1, REPORT_MS) == 1) {
		/* with room for this much, a pipe does not block */
		const size_t piece = len < PIPE_BUF ? len : PIPE_BUF;
		const ssize_t n = write(STDERR_FILENO, text, piece);

		if (n < 0 && errno != EINTR)
			break;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

void
guard_report(struct guard_given *given)
{
	FILE *messages = stderr;
	char *text = NULL;
	size_t len = 0;

	if (given->error == NULL)
		return;
	(void)fflush(messages);
	stderr = given->error;
	given->error = NULL;
	rewind(messages);
	if (file_read(fileno(messages), REPORT_MAX, &text, &len) == 0)
		copy_out(text, len);
	free(text);
	(void)fclose(messages);
}
