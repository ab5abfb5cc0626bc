/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checks by asking for a path in HTTP/1.1.  The status line is all that is
 * wanted in return: 200 to 399 is up.  The body, in chunks or not, is thrown
 * away with the goodbye.  Not half-closed: some servers take that for a client
 * that has gone, and answer nothing.
 */
#include <errno.h>
#include <sys/socket.h>

#include "lb4/health/http_request.h"
#include "lb4/health/probe.h"

/* Whether all of the request is out. */
static bool
send_request(struct probe *probe)
{
	char request[HTTP_REQUEST_MAX];
	size_t len = http_request_write(probe->check, probe->addr, request,
	    sizeof(request));
	ssize_t n;

	while (probe->sent < len) {
		n = send(probe->fd, request + probe->sent, len - probe->sent,
		    MSG_NOSIGNAL);
		if (n < 0) {
			if (errno != EAGAIN)
				probe_fail(probe, errno);
			return false;
		}
		probe->sent += (size_t)n;
	}
	return true;
}

static void
on_status(struct probe *probe, uint16_t code)
{
	bool passed = code >= 200 && code <= 399;

	probe_finish(probe, passed ? HEALTH_PASSED : HEALTH_STATUS, code);
}

static void
talk(struct probe *probe)
{
	char answer[512];
	ssize_t n;

	if (!send_request(probe))
		return;
	for (;;) {
		n = recv(probe->fd, answer, sizeof(answer), 0);
		if (n < 0) {
			if (errno != EAGAIN)
				probe_fail(probe, errno);
			return;
		}
		if (n == 0) {
			probe_finish(probe, HEALTH_CLOSED, 0);
			return;
		}
		switch (http_status_feed(&probe->status, answer, (size_t)n)) {
		case HTTP_STATUS_MORE:
			break;
		case HTTP_STATUS_DONE:
			on_status(probe, probe->status.code);
			return;
		case HTTP_STATUS_GARBLED:
			probe_finish(probe, HEALTH_GARBLED, 0);
			return;
		}
	}
}

const struct probe_kind probe_http = {
	.half_close = false,
	.talk = talk,
};
