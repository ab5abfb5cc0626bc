/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One check of one backend: connect, talk, say goodbye.  Each kind of check is
 * a file (probe_NAME.c) behind struct probe_kind (probe_kind.h); it sees bytes
 * but no socket.
 *
 *	        probe_start()        connected         probe_finish()
 *	IDLE ----------------> CONNECTING -----> TALKING -----------> GOODBYE
 *	 ^                         |                |  result known      |
 *	 |       probe_finish()    |                |                    |
 *	 +-------------------------+----------------+--------------------+
 *	                                   the peer closes, or probe_close()
 *
 * Between CONNECTING and TALKING is SECURING, if the kind uses TLS: the
 * handshake.
 *
 * KNOCKING replaces CONNECTING while the accept queue of a unix socket is full.
 * TCP would retry by itself; here the owner retries with probe_knock(), so that
 * a queue that is full for a moment does not fail the check.
 *
 * GOODBYE: if a socket is closed while the peer still sends, the kernel answers
 * with a reset, which many servers log as an error.  So once the result is
 * known, the probe reads and discards the rest until the peer closes.  If that
 * takes too long, the owner ends it with probe_close().
 *
 * The owner provides an epoll instance, whose events are edge-triggered, and
 * one timer.
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
struct program_answer;
struct tls;
struct tls_context;
struct tls_contexts;

enum probe_phase {
	PROBE_IDLE,
	PROBE_KNOCKING,
	PROBE_CONNECTING,
	PROBE_SECURING,
	PROBE_TALKING,
	PROBE_RUNNING, /* a program: there is no connection */
	PROBE_GOODBYE,
};

/* What the owner provides: all of it outlives the probe. */
struct probe_help {
	struct tls_contexts *tls_contexts; /* for kinds that use TLS */
	const int *programs; /* the socket of programs.h; -1: there is none */
	const char *service, *backend; /* their names, for programs */
};

/* All zero at the start; probe_set() next. */
struct probe {
	enum probe_phase phase;
	const struct probe_kind *kind;
	struct config_check check;
	struct addr addr;
	void *own;   /* the check's arguments, parsed by the kind; or NULL */
	void *state; /* the kind's state of one check; zeroed at its start */
	int fd;	     /* none while idle or knocking */

	struct probe_help help; /* set by the owner before the first check */
	uint64_t number;	/* of the program that is running, or 0 */
	struct tls_context *tls_context; /* a reference, or NULL */
	struct tls *tls;		 /* of the connection, or NULL */
	uint64_t certificate_s; /* when the peer's expires; 0: none was seen */

	/* How the check ended; valid while IDLE or GOODBYE. */
	enum health_result result;
	uint16_t detail; /* HTTP status, errno, a value of the kind, or 0 */
	char reason[HEALTH_TEXT_MAX]; /* the same in words, or "" */

	const char *say; /* bytes to send, and how many of them were sent */
	size_t say_len, said;
	size_t heard;	  /* bytes received before the result */
	size_t discarded; /* bytes received after the result */
};

/* Sets what to check: `addr`, as `check` says.  The configuration has validated
 * `check`, which is not CHECK_NONE.  0; or -ENOMEM, and nothing changes. */
must_check int probe_set(struct probe *probe, const struct config_check *check,
    const struct addr *addr);

/* The same for a conversation that is no check: `kind` is not in kinds.c, and
 * `own` is a block for free(3) that the probe owns from then on, or NULL.  Of
 * `check` the timeout counts. */
must_check int probe_set_kind(struct probe *probe,
    const struct probe_kind *kind, void *own, const struct config_check *check,
    const struct addr *addr);

/* Whether that is set already. */
bool probe_is_for(const struct probe *probe, const struct config_check *check,
    const struct addr *addr);

/* Closes the socket and frees what the probe owns. */
void probe_done(struct probe *probe);

/* Begins a check; the probe is idle.  The check may end before this returns.
 * `tag` is unique: it is that of the socket's events, or the number of a
 * program. */
void probe_start(struct probe *probe, int epfd, uint64_t tag);

/* Tries to connect again, while KNOCKING.  `epfd` and `tag` as before. */
void probe_knock(struct probe *probe, int epfd, uint64_t tag);

/* Whether a check is running and has no result yet. */
static inline bool
probe_is_busy(const struct probe *probe)
{
	return probe->phase == PROBE_KNOCKING ||
	    probe->phase == PROBE_CONNECTING ||
	    probe->phase == PROBE_SECURING || probe->phase == PROBE_TALKING ||
	    probe->phase == PROBE_RUNNING;
}

/* The socket is ready; `events` is from epoll_wait(2). */
void probe_on_event(struct probe *probe, uint32_t events);

/* The program `answer->number` has ended, or could not be started. */
void probe_on_program(struct probe *probe, const struct program_answer *answer);

/* The timeout has passed.  A check without a result then has HEALTH_NO_ANSWER,
 * or the result that the kind derives from the bytes received. */
void probe_on_timeout(struct probe *probe);

/* Closes the socket, in any phase. */
void probe_close(struct probe *probe);

/* The health word of the result. */
uint32_t probe_word(const struct probe *probe, bool down);

/* The result in words: "HTTP status 503, expected 200-399", "no answer".
 * Returns a string that may be `buf`; HEALTH_TEXT_MAX is enough. */
const char *probe_text(const struct probe *probe, char *buf, size_t size);

/* Likewise, with the time that was waited: "no answer in 2s". */
const char *probe_reason(const struct probe *probe, char *buf, size_t size);

#endif
