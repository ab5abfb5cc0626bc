/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The channel to DNS: see resolver.h. */
#include "lb4/control/resolver.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"

#define EVENTS_MAX 16

#define RESOLV_CONF "/etc/resolv.conf"

/* One question waits so long for each try, and tries so often. */
#define TRY_MS 2000
#define TRIES 2

static void
on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
	const struct resolver *resolver = data;
	const uint32_t events = (readable ? EPOLLIN : 0U) |
	    (writable ? EPOLLOUT : 0U);
	const uint64_t tag = loop_tag(0, (uint32_t)fd, 0);

	if (events == 0)
		(void)loop_remove(resolver->epfd, fd);
	else if (loop_modify(resolver->epfd, fd, events, tag) < 0 &&
	    loop_add(resolver->epfd, fd, events, tag) < 0)
		log_debug("names: a socket is not watched, its answer is late");
}

static void
close_channel(struct resolver *resolver)
{
	if (resolver->open)
		ares_destroy(resolver->channel); /* ends all questions */
	resolver->open = false;
}

/* A channel reads resolv.conf(5) once: when that has changed at a change of the
 * configuration, such as a reload, another one is opened. */
static bool
is_outdated(const struct resolver *resolver, const struct addr *server)
{
	struct stat status;

	if (!addr_equal(&resolver->server, server))
		return true;
	return stat(RESOLV_CONF, &status) == 0 &&
	    (status.st_mtim.tv_sec != resolver->conf.tv_sec ||
		status.st_mtim.tv_nsec != resolver->conf.tv_nsec);
}

static void
note_conf(struct resolver *resolver)
{
	struct stat status;

	if (stat(RESOLV_CONF, &status) == 0)
		resolver->conf = status.st_mtim;
}

static int
open_channel(struct resolver *resolver, const struct addr *server)
{
	struct ares_options options = {
		.timeout = TRY_MS,
		.tries = TRIES,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = resolver,
	};
	char text[ADDR_TEXT_MAX];
	int status;

	close_channel(resolver);
	note_conf(resolver);
	status = ares_init_options(&resolver->channel, &options,
	    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (status == ARES_SUCCESS && server->len > 0) {
		status = ares_set_servers_ports_csv(resolver->channel,
		    addr_format(server, text, sizeof(text)));
		if (status != ARES_SUCCESS)
			ares_destroy(resolver->channel);
	}
	if (status != ARES_SUCCESS) {
		log_error("names cannot be resolved: %s",
		    ares_strerror(status));
		return -EIO;
	}
	resolver->open = true;
	resolver->server = *server;
	return 0;
}

int
resolver_init(struct resolver *resolver)
{
	memset(resolver, 0, sizeof(*resolver));
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return -ENOMEM;
	resolver->epfd = loop_open();
	return resolver->epfd < 0 ? resolver->epfd : 0;
}

void
resolver_done(struct resolver *resolver)
{
	close_channel(resolver);
	(void)close(resolver->epfd);
}

int
resolver_follow(struct resolver *resolver, const struct addr *server,
    bool changed)
{
	if (resolver->open && !(changed && is_outdated(resolver, server)))
		return 0;
	return open_channel(resolver, server);
}

void
resolver_ask(const struct resolver *resolver,
    const struct resolver_question *question, ares_callback on_reply,
    void *owner)
{
	if (question->absolute)
		ares_query(resolver->channel, question->name, ns_c_in,
		    question->type, on_reply, owner);
	else
		ares_search(resolver->channel, question->name, ns_c_in,
		    question->type, on_reply, owner);
}

void
resolver_serve(const struct resolver *resolver)
{
	struct epoll_event event[EVENTS_MAX];
	int count = loop_wait(resolver->epfd, event, EVENTS_MAX, 0);

	for (int i = 0; i < count; i++) {
		const int fd = (int)loop_tag_index(event[i].data.u64);
		const uint32_t events = event[i].events;

		ares_process_fd(resolver->channel,
		    (events & ~(uint32_t)EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD,
		    (events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
	}
	/* those that have waited for too long */
	ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

int
resolver_sleep_ms(const struct resolver *resolver)
{
	struct timeval room, *wait;

	wait = resolver->open ? ares_timeout(resolver->channel, NULL, &room)
			      : NULL;
	return wait == NULL
	    ? -1
	    : (int)(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1);
}
