/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Pauses and the reserve: see acceptor.h. */
#include "common/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/loop.h"

/* Any descriptor will do: a duplicate of the socket needs no file system. */
static void
fill_reserve(struct acceptor *acceptor)
{
	if (acceptor->reserve < 0)
		acceptor->reserve = fcntl(acceptor->fd, F_DUPFD_CLOEXEC, 0);
}

static void
close_reserve(struct acceptor *acceptor)
{
	if (acceptor->reserve >= 0)
		(void)close(acceptor->reserve);
	acceptor->reserve = -1;
}

int
acceptor_open(struct acceptor *acceptor, int epfd, int fd, uint64_t tag)
{
	int error;

	*acceptor = (struct acceptor){
		.epfd = epfd,
		.fd = fd,
		.tag = tag,
		.reserve = -1,
	};
	fill_reserve(acceptor);
	if (acceptor->reserve < 0)
		return -errno;
	error = loop_add(epfd, fd, EPOLLIN, tag);
	if (error < 0)
		close_reserve(acceptor);
	return error;
}

void
acceptor_done(struct acceptor *acceptor)
{
	close_reserve(acceptor);
}

static int
accept_one(const struct acceptor *acceptor)
{
	int fd = accept4(acceptor->fd, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A level-triggered event is repeated, so an error of the caller's making is
 * left to the next turn. */
static bool
is_lack(int error)
{
	switch (-error) {
	case EAGAIN:
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case EOPNOTSUPP:
		return false;
	default:
		return true;
	}
}

static void
pause_until(struct acceptor *acceptor, uint64_t resume_ms)
{
	acceptor->resume_ms = resume_ms;
	(void)loop_modify(acceptor->epfd, acceptor->fd, 0, acceptor->tag);
}

int
acceptor_take(struct acceptor *acceptor, uint64_t now_ms)
{
	int fd;

	fill_reserve(acceptor);
	fd = accept_one(acceptor);
	if ((fd == -EMFILE || fd == -ENFILE) && acceptor->reserve >= 0) {
		close_reserve(acceptor);
		fd = accept_one(acceptor);
	}
	if (fd >= 0)
		return fd;
	fill_reserve(acceptor);
	if (!is_lack(fd))
		return -EAGAIN;
	pause_until(acceptor, now_ms + ACCEPTOR_PAUSE_MS);
	return fd;
}

void
acceptor_close(struct acceptor *acceptor, int fd)
{
	/* dup3(2) closes and reuses it in one step */
	if (acceptor != NULL && acceptor->reserve < 0 && acceptor->fd >= 0 &&
	    dup3(acceptor->fd, fd, O_CLOEXEC) == fd)
		acceptor->reserve = fd;
	else
		(void)close(fd);
}

void
acceptor_turn(struct acceptor *acceptor, uint64_t now_ms)
{
	if (acceptor->resume_ms == 0 || now_ms < acceptor->resume_ms)
		return;
	acceptor->resume_ms = 0;
	if (loop_modify(acceptor->epfd, acceptor->fd, EPOLLIN, acceptor->tag) <
	    0)
		acceptor->resume_ms = now_ms + ACCEPTOR_PAUSE_MS;
}
