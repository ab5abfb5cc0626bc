/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What the kernel holds of a conn, and who takes it: see progress.h. */
#include "lb4/engine/progress.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lb4/engine/conn.h"

static uint64_t
queued(int fd, unsigned long what)
{
	int bytes;

	return fd >= 0 && ioctl(fd, what, &bytes) == 0 && bytes > 0
	    ? (uint64_t)bytes
	    : 0;
}

uint64_t
progress_unread(int fd)
{
	return queued(fd, SIOCINQ);
}

uint64_t
progress_unsent(int fd)
{
	return queued(fd, SIOCOUTQ);
}

/* The same without the FIN, which the kernel counts as a byte of TCP. */
static uint64_t
unsent_bytes(const struct side *side)
{
	const uint64_t unsent = progress_unsent(side->fd);

	return unsent > 0 && side->fin_sent ? unsent - 1 : unsent;
}

/* ---- looking ------------------------------------------------------------- */

static uint32_t
low_bits(uint64_t number)
{
	return (uint32_t)number;
}

static bool
look_at(struct conn *conn, int side)
{
	const struct relay *relay = &conn->relay[1 - side];
	struct progress *progress = &conn->progress;
	const uint8_t bit = (uint8_t)(1U << side);
	const bool owed = (conn->owed & bit) != 0;
	uint64_t unsent;
	bool took;

	if (!owed && relay->held == 0 &&
	    progress->taken[side] == low_bits(relay->bytes))
		return false; /* nothing was sent since */
	unsent = unsent_bytes(&conn->side[side]);
	took = progress->taken[side] != low_bits(relay->bytes - unsent);
	progress->taken[side] = low_bits(relay->bytes - unsent);
	if (unsent + relay->held > 0)
		conn->owed |= bit;
	else
		conn->owed &= (uint8_t)~bit;
	return owed && took;
}

bool
progress_look(struct conn *conn)
{
	const bool client = look_at(conn, CLIENT);

	return look_at(conn, BACKEND) || client;
}

uint64_t
progress_pause_ms(const struct conn *conn, uint64_t limit_ms)
{
	uint64_t pause_ms = conn->owed != 0 ? PROGRESS_AGAIN_MS
					    : PROGRESS_LOOK_MS;
	const uint64_t part_ms = limit_ms / 3;

	if (pause_ms > part_ms)
		pause_ms = part_ms;
	return pause_ms > 0 ? pause_ms : 1;
}

static bool
is_unix(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	    domain == AF_UNIX;
}

uint64_t
progress_undelivered(const struct conn *conn, int side)
{
	const uint64_t unsent = unsent_bytes(&conn->side[side]);
	const uint64_t relayed = conn->relay[1 - side].bytes;

	if (unsent == 0 || is_unix(conn->side[side].fd))
		return 0;
	return unsent < relayed ? unsent : relayed;
}
