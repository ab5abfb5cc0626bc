/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One check of one backend: connect, talk, say goodbye.  The ways of checking
 * are one file each (probe_NAME.c) behind struct probe_kind (probe_kind.h);
 * they see bytes and no socket.
 *
 *	        probe_start()        connected         probe_finish()
 *	IDLE ----------------> CONNECTING -----> TALKING -----------> GOODBYE
 *	 ^                         |                |  result known      |
 *	 |       probe_finish()    |                |                    |
 *	 +-------------------------+----------------+--------------------+
 *	                                   the peer has closed, or probe_close()
 *
 * Knocking, instead of CONNECTING: the accept queue of a unix socket is full.
 * TCP would try again by itself; here the owner does, with probe_knock(), so
 * that a queue which is full for a moment is no failed check.
 *
 * Goodbye: closing a socket while the peer still sends makes the kernel answer
 * with a reset, which many a server logs as an error.  So once the result is
 * known the rest is read and thrown away until the peer closes; the owner ends
 * this with probe_close() when it takes too long.
 *
 * The owner has an epoll for it, with edge-triggered events, and one timer.
 */
#ifndef LB4_HEALTH_PROBE_H
#define LB4_HEALTH_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"
#include "lb4/config/settings.h"
#include "lb4/model/backend.h"

struct probe_kind;

enum probe_phase {
	PROBE_IDLE,
	PROBE_KNOCKING,
	PROBE_CONNECTING,
	PROBE_TALKING,
	PROBE_GOODBYE,
};

/* All zero at the start; probe_set() next. */
struct probe {
	enum probe_phase phase;
	const struct probe_kind *kind;
	struct config_check check;
	struct addr addr;
	void *own;   /* what the kind has made of the check; NULL: nothing */
	void *state; /* the kind's, of this check; all zero when it begins */
	int fd;	     /* idle or knocking: none */

	/* How it ended; there once it is idle or says goodbye. */
	enum health_result result;
	uint16_t detail; /* HTTP status, errno, what the kind says, or 0 */

	const char *say; /* what is to be sent, and how much of it was */
	size_t say_len, said;
	size_t heard;	  /* bytes received before the result */
	size_t discarded; /* goodbye: bytes */
};

/* Has it check `addr` as `check` says, which is not CHECK_NONE and has passed
 * the configuration.  0; or -ENOMEM, and it is as before. */
must_check int probe_set(struct probe *probe, const struct config_check *check,
    const struct addr *addr);

/* Closes and frees all that it has. */
void probe_done(struct probe *probe);

/* Begins a check, of an idle one.  It may end before this returns. */
void probe_start(struct probe *probe, int epfd, uint64_t tag);

/* Tries again, of a probe that knocks; `epfd` and `tag` as before. */
void probe_knock(struct probe *probe, int epfd, uint64_t tag);

/* Whether the result is still to come. */
static inline bool
probe_is_busy(const struct probe *probe)
{
	return probe->phase == PROBE_KNOCKING ||
	    probe->phase == PROBE_CONNECTING || probe->phase == PROBE_TALKING;
}

/* The socket is ready; `events` as epoll_wait(2) says. */
void probe_on_event(struct probe *probe, uint32_t events);

/* Time is up: without a result yet, that is HEALTH_NO_ANSWER, or what the kind
 * says of what it has heard. */
void probe_on_timeout(struct probe *probe);

/* Closes the socket, whatever the phase. */
void probe_close(struct probe *probe);

/* The health word of how it ended. */
uint32_t probe_word(const struct probe *probe, bool down);

/* What an errno of connect(2), send(2) or recv(2) says of the backend.  What
 * is this machine's own fault is HEALTH_LOCAL. */
enum health_result probe_result_of(int error);

#endif
