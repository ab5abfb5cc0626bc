/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The old process's part of a handover: starts a new process and gives it
 * everything (records.h).  A thread of its own does it, while workers, prober
 * and control go on.
 *
 * Until the thread has ended, control must not change the configuration or free
 * backends, which the thread reads.
 */
#ifndef LB4_HANDOVER_SEND_H
#define LB4_HANDOVER_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/attr.h"
#include "common/sockfile.h"
#include "common/why.h"
#include "lb4/handover/records.h"

struct engine;
struct guard;
struct mailbox;
struct tables;

#define SEND_FILES_MAX 4

/* A descriptor that belongs to the process as a whole. */
struct send_file {
	struct handover_file record;
	int fd;
};

/* What to give away.  All of it must stay valid until send_wait(). */
struct send_setup {
	struct engine *engine;
	struct tables *tables;
	struct guard *guard;
	/* Takes struct moving *, one for each worker.  It outlives the workers,
	 * which may still ring it when their last answer is taken. */
	struct mailbox *replies;
	const char *path; /* of the new binary; NULL: as this one's */
	struct handover_hello hello;
	struct send_file file[SEND_FILES_MAX];
	size_t files;
	/* Owned: send_begin() takes them, also if it fails. */
	struct handover_order *order;
	size_t orders;
	struct handover_event *event; /* the oldest first */
	size_t events;
	struct handover_srv *srv;
	size_t srvs;
	struct handover_name *name;
	size_t names;

	/* called at the end, in the thread */
	void (*ended)(void *owner);
	void *owner;
};

struct send_result {
	bool ok;
	struct why why;	  /* otherwise: what went wrong */
	pid_t pid;	  /* of the new process */
	char version[64]; /* its version */
	uint64_t conns;	  /* moved */
	uint64_t lost;	  /* ... of these, died with the new process */
	uint64_t took_ms;
	uint64_t still_us; /* the longest that a conn stood still */
};

struct send;

/* Adds a duplicate of a descriptor to the setup; `file` identifies the file of
 * a unix socket.  If there is no descriptor left, send_begin() fails. */
void send_add_file(struct send_setup *setup, const char *what, const char *name,
    int fd, const struct sockfile_id *file);

/* Starts the thread.  Copies the setup, and takes its files in any case.  0 or
 * -errno. */
must_check int send_begin(struct send **out, struct send_setup *setup);

/* Ends the upgrade if the new process has nothing yet; otherwise does nothing.
 * Control thread only. */
void send_abort(struct send *send);

/* Waits for the end of the thread.  On success all conns, listeners and places
 * belong to the new process, which serves already.  Otherwise this process goes
 * on with all that the new one had not taken.  The result is valid until
 * send_free(). */
const struct send_result *send_wait(struct send *send);

/* Closes the link, by which the new process sees that this one leaves. */
void send_free(struct send *send);

#endif
