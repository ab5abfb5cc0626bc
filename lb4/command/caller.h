/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A caller: who is connected to the control socket.  Its lines come in, its
 * answers go out, both through buffers of bounded size: a caller who does not
 * read gets no more written, and is closed after a while.
 *
 *	OPEN	reads lines and runs them, one at a time
 *	ENDING	what is left goes out, then the socket is shut down and what
 *		still comes is thrown away, so that the last words are read
 *	GONE	to be freed
 *
 * A command that cannot be answered at once leaves a job: a function that is
 * called again when there is room for more of the answer, or news.
 */
#ifndef LB4_COMMAND_CALLER_H
#define LB4_COMMAND_CALLER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lb4/command/command.h"
#include "lb4/command/spec.h"
#include "lb4/config/settings.h"
#include "lb4/engine/sweep.h"

struct acceptor;
struct callers;
struct column;
struct errand;
struct handle;

/* An answer in pieces goes on when less than this is left to be written; at
 * most about as much more comes from one piece. */
#define CALLER_OUT_LOW 65536

/* A monitor that has so much left to read is closed. */
#define CALLER_OUT_MAX 1048576

enum caller_state {
	CALLER_OPEN,
	CALLER_ENDING,
	CALLER_GONE,
};

struct caller;

enum job_result {
	JOB_MORE,  /* call again when there is room */
	JOB_WAITS, /* call again when there is news, or its time is over */
	JOB_DONE,  /* the answer is complete */
};

struct job {
	enum job_result (*step)(struct caller *caller); /* NULL: no job */
	/* Frees what the job holds when it ends before its time; may be NULL */
	void (*cancel)(struct caller *caller);
	uint64_t began_ms;
	uint64_t deadline_ms; /* 0: none; step() sees that it has passed */

	/* What the jobs keep, each some of it. */
	char service[CONFIG_NAME_MAX]; /* "": all of them */
	char backend[CONFIG_NAME_MAX]; /* "": all of them */
	size_t at_service, at_backend; /* how far an answer in pieces is */
	uint32_t waits_for;	       /* backends that were asked after */
	struct sweep *sweep; /* NULL: the worker has it, or there is none */
	bool sweeping;
	struct errand *errand; /* a thread that works for it */
	uint64_t count;
};

struct caller {
	const struct handle *handle;
	struct callers *callers;   /* it is one of them */
	int fd;			   /* -1: nobody */
	struct acceptor *acceptor; /* that took it, and closes it */
	uint32_t index;
	uint32_t generation;
	enum caller_state state;
	enum level level;
	pid_t pid;
	uid_t uid;
	bool own;	   /* root, or the user that lb4 runs as */
	uint64_t seen_ms;  /* when a line last came, or a piece went out */
	uint32_t watched;  /* what epoll looks for */
	bool hung_up;	   /* it has gone, and nothing it sent is left */
	bool writable;	   /* else epoll will tell */
	bool eof;	   /* no more lines will come */
	bool monitors;	   /* is told events */
	bool asks_node;	   /* its last command was that, and no more */
	bool lent;	   /* to the readiness thread: not to be touched */
	bool json;	   /* the present command asks for JSON */
	bool answer_empty; /* no row was written yet */
	bool no_memory;	   /* a part of the answer is lost, and nothing is
			    * written behind it */
	const struct column *columns; /* of the rows */
	struct job job;
	bool job_waits; /* its last step said so */

	char in[COMMAND_LINE_MAX + 1];
	size_t in_len;
	char *out; /* owned */
	size_t out_at, out_len, out_room;
	size_t answer_len; /* bytes of the present answer so far */
};

/* Reads what has come.  Runs nothing. */
void caller_read(struct caller *caller, uint64_t now_ms);

/* Takes the next complete line out of what was read; its length, without its
 * end, or -1 when there is none.  The last line needs no end.  `line` has room
 * for COMMAND_LINE_MAX + 1. */
ssize_t caller_line(struct caller *caller, char *line);

/* Begins an answer: one of a line needs no more memory then.  False, after
 * answering so, when there is none: nothing must be done then. */
bool caller_begin(struct caller *caller);

/* Puts bytes into the answer.  Without memory it sets `no_memory`. */
void caller_write(struct caller *caller, const char *text, size_t len);
void caller_printf(struct caller *caller, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes the present answer back, and with it that memory was short.  False when
 * the caller has read some of it. */
bool caller_take_back(struct caller *caller);

/* Puts in the place of an answer that lacks a part, if any, that there is no
 * memory, and ends its job.  Where the caller has read some of it that is said
 * behind those lines; no sense can be made of half of a JSON object: the caller
 * is GONE then. */
void caller_settle(struct caller *caller);

/* Writes what the socket takes. */
void caller_flush(struct caller *caller, uint64_t now_ms);

/* Bytes of the answer that the socket has not taken yet. */
static inline size_t
caller_pending(const struct caller *caller)
{
	return caller->out_len - caller->out_at;
}

/* No more lines are taken; what was answered is still written. */
void caller_end(struct caller *caller, uint64_t now_ms);

/* Frees what it holds, and closes. */
void caller_close(struct caller *caller);

#endif
