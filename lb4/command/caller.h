/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A caller: a connection to the control socket.  Its lines come in and its
 * answers go out through buffers of bounded size.  A caller that does not read
 * gets no more output, and is closed after a while.
 *
 *	OPEN	reads lines and runs them, one at a time
 *	ENDING	writes the pending output, shuts the socket down, and discards
 *		input, so that the caller can read the last words
 *	GONE	to be freed
 *
 * A command that cannot answer at once leaves a job: a function that is called
 * again when there is room for more of the answer, or on news.
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
struct leaders;

/* The next piece of an answer is made when fewer bytes than this are pending.
 * One piece adds at most about as much again. */
#define CALLER_OUT_LOW 65536

/* A monitor with this many bytes unread is closed. */
#define CALLER_OUT_MAX 1048576

enum caller_state {
	CALLER_OPEN,
	CALLER_ENDING,
	CALLER_GONE,
};

struct caller;

enum job_result {
	JOB_MORE,  /* call again when there is room */
	JOB_WAITS, /* call again on news, or at the deadline */
	JOB_DONE,  /* the answer is complete */
};

struct job {
	enum job_result (*step)(struct caller *caller); /* NULL: no job */
	/* frees the job's resources if it ends early; may be NULL */
	void (*cancel)(struct caller *caller);
	uint64_t began_ms;
	uint64_t deadline_ms; /* 0: none; step() checks it */

	/* The jobs' state; each job uses some of it. */
	char service[CONFIG_NAME_MAX]; /* "": all of them */
	char backend[CONFIG_NAME_MAX]; /* "": all of them */
	size_t at_service, at_backend; /* progress of an answer in pieces */
	uint32_t waits_for;	       /* backends that were asked after */
	struct sweep *sweep; /* NULL: the worker has it, or there is none */
	bool sweeping;
	struct leaders *leaders; /* owned; NULL: the sweep lists all */
	struct errand *errand;	 /* the job's thread */
	uint64_t count;
};

struct caller {
	const struct handle *handle;
	struct callers *callers;   /* it is one of them */
	int fd;			   /* -1: the place is free */
	struct acceptor *acceptor; /* accepted the socket, and closes it */
	uint32_t index;
	uint32_t generation;
	enum caller_state state;
	enum level level;
	pid_t pid;
	uid_t uid;
	bool own;	   /* root, or the user that lb4 runs as */
	uint64_t seen_ms;  /* when it last sent or received bytes */
	uint32_t watched;  /* events that epoll watches */
	bool hung_up;	   /* it has hung up, and all its input is read */
	bool writable;	   /* otherwise epoll reports when it is */
	bool eof;	   /* no more lines will come */
	bool monitors;	   /* receives events */
	bool asks_node;	   /* its last command was `node` */
	bool lent;	   /* the readiness thread owns the socket */
	bool json;	   /* the present command asks for JSON */
	bool answer_empty; /* no row has been written yet */
	bool no_memory; /* part of the answer is lost; writing stopped there */
	const struct column *columns; /* of the rows */
	struct job job;
	bool job_waits; /* its last step returned JOB_WAITS */

	char in[COMMAND_LINE_MAX + 1];
	size_t in_len;
	char *out; /* owned */
	size_t out_at, out_len, out_room;
	size_t answer_len; /* bytes of the present answer so far */
};

/* Reads the available input.  Runs no command. */
void caller_read(struct caller *caller, uint64_t now_ms);

/* Takes the next complete line from the input.  Returns its length without the
 * newline, or -1 when there is none.  The last line needs no newline.  `line`
 * has room for COMMAND_LINE_MAX + 1 bytes. */
ssize_t caller_line(struct caller *caller, char *line);

/* Begins an answer, with memory for one line.  Returns false without memory,
 * after it has answered so; the command must not run then. */
bool caller_begin(struct caller *caller);

/* Appends bytes to the answer.  Sets `no_memory` without memory. */
void caller_write(struct caller *caller, const char *text, size_t len);
void caller_printf(struct caller *caller, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Removes the present answer and resets `no_memory`. Returns false when part of
 * the answer has been sent. */
bool caller_take_back(struct caller *caller);

/* If the answer lost a part, ends its job and replaces the answer by an error.
 * If part of a text answer has been sent, appends the error instead.  A partial
 * JSON object is useless: the caller is GONE then. */
void caller_settle(struct caller *caller);

/* Writes as much as the socket accepts. */
void caller_flush(struct caller *caller, uint64_t now_ms);

/* The number of bytes not written to the socket yet. */
static inline size_t
caller_pending(const struct caller *caller)
{
	return caller->out_len - caller->out_at;
}

/* Ends the caller: it runs no more lines, and pending answers are still
 * written. */
void caller_end(struct caller *caller, uint64_t now_ms);

/* Frees the caller's resources and closes its socket. */
void caller_close(struct caller *caller);

#endif
