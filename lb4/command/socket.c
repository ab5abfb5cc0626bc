/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The control socket: see socket.h. */
#include "lb4/command/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/acceptor.h"
#include "common/addr.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mailbox.h"
#include "common/sock.h"
#include "common/sockfile.h"
#include "common/timer.h"
#include "common/why.h"
#include "lb4/command/admit.h"
#include "lb4/command/answer.h"
#include "lb4/command/callers.h"
#include "lb4/command/groups.h"
#include "lb4/command/news.h"
#include "lb4/command/turn.h"
#include "lb4/config/config.h"
#include "lb4/control/events.h"
#include "lb4/control/node.h"
#include "lb4/control/readiness.h"
#include "lb4/control/source.h"
#include "lb4/handover/receive.h"
#include "lb4/table/table.h"

#define BACKLOG 128
#define ACCEPTS_MAX 16 /* of one turn */

#define TICK_MS 1000   /* updates rates, runs waiting jobs */
#define RATES_MAX 4096 /* backends whose rates are updated in one turn */
#define RETRY_MS 5     /* when a worker's mailbox was full */

enum { TAG_LISTENER, TAG_SWEEPS, TAG_NEWS, TAG_BACK, TAG_CALLER };

struct control_socket {
	int epfd;
	int listenfd;
	struct addr addr; /* where it listens; its file, and who may connect */
	struct sockfile_id file;
	struct sockfile_access access;
	bool look; /* check in the next turn whether the file is still ours */
	struct acceptor acceptor;
	struct groups groups;

	struct news news;
	struct mailbox back; /* struct lent, from the readiness thread */
	struct readiness *readiness;
	uint64_t tick_ms; /* when the next one is due */
	size_t rates_at;  /* the next backend whose rates are looked at */

	struct callers callers;
};

/* ---- opening ------------------------------------------------------------- */

/* Opens the listener.  Its file gets owner, group and mode before anybody can
 * connect. */
static int
listen_there(struct control_socket *socket, struct sockfile_id *file)
{
	const struct sock_options options = {
		.access = &socket->access,
		.file = file,
	};

	return sock_listen(&socket->addr, false, BACKLOG, &options);
}

static int
listen_on(struct control_socket *socket, const struct config *config,
    struct receive *receive, struct why *why)
{
	char text[sizeof("unix:") + CONFIG_PATH_MAX];
	const char *reason;
	int error;

	(void)snprintf(text, sizeof(text), "unix:%s", config->control);
	if (addr_parse(&socket->addr, text, ADDR_PORT_OPTIONAL, &reason) < 0)
		return why_set(why, "%s: %s", config->control, reason);
	error = sockfile_access_find(&socket->access, config->control_owner,
	    config->control_group, config->control_mode, why);
	if (error < 0)
		return error;
	socket->listenfd = receive_file(receive, "control", config->control,
	    &socket->file);
	if (socket->listenfd < 0)
		socket->listenfd = listen_there(socket, &socket->file);
	if (socket->listenfd >= 0)
		return 0;
	return why_fail(why, socket->listenfd, "cannot listen on %s: %s",
	    config->control, strerror(-socket->listenfd));
}

static int
watch_all(struct control_socket *socket)
{
	int error = news_init(&socket->news);

	if (error == 0)
		error = mailbox_init(&socket->back, CALLERS_MAX,
		    sizeof(struct lent));
	if (error < 0)
		return error;
	socket->callers.bell = socket->news.backends.fd;
	socket->epfd = loop_open();
	if (socket->epfd < 0)
		return socket->epfd;
	error = acceptor_open(&socket->acceptor, socket->epfd, socket->listenfd,
	    loop_tag(TAG_LISTENER, 0, 0));
	if (error == 0)
		error = loop_add(socket->epfd, socket->callers.sweeps.fd,
		    EPOLLIN, loop_tag(TAG_SWEEPS, 0, 0));
	if (error == 0)
		error = loop_add(socket->epfd, socket->news.backends.fd,
		    EPOLLIN, loop_tag(TAG_NEWS, 0, 0));
	if (error == 0)
		error = loop_add(socket->epfd, socket->back.fd, EPOLLIN,
		    loop_tag(TAG_BACK, 0, 0));
	return error;
}

