/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The queue of a listening socket, as the kernel has it: clients that no
 * accept(2) has taken yet.
 *
 * TCP: TCP_INFO of a listener has the length of its queue in tcpi_unacked and
 * the limit in tcpi_sacked (tcp_get_info in net/ipv4/tcp.c).  SO_MEMINFO has
 * sk_drops, which tcp_listendrop (include/net/tcp.h) counts up together with
 * ListenDrops of netstat: for each SYN, or last ACK of a handshake, that finds
 * the queue full (ListenOverflows), or for which there is no memory.
 *
 * Unix: sock_diag(7) alone has the queue (UNIX_DIAG_RQLEN).  Nothing is
 * dropped: connect(2) waits, or fails with EAGAIN.
 */
#ifndef COMMON_BACKLOG_H
#define COMMON_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"

struct backlog {
	uint32_t waiting; /* clients in the queue */
	uint32_t limit;	  /* of listen(2); the kernel lets in one more */
	uint32_t drops;	  /* TCP: since the socket was opened; wraps */
};

/* Reads the queue of the listening socket `fd`.  Returns 0, or -errno:
 * -ENOENT when it is a unix socket of another network namespace, or what
 * socket(2) says when sock_diag(7) is not to be had. */
must_check int backlog_read(int fd, bool tcp, struct backlog *backlog);

#endif
