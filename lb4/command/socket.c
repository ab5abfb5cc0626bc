/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The control socket: see socket.h. */
#include "lb4/command/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mailbox.h"
#include "common/sock.h"
#include "common/timer.h"
#include "lb4/command/answer.h"
#include "lb4/command/caller.h"
#include "lb4/command/commands.h"
#include "lb4/config/config.h"
#include "lb4/control/control.h"
#include "lb4/control/readiness.h"
#include "lb4/engine/engine.h"
#include "lb4/table/table.h"

#define CALLERS_MAX READINESS_CALLERS_MAX
#define BACKLOG 128
#define ACCEPTS_MAX 16 /* of one turn */
#define STEPS_MAX 16   /* of one caller in one turn: lines and pieces */
#define GROUPS_MAX 256 /* of a caller, that are looked at */
#define SWEEPS_MAX 256 /* under way, so that their mailbox is never full */
#define NEWS_MAX 4096

#define TICK_MS 1000	  /* rates are looked at, waiting jobs tried */
#define RETRY_MS 5	  /* a worker was too busy for a sweep */
#define IDLE_MS 300000	  /* without a line */
#define STALLED_MS 10000  /* without reading what is written */
#define ENDING_MS 2000	  /* to read the last words */
#define EVICT_AGE_MS 1000 /* idle for less, nobody has to make room */

enum { TAG_LISTENER, TAG_SWEEPS, TAG_NEWS, TAG_BACK, TAG_CALLER };

struct control_socket {
	struct control *control;
	int epfd;
	int listenfd;
	char path[CONFIG_PATH_MAX];
	bool has_group[LEVEL_COUNT];
	gid_t group[LEVEL_COUNT]; /* that gives the level */

	struct mailbox sweeps; /* struct sweep *, from the workers */
	struct mailbox news;   /* ids of backends, from the prober */
	struct mailbox back;   /* struct lent, from the readiness thread */
	struct readiness *readiness;
	unsigned sweeping; /* sweeps that workers have */

	uint64_t tick_ms; /* when the next one is due */
	bool woken;	  /* jobs that wait are to be tried in the next turn */
	bool waking;	  /* ... in this one */
	bool retry;	  /* ... in a moment */
	bool again;	  /* somebody had more to do than the turn's share */

	uint32_t watched[CALLERS_MAX]; /* what epoll looks for */
	bool hung_up[CALLERS_MAX];
	struct caller caller[CALLERS_MAX];
};

/* ---- opening ------------------------------------------------------------- */

static int
find_group(const char *name, gid_t *gid, char *why, size_t size)
{
	const struct group *group = getgrnam(name);

	if (group == NULL) {
		(void)snprintf(why, size, "control: there is no group %s",
		    name);
		return -ENOENT;
	}
	*gid = group->gr_gid;
	return 0;
}

static int
find_groups(struct control_socket *socket, const struct config *config,
    char *why, size_t size)
{
	const char *const names[LEVEL_COUNT] = {
		[LEVEL_READ] = config->control_read,
		[LEVEL_OPERATE] = config->control_operate,
		[LEVEL_ADMIN] = config->control_admin,
	};

	for (int level = LEVEL_READ; level < LEVEL_COUNT; level++) {
		if (names[level][0] == '\0')
			continue;
		if (find_group(names[level], &socket->group[level], why, size) <
		    0)
			return -ENOENT;
		socket->has_group[level] = true;
	}
	return 0;
}

/* Gives the file its owner, group and mode; until then only we may connect. */
static int
set_access(const struct control_socket *socket, const struct config *config,
    char *why, size_t size)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int error;

	if (config->control_owner[0] != '\0') {
		const struct passwd *user = getpwnam(config->control_owner);

		if (user == NULL) {
			(void)snprintf(why, size,
			    "control: there is no user %s",
			    config->control_owner);
			return -ENOENT;
		}
		uid = user->pw_uid;
	}
	if (config->control_group[0] != '\0') {
		error = find_group(config->control_group, &gid, why, size);
		if (error < 0)
			return error;
	}
	/* a filter of system calls may refuse even a chown(2) to nobody else */
	if (((uid == (uid_t)-1 && gid == (gid_t)-1) ||
		chown(socket->path, uid, gid) == 0) &&
	    chmod(socket->path, config->control_mode) == 0)
		return 0;
	error = -errno;
	(void)snprintf(why, size,
	    "control: cannot set owner, group or mode of %s: %s", socket->path,
	    strerror(-error));
	return error;
}

