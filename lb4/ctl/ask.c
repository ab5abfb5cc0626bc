/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Asks nodes: see ask.h.  The answer is what the process of a node writes to
 * standard output; if the process fails, the last line of its standard error is
 * the reason.  The answer ends when the process ends, even if another process
 * still holds the pipes (ssh can leave one behind for later calls).
 */
#include "lb4/ctl/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/escape.h"
#include "common/loop.h"
#include "common/timer.h"
#include "lb4/ctl/talk.h"

/* The status of a process that could not execute its command. */
#define EXIT_NO_COMMAND 127

/* One output of the process. */
struct output {
	int fd; /* -1: at its end */
	char *text;
	size_t len, room;
};

struct asked {
	struct ask *ask;
	pid_t pid; /* -1: it has ended or does not exist */
	int pidfd;
	struct output out, err;
};

/* ---- in the process of a node -------------------------------------------- */

static void
complain(const char *what, int error)
{
	escape_line(stderr, "%s: %s", what, strerror(error));
}

static void
on_line(void *owner, const char *line, size_t len)
{
	(void)owner;
	printf("%.*s\n", (int)len, line);
}

static int
ask_socket(const char *path)
{
	int error = talk(path, "status --json\n", on_line, NULL);

	if (error == -ENODATA)
		escape_line(stderr, "%s: lb4 has closed the connection", path);
	else if (error < 0)
		complain(path, -error);
	return error < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
copy(const char *name, int fd)
{
	char buf[65536];
	ssize_t len;

	while ((len = read(fd, buf, sizeof(buf))) > 0)
		if (write(STDOUT_FILENO, buf, (size_t)len) != len)
			return EXIT_FAILURE;
	if (len < 0)
		complain(name, errno);
	return len < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
ask_path(const char *path)
{
	struct stat stat_of;
	int fd;

	if (stat(path, &stat_of) == 0 && S_ISSOCK(stat_of.st_mode))
		return ask_socket(path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		complain(path, errno);
		return EXIT_FAILURE;
	}
	return copy(path, fd);
}

/* Runs in a session of its own: ssh finds no terminal to ask for a password. */
static int
ask_remote(const char *node, const struct ask_way *way)
{
	size_t words = 0;
	char **argv;
	int null = open("/dev/null", O_RDONLY);

	while (way->ssh[words] != NULL)
		words++;
	argv = calloc(words + 3, sizeof(*argv));
	if (argv == NULL || null < 0 || dup2(null, STDIN_FILENO) < 0) {
		complain(node, errno);
		free(argv);
		return EXIT_FAILURE;
	}
	memcpy(argv, way->ssh, words * sizeof(*argv));
	argv[words] = (char *)(uintptr_t)node;
	argv[words + 1] = (char *)(uintptr_t)way->remote;
	(void)setsid();
	(void)execvp(argv[0], argv);
	complain(argv[0], errno);
	free(argv);
	return EXIT_NO_COMMAND;
}

static void __attribute__((noreturn)) run(const struct ask *ask,
    const struct ask_way *way, int out, int err, pid_t parent)
{
	const char *node = ask->node;
	int status = EXIT_FAILURE;

	/* the parent may be interrupted */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent &&
	    dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0) {
		if (ask->socket)
			status = ask_socket(node);
		else if (strcmp(node, "-") == 0)
			status = copy("standard input", STDIN_FILENO);
		else if (strchr(node, '/') != NULL)
			status = ask_path(node);
		else
			status = ask_remote(node, way);
	}
	_exit(status);
}

/* ---- in the one who asks ------------------------------------------------- */

static void
close_output(struct output *output)
{
	if (output->fd >= 0)
		(void)close(output->fd);
	output->fd = -1;
}

/* Reads the available bytes.  Returns 0, or -errno when they cannot be kept. */
static int
read_output(struct output *output)
{
	ssize_t len;

	while (output->fd >= 0) {
		if (output->len + 1 >= output->room) {
			size_t room = output->room == 0 ? 4096
							: 2 * output->room;
			char *text;

			if (output->len > ASK_ANSWER_MAX)
				return -EMSGSIZE;
			text = realloc(output->text, room);
			if (text == NULL)
				return -ENOMEM;
			output->text = text;
			output->room = room;
		}
		len = read(output->fd, output->text + output->len,
		    output->room - output->len - 1);
		if (len < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		output->len += (size_t)len;
		output->text[output->len] = '\0';
		if (len == 0)
			close_output(output);
	}
	return 0;
}

/* The last line that is not blank. */
static void
last_line(const struct output *output, char *line, size_t size)
{
	const char *text = output->text != NULL ? output->text : "";
	size_t last = output->len, first;

	while (last > 0 && (unsigned char)text[last - 1] <= ' ')
		last--;
	for (first = last; first > 0 && text[first - 1] != '\n';)
		first--;
	(void)escape_text(text + first, last - first, line, size);
}

static void
describe_end(const struct asked *asked, int status)
{
	struct ask *ask = asked->ask;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	last_line(&asked->err, ask->why, sizeof(ask->why));
	if (ask->why[0] != '\0')
		return;
	if (WIFSIGNALED(status))
		(void)snprintf(ask->why, sizeof(ask->why),
		    "what asked it was ended by signal %d", WTERMSIG(status));
	else
		(void)snprintf(ask->why, sizeof(ask->why),
		    "what asked it left with status %d", WEXITSTATUS(status));
}

/* The process has ended, or is killed now; `why` NULL: its output has the
 * reason. */
static void
end(struct asked *asked, const char *why)
{
	int status = 0;

	if (why != NULL) {
		/* also what it has started, if it made itself a session */
		(void)kill(-asked->pid, SIGKILL);
		(void)kill(asked->pid, SIGKILL);
		(void)snprintf(asked->ask->why, sizeof(asked->ask->why), "%s",
		    why);
	}
	while (waitpid(asked->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	asked->pid = -1;
	if (why == NULL)
		describe_end(asked, status);
	if (asked->pidfd >= 0)
		(void)close(asked->pidfd);
	close_output(&asked->out);
	close_output(&asked->err);
	free(asked->err.text);
	asked->ask->answer = asked->out.text;
	asked->ask->len = asked->out.len;
}

static int
start(struct asked *asked, const struct ask_way *way)
{
	const pid_t self = getpid();
	int out[2], err[2], error;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(err, O_CLOEXEC) < 0) {
		error = -errno;
		goto fail_out;
	}
	asked->pid = fork();
	if (asked->pid == 0)
		run(asked->ask, way, out[1], err[1], self);
	if (asked->pid < 0) {
		error = -errno;
		goto fail_err;
	}
	(void)close(out[1]);
	(void)close(err[1]);
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(err[0], F_SETFL, O_NONBLOCK);
	asked->out.fd = out[0];
	asked->err.fd = err[0];
	asked->pidfd = pidfd_open(asked->pid, 0);
	if (asked->pidfd < 0)
		end(asked, strerror(errno));
	return 0;
fail_err:
	(void)close(err[0]);
	(void)close(err[1]);
fail_out:
	(void)close(out[0]);
	(void)close(out[1]);
	return error;
}

static void
on_event(struct asked *asked, bool ended)
{
	int error = read_output(&asked->out);

	if (error == 0)
		error = read_output(&asked->err);
	if (error == -EMSGSIZE)
		end(asked, "the answer is too long");
	else if (error < 0)
		end(asked, strerror(-error));
	else if (ended)
		end(asked, NULL);
}

/* Waits for one of the nodes that have not answered yet, until `deadline_ms` of
 * the clock's own time.  Returns false when there are none, or the time is
 * over; output that is available then is still read. */
static bool
wait_for_some(struct asked *asked, size_t count, struct loop_clock *clock,
    uint64_t deadline_ms)
{
	struct pollfd polled[3 * ASK_NODES_MAX];
	const bool late = clock->own_ms >= deadline_ms;
	int wait_ms = late ? 0 : LOOP_LOOK_MS, came;
	bool some = false;

	for (size_t i = 0; i < count; i++) {
		struct pollfd *three = polled + 3 * i;
		const bool there = asked[i].pid > 0;

		some |= there;
		three[0] = (struct pollfd){ there ? asked[i].pidfd : -1, POLLIN,
			0 };
		three[1] = (struct pollfd){ there ? asked[i].out.fd : -1,
			POLLIN, 0 };
		three[2] = (struct pollfd){ there ? asked[i].err.fd : -1,
			POLLIN, 0 };
	}
	if (!some)
		return false;
	came = poll(polled, 3 * count, wait_ms);
	(void)loop_clock_look(clock, timer_now_ms(), wait_ms);
	if (came < 0)
		return errno == EINTR;
	for (size_t i = 0; i < count; i++) {
		const struct pollfd *three = polled + 3 * i;

		if (three[0].revents | three[1].revents | three[2].revents)
			on_event(&asked[i], three[0].revents != 0);
	}
	return !late;
}

void
ask_all(struct ask *asks, size_t count, const struct ask_way *way)
{
	struct asked asked[ASK_NODES_MAX];
	struct loop_clock clock;
	uint64_t deadline_ms;
	char late[64];

	loop_clock_start(&clock, timer_now_ms());
	deadline_ms = clock.own_ms + way->timeout_ms;

	for (size_t i = 0; i < count; i++) {
		int error;

		asks[i].answer = NULL;
		asks[i].len = 0;
		asks[i].why[0] = '\0';
		asked[i] = (struct asked){ .ask = &asks[i],
			.pid = -1,
			.pidfd = -1,
			.out = { .fd = -1 },
			.err = { .fd = -1 } };
		error = start(&asked[i], way);
		if (error < 0)
			(void)snprintf(asks[i].why, sizeof(asks[i].why), "%s",
			    strerror(-error));
	}
	while (wait_for_some(asked, count, &clock, deadline_ms))
		continue;
	(void)snprintf(late, sizeof(late), "no answer within %g s",
	    way->timeout_ms / 1000.0);
	for (size_t i = 0; i < count; i++)
		if (asked[i].pid > 0)
			end(&asked[i], late);
}

void
ask_done(struct ask *asks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(asks[i].answer);
}
