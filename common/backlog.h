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

#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

struct backlog {
	uint32_t waiting; /* clients in the queue */
	uint32_t limit;	  /* of listen(2); the kernel lets in one more */
	uint32_t drops;	  /* TCP: since the socket was opened; wraps */
};

/* The queues of all unix sockets that listen in this network namespace, in one
 * dump: to ask for one alone takes the kernel a search through all. */
struct backlog_unix {
	struct backlog_unix_one *one; /* owned, in the order of their inodes */
	size_t count;
};

/* Reads the queue of the listening TCP socket `fd`.  Returns 0 or -errno. */
must_check int backlog_read_tcp(int fd, struct backlog *backlog);

/* Reads the queues of all unix sockets into `all`, which backlog_unix_free()
 * frees.  Returns 0, or -errno, what socket(2) says when sock_diag(7) is not to
 * be had; there are none in it then. */
must_check int backlog_unix_read(struct backlog_unix *all);
void backlog_unix_free(struct backlog_unix *all);

/* Finds the queue of the unix socket `fd`.  Returns 0, or -errno: -ENOENT when
 * it is not in `all`. */
must_check int backlog_unix_find(const struct backlog_unix *all, int fd,
    struct backlog *backlog);

#endif
