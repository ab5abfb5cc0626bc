/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What all kinds of check have in common: the beginning and the end of the
 * connection, and the meaning of errors.
 */
#include "lb4/health/probe.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/sock.h"
#include "common/tuning.h"
#include "lb4/health/probe_kind.h"
#include "lb4/health/tls.h"
#include "lb4/process/programs.h"
#include "lb4/wire/proxy.h"

#define DISCARD_MAX 65536   /* bytes accepted after the result */
#define HEARD_MAX (1 << 20) /* bytes accepted without a result */

/* What an errno of connect(2), send(2) or recv(2) says about the backend;
 * HEALTH_LOCAL if this machine is at fault. */
static enum health_result
result_of(int error)
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
	case EAGAIN:	    /* connect(2): no port left, either */
		return HEALTH_LOCAL;
	default:
		return HEALTH_UNREACHABLE;
	}
}

void
probe_close(struct probe *probe)
{
	tls_free(probe->tls);
	probe->tls = NULL;
	if (probe->phase == PROBE_RUNNING && probe->number != 0)
		programs_kill(*probe->help.programs, probe->number);
	if (probe->fd >= 0 && probe->phase != PROBE_IDLE)
		close(probe->fd);
	probe->fd = -1;
	probe->phase = PROBE_IDLE;
}

