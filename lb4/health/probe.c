/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What all ways of checking have in common: the connection's beginning and
 * end, and what an error means.
 */
#include "lb4/health/probe.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/sock.h"

#define DISCARD_MAX 65536 /* of a peer that does not stop talking */

static const struct probe_kind *const kinds[] = {
	[CHECK_NONE] = NULL,
	[CHECK_TCP] = &probe_tcp,
	[CHECK_HTTP] = &probe_http,
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == CHECK_KIND_COUNT,
    "a line for each way to check");

enum health_result
probe_result_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return HEALTH_REFUSED;
	case ECONNRESET:
		return HEALTH_RESET;
	case EPIPE:
		return HEALTH_CLOSED;
	case ETIMEDOUT:
		return HEALTH_NO_ANSWER;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case ENOSPC:	    /* epoll(7)'s limit */
	case EADDRNOTAVAIL: /* no port left */
	case EAGAIN:	    /* connect(2): no port left, too */
		return HEALTH_LOCAL;
	default:
		return HEALTH_UNREACHABLE;
	}
}

void
probe_close(struct probe *probe)
{
	if (probe->fd >= 0 && probe->phase != PROBE_IDLE)
		close(probe->fd);
	probe->fd = -1;
	probe->phase = PROBE_IDLE;
}

/* Reads on until the peer closes. */
static void
goodbye(struct probe *probe)
{
	char scratch[4096];
	ssize_t n;

	while (probe->discarded < DISCARD_MAX) {
		n = recv(probe->fd, scratch, sizeof(scratch), 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		probe->discarded += (size_t)n;
	}
	probe_close(probe);
}

void
probe_finish(struct probe *probe, enum health_result result, uint16_t detail)
{
	assert(probe_is_busy(probe));
	probe->result = result;
	probe->detail = detail;
	if (result != HEALTH_PASSED && result != HEALTH_STATUS) {
		probe_close(probe);
		return;
	}
	probe->phase = PROBE_GOODBYE;
	if (probe->kind->half_close)
		(void)shutdown(probe->fd, SHUT_WR);
	goodbye(probe);
}

void
probe_fail(struct probe *probe, int error)
{
	probe_finish(probe, probe_result_of(error), (uint16_t)error);
}

static void
on_connect(struct probe *probe)
{
	int error = sock_error(probe->fd);

	if (error == 0 && sock_is_own_peer(probe->fd)) {
		/* with a FIN the port would be in TIME_WAIT, and the backend
		 * that comes back could not have it */
		sock_reset_on_close(probe->fd);
		error = -ECONNREFUSED;
	}
	if (error < 0) {
		probe_fail(probe, -error);
		return;
	}
	probe->phase = PROBE_TALKING;
	probe->kind->talk(probe);
}

void
probe_knock(struct probe *probe, int epfd, uint64_t tag)
{
	bool pending;
	int fd = sock_connect(probe->addr, NULL, &pending), error;

	if (fd == -EAGAIN && addr_is_unix(probe->addr)) {
		probe->phase = PROBE_KNOCKING;
		return;
	}
	probe->phase = PROBE_CONNECTING;
	if (fd < 0) {
		probe_fail(probe, -fd);
		return;
	}
	probe->fd = fd;
	error = loop_add(epfd, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
	    tag);
	if (error < 0) {
		probe_finish(probe, HEALTH_LOCAL, (uint16_t)-error);
	} else if (!pending) {
		on_connect(probe);
	}
}

void
probe_start(struct probe *probe, const struct config_check *check,
    const struct addr *addr, int epfd, uint64_t tag)
{
	assert(probe->phase == PROBE_IDLE && kinds[check->kind] != NULL);
	*probe = (struct probe){
		.phase = PROBE_IDLE,
		.kind = kinds[check->kind],
		.check = check,
		.addr = addr,
		.fd = -1,
	};
	probe_knock(probe, epfd, tag);
}

void
probe_on_event(struct probe *probe, uint32_t events)
{
	switch (probe->phase) {
	case PROBE_IDLE:
	case PROBE_KNOCKING:
		break;
	case PROBE_CONNECTING:
		if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
			on_connect(probe);
		break;
	case PROBE_TALKING:
		probe->kind->talk(probe);
		break;
	case PROBE_GOODBYE:
		goodbye(probe);
		break;
	}
}

void
probe_on_timeout(struct probe *probe)
{
	if (probe_is_busy(probe))
		probe_finish(probe, HEALTH_NO_ANSWER, 0);
	else
		probe_close(probe);
}
