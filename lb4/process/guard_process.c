/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The loop of the guard: requests on its socket, signals, and the pipe that
 * tells whether a binary could be executed.  It waits for nothing else but the
 * end of a process that it has killed, so it notices when lb4 has gone.
 *
 * The new process is `next` until lb4 releases it or kills it.  In parent mode
 * it is `main` then.
 */
#include "lb4/process/guard_process.h"

#include <bsd/string.h>
#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "common/why.h"
#include "lb4/process/daemon.h"
#include "lb4/process/guard_message.h"
#include "lb4/process/guard_setup.h"
#include "lb4/process/programs_process.h"
#include "lb4/process/signals.h"

/* The guard's socket, next to standard input, output and error. */
#define SOCKET_FD 3

/* How soon a signal is sent again that could not be: see forward(). */
#define RETRY_MS 20

/* The exit status of a child that could not execute its binary. */
#define STATUS_NO_EXEC 127

/* lb4, or the process that is to become it. */
struct process {
	pid_t pid;  /* 0: none */
	int socket; /* the guard's end; -1: none */
	bool alive;
	bool waits; /* with its request, until it is lb4 */
	int status; /* of waitpid(2), when it has ended */
};

struct guard_process {
	bool parent;
	char **argv; /* of the first start */
	int signals; /* signalfd(2) */
	struct process main;
	struct process next;
	int asker;		    /* the socket of what is answered */
	int executed;		    /* pipe: tells what execve(2) said; -1 */
	struct guard_message spawn; /* the request that waits for it */
	uint32_t pending;	    /* signals to forward, as bits */
};

/* ---- answers ------------------------------------------------------------ */

/* Nobody reads the answer if lb4 has gone; its EOF follows. */
static void __attribute__((format(printf, 4, 5)))
answer(const struct guard_process *guard, const struct guard_message *request,
    int value, const char *format, ...)
{
	struct guard_message message = {
		.kind = request->kind,
		.number = request->number,
		.value = value,
	};
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message.text, sizeof(message.text), format, args);
	va_end(args);
	while (send(guard->asker, &message, sizeof(message), MSG_NOSIGNAL) <
		0 &&
	    errno == EINTR)
		;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* ---- a new process ------------------------------------------------------ */

/* Puts the descriptors where the new process looks for them; 0 or -errno. */
static int
pass_fds(const int *fds, int socket)
{
	const int error = fcntl(STDERR_FILENO, F_DUPFD, STDERR_FILENO + 1);
	char text[64];

	if (error < 0 || dup2(fds[GUARD_MESSAGES], STDERR_FILENO) < 0 ||
	    fcntl(STDERR_FILENO, F_SETFL, O_APPEND) < 0 ||
	    fcntl(fds[GUARD_CHANNEL], F_SETFD, 0) < 0 ||
	    (socket >= 0 && fcntl(socket, F_SETFD, 0) < 0))
		return -errno;
	(void)snprintf(text, sizeof(text), "%d:%d:%d", fds[GUARD_CHANNEL],
	    error, socket);
	if (setenv(GUARD_ENV_FDS, text, 1) < 0)
		return -errno;
	(void)snprintf(text, sizeof(text), "%ld", (long)getpid());
	if (setenv(GUARD_ENV_PID, text, 1) < 0)
		return -errno;
	/* The watchdog is this process's from now on. */
	(void)unsetenv("WATCHDOG_PID");
	return 0;
}

/* In the child: becomes the new binary, or tells why not. */
static _Noreturn void
execute(const struct guard_process *guard, const int *fds, int socket, int tell)
{
	int error = pass_fds(fds, socket);

	if (error == 0) {
		/* A signal to the group of lb4 is the parent's to forward. */
		if (guard->parent)
			(void)setpgid(0, 0);
		signals_unblock();
		(void)execv(guard->spawn.text, guard->argv);
		error = -errno;
	}
	if (write(tell, &error, sizeof(error)) < 0)
		_exit(STATUS_NO_EXEC); /* the guard has gone */
	_exit(STATUS_NO_EXEC);
}