static struct control_socket *
socket_new(void)
{
	struct control_socket *socket;
	int error;

	socket = aligned_alloc(_Alignof(struct control_socket),
	    sizeof(*socket));
	if (socket == NULL)
		return NULL;
	memset(socket, 0, sizeof(*socket));
	socket->epfd = -1;
	socket->listenfd = -1;
	socket->acceptor = ACCEPTOR_NONE;
	socket->news.backends.fd = -1;
	socket->back.fd = -1;
	error = callers_init(&socket->callers);
	if (error == 0)
		return socket;
	control_socket_free(socket);
	errno = -error;
	return NULL;
}

int
control_socket_open(struct control_socket **out, const struct config *config,
    struct receive *receive, struct why *why)
{
	struct control_socket *socket;
	struct why reason = { "" };
	int error;

	*out = NULL;
	if (config->control[0] == '\0')
		return 0;
	socket = socket_new();
	if (socket == NULL) {
		error = -errno;
		return why_fail(why, error, "control: %s", strerror(-error));
	}
	error = groups_find(&socket->groups, config, &reason);
	if (error == 0)
		error = listen_on(socket, config, receive, &reason);
	if (error == 0) {
		error = watch_all(socket);
		if (error < 0)
			(void)why_fail(&reason, error, "%s", strerror(-error));
	}
	if (error < 0) {
		control_socket_free(socket);
		return why_fail(why, error, "control: %s", reason.text);
	}
	*out = socket;
	return 0;
}

int
control_socket_fd(const struct control_socket *socket, struct sockfile_id *file)
{
	*file = socket->file;
	return socket->listenfd;
}

void
control_socket_leave(struct control_socket *socket)
{
	if (socket == NULL)
		return;
	(void)loop_remove(socket->epfd, socket->listenfd);
	acceptor_done(&socket->acceptor);
	socket->acceptor = ACCEPTOR_NONE;
	socket->file = (struct sockfile_id){ 0 };
}

void
control_socket_free(struct control_socket *socket)
{
	if (socket == NULL)
		return;
	callers_done(&socket->callers);
	news_done(&socket->news);
	mailbox_done(&socket->back);
	acceptor_done(&socket->acceptor);
	if (socket->listenfd >= 0)
		(void)close(socket->listenfd);
	sockfile_unlink(&socket->addr, &socket->file);
	if (socket->epfd >= 0)
		(void)close(socket->epfd);
	free(socket);
}

void
control_socket_stop(struct control_socket *socket)
{
	if (socket == NULL)
		return;
	readiness_free(socket->readiness);
	socket->readiness = NULL;
}

unsigned
control_socket_callers(const struct control_socket *socket)
{
	return callers_count(&socket->callers);
}

/* ---- taking callers ------------------------------------------------------ */

/* Tells a newcomer why there is no place, and closes. */
static void
turn_away(struct control_socket *socket, int fd, const char *why)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "error: busy: %s\n\n", why);

	(void)send(fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
	acceptor_close(&socket->acceptor, fd);
}

/* Closes a caller whose place another one needs. */
static void
make_room(struct caller *caller, uint64_t now_ms)
{
	const bool idle = caller->job.step == NULL && !caller->monitors;

	callers_log(caller, LOG_LEVEL_INFO, "makes room for another");
	if (caller->state == CALLER_OPEN) {
		answer_error(caller, "busy", "too many callers, and %s",
		    idle ? "you have been idle longest"
			 : "another one needs your place");
		caller_flush(caller, now_ms);
	}
	caller_close(caller);
}

