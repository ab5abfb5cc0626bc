/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The guard: what a new process gets, how failures are told, who is whose
 * parent.  The binary that it starts is this test: main() finds out by the
 * environment that it is a new process, and then obeys the test through the
 * channel.
 */
#include "lb4/process/guard.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/why.h"
#include "lb4/process/daemon.h"
#include "lb4/process/signals.h"

#define TEXT_MAX (WHY_TEXT_MAX + 64)

static char **arguments;
static struct guard *guard;
static struct guard_given given = { .channel = -1, .guard = -1 };
static struct daemon_user nobody_else;
static struct why why;
static int channel[2]; /* the test's end, the new process's */
static int messages;

static void
forget_nothing(void *owner)
{
	(void)owner;
}

static int
start_guard(bool parent, bool background)
{
	char *path = guard_path();
	const struct guard_setup how = {
		.user = &nobody_else,
		.background = background,
		.parent = parent,
		.argv = arguments,
		.path = path,
		.given = &given,
		.forget = forget_nothing,
	};
	const int error = guard_start(&guard, &how, &why);

	free(path);
	return error;
}

/* ---- what obeys --------------------------------------------------------- */

/* The descriptors above 2, with a "c" if they are FD_CLOEXEC. */
static void
list_fds(char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (int fd = 3; fd < 64; fd++) {
		const int flags = fcntl(fd, F_GETFD);

		if (flags >= 0)
			len += (size_t)snprintf(text + len, size - len, "%d%s ",
			    fd, (flags & FD_CLOEXEC) ? "c" : "");
	}
}