/* Bytes to the peer, or from it: their number, or -errno. */
static ssize_t
send_some(struct probe *probe, const void *bytes, size_t len)
{
	ssize_t n;

	if (probe->tls != NULL)
		return tls_send(probe->tls, bytes, len);
	n = send(probe->fd, bytes, len, MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

static ssize_t
receive_some(struct probe *probe, void *bytes, size_t size)
{
	ssize_t n;

	if (probe->tls != NULL)
		return tls_recv(probe->tls, bytes, size);
	n = recv(probe->fd, bytes, size, 0);
	return n < 0 ? -errno : n;
}

/* Reads and discards until the peer closes; in TLS, what it has encrypted. */
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

/* Whether the result is an answer of the peer, which may send more. */
static bool
is_an_answer(enum health_result result)
{
	return result == HEALTH_PASSED || result == HEALTH_STATUS ||
	    result == HEALTH_ERROR || result == HEALTH_UNEXPECTED;
}

void
probe_finish(struct probe *probe, enum health_result result, uint16_t detail)
{
	probe_leave(probe, result, detail, NULL, 0);
}

void
probe_leave(struct probe *probe, enum health_result result, uint16_t detail,
    const void *bytes, size_t len)
{
	assert(probe_is_busy(probe));
	probe->result = result;
	probe->detail = detail;
	/* a program has ended, or else it is killed */
	if (probe->phase == PROBE_RUNNING || !is_an_answer(result)) {
		probe_close(probe);
		return;
	}
	probe->phase = PROBE_GOODBYE;
	/* best effort: if the socket buffer is full, the message is lost */
	if (len > 0)
		(void)send_some(probe, bytes, len);
	if (probe->kind->half_close) {
		if (probe->tls != NULL)
			tls_bye(probe->tls);
		(void)shutdown(probe->fd, SHUT_WR);
	}
	goodbye(probe);
}

void
probe_explain(struct probe *probe, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(probe->reason, sizeof(probe->reason), format, args);
	va_end(args);
}

static void
fail(struct probe *probe, int error)
{
	if (error == EPROTO && probe->tls != NULL)
		probe_finish(probe, HEALTH_TLS, tls_detail(probe->tls));
	else
		probe_finish(probe, result_of(error), (uint16_t)error);
}

void
probe_say(struct probe *probe, const void *bytes, size_t len)
{
	assert(probe->said == probe->say_len);
	probe->say = bytes;
	probe->say_len = len;
	probe->said = 0;
}

/* Whether all bytes have been sent. */
static bool
send_what_is_said(struct probe *probe)
{
	ssize_t n;

	while (probe->said < probe->say_len) {
		n = send_some(probe, probe->say + probe->said,
		    probe->say_len - probe->said);
		if (n < 0) {
			if (n != -EAGAIN)
				fail(probe, (int)-n);
			return false;
		}
		probe->said += (size_t)n;
	}
	return true;
}

/* No more bytes are expected, and those received give no result. */
static void
give_up(struct probe *probe, enum health_result result)
{
	uint16_t detail = 0;

	if (probe->heard > 0 && probe->kind->unfinished != NULL)
		result = probe->kind->unfinished(probe, result, &detail);
	probe_finish(probe, result, detail);
}

/* Sends and receives as far as possible. */
static void
talk(struct probe *probe)
{
	char bytes[4096];
	ssize_t n;

	while (probe_is_busy(probe) && send_what_is_said(probe)) {
		n = receive_some(probe, bytes, sizeof(bytes));
		if (n == -EAGAIN)
			return;
		if (n < 0) {
			fail(probe, (int)-n);
			return;
		}
		if (n == 0 || probe->heard > HEARD_MAX) {
			give_up(probe, n == 0 ? HEALTH_CLOSED : HEALTH_GARBLED);
			return;
		}
		probe->heard += (size_t)n;
		probe->kind->on_bytes(probe, bytes, (size_t)n);
	}
}

/* Sends the PROXY header, if checks do: it says that nobody is relayed. */
static int
send_header(const struct probe *probe)
{
	const struct proxy_say say = {
		.version = probe->check.proxy,
		.local = true,
	};
	unsigned char header[PROXY_WRITE_MAX];
	size_t len;
	ssize_t n;

	if (probe->check.proxy == SEND_PROXY_NO)
		return 0;
	len = proxy_write(&say, header);
	n = send(probe->fd, header, len, MSG_NOSIGNAL);
	if (n == -1)
		return -errno;
	/* these are the first bytes, and few: a buffer has room for them */
	return (size_t)n == len ? 0 : -ENOBUFS;
}

static void
begin_talk(struct probe *probe)
{
	probe->phase = PROBE_TALKING;
	probe->kind->on_connected(probe);
	talk(probe);
}

/* The handshake goes on. */
static void
shake(struct probe *probe)
{
	const int error = tls_shake(probe->tls);

	if (error == -EAGAIN)
		return;
	probe->certificate_s = tls_certificate_s(probe->tls);
	if (error < 0)
		fail(probe, -error);
	else
		begin_talk(probe);
}

/* Whom the certificate is for, and the server asked for: check-sni, or the name
 * in check-host. */
static const char *
tls_host(const struct config_check *check, char *buf, size_t size)
{
	const char *host = check->host;
	size_t len = strcspn(host, ":");

	if (check->tls.sni[0] != '\0')
		return check->tls.sni;
	if (host[0] == '[') {
		host++;
		len = strcspn(host, "]");
	}
	(void)snprintf(buf, size, "%.*s", (int)len, host);
	return buf;
}

static void
begin_tls(struct probe *probe)
{
	char host[CONFIG_HOST_MAX];

	probe->tls = tls_new(probe->tls_context, probe->fd,
	    tls_host(&probe->check, host, sizeof(host)));
	if (probe->tls == NULL) {
		probe_finish(probe, HEALTH_LOCAL, ENOMEM);
		return;
	}
	probe->phase = PROBE_SECURING;
	shake(probe);
}

static void
on_connect(struct probe *probe)
{
	int error = sock_error(probe->fd);

	if (error == 0 && sock_is_own_peer(probe->fd)) {
		/* after a FIN the port would be in TIME_WAIT, and a returning
		 * backend could not bind to it */
		sock_reset_on_close(probe->fd);
		error = -ECONNREFUSED;
	}
	if (error == 0)
		error = send_header(probe);
	if (error < 0) {
		fail(probe, -error);
		return;
	}
	if (probe->kind->tls)
		begin_tls(probe);
	else
		begin_talk(probe);
}

/* From the address that is set, or from the kernel's choice while this machine
 * does not have it. */
static int
open_connection(const struct probe *probe, bool *pending)
{
	const struct tuning tuning = { .mark = probe->check.mark };
	struct sock_options options = { .tuning = &tuning };
	struct addr source;
	int fd;

	endpoint_to_addr(&probe->check.source, &source);
	if (source.len != 0)
		options.source = &source;
	fd = sock_connect(&probe->addr, &options, pending);
	if (fd != -EADDRNOTAVAIL || options.source == NULL)
		return fd;
	options.source = NULL;
	return sock_connect(&probe->addr, &options, pending);
}

void
probe_knock(struct probe *probe, int epfd, uint64_t tag)
{
	bool pending;
	int fd = open_connection(probe, &pending), error;

	if (fd == -EAGAIN && addr_is_unix(&probe->addr)) {
		probe->phase = PROBE_KNOCKING;
		return;
	}
	probe->phase = PROBE_CONNECTING;
	probe->fd = fd;
	if (fd < 0) {
		fail(probe, -fd);
		return;
	}
	error = loop_add(epfd, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
	    tag);
	if (error < 0) {
		probe_finish(probe, HEALTH_LOCAL, (uint16_t)-error);
	} else if (!pending) {
		on_connect(probe);
	}
}

/* Takes what the connections share, which changes with the file of check-ca.
 * False if that has ended the check. */
static bool
take_context(struct probe *probe)
{
	struct tls_context *before = probe->tls_context;
	struct why why = { "" };

	probe->tls_context = tls_context_get(probe->help.tls_contexts,
	    &probe->check.tls, &why);
	tls_context_put(probe->help.tls_contexts, before);
	if (probe->tls_context != NULL)
		return true;
	probe_explain(probe, "check-ca: %s", why.text);
	probe->result = HEALTH_LOCAL;
	return false;
}

static void
start_program(struct probe *probe, uint64_t number)
{
	int error = -ENOTCONN;

	if (*probe->help.programs >= 0)
		error = probe->kind->run(probe, number);
	else
		probe_explain(probe, "no process runs programs");
	probe->number = number;
	if (error == 0) {
		probe->phase = PROBE_RUNNING;
	} else {
		probe->result = HEALTH_LOCAL;
		probe->detail = (uint16_t)-error;
	}
}

void
probe_on_program(struct probe *probe, const struct program_answer *answer)
{
	if (probe->phase == PROBE_RUNNING && probe->number == answer->number) {
		probe->number = 0;
		probe->kind->on_program(probe, answer);
		assert(!probe_is_busy(probe));
	}
}

void
probe_start(struct probe *probe, int epfd, uint64_t tag)
{
	assert(probe->phase == PROBE_IDLE && probe->kind != NULL);
	probe->fd = -1;
	probe->result = HEALTH_UNKNOWN;
	probe->detail = 0;
	probe->reason[0] = '\0';
	probe->say_len = 0;
	probe->said = 0;
	probe->heard = 0;
	probe->discarded = 0;
	probe->certificate_s = 0;
	if (probe->state != NULL)
		memset(probe->state, 0, probe->kind->state_size);
	if (probe->kind->run != NULL) {
		start_program(probe, tag);
		return;
	}
	if (probe->kind->tls && !take_context(probe))
		return;
	probe_knock(probe, epfd, tag);
}

void
probe_on_event(struct probe *probe, uint32_t events)
{
	switch (probe->phase) {
	case PROBE_IDLE:
	case PROBE_KNOCKING:
	case PROBE_RUNNING:
		break;
	case PROBE_CONNECTING:
		if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
			on_connect(probe);
		break;
	case PROBE_SECURING:
		shake(probe);
		break;
	case PROBE_TALKING:
		talk(probe);
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
		give_up(probe, HEALTH_NO_ANSWER);
	else
		probe_close(probe);
}

uint32_t
probe_word(const struct probe *probe, bool down)
{
	return health_of_check(health_pack(down, probe->result, probe->detail),
	    probe->check.kind);
}

const char *
probe_text(const struct probe *probe, char *buf, size_t size)
{
	return probe->reason[0] != '\0'
	    ? probe->reason
	    : health_text(probe_word(probe, false), buf, size);
}

const char *
probe_reason(const struct probe *probe, char *buf, size_t size)
{
	const unsigned timeout_ms = probe->check.timeout_ms;
	const char *name = health_result_name(probe->result);

	if (probe->result != HEALTH_NO_ANSWER || probe->detail != 0)
		return probe_text(probe, buf, size);
	if (timeout_ms % 1000 == 0)
		snprintf(buf, size, "%s in %us", name, timeout_ms / 1000);
	else
		snprintf(buf, size, "%s in %ums", name, timeout_ms);
	return buf;
}

static bool
tls_equal(const struct config_tls *a, const struct config_tls *b)
{
	return strcmp(a->sni, b->sni) == 0 && strcmp(a->alpn, b->alpn) == 0 &&
	    strcmp(a->ca, b->ca) == 0 && a->verify == b->verify &&
	    a->expiry_warn_ms == b->expiry_warn_ms;
}

static bool
check_equal(const struct config_check *a, const struct config_check *b)
{
	return a->kind == b->kind && strcmp(a->args, b->args) == 0 &&
	    strcmp(a->host, b->host) == 0 &&
	    strcmp(a->headers, b->headers) == 0 &&
	    memcmp(&a->statuses, &b->statuses, sizeof(a->statuses)) == 0 &&
	    memcmp(&a->body, &b->body, sizeof(a->body)) == 0 &&
	    tls_equal(&a->tls, &b->tls) && a->inter_ms == b->inter_ms &&
	    a->fastinter_ms == b->fastinter_ms &&
	    a->downinter_ms == b->downinter_ms &&
	    a->timeout_ms == b->timeout_ms && a->rise == b->rise &&
	    a->fall == b->fall && a->damping == b->damping &&
	    a->proxy == b->proxy &&
	    memcmp(&a->source, &b->source, sizeof(a->source)) == 0 &&
	    a->mark == b->mark;
}

bool
probe_is_for(const struct probe *probe, const struct config_check *check,
    const struct addr *addr)
{
	return check_equal(&probe->check, check) &&
	    addr_equal(&probe->addr, addr);
}

int
probe_set(struct probe *probe, const struct config_check *check,
    const struct addr *addr)
{
	const struct probe_kind *kind = probe_kind(check->kind);
	void *own;
	struct why why;
	int error = kind->way.parse(check, &own, &why);

	assert(error == 0 || error == -ENOMEM);
	return error == 0 ? probe_set_kind(probe, kind, own, check, addr)
			  : error;
}

int
probe_set_kind(struct probe *probe, const struct probe_kind *kind, void *own,
    const struct config_check *check, const struct addr *addr)
{
	void *state = NULL;

	if (kind->state_size > 0) {
		state = malloc(kind->state_size);
		if (state == NULL) {
			free(own);
			return -ENOMEM;
		}
	}
	probe_done(probe);
	*probe = (struct probe){
		.kind = kind,
		.help = probe->help,
		.check = *check,
		.addr = *addr,
		.own = own,
		.state = state,
		.fd = -1,
	};
	return 0;
}

void
probe_done(struct probe *probe)
{
	if (probe->kind == NULL)
		return;
	probe_close(probe);
	if (probe->tls_context != NULL)
		tls_context_put(probe->help.tls_contexts, probe->tls_context);
	probe->tls_context = NULL;
	free(probe->own);
	free(probe->state);
	probe->own = NULL;
	probe->state = NULL;
	probe->kind = NULL;
}