static int
listen_on(struct control_socket *socket, const struct config *config, char *why,
    size_t size)
{
	char text[sizeof("unix:") + CONFIG_PATH_MAX];
	const char *reason;
	struct addr addr;
	mode_t before;
	int error;

	(void)snprintf(text, sizeof(text), "unix:%s", config->control);
	if (addr_parse(&addr, text, ADDR_PORT_OPTIONAL, &reason) < 0) {
		(void)snprintf(why, size, "control: %s: %s", config->control,
		    reason);
		return -EINVAL;
	}
	before = umask(0177);
	socket->listenfd = sock_listen(&addr, false, BACKLOG, NULL);
	(void)umask(before);
	if (socket->listenfd < 0) {
		error = socket->listenfd;
		(void)snprintf(why, size, "control: cannot listen on %s: %s",
		    config->control, strerror(-error));
		return error;
	}
	(void)snprintf(socket->path, sizeof(socket->path), "%s",
	    config->control);
	return set_access(socket, config, why, size);
}

static int
watch_all(struct control_socket *socket)
{
	int error = mailbox_init(&socket->sweeps, SWEEPS_MAX,
	    sizeof(struct sweep *));

	if (error == 0)
		error = mailbox_init(&socket->news, NEWS_MAX, sizeof(uint32_t));
	if (error == 0)
		error = mailbox_init(&socket->back, CALLERS_MAX,
		    sizeof(struct lent));
	if (error < 0)
		return error;
	socket->epfd = loop_open();
	if (socket->epfd < 0)
		return socket->epfd;
	error = loop_add(socket->epfd, socket->listenfd, EPOLLIN,
	    loop_tag(TAG_LISTENER, 0, 0));
	if (error == 0)
		error = loop_add(socket->epfd, socket->sweeps.fd, EPOLLIN,
		    loop_tag(TAG_SWEEPS, 0, 0));
	if (error == 0)
		error = loop_add(socket->epfd, socket->news.fd, EPOLLIN,
		    loop_tag(TAG_NEWS, 0, 0));
	if (error == 0)
		error = loop_add(socket->epfd, socket->back.fd, EPOLLIN,
		    loop_tag(TAG_BACK, 0, 0));
	return error;
}

static struct control_socket *
socket_new(void)
{
	struct control_socket *socket;

	socket = aligned_alloc(_Alignof(struct control_socket),
	    sizeof(*socket));
	if (socket == NULL)
		return NULL;
	memset(socket, 0, sizeof(*socket));
	socket->epfd = -1;
	socket->listenfd = -1;
	socket->sweeps.fd = -1;
	socket->news.fd = -1;
	socket->back.fd = -1;
	for (uint32_t i = 0; i < CALLERS_MAX; i++) {
		socket->caller[i].fd = -1;
		socket->caller[i].index = i;
		socket->caller[i].state = CALLER_GONE;
	}
	return socket;
}

