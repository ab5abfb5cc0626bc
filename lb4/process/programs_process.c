/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The loop of the process that runs programs: requests on its socket, ends of
 * children, and what they write.  It never waits for one of them, so none
 * delays another.
 *
 * The output of a program is read until the end of the program, so that a full
 * pipe does not stop it; its first line is kept.
 */
#include "lb4/process/programs_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lb4/process/program_message.h"
#include "lb4/process/signals.h"

#define STATUS_NO_EXEC 127
#define FIRST 2 /* descriptors before those of programs */

struct program {
	pid_t pid;
	uint64_t number;
	bool forgotten; /* killed: nobody waits for the answer */
	bool complete;	/* the first line is */
	size_t len;
	char line[PROGRAM_LINE_MAX];
};

struct programs {
	int socket;
	int signals; /* signalfd(2) */
	size_t count, room;
	struct program *program; /* owned */
	struct pollfd *polled;	 /* owned; program i is polled[FIRST + i] */
};

static void
answer(const struct programs *programs, const struct program_answer *answer)
{
	ssize_t n;

	/* waits while lb4 does not read; it ends with lb4 */
	do
		n = send(programs->socket, answer, sizeof(*answer),
		    MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
}

/* ---- start of a program -------------------------------------------------- */

static int
grow(struct programs *programs)
{
	const size_t room = 2 * programs->room + 16;
	void *grown;

	if (programs->count < programs->room)
		return 0;
	grown = reallocarray(programs->program, room, sizeof(struct program));
	if (grown == NULL)
		return -ENOMEM;
	programs->program = grown;
	grown = reallocarray(programs->polled, FIRST + room,
	    sizeof(struct pollfd));
	if (grown == NULL)
		return -ENOMEM;
	programs->polled = grown;
	programs->room = room;
	return 0;
}

/* Variables of lb4's own start mean nothing to the program. */
static void
forget_environment(void)
{
	static const char *const names[] = { "NOTIFY_SOCKET", "WATCHDOG_PID",
		"WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]);
}

/* In the child: becomes the program. */
static _Noreturn void
execute(struct program_request *request, int output)
{
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char **argv = calloc(request->words + 1, sizeof(*argv));
	char *at = request->text;

	assert(request->words > 0);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (null < 0 || argv == NULL || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
		_exit(STATUS_NO_EXEC);
	for (uint32_t i = 0; i < request->words; i++) {
		argv[i] = at;
		at += strlen(at) + 1;
	}
	forget_environment();
	for (uint32_t i = 0; i < request->variables; i++) {
		(void)putenv(at);
		at += strlen(at) + 1;
	}
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	signals_unblock();
	(void)execv(argv[0], argv);
	dprintf(STDOUT_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(STATUS_NO_EXEC);
}

/* 0 or -errno. */
static int
run(struct programs *programs, struct program_request *request)
{
	int ends[2], error = grow(programs);
	pid_t child;

	if (error < 0)
		return error;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child == 0)
		execute(request, ends[1]);
	error = child < 0 ? -errno : 0;
	(void)close(ends[1]);
	if (error < 0) {
		(void)close(ends[0]);
		return error;
	}
	(void)setpgid(child, child); /* whoever comes first */
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	programs->polled[FIRST + programs->count] = (struct pollfd){
		.fd = ends[0],
		.events = POLLIN,
	};
	programs->program[programs->count++] = (struct program){
		.pid = child,
		.number = request->number,
	};
	return 0;
}

/* ---- its output and its end ---------------------------------------------- */

static void
keep_line(struct program *program, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len && !program->complete; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\0')
			program->complete = true;
		else if (program->len < sizeof(program->line) - 1)
			program->line[program->len++] = bytes[i];
	}
}

/* Reads what there is, in turns that end. */
static void
on_output(struct programs *programs, size_t i)
{
	struct pollfd *polled = &programs->polled[FIRST + i];
	char bytes[4096];
	ssize_t n = 0;

	for (int turns = 0; turns < 16 && polled->fd >= 0; turns++) {
		n = read(polled->fd, bytes, sizeof(bytes));
		if (n <= 0)
			break;
		keep_line(&programs->program[i], bytes, (size_t)n);
	}
	if (polled->fd >= 0 && (n == 0 || (n < 0 && errno != EAGAIN))) {
		(void)close(polled->fd);
		polled->fd = -1; /* poll(2) ignores it */
	}
}

/* The child is a zombie, so its process group is still its own. */
static void
on_end(struct programs *programs, size_t i)
{
	struct program *program = &programs->program[i];
	struct program_answer ended = { .number = program->number };
	const size_t last = programs->count - 1;
	int status = 0;

	(void)kill(-program->pid, SIGKILL);
	while (waitpid(program->pid, &status, 0) < 0 && errno == EINTR)
		;
	on_output(programs, i);
	if (programs->polled[FIRST + i].fd >= 0)
		(void)close(programs->polled[FIRST + i].fd);
	ended.status = status;
	memcpy(ended.line, program->line, program->len);
	if (!program->forgotten)
		answer(programs, &ended);
	programs->program[i] = programs->program[last];
	programs->polled[FIRST + i] = programs->polled[FIRST + last];
	programs->count--;
}

static void
on_children(struct programs *programs)
{
	struct signalfd_siginfo signal;
	siginfo_t info;

	while (read(programs->signals, &signal, sizeof(signal)) ==
	    (ssize_t)sizeof(signal))
		;
	for (;;) {
		size_t i = 0;

		memset(&info, 0, sizeof(info));
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    info.si_pid == 0)
			return;
		while (i < programs->count &&
		    programs->program[i].pid != info.si_pid)
			i++;
		if (i < programs->count)
			on_end(programs, i);
		else
			(void)waitpid(info.si_pid, NULL, WNOHANG);
	}
}

/* ---- requests ------------------------------------------------------------ */

/* Whether all the words that it announces are there. */
static bool
is_whole(const struct program_request *request, size_t len)
{
	size_t words = 0;

	if (len < offsetof(struct program_request, text) ||
	    request->len != len - offsetof(struct program_request, text))
		return false;
	for (size_t i = 0; i < request->len; i++)
		words += request->text[i] == '\0';
	return request->words > 0 &&
	    words == (size_t)request->words + request->variables &&
	    request->text[request->len - 1] == '\0';
}

static void
on_kill(struct programs *programs, uint64_t number)
{
	for (size_t i = 0; i < programs->count; i++) {
		struct program *program = &programs->program[i];

		if (program->number != number || program->forgotten)
			continue;
		program->forgotten = true;
		(void)kill(-program->pid, SIGKILL);
	}
}

static _Noreturn void
end(const struct programs *programs)
{
	for (size_t i = 0; i < programs->count; i++)
		(void)kill(-programs->program[i].pid, SIGKILL);
	_exit(0);
}

static void
on_request(struct programs *programs)
{
	struct program_request request;
	struct program_answer failed = { .error = 0 };
	const ssize_t n = recv(programs->socket, &request, sizeof(request),
	    MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		end(programs);
	if (n < (ssize_t)offsetof(struct program_request, text))
		return;
	if (request.kind == PROGRAM_KILL) {
		on_kill(programs, request.number);
		return;
	}
	failed.number = request.number;
	failed.error = request.kind == PROGRAM_RUN &&
		is_whole(&request, (size_t)n)
	    ? run(programs, &request)
	    : -EPROTO;
	if (failed.error < 0)
		answer(programs, &failed);
}

_Noreturn void
programs_process(int socket)
{
	struct programs programs = {
		.socket = socket,
		.signals = signals_descriptor(),
	};

	if (programs.signals < 0 || grow(&programs) < 0)
		_exit(1);
	(void)prctl(PR_SET_NAME, "lb4-programs", 0, 0, 0);
	programs.polled[0] = (struct pollfd){ socket, POLLIN, 0 };
	programs.polled[1] = (struct pollfd){ programs.signals, POLLIN, 0 };
	for (;;) {
		if (poll(programs.polled, FIRST + programs.count, -1) < 0 &&
		    errno != EINTR)
			_exit(1);
		/* before a program goes, and another takes its place */
		for (size_t i = 0; i < programs.count; i++)
			if (programs.polled[FIRST + i].revents != 0)
				on_output(&programs, i);
		if (programs.polled[1].revents != 0)
			on_children(&programs);
		if (programs.polled[0].revents != 0)
			on_request(&programs);
	}
}