/* Forks the new process.  0 or -errno. */
static int
spawn(struct guard_process *guard, const int *fds)
{
	int tell[2], ends[2] = { -1, -1 }, error;
	pid_t child;

	if (pipe2(tell, O_CLOEXEC) < 0)
		return -errno;
	if (guard->parent &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		error = -errno;
		goto out;
	}
	child = fork();
	if (child == 0)
		execute(guard, fds, ends[1], tell[1]);
	error = child < 0 ? -errno : 0;
	if (child > 0) {
		guard->next = (struct process){
			.pid = child,
			.socket = ends[0],
			.alive = true,
		};
		guard->executed = tell[0];
		tell[0] = ends[0] = -1;
	}
out:
	close_fd(&tell[0]);
	close_fd(&tell[1]);
	close_fd(&ends[0]);
	close_fd(&ends[1]);
	return error;
}

static void
forget_next(struct guard_process *guard)
{
	close_fd(&guard->executed);
	close_fd(&guard->next.socket);
	guard->next = (struct process){ .socket = -1 };
}

/* Waits for a child that ends now. */
static void
wait_for(struct process *process)
{
	while (process->alive &&
	    waitpid(process->pid, &process->status, 0) < 0 && errno == EINTR)
		;
	process->alive = false;
}

/* The new process has executed its binary, or could not. */
static void
on_executed(struct guard_process *guard)
{
	int error = 0;
	const ssize_t n = read(guard->executed, &error, sizeof(error));

	close_fd(&guard->executed);
	guard->asker = guard->main.socket;
	if (n != (ssize_t)sizeof(error)) {
		answer(guard, &guard->spawn, guard->next.pid, "%s", "");
		return;
	}
	wait_for(&guard->next);
	forget_next(guard);
	answer(guard, &guard->spawn, error, "cannot run %s: %s",
	    guard->spawn.text, strerror(-error));
}

static void
on_spawn(struct guard_process *guard, const struct guard_message *request,
    const int *fds)
{
	int error;

	if (guard->next.alive) {
		answer(guard, request, -EBUSY,
		    "a new process, %ld, is starting already",
		    (long)guard->next.pid);
		return;
	}
	if (fds[GUARD_CHANNEL] < 0 || fds[GUARD_MESSAGES] < 0) {
		answer(guard, request, -EMFILE,
		    "the guard has got no descriptors to pass on");
		return;
	}
	forget_next(guard);
	guard->spawn = *request;
	error = spawn(guard, fds);
	if (error < 0)
		answer(guard, request, error, "cannot start a process: %s",
		    strerror(-error));
}

/* The child is not `next`: it ends by itself. */
static void
on_programs(struct guard_process *guard, const struct guard_message *request,
    int socket)
{
	const pid_t child = socket >= 0 ? fork() : -1;

	if (child == 0) {
		if (socket != SOCKET_FD &&
		    dup3(socket, SOCKET_FD, O_CLOEXEC) < 0)
			_exit(1);
		closefrom(SOCKET_FD + 1);
		programs_process(SOCKET_FD);
	}
	if (child < 0)
		answer(guard, request, -EAGAIN,
		    "cannot start a process that runs programs: %s",
		    strerror(socket >= 0 ? errno : EMFILE));
	else
		answer(guard, request, child, "%s", "");
}

static void
on_kill(struct guard_process *guard, const struct guard_message *request)
{
	struct process *next = &guard->next;

	if (next->pid == 0) {
		answer(guard, request, -ESRCH, "no new process was started");
		return;
	}
	if (next->alive)
		(void)kill(next->pid, SIGKILL);
	wait_for(next);
	if (WIFSIGNALED(next->status))
		answer(guard, request, 0, "signal %d", WTERMSIG(next->status));
	else
		answer(guard, request, 0, "exit status %d",
		    WEXITSTATUS(next->status));
	forget_next(guard);
}

/* ---- parent mode -------------------------------------------------------- */

/* The new process is lb4 from now on. */
static void
promote(struct guard_process *guard)
{
	close_fd(&guard->main.socket);
	close_fd(&guard->executed);
	guard->main = guard->next;
	guard->next = (struct process){ .socket = -1 };
}

/* Sends lb4 the signals that have come.  While it is still root, and the
 * parent no longer is, it cannot be sent any: they are tried again. */
