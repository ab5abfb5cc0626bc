/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * usage: refuse CALL... -- CMD [ARG...]
 *
 * Runs CMD where these system calls fail with EPERM, as the filter of a
 * container has it for a call that it does not know.
 */

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test/tools/tool.h"

#define CALLS_MAX 16

static const struct {
	const char *name;
	unsigned number;
} calls[] = {
	{ "accept4", SYS_accept4 },
	{ "epoll_pwait2", SYS_epoll_pwait2 },
	{ "fchmod", SYS_fchmod },
	{ "fchown", SYS_fchown },
	{ "fchownat", SYS_fchownat },
	{ "pipe2", SYS_pipe2 },
	{ "splice", SYS_splice },
};

static unsigned
number_of(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	tool_die("%s: no such call here", name);
}

/* Loads the number; one comparison for each that is refused; else allows. */
static void
install(char **names, size_t count)
{
	const struct sock_filter load = BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr));
	const struct sock_filter refuse = BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ERRNO | EPERM);
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ALLOW);
	struct sock_filter code[2 * CALLS_MAX + 2];
	struct sock_fprog program = {
		.len = (unsigned short)(2 * count + 2),
		.filter = code,
	};

	code[0] = load;
	for (size_t i = 0; i < count; i++) {
		const struct sock_filter compare = BPF_JUMP(BPF_JMP | BPF_JEQ |
			BPF_K,
		    number_of(names[i]), 0, 1);

		code[2 * i + 1] = compare;
		code[2 * i + 2] = refuse;
	}
	/* cppcheck-suppress unreadVariable ; the kernel reads it */
	code[2 * count + 1] = allow;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		tool_die("no filter: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	int count = 0;

	while (count + 1 < argc && strcmp(argv[count + 1], "--") != 0)
		count++;
	if (count == 0 || count > CALLS_MAX || count + 2 >= argc) {
		fprintf(stderr, "usage: refuse CALL... -- CMD [ARG...]\n");
		return 2;
	}
	install(argv + 1, (size_t)count);
	execvp(argv[count + 2], argv + count + 2);
	tool_die("%s: %s", argv[count + 2], strerror(errno));
}
