/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A relay: one direction of a conn's bytes, from one socket to the other.
 * Both directions of every conn are this one piece of code.
 *
 * How a byte moves.  lb4 keeps no byte in its own memory between two system
 * calls.  What is under way is in one place only, the relay's pipe, and a relay
 * has a pipe only while bytes are in it:
 *
 *	copy	recv(2) into the worker's scratch, send(2) from it.  Before
 *		recv(2) consumes anything the worker holds an empty pipe: what
 *		send(2) does not take is put into it and leaves by splice(2).
 *	splice	splice(2) socket to pipe, splice(2) pipe to socket.
 *	peek	for when there is no pipe to be had: recv(2) with MSG_PEEK,
 *		send(2), then recv(2) of exactly what was sent.
 *
 * A relay begins with copy, the cheapest way for little; a recv(2) that fills
 * half of the scratch promotes it to splice, a splice(2) that comes up nearly
 * empty demotes it.  It changes its way only while the pipe is empty.
 *
 * Readiness.  The sockets are edge-triggered: a side's in_ready and out_ready
 * stay true until a call said EAGAIN, or, for recv(2) alone, came up short.
 * splice(2) into a pipe that holds something says EAGAIN for "pipe full" as
 * well, so a relay only ever reads with an empty pipe: then EAGAIN means that
 * the socket is empty.  When a relay stops for another reason than EAGAIN (its
 * budget is spent) no edge will come, and the caller runs it again.
 */
#ifndef LB4_ENGINE_RELAY_H
#define LB4_ENGINE_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/config/settings.h"
#include "lb4/engine/pipes.h"

/* What one recv(2) takes at most, and so what send(2) may leave over. */
#define RELAY_SCRATCH 65536

/* What a relay moves in one run at most, give or take the last call: one
 * elephant must not starve the mice. */
#define RELAY_BUDGET (256 * 1024)

/* A recv(2) that brought as much promotes a relay to splicing, a splice(2) that
 * brought less demotes it to copying: in between both cost about the same. */
#define RELAY_PROMOTE 32768
#define RELAY_DEMOTE 8192

#define RELAY_STREAK_MAX (1U << 30)

/* One end of a conn: a socket and what is known of it. */
struct side {
	int fd;		/* -1: none */
	bool in_ready;	/* reading may find something */
	bool out_ready; /* writing may find room */
	bool rdhup;	/* epoll has seen a FIN (or worse) coming */
	bool urgent;	/* it has had urgent data: reads may stop short of it */
	bool failed;	/* the socket has met an error, whoever noticed */
	bool eof;	/* a read has returned 0: nothing more will come */
	bool fin_sent;	/* we have shut our sending half down */
	bool gathers;	/* epoll reports no small input: see gather.h */
};

struct relay {
	uint64_t bytes;	  /* delivered to the socket they go to */
	uint64_t lost;	  /* received, but the other socket failed */
	struct pipe pipe; /* in -1: none */
	uint32_t held;	  /* bytes in the pipe */
	uint32_t streak;  /* bytes spliced of what looks like one stream, up to
			   * RELAY_STREAK_MAX: gather.h */
	uint8_t way;	  /* enum relay_way; never auto */
	bool no_splice;	  /* the kernel would not splice these sockets */
	bool resumes;	  /* its budget ended the last run */
	uint8_t scarce;	  /* looks in a row that found little: gather.h */
};

/* What all relays of a worker share. */
struct relay_env {
	enum relay_way forced; /* RELAY_AUTO: as the traffic wants it */
	struct pipes pipes;
	struct pipe spare;	/* the empty pipe at hand; in -1: none */
	unsigned char *scratch; /* RELAY_SCRATCH bytes */
	uint64_t now_ms;	/* the turn's time */
	bool no_splice;		/* it is refused: peek, always */
};

enum relay_result {
	RELAY_WAITS,	   /* for an edge on one of the sockets */
	RELAY_HAS_MORE,	   /* the budget is spent: run it again soon */
	RELAY_FINISHED,	   /* the last byte before the FIN is delivered */
	RELAY_FROM_FAILED, /* the reading socket's error is in *error */
	RELAY_TO_FAILED,   /* the writing socket's */
	RELAY_NO_RESOURCE, /* something is lacking on this machine */
};

/* Whether pipes and splice(2) are to be had: the call may be there and not be
 * allowed, as by a container's filter (EPERM).  0 or -errno. */
int relay_has_splice(void);

int relay_env_init(struct relay_env *env, enum relay_way forced,
    unsigned maxpipes, uint32_t pipe_size, uint64_t big_pipes);
void relay_env_done(struct relay_env *env);

void relay_init(struct relay *relay, enum relay_way forced);

/*
 * Moves what can be moved.  A FIN that was read is not passed on: that is left
 * to the caller, on RELAY_FINISHED.  *error gets an errno when the result says
 * that something failed.
 */
enum relay_result relay_run(struct relay_env *env, struct relay *relay,
    struct side *from, struct side *to, int *error);

/* Closes the relay's pipe if it has one; the bytes in it count as lost. */
void relay_discard(struct relay_env *env, struct relay *relay);

#endif