/* Refuses a caller without a level. */
static void
refuse(struct caller *caller, uint64_t now_ms)
{
	callers_log(caller, LOG_LEVEL_WARNING, "is turned away");
	answer_error(caller, "denied",
	    "you are in none of the groups that may use lb4");
	caller_end(caller, now_ms);
}

static void
take_caller(struct control_socket *socket, int fd, uint64_t now_ms)
{
	struct newcomer who;
	struct caller *caller;
	uint32_t index, generation;
	const char *why;
	pid_t pid;

	groups_recognise(&socket->groups, fd, &who, &pid);
	caller = admit_place(socket->callers.caller, CALLERS_MAX, &who, now_ms,
	    &why);
	if (caller == NULL) {
		turn_away(socket, fd, why);
		return;
	}
	if (caller->fd >= 0)
		make_room(caller, now_ms);
	index = caller->index;
	generation = caller->generation;
	*caller = (struct caller){
		.handle = &socket->callers.handle,
		.callers = &socket->callers,
		.fd = fd,
		.acceptor = &socket->acceptor,
		.index = index,
		.generation = generation,
		.state = CALLER_OPEN,
		.level = who.level,
		.pid = pid,
		.uid = who.uid,
		.own = who.own,
		.seen_ms = now_ms,
		.watched = EPOLLIN,
		.writable = true,
	};
	if (loop_add(socket->epfd, fd, EPOLLIN,
		loop_tag(TAG_CALLER, index, generation)) < 0)
		caller_close(caller);
	else if (who.level == LEVEL_NONE)
		refuse(caller, now_ms);
}

static void
take_callers(struct control_socket *socket, uint64_t now_ms)
{
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = acceptor_take(&socket->acceptor, now_ms);

		if (fd == -EAGAIN)
			return;
		if (fd < 0) {
			if (callers_may_log(&socket->callers, LOG_LEVEL_WARNING,
				now_ms))
				log_warning("control socket: cannot accept "
					    "now: %s",
				    strerror(-fd));
			return;
		}
		take_caller(socket, fd, now_ms);
	}
}

/* Listens again if the file is gone or was replaced.  Accepts the callers in
 * the old queue first. */
static void
look_at_file(struct control_socket *socket, uint64_t now_ms)
{
	const char *path = socket->addr.un.sun_path;
	struct acceptor acceptor = ACCEPTOR_NONE;
	struct sockfile_id file;
	int fd, error;

	socket->look = false;
	if (socket->acceptor.fd < 0 ||
	    sockfile_is_there(&socket->addr, &socket->file))
		return;
	fd = listen_there(socket, &file);
	error = fd < 0 ? fd
		       : acceptor_open(&acceptor, socket->epfd, fd,
			     loop_tag(TAG_LISTENER, 0, 0));
	if (error < 0) {
		log_error(
		    "control: %s was removed or replaced, and cannot be created again: %s",
		    path, strerror(-error));
		if (fd >= 0) {
			sockfile_unlink(&socket->addr, &file);
			(void)close(fd);
		}
		return;
	}
	for (int i = 0; i <= BACKLOG / ACCEPTS_MAX; i++)
		take_callers(socket, now_ms);
	acceptor_done(&socket->acceptor);
	(void)close(socket->listenfd);
	socket->acceptor = acceptor;
	socket->listenfd = fd;
	socket->file = file;
	log_notice("control: %s was removed or replaced: listening there again",
	    path);
}

/* ---- running ------------------------------------------------------------- */

/* Updates the events that epoll watches for the caller. */
static void
watch_caller(struct control_socket *socket, struct caller *caller)
{
	bool reads = caller->state == CALLER_ENDING
	    ? caller_pending(caller) == 0
	    : !caller->eof && caller->in_len < sizeof(caller->in);
	uint32_t events = (reads ? EPOLLIN : 0) |
	    (caller_pending(caller) > 0 ? EPOLLOUT : 0);

	if (events == caller->watched)
		return;
	caller->watched = events;
	if (loop_modify(socket->epfd, caller->fd, events,
		loop_tag(TAG_CALLER, caller->index, caller->generation)) < 0)
		caller->state = CALLER_GONE;
}

