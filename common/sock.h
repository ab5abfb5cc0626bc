/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Opens sockets.  Every descriptor is created non-blocking and close-on-exec.
 */
#ifndef COMMON_SOCK_H
#define COMMON_SOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/addr.h"
#include "common/attr.h"

struct sockfile_access;
struct sockfile_id;
struct tuning;

/* What a listening socket hands down to the sockets accepted from it (the
 * kernel copies these), and what a connecting one is given.  A time of 0
 * leaves the kernel's default. */
struct sock_options {
	bool nodelay;	/* TCP_NODELAY */
	bool keepalive; /* SO_KEEPALIVE */
	bool oobinline; /* SO_OOBINLINE: urgent bytes stay in line */
	bool freebind;	/* IP_FREEBIND: listen where this host is not yet */
	bool mptcp;	/* IPPROTO_MPTCP; TCP where the kernel has none */
	unsigned user_timeout_ms; /* TCP_USER_TIMEOUT */
	/* Bytes, as setsockopt(2) is given them; 0: the kernel's way. */
	unsigned sndbuf;	/* SO_SNDBUF */
	unsigned rcvbuf;	/* SO_RCVBUF */
	unsigned notsent_lowat; /* TCP_NOTSENT_LOWAT */
	/* Of a connecting socket of TCP: the address to connect from, NULL: the
	 * kernel's choice; whether it may be another machine's
	 * (IP_TRANSPARENT); and its ports (IP_LOCAL_PORT_RANGE, Linux 6.3),
	 * 0: ip_local_port_range. */
	const struct addr *source;
	bool transparent;
	uint16_t port_low, port_high;
	const struct tuning *tuning; /* more of them; NULL: none */
	/* of a listener of TCP: whose it is to be, so that this user may open
	 * more of its SO_REUSEPORT group later; NULL: ours */
	const uid_t *owner;
	/* of a unix listener: access of its file, and where to write which one
	 * it is; NULL: neither */
	const struct sockfile_access *access;
	struct sockfile_id *file;
};

/*
 * MPTCP (RFC 8684, Linux 5.6) lacks options that TCP has: on Linux 6.18
 * SO_OOBINLINE, TCP_USER_TIMEOUT, IPV6_TCLASS and SO_BUF_LOCK
 * (net/mptcp/sockopt.c).  What such a socket refuses is left out.
 */

/* Whether new sockets can have it: 0; -ENOPROTOOPT if net.mptcp.enabled is 0,
 * -EPROTONOSUPPORT if the kernel has none, or another -errno. */
must_check int sock_has_mptcp(void);

/* Whether the socket is of MPTCP.  A listener of MPTCP accepts a plain socket
 * of TCP from a client that does not speak it. */
bool sock_is_mptcp(int fd);

/* Gives a socket that a listener of MPTCP has accepted what the listener could
 * not hand down, if it is of TCP. */
void sock_set_plain(int fd, unsigned user_timeout_ms);

/* For a backlog: the socket of TCP is bound, and listen(2) is left to do. */
#define SOCK_BIND_ONLY (-1)

/*
 * Opens a listening stream socket on `addr`.  `shared` asks for SO_REUSEPORT,
 * one socket per worker.  With port 0 the kernel chooses, and `addr` gets the
 * port.  A stale unix socket file (nobody answers) is replaced; a live one is
 * -EADDRINUSE, and a file that is no socket -ENOTSOCK.  `shared` and the TCP
 * options mean nothing to a unix socket.  `options` may be NULL.  Returns the
 * descriptor or -errno.
 */
must_check int sock_listen(struct addr *addr, bool shared, int backlog,
    const struct sock_options *options);

/* In a SO_REUSEPORT group, the kernel prefers the socket whose CPU is the one
 * that receives the conn (SO_INCOMING_CPU, socket(7)); -1: none.  Returns 0 or
 * -errno. */
int sock_set_incoming_cpu(int fd, int cpu);

/* Gives a listening socket another backlog and other options, for the clients
 * that come from now on.  What is 0 is the kernel's way again; of a buffer's size
 * only where the kernel has SO_BUF_LOCK (5.15).  Returns 0 or -errno. */
must_check int sock_set_listener(int fd, bool tcp, int backlog,
    const struct sock_options *options);

/*
 * Whether sock_adopt() can take a socket that somebody else opened: a listening
 * stream socket of one of our families.  Writes its address to `addr`.  Returns
 * 0, or -errno (-ENOTSOCK, -EBADF, -EINVAL when it does not listen,
 * -EAFNOSUPPORT).
 */
must_check int sock_listens(int fd, struct addr *addr);

/* Makes such a socket as sock_listen() would have: non-blocking, with these
 * options and that backlog.  Returns 0 or -errno. */
must_check int sock_adopt(int fd, int backlog,
    const struct sock_options *options);

/*
 * Binds `addr` exclusively and releases it: this detects a listener of another
 * process, even another lb4 with SO_REUSEPORT.  With port 0, writes the free
 * port to `addr`.  Does nothing for unix addresses, which sock_listen() checks.
 * `options` may be NULL; only freebind is used.  Returns 0 or -errno.
 */
must_check int sock_probe_free(struct addr *addr,
    const struct sock_options *options);

/*
 * Starts to connect to `addr`.  Returns the descriptor, and sets *pending if
 * the outcome is still to come (EPOLLOUT), or -errno when it failed at once.
 * `options` may be NULL.
 */
must_check int sock_connect(const struct addr *addr,
    const struct sock_options *options, bool *pending);

/* Whether a socket can be bound to `source`, which has the port 0.  Returns 0
 * or -errno: -EADDRNOTAVAIL if this machine does not have the address, -EPERM
 * if `transparent` asks for one of another machine without the capability. */
must_check int sock_probe_source(const struct addr *source, bool transparent);

/*
 * Whether a connected socket is connected to itself.  The local port that the
 * kernel chose may be the very port to connect to, on this machine, where
 * nobody listens; TCP then treats it as a simultaneous open (RFC 9293, section
 * 3.5).  Nobody has answered.  Never true for a unix socket.
 */
bool sock_is_own_peer(int fd);

/* The socket's pending error as -errno, 0 when there is none.  Reading it
 * clears it. */
must_check int sock_error(int fd);

/* Makes close(2) send a reset instead of a FIN (SO_LINGER, 0 s). */
void sock_reset_on_close(int fd);

#endif
