/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Signals before and after there is a loop to take them: see signals.h. */
#include "lb4/process/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const int taken[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2,
	SIGCHLD };
static const int ending[] = { SIGTERM, SIGINT, SIGQUIT };

#define TAKEN_COUNT (sizeof(taken) / sizeof(taken[0]))
#define ENDING_COUNT (sizeof(ending) / sizeof(ending[0]))

static int
set_mask(int how, const int *numbers, size_t count)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < count; i++)
		sigaddset(&set, numbers[i]);
	return -pthread_sigmask(how, &set, NULL);
}

void
signals_block(void)
{
	(void)set_mask(SIG_BLOCK, taken, TAKEN_COUNT);
}

void
signals_unblock(void)
{
	(void)set_mask(SIG_UNBLOCK, taken, TAKEN_COUNT);
}

static void
on_early_signal(int number)
{
	_exit(128 + number);
}

void
signals_interrupt_begin(void)
{
	const struct sigaction end = { .sa_handler = on_early_signal };

	for (size_t i = 0; i < ENDING_COUNT; i++)
		(void)sigaction(ending[i], &end, NULL);
	(void)set_mask(SIG_UNBLOCK, ending, ENDING_COUNT);
}

void
signals_interrupt_end(void)
{
	(void)set_mask(SIG_BLOCK, ending, ENDING_COUNT);
	for (size_t i = 0; i < ENDING_COUNT; i++)
		(void)signal(ending[i], SIG_DFL);
}

int
signals_descriptor(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < TAKEN_COUNT; i++)
		sigaddset(&set, taken[i]);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A blocked signal waits to be read even if the parent ignores it, as a shell
 * does with SIGINT for a background job and nohup(1) with SIGHUP. */
int
signals_open(void)
{
	int error;

	/* A failed write(2) reports its reason by errno instead. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return -errno;
	error = set_mask(SIG_BLOCK, taken, TAKEN_COUNT);
	return error < 0 ? error : signals_descriptor();
}

void
signals_reap(void)
{
	pid_t child;

	do
		child = waitpid(-1, NULL, WNOHANG);
	while (child > 0 || (child < 0 && errno == EINTR));
}
