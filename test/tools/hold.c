/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * hold TID FILE [connect]: stops the thread TID at the next accept4(2) that it
 * makes, which is in the middle of a turn of a worker's loop, or at the next
 * connect(2), as the prober makes them; makes FILE, and holds it there until
 * SIGTERM ends the tool; then the thread goes on as if nothing had been. Exits
 * with 77 when tracing is not allowed.
 */

#include "test/tools/tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>

#define SKIP 77

/* Lets the thread run to its next stop, with a signal that came for it. */
static void
run_on(pid_t tid, int signal)
{
	int status;

	if (ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(intptr_t)signal) != 0 ||
	    waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
		tool_die("thread %d is gone", (int)tid);
}

/* Whether the thread stands before that system call. */
static bool
is_before(pid_t tid, uint64_t call)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info),
		   &info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == call;
}

/* The signal with which the thread has stopped; 0: it has none to be given. */
static int
stop_signal(pid_t tid)
{
	siginfo_t info;

	if (ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) != 0 ||
	    info.si_code == SIGTRAP || info.si_code == (SIGTRAP | 0x80) ||
	    info.si_signo == SIGTRAP)
		return 0;
	return info.si_signo;
}

int
main(int argc, char **argv)
{
	sigset_t set;
	pid_t tid;
	int status, signal;
	uint64_t call = SYS_accept4;

	if (argc == 4 && strcmp(argv[3], "connect") == 0)
		call = SYS_connect;
	else if (argc != 3)
		tool_die("usage: hold TID FILE [connect]");
	tid = atoi(argv[1]);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (ptrace(PTRACE_SEIZE, tid, NULL,
		(void *)(intptr_t)PTRACE_O_TRACESYSGOOD) != 0) {
		printf("hold: cannot trace %d: %s\n", (int)tid,
		    strerror(errno));
		return SKIP;
	}
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0 ||
	    waitpid(tid, &status, __WALL) != tid)
		tool_die("cannot stop %d: %s", (int)tid, strerror(errno));
	while (!is_before(tid, call))
		run_on(tid, stop_signal(tid));
	tool_write_file(argv[2], "%d", (int)tid);
	sigwait(&set, &signal);
	/* Its end lets the thread go. */
	return 0;
}
