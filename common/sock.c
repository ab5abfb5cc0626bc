/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Sockets with the options that listeners, conns, probes and the control socket
 * want, each set in one place.
 */
#include "common/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "common/sockfile.h"
#include "common/tuning.h"

/* IP_LOCAL_PORT_RANGE of Linux 6.3, which older headers do not have. */
#define LOCAL_PORT_RANGE 51

static int
sock_open_of(int family, int protocol)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    protocol);

	return fd < 0 ? -errno : fd;
}

static int
sock_open(int family)
{
	return sock_open_of(family, 0);
}

/* Where MPTCP is not to be had or not allowed, TCP will do. */
static int
sock_open_tcp(int family, const struct sock_options *options)
{
	const bool mptcp = options != NULL && options->mptcp &&
	    family != AF_UNIX;
	int fd = mptcp ? sock_open_of(family, IPPROTO_MPTCP) : -EPROTONOSUPPORT;

	return fd >= 0 ? fd : sock_open(family);
}

int
sock_has_mptcp(void)
{
	int fd = sock_open_of(AF_INET, IPPROTO_MPTCP);

	if (fd == -EAFNOSUPPORT)
		fd = sock_open_of(AF_INET6, IPPROTO_MPTCP);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

bool
sock_is_mptcp(int fd)
{
	int protocol = 0;
	socklen_t len = sizeof(protocol);

	return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 &&
	    protocol == IPPROTO_MPTCP;
}

void
sock_set_plain(int fd, unsigned user_timeout_ms)
{
	const int on = 1, timeout_ms = (int)user_timeout_ms;

	(void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	if (timeout_ms > 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms,
		    sizeof(timeout_ms));
}

static int
set_option(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) == 0)
		return 0;
	return tuning_refused(fd, errno);
}

/* Before connect(2) and listen(2): they decide the window's scale. */
static int
set_buffers(int fd, const struct sock_options *options)
{
	int error = 0;

	if (options->sndbuf > 0)
		error = set_option(fd, SOL_SOCKET, SO_SNDBUF,
		    (int)options->sndbuf);
	if (error == 0 && options->rcvbuf > 0)
		error = set_option(fd, SOL_SOCKET, SO_RCVBUF,
		    (int)options->rcvbuf);
	if (error == 0 && options->notsent_lowat > 0)
		error = set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT,
		    (int)options->notsent_lowat);
	return error;
}

static int
set_options(int fd, bool tcp, bool listens, const struct sock_options *options)
{
	int error = 0;

	if (options == NULL)
		return 0;
	if (options->oobinline)
		error = set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	if (!tcp)
		return error;
	if (error == 0 && options->nodelay)
		error = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (error == 0 && options->keepalive)
		error = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (error == 0 && options->user_timeout_ms > 0)
		error = set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
		    (int)options->user_timeout_ms);
	if (error == 0)
		error = set_buffers(fd, options);
	if (error == 0 && options->tuning != NULL)
		error = tuning_set(fd, listens, options->tuning);
	return error;
}

/* What bind(2) is given: the address, or where the kernel has no IPv6 at all
 * (EAFNOSUPPORT), the IPv4 wildcard for the wildcard of both families. */
static int
sock_open_for(const struct addr *addr, const struct sock_options *options,
    struct addr *bound)
{
	int fd = sock_open_tcp(addr->sa.sa_family, options);

	*bound = *addr;
	if (fd == -EAFNOSUPPORT && addr->dual) {
		*bound = (struct addr){
			.len = sizeof(bound->in),
			.in = { .sin_family = AF_INET,
			    .sin_port = addr->in6.sin6_port },
		};
		fd = sock_open_tcp(AF_INET, options);
	}
	return fd;
}

/* SO_REUSEADDR: connections of a former process in TIME_WAIT do not keep the
 * port; a listener of another process still does.  IPV6_V6ONLY: so that "[::]"
 * and "0.0.0.0" may have the same port.  Writes the port to `addr`. */
