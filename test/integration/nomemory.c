/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * Memory that runs out: preloaded into lb4 by the test 93-no-memory. All share
 * the file named by NOMEMORY, 8 bytes each of
 *	count	allocations so far; the test sets it to 0
 *	from	the first one that fails; 0: none
 *	to	the last one that fails
 *	failed	how many have failed
 *	live	how many are not freed
 *	longest	the most CPU time, in ns, between two epoll_wait(2) calls of the
 *		main thread; the test sets it to 0
 */

#define _GNU_SOURCE 1

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t align, size_t size);
extern void __libc_free(void *old);

static struct shared {
	_Atomic uint64_t count, from, to, failed, live, longest;
} nowhere, *shared = &nowhere;

static void __attribute__((constructor)) begin(void)
{
	const char *path = getenv("NOMEMORY");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	(void)close(fd);
	if (map != MAP_FAILED)
		shared = map;
}

static int
strikes(void)
{
	uint64_t n = ++shared->count;

	if (n < shared->from || n > shared->to || shared->from == 0)
		return 0;
	shared->failed++;
	errno = ENOMEM;
	return 1;
}

static void *
given(void *memory)
{
	shared->live += memory != NULL;
	return memory;
}

void *
malloc(size_t size)
{
	return strikes() ? NULL : given(__libc_malloc(size));
}

void *
calloc(size_t count, size_t size)
{
	return strikes() ? NULL : given(__libc_calloc(count, size));
}

void *
realloc(void *old, size_t size)
{
	void *memory;

	if (strikes())
		return NULL;
	memory = __libc_realloc(old, size);
	if (old == NULL)
		given(memory);
	return memory;
}

void *
reallocarray(void *old, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, total);
}

void *
aligned_alloc(size_t align, size_t size)
{
	return strikes() ? NULL : given(__libc_memalign(align, size));
}

int
posix_memalign(void **memory, size_t align, size_t size)
{
	void *got = aligned_alloc(align, size);

	if (got == NULL)
		return ENOMEM;
	*memory = got;
	return 0;
}

void
free(void *old)
{
	shared->live -= old != NULL;
	__libc_free(old);
}

static uint64_t
cpu_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int
epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
	static uint64_t began;
	uint64_t took;
	int count;

	if (gettid() != getpid())
		return (int)syscall(SYS_epoll_wait, fd, events, most, timeout);
	took = cpu_ns() - began;
	if (began != 0 && took > shared->longest)
		shared->longest = took;
	count = (int)syscall(SYS_epoll_wait, fd, events, most, timeout);
	began = cpu_ns();
	return count;
}
