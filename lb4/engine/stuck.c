/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Proof that a backend is dead: see stuck.h.  Called by closing.c. */
#include "lb4/engine/stuck.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "lb4/engine/types.h"
#include "lb4/model/backend.h"

/* The kernel gives up itself after so many; it must not be faster than
 * on-down-rate. */
#define KEEPCNT 127

bool
stuck_is_proof(const struct tcp_info *info)
{
	if (info->tcpi_last_ack_recv < STUCK_SILENCE_MS)
		return false;
	return (info->tcpi_unacked > 0 && info->tcpi_backoff >= STUCK_TRIES) ||
	    info->tcpi_probes >= STUCK_TRIES;
}

static bool
set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* The idle time comes last: it sets the timer. */
static bool
ask_for_keepalives(int fd)
{
	return set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPCNT) &&
	    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, STUCK_KEEPINTVL_S) &&
	    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
	    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, STUCK_KEEPIDLE_S);
}

bool
stuck_is_proved(struct conn *conn)
{
	const int fd = conn->side[BACKEND].fd;
	struct tcp_info info = { .tcpi_unacked = 0 };
	socklen_t len = sizeof(info);

	if (fd < 0 || addr_is_unix(&conn->backend->addr) ||
	    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return false;
	if (info.tcpi_unacked == 0 && !conn->probed)
		conn->probed = ask_for_keepalives(fd);
	return stuck_is_proof(&info);
}