int
control_socket_open(struct control_socket **out, const struct config *config,
    char *why, size_t size)
{
	struct control_socket *socket;
	int error;

	*out = NULL;
	if (config->control[0] == '\0')
		return 0;
	socket = socket_new();
	if (socket == NULL) {
		(void)snprintf(why, size, "control: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	error = find_groups(socket, config, why, size);
	if (error == 0)
		error = listen_on(socket, config, why, size);
	if (error == 0) {
		error = watch_all(socket);
		if (error < 0)
			(void)snprintf(why, size, "control: %s",
			    strerror(-error));
	}
	if (error < 0) {
		control_socket_free(socket);
		return error;
	}
	*out = socket;
	return 0;
}

void
control_socket_free(struct control_socket *socket)
{
	struct sweep *sweep;

	if (socket == NULL)
		return;
	for (unsigned i = 0; i < CALLERS_MAX; i++)
		caller_close(&socket->caller[i]);
	while (socket->sweeps.fd >= 0 && mailbox_take(&socket->sweeps, &sweep))
		free(sweep);
	mailbox_done(&socket->sweeps);
	mailbox_done(&socket->news);
	mailbox_done(&socket->back);
	if (socket->listenfd >= 0)
		(void)close(socket->listenfd);
	if (socket->path[0] != '\0')
		(void)unlink(socket->path);
	if (socket->epfd >= 0)
		(void)close(socket->epfd);
	free(socket);
}

int
control_socket_start(struct control_socket *socket, struct control *control)
{
	socket->control = control;
	socket->tick_ms = timer_now_ms() + TICK_MS;
	socket->readiness = readiness_new(control, &socket->back);
	return socket->readiness == NULL ? -errno : 0;
}

void
control_socket_stop(struct control_socket *socket)
{
	if (socket == NULL)
		return;
	readiness_free(socket->readiness);
	socket->readiness = NULL;
}

int
control_socket_fd(const struct control_socket *socket)
{
	return socket->epfd;
}

int
control_socket_bell(const struct control_socket *socket)
{
	int fd = fcntl(socket->news.fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

bool
control_socket_simulates(const struct control_socket *socket)
{
	for (unsigned i = 0; i < CALLERS_MAX; i++)
		if (socket->caller[i].fd >= 0 &&
		    socket->caller[i].job.simulation != NULL)
			return true;
	return false;
}

unsigned
control_socket_callers(const struct control_socket *socket)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CALLERS_MAX; i++)
		count += socket->caller[i].fd >= 0;
	return count;
}

/* ---- taking callers ------------------------------------------------------ */

/* The highest level that one of the groups gives. */
static enum level
level_by_groups(const struct control_socket *socket, const gid_t *groups,
    size_t count)
{
	for (int level = LEVEL_ADMIN; level > LEVEL_NONE; level--)
		for (size_t i = 0; i < count && socket->has_group[level]; i++)
			if (groups[i] == socket->group[level])
				return (enum level)level;
	return LEVEL_NONE;
}

static enum level
level_of(const struct control_socket *socket, int fd, struct ucred *peer)
{
	gid_t groups[GROUPS_MAX + 1];
	socklen_t len = sizeof(*peer);
	socklen_t groups_len = GROUPS_MAX * sizeof(gid_t);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len) == -1)
		return LEVEL_NONE;
	if (peer->uid == 0 || peer->uid == geteuid())
		return LEVEL_ADMIN;
	/* one in more groups than these has the level of the first alone */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len) ==
	    -1)
		groups_len = 0;
	groups[groups_len / sizeof(gid_t)] = peer->gid;
	return level_by_groups(socket, groups, groups_len / sizeof(gid_t) + 1);
}

/* Says why, to one who gets no place, and closes. */
static void
turn_away(int fd, const char *text)
{
	(void)send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)close(fd);
}

/* The one that has been idle longest, or NULL when all have something to do.
 * Who may do nothing here takes nobody's place. */
static struct caller *
idlest(struct control_socket *socket, uint64_t now_ms)
{
	struct caller *found = NULL;

	for (unsigned i = 0; i < CALLERS_MAX; i++) {
		struct caller *caller = &socket->caller[i];

		if (caller->level == LEVEL_NONE)
			return caller;
		if (caller->job.step != NULL || caller->monitors ||
		    caller->lent || now_ms - caller->seen_ms < EVICT_AGE_MS)
			continue;
		if (found == NULL || caller->seen_ms < found->seen_ms)
			found = caller;
	}
	return found;
}

/* A place for a new caller; NULL: none. */
static struct caller *
find_place(struct control_socket *socket, uint64_t now_ms)
{
	struct caller *caller;

	for (unsigned i = 0; i < CALLERS_MAX; i++)
		if (socket->caller[i].fd < 0)
			return &socket->caller[i];
	caller = idlest(socket, now_ms);
	if (caller == NULL)
		return NULL;
	log_info("control socket: uid %d, pid %d makes room for another",
	    (int)caller->uid, (int)caller->pid);
	if (caller->state == CALLER_OPEN) {
		answer_error(caller, "busy",
		    "too many callers, and you have "
		    "been idle longest");
		caller_flush(caller, now_ms);
	}
	caller_close(caller);
	return caller;
}