static int
next_signal(void)
{
	const struct timespec patience = { .tv_sec = 20 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	return sigtimedwait(&set, NULL, &patience);
}

static void
spawn_here(char *text, size_t size)
{
	const int pid = guard_spawn(guard, NULL, channel[1], messages, &why);

	snprintf(text, size, "%d", pid);
}

static void
get_link(char *text, size_t size, const char *name)
{
	const ssize_t n = readlink(name, text, size - 1);

	text[n < 0 ? 0 : n] = '\0';
}

/* Does what `order` says and writes the answer over it. */
static void
obey(char *order, size_t size)
{
	const char *value;
	int error;

	if (strncmp(order, "exit ", 5) == 0)
		_exit(atoi(order + 5));
	else if (strncmp(order, "die ", 4) == 0)
		(void)raise(atoi(order + 4));
	else if (strncmp(order, "say ", 4) == 0)
		fprintf(stderr, "%s\n", order + 4);
	else if (strncmp(order, "get ", 4) == 0) {
		value = getenv(order + 4);
		snprintf(order, size, "%s", value != NULL ? value : "(unset)");
	} else if (strcmp(order, "ppid") == 0)
		snprintf(order, size, "%d", (int)getppid());
	else if (strcmp(order, "pid") == 0)
		snprintf(order, size, "%d", (int)getpid());
	else if (strcmp(order, "cwd") == 0)
		get_link(order, size, "/proc/self/cwd");
	else if (strcmp(order, "error") == 0)
		get_link(order, size, "/proc/self/fd/2");
	else if (strcmp(order, "fds") == 0)
		list_fds(order, size);
	else if (strcmp(order, "report") == 0)
		guard_report(&given);
	else if (strcmp(order, "signal") == 0)
		snprintf(order, size, "%d", next_signal());
	else if (strcmp(order, "spawn") == 0)
		spawn_here(order, size);
	else if (strcmp(order, "kill") == 0) {
		if (guard_kill(guard, &why) > 0)
			abort();
		snprintf(order, size, "%s", why.text);
	} else if (strcmp(order, "release") == 0)
		guard_release(guard);
	else if (strcmp(order, "follow") == 0)
		guard_follow(guard);
	else if (strcmp(order, "adopt") == 0) {
		error = start_guard(false, false);
		snprintf(order, size, "%d %d", error,
		    error == 0 && guard_is_parent(guard));
	}
}

static _Noreturn void
serve(int fd)
{
	char order[TEXT_MAX];
	ssize_t n;

	while ((n = recv(fd, order, sizeof(order) - 1, 0)) > 0) {
		order[n] = '\0';
		obey(order, sizeof(order));
		if (send(fd, order, strlen(order) + 1, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

/* In a process that the guard has started: unblocked signals are part of what
 * is told. */
static _Noreturn void
new_process(void)
{
	char text[TEXT_MAX];
	sigset_t set;

	(void)sigprocmask(SIG_BLOCK, NULL, &set);
	guard_take(&given);
	snprintf(text, sizeof(text), "%s %d %s",
	    given.guard < 0 ? "-" : "guard",
	    sigismember(&set, SIGTERM) + sigismember(&set, SIGCHLD),
	    given.error != NULL ? "diverted" : "-");
	signals_block();
	(void)send(given.channel, text, strlen(text) + 1, MSG_NOSIGNAL);
	serve(given.channel);
}

/* ---- what orders -------------------------------------------------------- */

/* A file of our own, open; the name is in `path`. */
static int
temporary(char *path, size_t size)
{
	const char *base = getenv("TMPDIR");
	int fd;

	snprintf(path, size, "%s/lb4-test-guard.XXXXXX",
	    base != NULL ? base : "/tmp");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* What comes through the socket; static. */
static const char *
hear(int fd)
{
	static char text[TEXT_MAX];
	const ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static const char *
tell(int fd, const char *what)
{
	ck_assert_int_gt(send(fd, what, strlen(what), MSG_NOSIGNAL), 0);
	return hear(fd);
}

/* The messages so far. */
static const char *
said(void)
{
	static char text[TEXT_MAX];
	const ssize_t n = pread(messages, text, sizeof(text) - 1, 0);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return text;
}

static void
setup(void)
{
	signals_block();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     channel),
	    0);
	messages = memfd_create("messages", MFD_CLOEXEC);
	ck_assert_int_ge(messages, 0);
}

static pid_t
spawn(void)
{
	const int pid = guard_spawn(guard, NULL, channel[1], messages, &why);

	ck_assert_msg(pid > 0, "%s", why.text);
	/* so that its end is noticed */
	close(channel[1]);
	ck_assert_str_eq(hear(channel[0]),
	    guard_is_parent(guard) ? "guard 0 diverted" : "- 0 diverted");
	return pid;
}

/* Waits until our child, the guard, has ended. */
static void
guard_has_gone(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(gets_its_things)
{
	char cwd[TEXT_MAX], expected[TEXT_MAX];
	int stray = open("/dev/null", O_RDONLY);
	pid_t pid, guard_pid;
	int fd, other, end = 0;

	ck_assert_int_ge(stray, 0);
	setenv("WATCHDOG_PID", "17", 1);
	setenv("KEPT", "yes", 1);
	ck_assert_int_eq(start_guard(false, false), 0);
	ck_assert(!guard_is_parent(guard));
	setenv("KEPT", "changed after the start", 1);
	get_link(cwd, sizeof(cwd), "/proc/self/cwd");
	ck_assert_int_eq(chdir("/"), 0);
	pid = spawn();

	snprintf(expected, sizeof(expected), "%d", (int)pid);
	ck_assert_str_eq(tell(channel[0], "pid"), expected);
	guard_pid = atoi(tell(channel[0], "ppid"));
	ck_assert_int_ne(guard_pid, getpid());
	ck_assert_str_eq(tell(channel[0], "cwd"), cwd);
	ck_assert_str_eq(tell(channel[0], "get KEPT"), "yes");
	ck_assert_str_eq(tell(channel[0], "get WATCHDOG_PID"), "(unset)");
	ck_assert_str_eq(tell(channel[0], "get LB4_HANDOVER_PID"), "(unset)");
	ck_assert_str_eq(tell(channel[0], "get LB4_HANDOVER_FDS"), "(unset)");
	/* the channel and the messages, no stray */
	ck_assert_int_eq(sscanf(tell(channel[0], "fds"), "%dc %dc %n", &fd,
			     &other, &end),
	    2);
	ck_assert_uint_eq(strlen(tell(channel[0], "fds")), (size_t)end);

	guard_free(guard);
	guard_has_gone(guard_pid);
	close(stray);
	ck_assert_str_eq(tell(channel[0], "cwd"), cwd); /* it lives on */
}
END_TEST

/* Messages before the report are the old process's to read; all of them are
 * told at the report. */
START_TEST(standard_error)
{
	char path[TEXT_MAX / 2], text[TEXT_MAX];
	int file = temporary(path, sizeof(path)), saved = dup(STDERR_FILENO);
	ssize_t n;

	ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(start_guard(false, false), 0);
	ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)spawn();
	ck_assert_str_eq(tell(channel[0], "error"), path);
	(void)tell(channel[0], "say cannot do this");
	ck_assert_str_eq(said(), "cannot do this\n");
	(void)tell(channel[0], "say nor that");
	ck_assert_str_eq(said(), "cannot do this\nnor that\n");
	ck_assert_int_eq(lseek(file, 0, SEEK_END), 0);
	(void)tell(channel[0], "report");
	(void)tell(channel[0], "say later");
	n = pread(file, text, sizeof(text) - 1, 0);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	ck_assert_str_eq(text, "cannot do this\nnor that\nlater\n");
	unlink(path);
	guard_free(guard);
}
END_TEST

START_TEST(in_the_background)
{
	ck_assert_int_eq(start_guard(false, true), 0);
	(void)spawn();
	ck_assert_str_eq(tell(channel[0], "error"), "/dev/null");
	guard_free(guard);
}
END_TEST

START_TEST(cannot_run)
{
	char path[TEXT_MAX / 2], text[TEXT_MAX], longest[5000];
	int file = temporary(path, sizeof(path));

	ck_assert_int_eq(start_guard(false, false), 0);
	ck_assert_int_eq(guard_spawn(guard, "/nosuch/lb4", channel[1], messages,
			     &why),
	    -ENOENT);
	ck_assert_str_eq(why.text,
	    "cannot run /nosuch/lb4: No such file or directory");
	ck_assert_int_eq(guard_spawn(guard, path, channel[1], messages, &why),
	    -EACCES);
	ck_assert_int_eq(fchmod(file, 0755), 0);
	ck_assert_int_eq(write(file, "\177ELF rubbish", 12), 12);
	close(file); /* or it is busy */
	ck_assert_int_eq(guard_spawn(guard, path, channel[1], messages, &why),
	    -ENOEXEC);
	snprintf(text, sizeof(text), "cannot run %s: Exec format error", path);
	ck_assert_str_eq(why.text, text);
	ck_assert_int_eq(guard_spawn(guard, "lb4", channel[1], messages, &why),
	    -EINVAL);
	ck_assert_str_eq(why.text, "lb4: not an absolute path");
	memset(longest, '/', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(guard_spawn(guard, longest, channel[1], messages,
			     &why),
	    -ENAMETOOLONG);
	ck_assert_int_le(guard_kill(guard, &why), 0);
	ck_assert_str_eq(why.text, "no new process was started");
	(void)spawn(); /* a good one may follow */
	unlink(path);
	guard_free(guard);
}
END_TEST

/* The only child of this process. */
static pid_t
child(void)
{
	FILE *file = fopen("/proc/thread-self/children", "r");
	int pid;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

/* A guard that may not have more descriptors says so. */
START_TEST(without_descriptors)
{
	struct rlimit before, none;
	pid_t pid;

	ck_assert_int_eq(start_guard(false, false), 0);
	pid = child();
	ck_assert_int_eq(prlimit(pid, RLIMIT_NOFILE, NULL, &before), 0);
	none = before;
	none.rlim_cur = 6; /* room for one */
	ck_assert_int_eq(prlimit(pid, RLIMIT_NOFILE, &none, NULL), 0);
	ck_assert_int_eq(guard_spawn(guard, NULL, channel[1], messages, &why),
	    -EMFILE);
	ck_assert_str_eq(why.text,
	    "the guard may not have more descriptors: Too many open files");
	ck_assert_int_eq(prlimit(pid, RLIMIT_NOFILE, &before, NULL), 0);
	(void)spawn();
	guard_free(guard);
	guard_has_gone(pid);
}
END_TEST

START_TEST(kills)
{
	char text[TEXT_MAX];
	pid_t pid;

	ck_assert_int_eq(start_guard(false, false), 0);
	pid = spawn();
	ck_assert_int_eq(guard_spawn(guard, NULL, channel[0], messages, &why),
	    -EBUSY);
	snprintf(text, sizeof(text), "a new process, %d, is starting already",
	    (int)pid);
	ck_assert_str_eq(why.text, text);
	ck_assert_int_le(guard_kill(guard, &why), 0);
	ck_assert_str_eq(why.text, "signal 9");
	ck_assert_int_eq(kill(pid, 0), -1);
	ck_assert_int_eq(recv(channel[0], text, sizeof(text), 0), 0);

	/* one that has ended by itself */
	setup();
	(void)spawn();
	ck_assert_str_eq(tell(channel[0], "exit 3"), "");
	ck_assert_int_le(guard_kill(guard, &why), 0);
	ck_assert_str_eq(why.text, "exit status 3");
	ck_assert_int_le(guard_kill(guard, &why), 0);
	ck_assert_str_eq(why.text, "no new process was started");

	guard_free(guard);
}
END_TEST

/* The new process gets the parent that the old one has. */
START_TEST(releases)
{
	pid_t guard_pid;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	ck_assert_int_eq(start_guard(false, false), 0);
	(void)spawn();
	guard_pid = atoi(tell(channel[0], "ppid"));
	ck_assert_int_ne(guard_pid, getpid());
	guard_release(guard);
	ck_assert_int_eq(atoi(tell(channel[0], "ppid")), getpid());
	ck_assert_int_eq(waitpid(guard_pid, NULL, WNOHANG), -1);
	guard_free(guard);
}
END_TEST

/* A terminal and a service manager send signals to all. */
START_TEST(stays_until_the_end)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP,
		SIGUSR1, SIGUSR2 };
	pid_t guard_pid;

	ck_assert_int_eq(start_guard(false, false), 0);
	(void)spawn();
	guard_pid = atoi(tell(channel[0], "ppid"));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ck_assert_int_eq(kill(guard_pid, numbers[i]), 0);
	ck_assert_int_le(guard_kill(guard, &why), 0);
	ck_assert_str_eq(why.text, "signal 9");

	/* it can be killed, though */
	ck_assert_int_eq(kill(guard_pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(guard_pid, NULL, 0), guard_pid);
	setup();
	ck_assert_int_lt(guard_spawn(guard, NULL, channel[1], messages, &why),
	    0);
	ck_assert_str_eq(why.text, "the guard process has ended: restart lb4");
	ck_assert_int_le(guard_kill(guard, &why), 0);
	ck_assert_str_eq(why.text, "the guard process has ended: restart lb4");
	guard_release(guard);
	guard_free(guard);
}
END_TEST

/* ---- parent mode -------------------------------------------------------- */

/* Starts a process that becomes the parent; its child obeys at *fd. */
static pid_t
start_parent(int *fd)
{
	int ends[2];
	pid_t parent;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     ends),
	    0);
	parent = fork();
	ck_assert_int_ge(parent, 0);
	if (parent == 0) {
		if (start_guard(true, false) < 0)
			_exit(99);
		close(ends[0]);
		serve(ends[1]);
	}
	close(ends[1]);
	*fd = ends[0];
	ck_assert_int_eq(atoi(tell(*fd, "ppid")), parent);
	return parent;
}

static int
status_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(parent_ends_as_its_child)
{
	int fd, status;
	pid_t parent = start_parent(&fd);

	(void)tell(fd, "exit 7");
	status = status_of(parent);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 7);

	parent = start_parent(&fd);
	(void)tell(fd, "die 9");
	status = status_of(parent);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}
END_TEST

START_TEST(parent_forwards)
{
	static const int numbers[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGTERM };
	int fd;
	const pid_t parent = start_parent(&fd);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		ck_assert_int_eq(kill(parent, numbers[i]), 0);
		ck_assert_int_eq(atoi(tell(fd, "signal")), numbers[i]);
	}
	(void)tell(fd, "exit 0");
	ck_assert_int_eq(status_of(parent), 0);
}
END_TEST

/* The parent stays over an upgrade, and obeys the new process then. */
START_TEST(parent_stays)
{
	int fd;
	const pid_t parent = start_parent(&fd);
	pid_t pid = atoi(tell(fd, "spawn"));

	ck_assert_int_gt(pid, 0);
	close(channel[1]);
	ck_assert_str_eq(hear(channel[0]), "guard 0 diverted");
	ck_assert_int_eq(atoi(tell(channel[0], "ppid")), parent);
	ck_assert_str_eq(tell(channel[0], "adopt"), "0 1");
	/* until the release it is the old one's */
	ck_assert_int_eq(kill(parent, SIGUSR1), 0);
	ck_assert_int_eq(atoi(tell(fd, "signal")), SIGUSR1);
	(void)tell(fd, "release");
	(void)tell(fd, "exit 1");
	ck_assert_int_eq(kill(parent, SIGUSR2), 0);
	ck_assert_int_eq(atoi(tell(channel[0], "signal")), SIGUSR2);
	ck_assert_str_eq(tell(channel[0], "kill"),
	    "no new process was started");
	/* the parent's death is told */
	(void)tell(channel[0], "follow");
	ck_assert_int_eq(kill(parent, SIGKILL), 0);
	ck_assert_int_eq(atoi(tell(channel[0], "signal")), SIGTERM);
	ck_assert(WIFSIGNALED(status_of(parent)));
	(void)tell(channel[0], "exit 0");
}
END_TEST

/* The old one ends before the release. */
START_TEST(parent_goes_on_with_the_new_one)
{
	struct pollfd polled = { .fd = channel[0], .events = POLLIN };
	int fd, status;
	const pid_t parent = start_parent(&fd);

	ck_assert_int_gt(atoi(tell(fd, "spawn")), 0);
	close(channel[1]);
	ck_assert_str_eq(hear(channel[0]), "guard 0 diverted");
	(void)tell(fd, "die 9");
	/* a signal before the parent has noticed is for the dead one */
	ck_assert_int_gt(send(channel[0], "signal", 6, MSG_NOSIGNAL), 0);
	do
		ck_assert_int_eq(kill(parent, SIGUSR2), 0);
	while (poll(&polled, 1, 10) == 0);
	ck_assert_int_eq(atoi(hear(channel[0])), SIGUSR2);
	(void)tell(channel[0], "exit 5");
	status = status_of(parent);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 5);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("guard");
	TCase *tcase = tcase_create("guard");
	SRunner *runner;
	int failed;

	(void)argc;
	arguments = argv;
	if (getenv("LB4_HANDOVER_PID") != NULL)
		new_process();
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, gets_its_things);
	tcase_add_test(tcase, standard_error);
	tcase_add_test(tcase, in_the_background);
	tcase_add_test(tcase, cannot_run);
	tcase_add_test(tcase, without_descriptors);
	tcase_add_test(tcase, kills);
	tcase_add_test(tcase, releases);
	tcase_add_test(tcase, stays_until_the_end);
	tcase_add_test(tcase, parent_ends_as_its_child);
	tcase_add_test(tcase, parent_forwards);
	tcase_add_test(tcase, parent_stays);
	tcase_add_test(tcase, parent_goes_on_with_the_new_one);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