static void
forward(struct guard_process *guard)
{
	for (int number = 1; number < 32; number++) {
		const uint32_t bit = UINT32_C(1) << number;

		if ((guard->pending & bit) != 0 &&
		    (kill(guard->main.pid, number) == 0 || errno != EPERM))
			guard->pending &= ~bit;
	}
}

/* Ends as lb4 has ended.  No signal ends process 1 of a pid namespace by
 * itself. */
static _Noreturn void
end_as(int status)
{
	const struct rlimit none = { 0, 0 };
	sigset_t set;
	int number;

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	number = WTERMSIG(status);
	(void)setrlimit(RLIMIT_CORE, &none); /* one core is enough */
	(void)signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)kill(getpid(), number);
	_exit(128 + number);
}

/* ---- events ------------------------------------------------------------- */

static void
on_release(struct guard_process *guard, const struct guard_message *request)
{
	if (!guard->parent)
		_exit(0);
	if (guard->next.alive) {
		answer(guard, request, 0, "%s", "");
		promote(guard);
	} else {
		answer(guard, request, -ESRCH, "the new process has ended");
	}
}

static void
note_end(struct process *process, pid_t pid, int status)
{
	if (!process->alive || process->pid != pid)
		return;
	process->alive = false;
	process->status = status;
}

/* Children end: the new process, and in parent mode lb4 and orphans. */
static void
on_child(struct guard_process *guard)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		note_end(&guard->next, pid, status);
		note_end(&guard->main, pid, status);
	}
	if (!guard->parent || guard->main.alive)
		return;
	/* lb4 has ended in the midst of a handover: the new process goes on
	 * with what it was given. */
	if (!guard->next.alive)
		end_as(guard->main.status);
	promote(guard);
}

static void
on_signals(struct guard_process *guard)
{
	struct signalfd_siginfo info;

	while (read(guard->signals, &info, sizeof(info)) ==
	    (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			on_child(guard);
		else if (guard->parent)
			guard->pending |= UINT32_C(1) << info.ssi_signo;
	}
}

static const char too_old[] = "the parent process is an older lb4: restart it";

static void
on_request(struct guard_process *guard, struct process *from)
{
	int fds[GUARD_FDS] = { -1, -1 };
	struct guard_message request = { .text = "" };
	struct fdpass message = {
		.data = &request,
		.size = sizeof(request),
		.fd = fds,
		.room = GUARD_FDS,
	};
	const ssize_t n = fdpass_receive(from->socket, &message, 0);

	guard->asker = from->socket;
	request.text[sizeof(request.text) - 1] = '\0';
	if (n == -EMFILE) {
		answer(guard, &request, -EMFILE,
		    "the guard may not have more descriptors: %s",
		    strerror(EMFILE));
	} else if (n == -EMSGSIZE) {
		answer(guard, &request, -ENOTSUP, "%s", too_old);
	} else if (n <= 0) {
		close_fd(&from->socket);
		if (!guard->parent)
			_exit(0);
	} else if (n == (ssize_t)sizeof(request)) {
		switch (request.kind) {
		case GUARD_SPAWN:
			on_spawn(guard, &request, fds);
			break;
		case GUARD_KILL:
			on_kill(guard, &request);
			break;
		case GUARD_RELEASE:
			on_release(guard, &request);
			break;
		case GUARD_PROGRAMS:
			on_programs(guard, &request, fds[GUARD_CHANNEL]);
			break;
		default:
			answer(guard, &request, -ENOTSUP, "%s", too_old);
			break;
		}
	}
	for (unsigned i = 0; i < message.fds; i++)
		close_fd(&fds[i]);
}

/* The new process, which is to become lb4, may have its programs run before it
 * is.  What else it asks for waits until then. */
static void
on_next_request(struct guard_process *guard)
{
	struct process *next = &guard->next;
	struct guard_message request;
	ssize_t n;

	if (next->socket < 0)
		return;
	n = recv(next->socket, &request, sizeof(request),
	    MSG_PEEK | MSG_DONTWAIT);
	if (n == (ssize_t)sizeof(request) && request.kind != GUARD_PROGRAMS)
		next->waits = true;
	else
		on_request(guard, next);
}

static _Noreturn void
loop(struct guard_process *guard)
{
	const struct process *next = &guard->next;

	for (;;) {
		struct pollfd polled[] = {
			{ .fd = guard->main.socket, .events = POLLIN },
			{ .fd = guard->signals, .events = POLLIN },
			{ .fd = guard->executed, .events = POLLIN },
			{ .fd = next->waits ? -1 : next->socket,
			    .events = POLLIN },
		};
		const int wait_ms = guard->pending != 0 ? RETRY_MS : -1;

		if (poll(polled, 4, wait_ms) < 0 && errno != EINTR)
			_exit(1);
		if (polled[2].revents != 0)
			on_executed(guard);
		if (polled[1].revents != 0)
			on_signals(guard);
		else if (polled[0].revents != 0)
			on_request(guard, &guard->main);
		else if (polled[3].revents != 0)
			on_next_request(guard);
		forward(guard);
	}
}

/* ---- start -------------------------------------------------------------- */

/* A copy of the arguments: name_it() overwrites the original. */
static char **
copy_arguments(char *const *argv)
{
	size_t count = 0, copied = 0;
	char **copy;

	while (argv[count] != NULL)
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	if (copy == NULL)
		return NULL;
	while (copied < count && (copy[copied] = strdup(argv[copied])) != NULL)
		copied++;
	if (copied == count)
		return copy;
	while (copied > 0)
		free(copy[--copied]);
	free(copy);
	return NULL;
}

/* Names the process for ps(1), also in place of the arguments if they leave
 * enough room. */
static void
name_it(char **argv, const char *name)
{
	char *end = argv[0];

	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
	/* the kernel puts one behind the other (execve(2)) */
	for (size_t i = 0; argv[i] != NULL && argv[i] == end; i++)
		end += strlen(end) + 1;
	if ((size_t)(end - argv[0]) <= strlen(name))
		return;
	memset(argv[0], 0, (size_t)(end - argv[0]));
	memcpy(argv[0], name, strlen(name));
}

/* Standard input, output and error: /dev/null. */
static int
detach(void)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	(void)close(null);
	return 0;
}

