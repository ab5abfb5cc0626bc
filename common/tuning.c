/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* More options of TCP sockets: see tuning.h.  Called by sock.c. */
#include "common/tuning.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
tuning_refused(int fd, int error)
{
	int protocol = 0;
	socklen_t len = sizeof(protocol);

	if ((error == EOPNOTSUPP || error == ENOPROTOOPT) &&
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 &&
	    protocol == IPPROTO_MPTCP)
		return 0;
	return -error;
}

static int
set_number(int fd, int level, int name, unsigned value)
{
	const int number = (int)value;

	if (setsockopt(fd, level, name, &number, sizeof(number)) == 0)
		return 0;
	return tuning_refused(fd, errno);
}

static int
set_text(int fd, int level, int name, const char *text)
{
	if (setsockopt(fd, level, name, text, (socklen_t)strlen(text)) == 0)
		return 0;
	return tuning_refused(fd, errno);
}

static unsigned
seconds(unsigned ms)
{
	return (ms + 999) / 1000;
}

static int
family_of(int fd)
{
	int family = AF_UNSPEC;
	socklen_t len = sizeof(family);

	(void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len);
	return family;
}

/* A socket of IPv6 may have clients of IPv4. */
static int
set_tos(int fd, unsigned tos)
{
	int error = set_number(fd, IPPROTO_IP, IP_TOS, tos);

	if (error == 0 && family_of(fd) == AF_INET6)
		error = set_number(fd, IPPROTO_IPV6, IPV6_TCLASS, tos);
	return error;
}

static int
set_keepalive(int fd, const struct tuning *tuning)
{
	int error = 0;

	if (tuning->keepalive_idle_ms > 0)
		error = set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE,
		    seconds(tuning->keepalive_idle_ms));
	if (error == 0 && tuning->keepalive_interval_ms > 0)
		error = set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL,
		    seconds(tuning->keepalive_interval_ms));
	if (error == 0 && tuning->keepalive_count > 0)
		error = set_number(fd, IPPROTO_TCP, TCP_KEEPCNT,
		    tuning->keepalive_count);
	return error;
}

int
tuning_bind(int fd, const struct tuning *tuning)
{
	return tuning->device[0] != '\0'
	    ? set_text(fd, SOL_SOCKET, SO_BINDTODEVICE, tuning->device)
	    : 0;
}

int
tuning_set(int fd, bool listens, const struct tuning *tuning)
{
	int error = set_keepalive(fd, tuning);

	if (error == 0 && tuning->tos > 0)
		error = set_tos(fd, tuning->tos);
	if (error == 0 && tuning->congestion[0] != '\0')
		error = set_text(fd, IPPROTO_TCP, TCP_CONGESTION,
		    tuning->congestion);
	if (error == 0 && !listens && tuning->mark != 0)
		error = set_number(fd, SOL_SOCKET, SO_MARK, tuning->mark);
	if (error == 0 && listens && tuning->fastopen > 0)
		error = set_number(fd, IPPROTO_TCP, TCP_FASTOPEN,
		    tuning->fastopen);
	if (error == 0 && listens && tuning->defer_accept_ms > 0)
		error = set_number(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT,
		    seconds(tuning->defer_accept_ms));
	return error;
}

/* Copies an option of a new socket. */
static int
copy_option(int fd, int fresh, int name)
{
	char value[TUNING_CONGESTION_MAX];
	socklen_t len = sizeof(value);

	if (getsockopt(fresh, IPPROTO_TCP, name, value, &len) < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_TCP, name, value, len) < 0)
		return tuning_refused(fd, errno);
	return 0;
}

/* Gives a listener the defaults of a new socket. */
static int
reset(int fd)
{
	static const int names[] = { TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT,
		TCP_CONGESTION };
	const int fresh = socket(family_of(fd), SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = fresh < 0 ? -errno : 0;

	for (size_t i = 0; error == 0 && i < sizeof(names) / sizeof(names[0]);
	     i++)
		error = copy_option(fd, fresh, names[i]);
	if (fresh >= 0)
		(void)close(fresh);
	if (error == 0)
		error = set_tos(fd, 0);
	if (error == 0)
		error = set_number(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 0);
	return error;
}

/* Whether the socket has TCP_FASTOPEN; a kernel without it has not. */
static bool
has_fastopen(int fd)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &value, &len) == 0 &&
	    value != 0;
}

int
tuning_change(int fd, const struct tuning *tuning)
{
	int error = reset(fd);

	if (error == 0 && tuning->fastopen == 0 && has_fastopen(fd))
		error = set_number(fd, IPPROTO_TCP, TCP_FASTOPEN, 0);
	return error == 0 ? tuning_set(fd, true, tuning) : error;
}

int
tuning_has_congestion(const char *name)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = fd < 0 ? -errno : 0;

	if (error == 0)
		error = set_text(fd, IPPROTO_TCP, TCP_CONGESTION, name);
	if (fd >= 0)
		(void)close(fd);
	return error;
}
