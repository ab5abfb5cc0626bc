/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Accepting from one listening socket that epoll watches, level-triggered, for
 * threads that serve few callers: the control socket.
 *
 * A process that is out of descriptors cannot accept, and epoll goes on saying
 * that somebody waits: a loop that believes it spins.  So an acceptor that
 * cannot accept pauses, which takes the socket out of epoll; and it holds one
 * descriptor in reserve, so that one caller is served all the same.  When that
 * caller is closed by acceptor_close(), its descriptor becomes the reserve
 * again: no other thread gets it in between.
 *
 * Owned by one thread.  Times are milliseconds on CLOCK_MONOTONIC.
 */
#ifndef COMMON_ACCEPTOR_H
#define COMMON_ACCEPTOR_H

#include <stdint.h>

/* How long a pause is. */
#define ACCEPTOR_PAUSE_MS 100

struct acceptor {
	int epfd; /* neither is owned */
	int fd;
	uint64_t tag;
	int reserve;	    /* owned; -1: a caller has it */
	uint64_t resume_ms; /* when the pause is over; 0: there is none */
};

/* An acceptor that was not opened: acceptor_done() may have it. */
#define ACCEPTOR_NONE \
	(struct acceptor) \
	{ \
		.epfd = -1, .fd = -1, .reserve = -1 \
	}

/* Has `epfd` watch the non-blocking listening socket `fd` for EPOLLIN, with
 * `tag`.  Returns 0, or -errno with nothing to undo. */
int acceptor_open(struct acceptor *acceptor, int epfd, int fd, uint64_t tag);

/* Gives the reserve up.  Before the listening socket is closed. */
void acceptor_done(struct acceptor *acceptor);

/*
 * The next caller's descriptor, non-blocking and close-on-exec.  -EAGAIN when
 * nobody waits or the one who waited has gone (accept(2) tells of errors of
 * the network, too).  Any other -errno is what accept(2) lacks: a pause has
 * begun.
 */
int acceptor_take(struct acceptor *acceptor, uint64_t now_ms);

/* Closes the descriptor of a caller, or keeps it as the reserve.  A NULL
 * acceptor only closes. */
void acceptor_close(struct acceptor *acceptor, int fd);

/* Ends a pause that is over.  Once in each turn of the loop. */
void acceptor_turn(struct acceptor *acceptor, uint64_t now_ms);

#endif
