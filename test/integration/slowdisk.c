/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * A slow disk: preloaded into lb4 by the test 76-lb4ctl-save. While the file
 * named by SLOW_DISK is there, fsync(2) does not return; it makes one with
 * ".waits" behind that name.
 */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int
fsync(int fd)
{
	const char *path = getenv("SLOW_DISK");
	const struct timespec tick = { .tv_nsec = 10000000 };
	char waits[PATH_MAX];

	if (path != NULL && access(path, F_OK) == 0) {
		(void)snprintf(waits, sizeof(waits), "%s.waits", path);
		(void)close(open(waits, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		while (access(path, F_OK) == 0)
			(void)nanosleep(&tick, NULL);
	}
	return (int)syscall(SYS_fsync, fd);
}