static void
take_caller(struct control_socket *socket, int fd, uint64_t now_ms)
{
	struct ucred peer = { .pid = 0 };
	enum level level = level_of(socket, fd, &peer);
	struct caller *caller;
	uint32_t index, generation;

	caller = find_place(socket, now_ms);
	if (caller == NULL) {
		turn_away(fd, "error: busy: too many callers\n\n");
		return;
	}
	index = caller->index;
	generation = caller->generation;
	*caller = (struct caller){
		.control = socket->control,
		.fd = fd,
		.index = index,
		.generation = generation,
		.state = CALLER_OPEN,
		.level = level,
		.pid = peer.pid,
		.uid = peer.uid,
		.seen_ms = now_ms,
		.writable = true,
	};
	socket->hung_up[index] = false;
	socket->watched[index] = EPOLLIN;
	if (loop_add(socket->epfd, fd, EPOLLIN,
		loop_tag(TAG_CALLER, index, generation)) < 0) {
		caller_close(caller);
	} else if (level == LEVEL_NONE) {
		log_warning("control socket: uid %d, pid %d is turned away",
		    (int)peer.uid, (int)peer.pid);
		answer_error(caller, "denied",
		    "you are in none of the groups that may use lb4");
		caller_end(caller, now_ms);
	}
}

static void
take_callers(struct control_socket *socket, uint64_t now_ms)
{
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = accept4(socket->listenfd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		take_caller(socket, fd, now_ms);
	}
}

/* ---- running ------------------------------------------------------------- */

static void
end_with(struct caller *caller, uint64_t now_ms, const char *code,
    const char *text)
{
	log_info("control socket: uid %d, pid %d is closed: %s",
	    (int)caller->uid, (int)caller->pid, text);
	answer_error(caller, code, "%s", text);
	caller_end(caller, now_ms);
}

static bool
job_is_due(const struct control_socket *socket, const struct caller *caller,
    uint64_t now_ms)
{
	return socket->waking ||
	    (caller->job.deadline_ms != 0 && now_ms >= caller->job.deadline_ms);
}

/* One step of the caller's job, or its next line; false when there is nothing
 * to do now. */
static bool
run_step(struct control_socket *socket, struct caller *caller, bool *waits,
    uint64_t now_ms)
{
	char line[COMMAND_LINE_MAX + 1];
	ssize_t len;

	if (caller->job.step == NULL) {
		if (caller->monitors && caller->in_len == 0)
			return false;
		len = caller_line(caller, line);
		if (len < 0)
			return false;
		caller->job = (struct job){ .step = NULL };
		caller->monitors = caller->asks_node = false;
		commands_run(caller, line, (size_t)len);
		*waits = false;
		return true;
	}
	if (*waits && !job_is_due(socket, caller, now_ms))
		return false;
	switch (caller->job.step(caller)) {
	case JOB_DONE:
		caller->job.step = NULL;
		break;
	case JOB_MORE:
		break;
	case JOB_WAITS:
		caller->job_waits = true;
		return false;
	}
	*waits = false;
	return true;
}

/* Runs what a caller wants, as far as it reads the answers. */
static void
run_caller(struct control_socket *socket, struct caller *caller,
    uint64_t now_ms)
{
	int steps;

	for (steps = 0; steps < STEPS_MAX; steps++) {
		if (caller->state != CALLER_OPEN)
			break;
		if (caller->writable)
			caller_flush(caller, now_ms);
		if (caller_pending(caller) > CALLER_OUT_LOW)
			break;
		if (!run_step(socket, caller, &caller->job_waits, now_ms))
			break;
	}
	if (steps == STEPS_MAX)
		socket->again = true;
	if (caller->writable)
		caller_flush(caller, now_ms);
	if (caller->state != CALLER_OPEN || steps == STEPS_MAX)
		return;
	if (caller->job.step == NULL && caller->in_len == sizeof(caller->in) &&
	    memchr(caller->in, '\n', caller->in_len) == NULL)
		end_with(caller, now_ms, "syntax", "the line is too long");
	else if (socket->hung_up[caller->index])
		caller->state = CALLER_GONE;
	else if (caller->eof && caller->job.step == NULL && !caller->monitors &&
	    caller_pending(caller) == 0)
		caller_end(caller, now_ms);
}

/* Closes who does nothing, or does not read. */
static void
look_at_time(struct caller *caller, uint64_t now_ms)
{
	uint64_t idle_ms = now_ms - caller->seen_ms;

	if (caller->state == CALLER_ENDING && idle_ms >= ENDING_MS) {
		caller->state = CALLER_GONE;
	} else if (caller_pending(caller) > 0 && idle_ms >= STALLED_MS) {
		log_info("control socket: uid %d, pid %d is closed: "
			 "does not read",
		    (int)caller->uid, (int)caller->pid);
		caller->state = CALLER_GONE;
	} else if (caller->state == CALLER_OPEN && caller->job.step == NULL &&
	    !caller->monitors && idle_ms >= IDLE_MS) {
		end_with(caller, now_ms, "idle", "no command for 5 minutes");
	}
}