static int
bind_tcp(int fd, struct addr *addr, const struct addr *bound, bool shared,
    const struct sock_options *options)
{
	struct addr got = *bound;
	bool only = addr_is_wildcard(bound) && !bound->dual;
	int error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (error == 0 && shared)
		error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (error == 0 && bound->sa.sa_family == AF_INET6)
		error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, only);
	/* the level of IPv4 has this one for IPv6, too */
	if (error == 0 && options != NULL && options->freebind)
		error = set_option(fd, IPPROTO_IP, IP_FREEBIND, 1);
	if (error == 0 && options != NULL && options->tuning != NULL)
		error = tuning_bind(fd, options->tuning);
	if (error < 0)
		return error;
	/* The kernel compares the owners of sockets, not those of processes.  A
	 * filter may refuse it: then the group is closed to that user. */
	if (shared && options != NULL && options->owner != NULL &&
	    fchown(fd, *options->owner, (gid_t)-1) < 0 && errno != EPERM &&
	    errno != ENOSYS)
		return -errno;
	if (bind(fd, &bound->sa, bound->len) < 0)
		return -errno;
	if (addr_port(addr) != 0)
		return 0;
	if (getsockname(fd, &got.sa, &got.len) < 0)
		return -errno;
	addr_set_port(addr, addr_port(&got));
	return 0;
}

int
sock_listen(struct addr *addr, bool shared, int backlog,
    const struct sock_options *options)
{
	struct sockfile_id id, *file = &id;
	struct addr bound;
	int fd, error;

	if (addr_is_unix(addr)) {
		if (options != NULL && options->file != NULL)
			file = options->file;
		fd = sockfile_listen(addr, backlog,
		    options != NULL ? options->access : NULL, file);
		error = fd < 0 ? fd : set_options(fd, false, true, options);
		if (fd >= 0 && error < 0)
			sockfile_unlink(addr, file);
	} else {
		fd = sock_open_for(addr, options, &bound);
		if (fd < 0)
			return fd;
		error = bind_tcp(fd, addr, &bound, shared, options);
		if (error == 0)
			error = set_options(fd, true, true, options);
		if (error == 0 && backlog != SOCK_BIND_ONLY &&
		    listen(fd, backlog) < 0)
			error = -errno;
	}
	if (error == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return error;
}

static int
get_option(int fd, int level, int name, int *value)
{
	socklen_t len = sizeof(*value);

	return getsockopt(fd, level, name, value, &len) < 0 ? -errno : 0;
}

int
sock_listens(int fd, struct addr *addr)
{
	int listens = 0, type = 0, only = 1;
	int error = get_option(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens);

	memset(addr, 0, sizeof(*addr));
	if (error == 0)
		error = get_option(fd, SOL_SOCKET, SO_TYPE, &type);
	if (error < 0)
		return error;
	if (!listens || type != SOCK_STREAM)
		return -EINVAL;
	addr->len = sizeof(addr->un);
	if (getsockname(fd, &addr->sa, &addr->len) < 0)
		return -errno;
	switch (addr->sa.sa_family) {
	case AF_INET:
	case AF_UNIX:
		return 0;
	case AF_INET6:
		error = get_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only);
		addr->dual = only == 0 && addr_is_wildcard(addr);
		return error;
	default:
		return -EAFNOSUPPORT;
	}
}

int
sock_adopt(int fd, int backlog, const struct sock_options *options)
{
	const int flags = fcntl(fd, F_GETFL);
	struct addr addr;
	int error = sock_listens(fd, &addr);

	if (error < 0)
		return error;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	error = set_options(fd, !addr_is_unix(&addr), true, options);
	if (error == 0 && listen(fd, backlog) < 0)
		error = -errno;
	return error;
}

/* Gives a buffer whose size was set the one that new sockets have, and leaves
 * it to the kernel again: SO_SNDBUF or SO_RCVBUF, with its bit of
 * SO_BUF_LOCK. */
static int
unset_buffer(int fd, int name, int bit)
{
	int fresh, lock = 0, size = 0, error = 0;

	if (get_option(fd, SOL_SOCKET, SO_BUF_LOCK, &lock) != 0 ||
	    (lock & bit) == 0)
		return 0; /* it is, or cannot be */
	fresh = sock_open(AF_INET);
	if (fresh < 0)
		fresh = sock_open(AF_INET6);
	if (fresh < 0)
		return fresh;
	error = get_option(fresh, SOL_SOCKET, name, &size);
	close(fresh);
	/* the kernel tells twice of what it is given */
	if (error == 0)
		error = set_option(fd, SOL_SOCKET, name, size / 2);
	if (error == 0)
		error = set_option(fd, SOL_SOCKET, SO_BUF_LOCK, lock & ~bit);
	return error;
}