/* Whether the readiness thread can serve the caller. */
static bool
is_to_be_lent(const struct caller *caller)
{
	return caller->asks_node && caller->state == CALLER_OPEN &&
	    !caller->eof && caller->job.step == NULL && caller->in_len == 0 &&
	    caller_pending(caller) == 0;
}

static void
lend(struct control_socket *socket, struct caller *caller)
{
	const struct lent lent = { caller->fd, caller->index,
		caller->generation };

	caller->asks_node = false;
	caller->lent = loop_remove(socket->epfd, caller->fd) == 0;
	if (caller->lent)
		readiness_lend(socket->readiness, &lent);
}

static void
take_back(struct control_socket *socket, uint64_t now_ms)
{
	struct lent lent;

	mailbox_open(&socket->back);
	while (mailbox_take(&socket->back, &lent)) {
		struct caller *caller = &socket->callers.caller[lent.index];

		caller->lent = false;
		caller->seen_ms = now_ms;
		caller->watched = EPOLLIN;
		if (loop_add(socket->epfd, caller->fd, EPOLLIN,
			loop_tag(TAG_CALLER, lent.index, lent.generation)) < 0)
			caller->state = CALLER_GONE;
	}
}

static void
run_callers(struct control_socket *socket, uint64_t now_ms)
{
	for (unsigned i = 0; i < CALLERS_MAX; i++) {
		struct caller *caller = &socket->callers.caller[i];

		if (caller->fd < 0 || caller->lent)
			continue;
		turn_caller(caller, now_ms);
		if (caller->state != CALLER_GONE)
			watch_caller(socket, caller);
		if (caller->state == CALLER_GONE)
			caller_close(caller);
		else if (is_to_be_lent(caller))
			lend(socket, caller);
	}
}

/* ---- events -------------------------------------------------------------- */

void
control_socket_give_events(const struct control_socket *socket,
    struct send_setup *setup)
{
	history_give(&socket->callers.history, setup);
}

void
control_socket_take_events(struct control_socket *socket,
    const struct receive *receive)
{
	history_take(&socket->callers.history, receive);
}

static void
take_news(struct control_socket *socket)
{
	const struct handle *handle = &socket->callers.handle;

	socket->callers.woken = true;
	news_take(&socket->news, handle->tables, handle->events);
}

void
control_socket_news(void *socket, uint32_t backend)
{
	news_post(&((struct control_socket *)socket)->news, backend);
}

static void
on_caller_event(struct caller *caller, uint32_t events, uint64_t now_ms)
{
	if ((events & EPOLLOUT) != 0)
		caller->writable = true;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		caller_read(caller, now_ms);
	/* Commands sent before the hang-up still run. */
	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		caller->hung_up = caller->eof || caller->state != CALLER_OPEN;
	if ((events & EPOLLERR) != 0)
		caller->state = CALLER_GONE;
}

static void
on_event(struct control_socket *socket, const struct epoll_event *event,
    uint64_t now_ms)
{
	const uint64_t tag = event->data.u64;
	struct caller *caller;

	switch (loop_tag_kind(tag)) {
	case TAG_LISTENER:
		take_callers(socket, now_ms);
		break;
	case TAG_SWEEPS:
		callers_take_sweeps(&socket->callers);
		break;
	case TAG_NEWS:
		take_news(socket);
		break;
	case TAG_BACK:
		take_back(socket, now_ms);
		break;
	default:
		caller = &socket->callers.caller[loop_tag_index(tag)];
		if (caller->fd >= 0 &&
		    caller->generation == loop_tag_generation(tag))
			on_caller_event(caller, event->events, now_ms);
		break;
	}
}