/* Has epoll look for what the caller can use. */
static void
watch_caller(struct control_socket *socket, struct caller *caller)
{
	bool reads = caller->state == CALLER_ENDING
	    ? caller_pending(caller) == 0
	    : !caller->eof && caller->in_len < sizeof(caller->in);
	uint32_t events = (reads ? EPOLLIN : 0) |
	    (caller_pending(caller) > 0 ? EPOLLOUT : 0);

	if (events == socket->watched[caller->index])
		return;
	socket->watched[caller->index] = events;
	if (loop_modify(socket->epfd, caller->fd, events,
		loop_tag(TAG_CALLER, caller->index, caller->generation)) < 0)
		caller->state = CALLER_GONE;
}

/* Whether the readiness thread can do what there is to do for the caller. */
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
		struct caller *caller = &socket->caller[lent.index];

		caller->lent = false;
		caller->seen_ms = now_ms;
		socket->watched[lent.index] = EPOLLIN;
		if (loop_add(socket->epfd, caller->fd, EPOLLIN,
			loop_tag(TAG_CALLER, lent.index, lent.generation)) < 0)
			caller->state = CALLER_GONE;
	}
}

static void
run_callers(struct control_socket *socket, uint64_t now_ms)
{
	for (unsigned i = 0; i < CALLERS_MAX; i++) {
		struct caller *caller = &socket->caller[i];

		if (caller->fd < 0 || caller->lent)
			continue;
		run_caller(socket, caller, now_ms);
		look_at_time(caller, now_ms);
		if (caller->state != CALLER_GONE)
			watch_caller(socket, caller);
		if (caller->state == CALLER_GONE)
			caller_close(caller);
		else if (is_to_be_lent(caller))
			lend(socket, caller);
	}
}

/* ---- events -------------------------------------------------------------- */

/* Hands a sweep to the job that it belongs to, if that is still there. */
static void
take_sweeps(struct control_socket *socket)
{
	struct sweep *sweep;

	mailbox_open(&socket->sweeps);
	while (mailbox_take(&socket->sweeps, &sweep)) {
		struct caller *caller = &socket->caller[sweep->caller];

		socket->sweeping--;
		socket->woken = true;
		if (caller->generation == sweep->caller_generation &&
		    caller->job.step != NULL && caller->job.sweeping) {
			caller->job.sweep = sweep;
			caller->job.sweeping = false;
		} else {
			free(sweep);
		}
	}
}

void
control_socket_sweep(struct control_socket *socket, struct caller *caller)
{
	struct sweep *sweep = caller->job.sweep;

	sweep->caller = caller->index;
	sweep->caller_generation = caller->generation;
	sweep->reply = &socket->sweeps;
	if (socket->sweeping == SWEEPS_MAX ||
	    !engine_sweep(socket->control->parts.engine, sweep)) {
		socket->retry = true;
		return;
	}
	socket->sweeping++;
	caller->job.sweeping = true;
	caller->job.sweep = NULL;
}

static struct backend *
find_backend(const struct tables *tables, uint32_t id)
{
	for (size_t i = 0; i < tables->backends_count; i++)
		if (tables->backends[i]->id == id)
			return tables->backends[i];
	return NULL;
}

/* Tells the monitors of a backend that went up or down, once for each time. */
static void
tell_health(struct control_socket *socket, struct backend *backend)
{
	uint32_t word = atomic_load_explicit(&backend->health,
	    memory_order_acquire);
	uint64_t since_ms = atomic_load_explicit(&backend->health_since_ms,
	    memory_order_relaxed);
	char text[HEALTH_TEXT_MAX];

	if (since_ms == backend->health_told_ms)
		return;
	backend->health_told_ms = since_ms;
	control_socket_event(socket, "health", backend->service, backend->name,
	    "%s: %s", health_is_down(word) ? "down" : "up",
	    health_text(word, text, sizeof(text)));
}

static void
take_news(struct control_socket *socket)
{
	uint32_t id;

	mailbox_open(&socket->news);
	socket->woken = true;
	while (mailbox_take(&socket->news, &id)) {
		struct backend *backend =
		    find_backend(socket->control->parts.tables, id);

		if (backend != NULL)
			tell_health(socket, backend);
	}
}

