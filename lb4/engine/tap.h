/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A tap: a relay copies the bytes that it moves to a third socket.  The relay
 * never waits for the tap.  What the socket does not take waits in a pipe of
 * the tap's own; when that is full, the copy has a hole, and the tap is faulty
 * from then on.
 *
 *	splice	tee(2) from the relay's pipe to the tap's, before the bytes go
 *		on; then splice(2) from the tap's pipe to its socket
 *	copy, peek
 *		send(2) of the same bytes after they went on; the rest is
 *		written to the tap's pipe
 *
 * tee(2) always begins at the head of a pipe.  If the tap's pipe takes only a
 * part, that part goes on first, and the rest is the head then.  `ahead` says
 * how many of the bytes in the relay's pipe the tap has already.
 *
 * A tap has a pipe only while bytes are in it.  All taps of a worker have at
 * most 1/TAP_SHARE of its pipes, so that relays always find the others.
 *
 * Called by relay.c and mirror.c.
 */
#ifndef LB4_ENGINE_TAP_H
#define LB4_ENGINE_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb4/model/mirrored.h"

struct pipe;
struct pipes;

#define TAP_SHARE 4

struct tap {
	int fd;		   /* non-blocking; it may still be connecting */
	bool out_ready;	   /* writing may find room */
	bool faulty;	   /* the copy has a hole, or cannot go on: */
	uint8_t fault;	   /* ... enum mirror_drop */
	uint32_t ahead;	   /* bytes in the relay's pipe that it has */
	uint64_t bytes;	   /* delivered to the socket */
	struct pipe *pipe; /* owned; NULL: none */
};

/* How many bytes at the head of the relay's pipe, which holds some, may go on
 * now: the tap has a copy of them, or is faulty. */
uint32_t tap_share(struct tap *tap, struct pipes *pipes, uint64_t now_ms,
    const struct pipe *from);

/* So many of those bytes went on. */
void tap_passed(struct tap *tap, struct pipes *pipes, uint32_t len);

/* Copies bytes from memory, which have gone on or will. */
void tap_copy(struct tap *tap, struct pipes *pipes, uint64_t now_ms,
    const unsigned char *bytes, size_t len);

/* Sends what waits in the tap's pipe, as far as the socket takes it. */
void tap_flush(struct tap *tap, struct pipes *pipes);

/* Closes the tap's pipe, if it has one.  Returns whether bytes are lost. */
bool tap_discard(struct tap *tap, struct pipes *pipes);

/* The tap leaves for another worker's pipes, or comes from there. */
void tap_emigrate(const struct tap *tap, struct pipes *pipes);
void tap_immigrate(const struct tap *tap, struct pipes *pipes);

#endif
