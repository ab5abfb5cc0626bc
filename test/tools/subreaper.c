/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * usage: subreaper COMMAND [ARG...]
 *
 * Runs a command and exits as it does.  What it leaves behind becomes the child
 * of this process (PR_SET_CHILD_SUBREAPER of prctl(2)) and is killed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t command;

static void
on_signal(int number)
{
	const int error = errno;

	if (command > 0)
		(void)kill((pid_t)command, number);
	errno = error;
}

/* Kills the children, whose own children then are ours, until there are none.
 * A child that the kernel does not let go is left to it. */
static void
kill_rest(void)
{
	long child;
	FILE *file;

	do {
		file = fopen("/proc/thread-self/children", "re");
		if (file == NULL)
			return;
		while (fscanf(file, "%ld", &child) == 1)
			(void)kill((pid_t)child, SIGKILL);
		(void)fclose(file);
	} while (wait(NULL) > 0 || errno == EINTR);
}

int
main(int argc, char **argv)
{
	static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal };
	int status = 0;
	pid_t pid;

	if (argc < 2) {
		fputs("usage: subreaper COMMAND [ARG...]\n", stderr);
		return 2;
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		perror("PR_SET_CHILD_SUBREAPER");
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		(void)sigaction(forwarded[i], &action, NULL);
	command = pid = fork();
	if (pid == 0) {
		(void)execvp(argv[1], argv + 1);
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		_exit(127);
	}
	if (pid < 0) {
		perror("fork");
		return 126;
	}
	do
		pid = wait(&status);
	while (pid != command && (pid > 0 || errno == EINTR));
	command = 0;
	kill_rest();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
