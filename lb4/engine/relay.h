/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A relay: one direction of a conn's bytes, from one socket to the other.  This
 * one piece of code serves both directions of every conn.
 *
 * How a byte moves.  lb4 keeps no byte in its own memory between two system
 * calls.  Bytes in transit are in one place only, the relay's pipe.  A relay
 * has a pipe only while bytes are in it:
 *
 *	copy	recv(2) into the worker's scratch, send(2) from it.  Before
 *		recv(2) consumes anything the worker holds an empty pipe: what
 *		send(2) does not take is put into it and leaves by splice(2).
 *	splice	splice(2) socket to pipe, splice(2) pipe to socket.
 *	peek	for when there is no pipe to be had: recv(2) with MSG_PEEK,
 *		send(2), then recv(2) of exactly what was sent.
 *
 * A relay begins with copy, the cheapest way for small amounts.  A recv(2) that
 * fills half of the scratch promotes it to splice; a splice(2) that returns
 * little demotes it.  The way changes only while the pipe is empty.
 *
 * Readiness.  The sockets are edge-triggered.  A side's in_ready and out_ready
 * stay true until a call says EAGAIN or, for recv(2) alone, comes up short.
 * splice(2) into a pipe that holds bytes also says EAGAIN for "pipe full".  So
 * a relay reads only with an empty pipe, and EAGAIN means that the socket is
 * empty.  When a relay stops for any other reason (its budget is spent), no
 * edge will come, and the caller must run it again.
 */
#ifndef LB4_ENGINE_RELAY_H
#define LB4_ENGINE_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/config/settings.h"
#include "lb4/engine/pipes.h"

struct tap;

/* The most that one recv(2) takes, and so the most that send(2) may leave over.
 */
#define RELAY_SCRATCH 65536

/* The most that a relay moves in one run, give or take the last call: one
 * elephant must not starve the mice. */
#define RELAY_BUDGET (256 * 1024)

/* A recv(2) of at least RELAY_PROMOTE bytes promotes a relay to splicing.  A
 * splice(2) of less than RELAY_DEMOTE demotes it to copying.  In between, both
 * ways cost about the same. */
#define RELAY_PROMOTE 32768
#define RELAY_DEMOTE 8192

#define RELAY_STREAK_MAX (1U << 30)

/* One end of a conn: a socket and what lb4 knows of it. */
struct side {
	int fd;		    /* -1: none */
	bool in_ready : 1;  /* reading may find something */
	bool out_ready : 1; /* writing may find room */
	bool rdhup : 1;	    /* epoll has reported a FIN, or worse */
	bool urgent : 1;    /* urgent data has come: reads may stop before it */
	bool failed : 1;    /* the socket has met an error */
	bool eof : 1;	    /* a read has returned 0 */
	bool fin_sent : 1;  /* we have shut our sending half down */
	bool gathers : 1;   /* epoll reports no small input: see gather.h */
};

struct relay {
	uint64_t bytes;	   /* delivered to the socket they go to */
	struct pipe *pipe; /* owned; NULL: none.  Never empty between runs */
	uint32_t streak;   /* bytes spliced of what looks like one stream, up to
			   * RELAY_STREAK_MAX: gather.h */
	uint8_t way;	   /* enum relay_way; never auto */
	bool no_splice;	   /* the kernel refuses to splice these sockets */
	bool resumes;	   /* its budget ended the last run */
	uint8_t scarce;	   /* looks in a row that found little: gather.h */
};

/* What all relays of a worker share. */
struct relay_env {
	enum relay_way forced; /* RELAY_AUTO: as the traffic requires */
	struct pipes pipes;
	struct pipe *spare;	/* owned; the empty one at hand; NULL: none */
	unsigned char *scratch; /* RELAY_SCRATCH bytes */
	struct tap *tap; /* gets a copy of what relay_run() moves; NULL: none */
	uint64_t now_ms; /* the turn's time */
	bool no_splice;	 /* splice(2) is refused: always peek */
	uint64_t spliced_bytes; /* delivered by splice(2), ever */
	uint64_t copied_bytes;	/* ... by send(2) */
};

enum relay_result {
	RELAY_WAITS,	   /* for an edge on one of the sockets */
	RELAY_HAS_MORE,	   /* the budget is spent: run it again */
	RELAY_FINISHED,	   /* the last byte before the FIN is delivered */
	RELAY_FROM_FAILED, /* the reading socket's error is in *failure */
	RELAY_TO_FAILED,   /* the writing socket's */
	RELAY_NO_RESOURCE, /* this machine lacks a resource */
};

/* What a result that reports a failure means. */
struct relay_failure {
	int error;     /* an errno */
	uint32_t lost; /* bytes that were received but cannot be delivered */
};

/* Whether pipes and splice(2) work here.  A call may exist and still be
 * forbidden, for example by a container's filter (EPERM).  0 or -errno. */
must_check int relay_has_splice(void);

must_check int relay_env_init(struct relay_env *env, enum relay_way forced,
    unsigned maxpipes, uint32_t pipe_size, uint64_t big_pipes);
void relay_env_done(struct relay_env *env);

void relay_init(struct relay *relay, enum relay_way forced);

/*
 * Moves what can be moved.  Does not pass on a FIN that was read: on
 * RELAY_FINISHED that is the caller's task.  Sets *failure when the result
 * reports a failure.
 */
enum relay_result relay_run(struct relay_env *env, struct relay *relay,
    struct side *from, struct side *to, struct relay_failure *failure);

/* Bytes in the relay's pipe. */
static inline uint32_t
relay_held(const struct relay *relay)
{
	return relay->pipe != NULL ? relay->pipe->held : 0;
}

/* Closes the relay's pipe, if it has one.  Returns how many bytes are lost with
 * it. */
uint32_t relay_discard(struct relay_env *env, struct relay *relay);

#endif