void
control_socket_news(void *socket, uint32_t backend)
{
	/* Full: jobs that wait for it look now and then anyway. */
	(void)mailbox_post(&((struct control_socket *)socket)->news, &backend);
}

static void
on_caller_event(struct control_socket *socket, struct caller *caller,
    uint32_t events, uint64_t now_ms)
{
	if ((events & EPOLLOUT) != 0)
		caller->writable = true;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		caller_read(caller, now_ms);
	/* What it sent before it went is still done. */
	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		socket->hung_up[caller->index] = caller->eof ||
		    caller->state != CALLER_OPEN;
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
		take_sweeps(socket);
		break;
	case TAG_NEWS:
		take_news(socket);
		break;
	case TAG_BACK:
		take_back(socket, now_ms);
		break;
	default:
		caller = &socket->caller[loop_tag_index(tag)];
		if (caller->fd >= 0 &&
		    caller->generation == loop_tag_generation(tag))
			on_caller_event(socket, caller, event->events, now_ms);
		break;
	}
}

static void
tick(struct control_socket *socket, uint64_t now_ms)
{
	const struct tables *tables = socket->control->parts.tables;

	for (size_t i = 0; i < tables->backends_count; i++)
		backend_rate_look(tables->backends[i], now_ms);
	socket->tick_ms = now_ms + TICK_MS;
	socket->woken = true;
}

void
control_socket_turn(struct control_socket *socket, uint64_t now_ms)
{
	struct epoll_event events[CALLERS_MAX];
	int count = loop_wait(socket->epfd, events, CALLERS_MAX, 0);

	if (socket->retry)
		socket->woken = true;
	socket->retry = socket->again = false;
	for (int i = 0; i < count; i++)
		on_event(socket, &events[i], now_ms);
	if (now_ms >= socket->tick_ms)
		tick(socket, now_ms);
	socket->waking = socket->woken;
	socket->woken = false;
	run_callers(socket, now_ms);
}

int
control_socket_sleep(const struct control_socket *socket, uint64_t now_ms)
{
	uint64_t next_ms = socket->tick_ms;

	if (socket->again || socket->woken)
		return 0;
	if (socket->retry && now_ms + RETRY_MS < next_ms)
		next_ms = now_ms + RETRY_MS;
	for (unsigned i = 0; i < CALLERS_MAX; i++) {
		const struct job *job = &socket->caller[i].job;

		if (socket->caller[i].fd >= 0 && job->step != NULL &&
		    job->deadline_ms != 0 && job->deadline_ms < next_ms)
			next_ms = job->deadline_ms;
	}
	return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}

/* ---- monitors ------------------------------------------------------------ */

/* "2026-08-12T09:30:00.123Z" */
static void
format_now(char *buf, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t len;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	len = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf + len, size - len, ".%03ldZ", now.tv_nsec / 1000000);
}

static void
tell_monitor(struct caller *caller, const char *time, const char *event,
    const char *service, const char *backend, const char *text)
{
	json_t *object;

	if (caller_pending(caller) > CALLER_OUT_MAX) {
		log_info("control socket: uid %d, pid %d is closed: "
			 "reads events too slowly",
		    (int)caller->uid, (int)caller->pid);
		caller->state = CALLER_GONE;
		return;
	}
	if (!caller->json) {
		answer_line(caller, "%s %s %s%s%s%s%s", time, event,
		    service != NULL ? service : "", backend != NULL ? "/" : "",
		    backend != NULL ? backend : "", service != NULL ? " " : "",
		    text);
		return;
	}
	object = json_pack("{s:s,s:s,s:s,s:s?,s:s?,s:s}", "schema",
	    "lb4.event/1", "time", time, "event", event, "service", service,
	    "backend", backend, "text", text);
	answer_event(caller, object);
}

void
control_socket_event(struct control_socket *socket, const char *event,
    const char *service, const char *backend, const char *format, ...)
{
	char time[40], text[512];
	va_list args;

	if (socket == NULL)
		return;
	socket->woken = true;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	format_now(time, sizeof(time));
	for (unsigned i = 0; i < CALLERS_MAX; i++)
		if (socket->caller[i].fd >= 0 && socket->caller[i].monitors &&
		    socket->caller[i].state == CALLER_OPEN)
			tell_monitor(&socket->caller[i], time, event, service,
			    backend, text);
}