/* Closes what the guard does not need, and gives up what lb4 gives up. */
static int
prepare(struct guard_process *guard, const struct guard_setup *setup,
    struct why *why)
{
	int error = setup->background ? detach() : 0;

	if (error == 0 && guard->main.socket != SOCKET_FD) {
		if (dup3(guard->main.socket, SOCKET_FD, O_CLOEXEC) < 0)
			error = -errno;
		else
			guard->main.socket = SOCKET_FD;
	}
	if (error < 0)
		return why_fail(why, error, "%s", strerror(-error));
	closefrom(SOCKET_FD + 1);
	error = daemon_become(setup->user, setup->core, why);
	if (error < 0)
		return error;
	guard->argv = copy_arguments(setup->argv);
	if (guard->argv == NULL)
		return why_fail(why, -ENOMEM, "%s", strerror(ENOMEM));
	guard->signals = signals_descriptor();
	if (guard->signals < 0) {
		return why_fail(why, guard->signals, "%s",
		    strerror(-guard->signals));
	}
	setup->forget(setup->owner);
	(void)malloc_trim(0);
	name_it(setup->argv, guard->parent ? "lb4-parent" : "lb4-guard");
	return 0;
}

_Noreturn void
guard_process(const struct guard_setup *setup, int socket, pid_t child)
{
	static const struct guard_message started = { .kind = GUARD_STARTED };
	struct guard_process guard = {
		.parent = child != 0,
		.main = { .pid = child, .socket = socket, .alive = true },
		.next = { .socket = -1 },
		.executed = -1,
	};
	struct why why = { "" };
	int error;

	signals_block();
	error = prepare(&guard, setup, &why);
	guard.asker = guard.main.socket;
	answer(&guard, &started, error, "%s", why.text);
	if (error == 0)
		loop(&guard);
	if (!guard.parent)
		_exit(1);
	wait_for(&guard.main); /* it ends for the same reason */
	end_as(guard.main.status);
}