/* Looks at the rates of the next backends; a tick begins again at the first. */
static void
look_at_rates(struct control_socket *socket, uint64_t now_ms)
{
	const struct tables *tables = socket->callers.handle.tables;
	const size_t end = socket->rates_at + RATES_MAX;

	for (; socket->rates_at < tables->backends_count &&
	     socket->rates_at < end;
	     socket->rates_at++)
		backend_rate_look(tables->backends[socket->rates_at], now_ms);
	if (socket->rates_at < tables->backends_count)
		socket->callers.again = true;
}

static void
tick(struct control_socket *socket, uint64_t now_ms)
{
	struct why why;

	callers_log_left_out(&socket->callers, now_ms);
	socket->rates_at = 0;
	/* detects a spinning thread even for a caller that asks only once */
	(void)node_state(socket->callers.handle.running, &why);
	socket->tick_ms = now_ms + TICK_MS;
	socket->callers.woken = true;
}

/* ---- for control's loop -------------------------------------------------- */

static void
give_time(void *owner, uint64_t gap_ms)
{
	struct control_socket *socket = owner;

	for (unsigned i = 0; i < CALLERS_MAX; i++) {
		struct job *job = &socket->callers.caller[i].job;

		if (socket->callers.caller[i].fd >= 0 && job->deadline_ms != 0)
			job->deadline_ms += gap_ms;
	}
}

static void
turn(void *owner, uint64_t now_ms)
{
	struct control_socket *socket = owner;
	struct epoll_event events[CALLERS_MAX];
	int count = loop_wait(socket->epfd, events, CALLERS_MAX, 0);

	if (socket->callers.retry)
		socket->callers.woken = true;
	socket->callers.retry = socket->callers.again = false;
	if (socket->look)
		look_at_file(socket, now_ms);
	acceptor_turn(&socket->acceptor, now_ms);
	for (int i = 0; i < count; i++)
		on_event(socket, &events[i], now_ms);
	if (now_ms >= socket->tick_ms)
		tick(socket, now_ms);
	look_at_rates(socket, now_ms);
	socket->callers.waking = socket->callers.woken;
	socket->callers.woken = false;
	run_callers(socket, now_ms);
}

static int
sleep_ms(const void *owner, uint64_t now_ms)
{
	const struct control_socket *socket = owner;
	uint64_t next_ms = socket->tick_ms;

	if (socket->callers.again || socket->callers.woken)
		return 0;
	if (socket->callers.retry && now_ms + RETRY_MS < next_ms)
		next_ms = now_ms + RETRY_MS;
	if (socket->acceptor.resume_ms != 0 &&
	    socket->acceptor.resume_ms < next_ms)
		next_ms = socket->acceptor.resume_ms;
	for (unsigned i = 0; i < CALLERS_MAX; i++) {
		const struct job *job = &socket->callers.caller[i].job;

		if (socket->callers.caller[i].fd >= 0 && job->step != NULL &&
		    job->deadline_ms != 0 && job->deadline_ms < next_ms)
			next_ms = job->deadline_ms;
	}
	return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}

int
control_socket_start(struct control_socket *socket, struct handle handle,
    struct source *source)
{
	socket->callers.handle = handle;
	socket->tick_ms = timer_now_ms() + TICK_MS;
	socket->readiness = readiness_new(handle.running, &socket->back);
	*source = (struct source){
		.owner = socket,
		.fd = socket->epfd,
		.sleep_ms = sleep_ms,
		.give_time = give_time,
		.turn = turn,
	};
	return socket->readiness == NULL ? -errno : 0;
}

void
control_socket_event(void *socket, const struct event *event, const char *text)
{
	struct control_socket *our = socket;

	/* a reload also repairs a socket file that was removed */
	if (strcmp(event->kind, EVENTS_RELOAD) == 0)
		our->look = our->callers.again = true;
	/* the caller that asked for the upgrade waits */
	if (strcmp(event->kind, EVENTS_UPGRADE) == 0)
		mailbox_ring(&our->news.backends);
	callers_tell(&our->callers, event, text);
}