static int
set_listener_buffers(int fd, const struct sock_options *options)
{
	int error = 0;

	if (options->sndbuf == 0)
		error = unset_buffer(fd, SO_SNDBUF, SOCK_SNDBUF_LOCK);
	if (error == 0 && options->rcvbuf == 0)
		error = unset_buffer(fd, SO_RCVBUF, SOCK_RCVBUF_LOCK);
	if (error == 0 && options->notsent_lowat == 0)
		error = set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0);
	return error != 0 ? error : set_buffers(fd, options);
}

int
sock_set_listener(int fd, bool tcp, int backlog,
    const struct sock_options *options)
{
	int error = set_option(fd, SOL_SOCKET, SO_OOBINLINE,
	    options->oobinline);

	if (error == 0 && tcp)
		error = set_option(fd, IPPROTO_TCP, TCP_NODELAY,
		    options->nodelay);
	if (error == 0 && tcp)
		error = set_option(fd, SOL_SOCKET, SO_KEEPALIVE,
		    options->keepalive);
	if (error == 0 && tcp)
		error = set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
		    (int)options->user_timeout_ms);
	if (error == 0 && tcp)
		error = set_listener_buffers(fd, options);
	if (error == 0 && tcp && options->tuning != NULL)
		error = tuning_change(fd, options->tuning);
	if (error == 0 && listen(fd, backlog) < 0)
		error = -errno;
	return error;
}

int
sock_set_incoming_cpu(int fd, int cpu)
{
	return set_option(fd, SOL_SOCKET, SO_INCOMING_CPU, cpu);
}

int
sock_probe_free(struct addr *addr, const struct sock_options *options)
{
	struct addr bound;
	int fd;
	int error;

	if (addr_is_unix(addr))
		return 0;
	fd = sock_open_for(addr, NULL, &bound);
	if (fd < 0)
		return fd;
	error = bind_tcp(fd, addr, &bound, false, options);
	close(fd);
	return error;
}

/* The port is chosen by connect(2), which knows the destination: it may be in
 * use for another one (IP_BIND_ADDRESS_NO_PORT, Linux 4.2).  The level of IPv4
 * has these options for IPv6, too, except IPV6_TRANSPARENT. */
static int
bind_source(int fd, const struct sock_options *options)
{
	const struct addr *source = options->source;
	int error = 0;

	if (options->port_high != 0)
		error = set_option(fd, IPPROTO_IP, LOCAL_PORT_RANGE,
		    (int)((uint32_t)options->port_high << 16 |
			options->port_low));
	if (error != 0 || source == NULL)
		return error;
	error = set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (error == 0 && options->transparent)
		error = source->sa.sa_family == AF_INET
		    ? set_option(fd, IPPROTO_IP, IP_TRANSPARENT, 1)
		    : set_option(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1);
	if (error == 0 && bind(fd, &source->sa, source->len) < 0)
		error = -errno;
	return error;
}

int
sock_probe_source(const struct addr *source, bool transparent)
{
	const struct sock_options options = {
		.source = source,
		.transparent = transparent,
	};
	int fd = sock_open(source->sa.sa_family), error;

	if (fd < 0)
		return fd;
	error = bind_source(fd, &options);
	close(fd);
	return error;
}

int
sock_connect(const struct addr *addr, const struct sock_options *options,
    bool *pending)
{
	int fd = sock_open_tcp(addr->sa.sa_family, options);
	int error;

	*pending = false;
	if (fd < 0)
		return fd;
	error = set_options(fd, !addr_is_unix(addr), false, options);
	if (error == 0 && options != NULL && !addr_is_unix(addr))
		error = bind_source(fd, options);
	if (error == 0 && connect(fd, &addr->sa, addr->len) < 0) {
		if (errno == EINPROGRESS)
			*pending = true;
		else
			error = -errno;
	}
	if (error < 0) {
		close(fd);
		return error;
	}
	return fd;
}

bool
sock_is_own_peer(int fd)
{
	struct sockaddr_storage mine = { .ss_family = AF_UNSPEC };
	struct sockaddr_storage theirs = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(mine), their_len = sizeof(theirs);

	return getsockname(fd, (struct sockaddr *)&mine, &len) == 0 &&
	    getpeername(fd, (struct sockaddr *)&theirs, &their_len) == 0 &&
	    mine.ss_family != AF_UNIX && len == their_len &&
	    memcmp(&mine, &theirs, len) == 0;
}

int
sock_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

void
sock_reset_on_close(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}
