/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One check of one backend: connect, talk, say goodbye.  The ways of checking
 * are one file each (probe_NAME.c) behind struct probe_kind; a new one is a
 * file, a line in probe.c's table and a value of enum check_kind.
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
#include "lb4/config/settings.h"
#include "lb4/health/http_status.h"
#include "lb4/model/backend.h"

enum probe_phase {
	PROBE_IDLE,
	PROBE_KNOCKING,
	PROBE_CONNECTING,
	PROBE_TALKING,
	PROBE_GOODBYE,
};

struct probe {
	enum probe_phase phase;
	const struct probe_kind *kind;
	const struct config_check *check; /* the owner's */
	const struct addr *addr;	  /* the owner's */
	int fd;				  /* -1: idle or knocking */

	/* How it ended; there once it is idle or says goodbye. */
	enum health_result result;
	uint16_t detail; /* HTTP status, errno or 0 */

	size_t sent;		   /* probe_http.c: bytes of the request */
	struct http_status status; /* probe_http.c */
	size_t discarded;	   /* goodbye: bytes */
};

struct probe_kind {
	/* Ends with shutdown(2), so that the peer sees us leave. */
	bool half_close;

	/* Called when connected and whenever the socket is ready: goes as far
	 * as it can, and calls probe_finish() when it has a result. */
	void (*talk)(struct probe *probe);
};

/* Begins a check of `addr` as `check` says, which is not CHECK_NONE; both
 * are used until it is idle again.  It may end before this returns. */
void probe_start(struct probe *probe, const struct config_check *check,
    const struct addr *addr, int epfd, uint64_t tag);

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

/* Time is up: without a result yet, that is HEALTH_NO_ANSWER. */
void probe_on_timeout(struct probe *probe);

/* Closes the socket, whatever the phase. */
void probe_close(struct probe *probe);

/* For the kinds: the one way to end a check. */
void probe_finish(struct probe *probe, enum health_result result,
    uint16_t detail);

/* For the kinds: the same from an errno (positive). */
void probe_fail(struct probe *probe, int error);

/* What an errno of connect(2), send(2) or recv(2) says of the backend.  What
 * is this machine's own fault is HEALTH_LOCAL. */
enum health_result probe_result_of(int error);

extern const struct probe_kind probe_tcp;
extern const struct probe_kind probe_http;

#endif
