/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A conn as plain values, for another process: everything that it needs to go
 * on there, with times on the clock of timer_now_ms(), which all processes of
 * this machine share.  Bytes in transit are in the conn's pipes, which go along
 * as descriptors.
 */
#ifndef LB4_ENGINE_CONN_RECORD_H
#define LB4_ENGINE_CONN_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/config/settings.h"

struct backend;
struct conn;
struct engine;
struct service_state;
struct terms;

/* The sockets of both sides, and both ends of two pipes. */
#define CONN_RECORD_FDS 6

/* One end of the conn.  [0]: the client's, [1]: the backend's. */
struct conn_record_side {
	uint8_t rdhup, urgent, failed, eof, fin_sent;
	uint8_t gathers; /* SO_RCVLOWAT is set */
};

/* One direction.  [0]: from the client, [1]: from the backend. */
struct conn_record_relay {
	uint64_t bytes;
	uint32_t held; /* bytes in the pipe */
	uint32_t pipe_size;
	uint32_t streak;
	uint8_t way, no_splice;
};

struct conn_record {
	uint64_t id;
	uint32_t service; /* ids of the process that wrote the record */
	uint32_t backend; /* 0: none yet */
	uint8_t state;	  /* enum conn_state */

	uint8_t client_ip[16]; /* struct endpoint */
	uint16_t client_port;
	uint8_t client_family;
	uint16_t port;

	uint64_t accepted_us, step_us, last_ms;
	uint32_t queue_ms, excused_ms;
	uint32_t error;
	uint8_t reason, failed_side, last_from, established;
	uint8_t retries;

	/* until a backend has answered */
	uint64_t ticket, attempt_ms;
	uint32_t queued_since; /* ms, low bits */
	uint8_t tries, held, waited, throttled;
	uint64_t tried[CONFIG_RETRIES_MAX + 1]; /* backends */
	uint8_t attempt_proxy; /* enum send_proxy, of the present attempt */
	uint8_t preread;       /* bits of conn_preread.h */

	/* what lb4 sends first, while that is not complete: struct preface */
	uint8_t preface, preface_proxy;
	uint8_t preface_hello, preface_request, preface_awaits;
	uint8_t dst_ip[16];
	uint16_t dst_port;
	uint8_t dst_family;
	uint16_t preface_sent;
	uint32_t preface_sum;

	/* from then on */
	struct conn_record_relay relay[2];
	uint32_t lost, linger_since; /* ms, low bits */

	/* what the access log has been told */
	uint8_t sampled, told;
	uint64_t told_ms, told_bytes[2];

	/* the settings of its service that the conn began with */
	uint32_t timeout_connect_ms, timeout_queue_ms, timeout_idle_ms;
	uint32_t wait_for_backend_ms;
	uint32_t timeout_half_close_ms, timeout_stall_ms, reset_linger_ms;
	uint32_t max_lifetime_ms, timeout_proxy_ms, timeout_hello_ms;
	uint8_t abort_on_close;

	struct conn_record_side side[2];

	/* Which descriptors go along, in this order: bit 0 the client's socket,
	 * 1 the backend's, 2 the first pipe (write end, read end), 3 the
	 * second. */
	uint8_t fds;
};

/* Describes a detached conn.  Returns how many descriptors it wrote to `fd`,
 * which has room for CONN_RECORD_FDS.  They stay the conn's. */
unsigned conn_record_describe(const struct conn *conn,
    struct conn_record *record, int *fd);

/* Whether the conn waits in its service's queue. */
bool conn_record_is_queued(const struct conn_record *record);

/* Who the ids of a record are in this process. */
struct conn_record_names {
	struct service_state *service; /* NULL: unknown */
	struct terms *terms;	       /* conn_record_settings() there */
	struct backend *backend;       /* NULL: none, or unknown */
	uint32_t tried[CONFIG_RETRIES_MAX + 1]; /* ids here; 0: unknown */
};

/* The settings of the record. */
void conn_record_settings(const struct conn_record *record,
    struct conn_settings *settings);

/*
 * Makes a detached conn from a record and `fds` descriptors, for
 * moving_adopt().  On success the descriptors are the conn's; on failure they
 * stay the caller's.  Returns NULL with errno set: EBADMSG if the record
 * contradicts itself, or ENOMEM.
 */
struct conn *conn_record_make(const struct conn_record *record,
    const struct conn_record_names *names, const int *fd, unsigned fds);

#endif
