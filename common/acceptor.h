/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Accepts from one listening socket that epoll watches, level-triggered.  For
 * threads that serve few callers, such as the control socket.
 *
 * A process that has run out of descriptors cannot accept, but epoll keeps
 * reporting that a caller is waiting, and a loop that trusts epoll spins.  So
 * an acceptor that cannot accept pauses: it takes the socket out of epoll.  It
 * also holds one descriptor in reserve, with which it can still serve one
 * caller.  When acceptor_close() closes that caller, its descriptor becomes the
 * reserve again; no other thread can take it in between.
 *
 * Owned by one thread.  Times are milliseconds on CLOCK_MONOTONIC.
 */
#ifndef COMMON_ACCEPTOR_H
#define COMMON_ACCEPTOR_H

#include <stdint.h>

#include "common/attr.h"

/* The length of a pause. */
#define ACCEPTOR_PAUSE_MS 100

struct acceptor {
	int epfd; /* neither is owned */
	int fd;
	uint64_t tag;
	int reserve;	    /* owned; -1: a caller has it */
	uint64_t resume_ms; /* end of the pause; 0: there is none */
};

/* An acceptor that is not open; acceptor_done() accepts it. */
#define ACCEPTOR_NONE \
	(struct acceptor) \
	{ \
		.epfd = -1, .fd = -1, .reserve = -1 \
	}

/* Has `epfd` watch the non-blocking listening socket `fd` for EPOLLIN, with
 * `tag`.  Returns 0, or -errno with nothing to undo. */
must_check int acceptor_open(struct acceptor *acceptor, int epfd, int fd,
    uint64_t tag);

/* Closes the reserve.  Call it before closing the listening socket. */
void acceptor_done(struct acceptor *acceptor);

/*
 * The next caller's descriptor, non-blocking and close-on-exec.  -EAGAIN when
 * nobody is waiting, or the caller has already left (accept(2) also reports
 * network errors).  Any other -errno means that accept(2) lacks a resource, and
 * that a pause has begun.
 */
must_check int acceptor_take(struct acceptor *acceptor, uint64_t now_ms);

/* Closes the descriptor of a caller, or keeps it as the reserve.  A NULL
 * acceptor only closes. */
void acceptor_close(struct acceptor *acceptor, int fd);

/* Ends a pause whose time is over.  Call it once in each turn of the loop. */
void acceptor_turn(struct acceptor *acceptor, uint64_t now_ms);

#endif
