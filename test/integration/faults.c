/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * A kernel in a bad mood: preloaded into lb4 by the test 51-faults. Calls are
 * interrupted, splice(2) moves less than it could, clients are gone when they
 * are accepted, pipes are refused or stay small; and if FAULTS_EINVAL is set,
 * splice(2) refuses every third socket for ever. At the end the number of
 * faults of each kind goes to the file named by FAULTS_LOG.
 *
 * All of it is what Linux may do. A send(2) or recv(2) that comes up short, or
 * an EAGAIN, is not among it: to a program that waits for edges these promise
 * that an edge will come.
 */

#define _GNU_SOURCE 1

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_ulong splices, shorts, refusals, recvs, sends, writes, accepts,
    waits, pipes, sizes;

static unsigned
random_below(unsigned bound)
{
	static _Thread_local unsigned state;

	if (state == 0)
		state = (unsigned)gettid();
	state = state * 1664525 + 1013904223;
	return (state >> 16) % bound;
}

/* True once in `odds` times: the call is to fail with `error`. */
static int
strikes(unsigned odds, int error, atomic_ulong *count)
{
	if (random_below(odds) != 0)
		return 0;
	(*count)++;
	errno = error;
	return 1;
}

static mode_t
kind_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_mode & S_IFMT : 0;
}

/* True for one socket in three: always the same answer for the same socket,
 * which its inode's number tells from those that had the descriptor before. */
static int
cannot_be_spliced(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    ((unsigned)st.st_ino * 2654435761U >> 16) % 3 == 0;
}

static size_t
less(size_t len)
{
	unsigned draw = random_below(4);

	if (draw > 1 || len == 1)
		return len;
	shorts++;
	return draw == 0 ? 1
			 : 1 + random_below(len > 5000 ? 5000 : (unsigned)len);
}

ssize_t
splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t len,
    unsigned flags)
{
	if (len == 0)
		abort(); /* the 0 would look like an end of file */
	if (getenv("FAULTS_EINVAL") != NULL && cannot_be_spliced(from)) {
		refusals++;
		errno = EINVAL;
		return -1;
	}
	if (strikes(8, EINTR, &splices))
		return -1;
	return syscall(SYS_splice, from, from_at, to, to_at, less(len), flags);
}

ssize_t
recv(int fd, void *buf, size_t len, int flags)
{
	if (strikes(8, EINTR, &recvs))
		return -1;
	return syscall(SYS_recvfrom, fd, buf, len, flags, NULL, NULL);
}

ssize_t
send(int fd, const void *buf, size_t len, int flags)
{
	if (strikes(8, EINTR, &sends))
		return -1;
	return syscall(SYS_sendto, fd, buf, len, flags, NULL, 0);
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	if (kind_of(fd) == S_IFIFO && strikes(8, EINTR, &writes))
		return -1;
	return syscall(SYS_write, fd, buf, len);
}

int
accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	if (strikes(8, random_below(2) ? EINTR : ECONNABORTED, &accepts))
		return -1;
	return (int)syscall(SYS_accept4, fd, addr, len, flags);
}

int
epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
	if (strikes(8, EINTR, &waits))
		return -1;
	return (int)syscall(SYS_epoll_wait, fd, events, max, timeout);
}

int
pipe2(int fds[2], int flags)
{
	static atomic_uint calls;

	/* a refusal means two seconds without: not the very first ones */
	if (calls++ % 3 == 2 && getenv("FAULTS_EINVAL") == NULL) {
		pipes++;
		errno = ENFILE;
		return -1;
	}
	return (int)syscall(SYS_pipe2, fds, flags);
}

int
fcntl(int fd, int command, ...)
{
	va_list args;
	long argument;

	va_start(args, command);
	argument = va_arg(args, long);
	va_end(args);
	if (command == F_SETPIPE_SZ && strikes(4, EPERM, &sizes))
		return -1;
	return (int)syscall(SYS_fcntl, fd, command, argument);
}

static void __attribute__((destructor)) tell(void)
{
	const char *path = getenv("FAULTS_LOG");
	FILE *out = path != NULL ? fopen(path, "we") : NULL;

	if (out == NULL)
		return;
	fprintf(out,
	    "splices=%lu shorts=%lu refusals=%lu recvs=%lu sends=%lu "
	    "writes=%lu accepts=%lu waits=%lu pipes=%lu sizes=%lu\n",
	    splices, shorts, refusals, recvs, sends, writes, accepts, waits,
	    pipes, sizes);
	fclose(out);
}
