/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The interface of a kind of check.  Each kind is a file, probe_NAME.c, that
 * parses its arguments and keeps its state.  A new kind needs a file, a line in
 * kinds.c, and a value of enum check_kind with its name.
 *
 * The handlers see no socket: probe.c connects, sends their bytes and passes
 * them the peer's answer.  A test or a fuzzer can take the place of probe.c.
 */
#ifndef LB4_HEALTH_PROBE_KIND_H
#define LB4_HEALTH_PROBE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb4/config/check.h"
#include "lb4/model/backend.h"

struct probe;
struct program_answer;

struct probe_kind {
	struct check_way way; /* for the configuration */
	size_t state_size;    /* size of the state of one check */

	/* The dialogue is inside TLS. */
	bool tls;

	/* The goodbye begins with shutdown(2): the peer sees the end. */
	bool half_close;

	/* Instead of a connection, with none of the handlers below: runs a
	 * program, whose end has that number.  0 or -errno. */
	int (*run)(struct probe *probe, uint64_t number);
	void (*on_program)(struct probe *probe,
	    const struct program_answer *answer);

	/* The connection is established.  The kind sends something, waits for
	 * the peer to begin, or already has a result. */
	void (*on_connected)(struct probe *probe);

	/* The peer has sent `len` > 0 bytes.  Bytes after the result are
	 * ignored. */
	void (*on_bytes)(struct probe *probe, const char *bytes, size_t len);

	/* After some bytes, the timeout has passed or the peer has closed:
	 * `result` is HEALTH_NO_ANSWER or HEALTH_CLOSED.  Returns it, or
	 * another one with its detail.  NULL: always `result`. */
	enum health_result (*unfinished)(struct probe *probe,
	    enum health_result result, uint16_t *detail);
};

/* NULL for CHECK_NONE. */
const struct probe_kind *probe_kind(enum check_kind kind);

/* Sends `len` bytes, all of which must be out before the next call.  The bytes
 * must stay valid until the check has ended: they are in `own`, in `state` or
 * in a constant of the kind. */
void probe_say(struct probe *probe, const void *bytes, size_t len);

/* Says the result in words, where health_text() cannot: call it before
 * probe_finish(). */
void probe_explain(struct probe *probe, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends a check; every check ends here.  After an answer of the peer, the peer
 * gets time to close first. */
void probe_finish(struct probe *probe, enum health_result result,
    uint16_t detail);

/* The same, but sends a last message such as QUIT. */
void probe_leave(struct probe *probe, enum health_result result,
    uint16_t detail, const void *bytes, size_t len);

extern const struct probe_kind probe_tcp;
extern const struct probe_kind probe_http;
extern const struct probe_kind probe_redis;
extern const struct probe_kind probe_postgresql;
extern const struct probe_kind probe_mysql;
extern const struct probe_kind probe_smtp;
extern const struct probe_kind probe_tls;
extern const struct probe_kind probe_https;
extern const struct probe_kind probe_exec;

#endif
