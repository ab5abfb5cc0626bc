/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The control socket: see socket.h. */
#include "lb4/command/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/acceptor.h"
#include "common/addr.h"
#include "common/limiter.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mailbox.h"
#include "common/sock.h"
#include "common/sockfile.h"
#include "common/timer.h"
#include "common/user.h"
#include "common/why.h"
#include "lb4/command/admit.h"
#include "lb4/command/answer.h"
#include "lb4/command/caller.h"
#include "lb4/command/commands.h"
#include "lb4/command/monitor.h"
#include "lb4/command/quota.h"
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

#define TICK_MS 1000	 /* rates are looked at, waiting jobs tried */
#define RETRY_MS 5	 /* a worker was too busy for a sweep */
#define IDLE_MS 300000	 /* without a line */
#define STALLED_MS 10000 /* without reading what is written */
#define ENDING_MS 2000	 /* to read the last words */

/* Lines in the log about callers who are refused or closed: anybody who may
 * connect can cause one. */
#define LINES_MAX 10
#define LINES_WINDOW_MS 5000

/* Answers to explain for a user who is no admin: each tells something of the
 * hash-seed. */
#define EXPLAINS_MAX 10
#define EXPLAINS_WINDOW_MS 1000

enum { TAG_LISTENER, TAG_SWEEPS, TAG_NEWS, TAG_BACK, TAG_CALLER };

struct control_socket {
	struct control *control;
	int epfd;
	int listenfd;
	struct addr addr; /* where it listens; its file, and who may connect */
	struct sockfile_id file;
	struct sockfile_access access;
	bool look; /* whether the file is still ours, in the next turn */
	struct acceptor acceptor;
	struct limiter lines; /* in the log */
	struct quota explains;
	bool has_group[LEVEL_COUNT];
	gid_t group[LEVEL_COUNT]; /* that gives the level */

	struct mailbox sweeps; /* struct sweep *, from the workers */
	struct mailbox news;   /* ids of backends, from the prober */
	struct mailbox back;   /* struct lent, from the readiness thread */
	struct readiness *readiness;
	unsigned sweeping;	 /* sweeps that workers have */
	uint32_t told[NEWS_MAX]; /* what the news are of */

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
find_groups(struct control_socket *socket, const struct config *config,
    struct why *why)
{
	const char *const names[LEVEL_COUNT] = {
		[LEVEL_READ] = config->control_read,
		[LEVEL_OPERATE] = config->control_operate,
		[LEVEL_ADMIN] = config->control_admin,
	};

	for (int level = LEVEL_READ; level < LEVEL_COUNT; level++) {
		int error;

		if (names[level][0] == '\0')
			continue;
		error = user_find_group(&socket->group[level], names[level],
		    why);
		if (error < 0)
			return error;
		socket->has_group[level] = true;
	}
	return 0;
}

/* Opens the listener; its file has its owner, group and mode before anybody
 * can connect. */
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
    struct why *why)
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
	socket->listenfd = listen_there(socket, &socket->file);
	if (socket->listenfd >= 0)
		return 0;
	return why_fail(why, socket->listenfd, "cannot listen on %s: %s",
	    config->control, strerror(-socket->listenfd));
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
	error = acceptor_open(&socket->acceptor, socket->epfd, socket->listenfd,
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
	socket->acceptor = ACCEPTOR_NONE;
	limiter_init(&socket->lines, LINES_MAX, LINES_WINDOW_MS);
	quota_init(&socket->explains, EXPLAINS_MAX, EXPLAINS_WINDOW_MS);
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
	struct why reason = { "" };
	int error;

	*out = NULL;
	if (config->control[0] == '\0')
		return 0;
	socket = socket_new();
	if (socket == NULL) {
		(void)snprintf(why, size, "control: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	error = find_groups(socket, config, &reason);
	if (error == 0)
		error = listen_on(socket, config, &reason);
	if (error == 0) {
		error = watch_all(socket);
		if (error < 0)
			(void)why_fail(&reason, error, "%s", strerror(-error));
	}
	if (error < 0) {
		(void)snprintf(why, size, "control: %s", reason.text);
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
	acceptor_done(&socket->acceptor);
	if (socket->listenfd >= 0)
		(void)close(socket->listenfd);
	sockfile_unlink(&socket->addr, &socket->file);
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
control_socket_runs(const struct control_socket *socket,
    /* cppcheck-suppress constParameter ; it is a function */
    enum job_result (*step)(struct caller *caller))
{
	for (unsigned i = 0; i < CALLERS_MAX; i++)
		if (socket->caller[i].fd >= 0 &&
		    socket->caller[i].job.step == step)
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

/* Who is at the other end. */
static void
recognise(const struct control_socket *socket, int fd, struct newcomer *who,
    pid_t *pid)
{
	gid_t groups[GROUPS_MAX + 1];
	struct ucred peer;
	socklen_t len = sizeof(peer);
	socklen_t groups_len = GROUPS_MAX * sizeof(gid_t);

	*who = (struct newcomer){ .uid = (uid_t)-1, .level = LEVEL_NONE };
	*pid = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		return;
	*pid = peer.pid;
	who->uid = peer.uid;
	who->own = peer.uid == 0 || peer.uid == geteuid();
	if (who->own) {
		who->level = LEVEL_ADMIN;
		return;
	}
	/* one in more groups than these has the level of the first alone */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len) ==
	    -1)
		groups_len = 0;
	groups[groups_len / sizeof(gid_t)] = peer.gid;
	who->level = level_by_groups(socket, groups,
	    groups_len / sizeof(gid_t) + 1);
}

/* Whether one more line about callers may be logged at that level. */
static bool
may_log(struct control_socket *socket, enum log_level level, uint64_t now_ms)
{
	return log_enabled((int)level) && limiter_pass(&socket->lines, now_ms);
}

void
control_socket_log(struct control_socket *socket, enum log_level level,
    const struct caller *caller, const char *format, ...)
{
	char text[128];
	va_list args;

	if (!may_log(socket, level, timer_now_ms()))
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_write(level, "control socket: uid %d, pid %d %s", (int)caller->uid,
	    (int)caller->pid, text);
}

bool
control_socket_may_explain(struct control_socket *socket,
    const struct caller *caller, uint64_t now_ms)
{
	return caller->level >= LEVEL_ADMIN ||
	    quota_pass(&socket->explains, caller->uid, now_ms);
}

/* Says why, to one who gets no place, and closes. */
static void
turn_away(struct control_socket *socket, int fd, const char *why)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "error: busy: %s\n\n", why);

	(void)send(fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
	acceptor_close(&socket->acceptor, fd);
}

/* Who has a place that another one is to have. */
static void
make_room(struct control_socket *socket, struct caller *caller, uint64_t now_ms)
{
	const bool idle = caller->job.step == NULL && !caller->monitors;

	control_socket_log(socket, LOG_LEVEL_INFO, caller,
	    "makes room for another");
	if (caller->state == CALLER_OPEN) {
		answer_error(caller, "busy", "too many callers, and %s",
		    idle ? "you have been idle longest"
			 : "another one needs your place");
		caller_flush(caller, now_ms);
	}
	caller_close(caller);
}

/* One who may do nothing here. */
static void
refuse(struct control_socket *socket, struct caller *caller, uint64_t now_ms)
{
	control_socket_log(socket, LOG_LEVEL_WARNING, caller, "is turned away");
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

	recognise(socket, fd, &who, &pid);
	caller = admit_place(socket->caller, CALLERS_MAX, &who, now_ms, &why);
	if (caller == NULL) {
		turn_away(socket, fd, why);
		return;
	}
	if (caller->fd >= 0)
		make_room(socket, caller, now_ms);
	index = caller->index;
	generation = caller->generation;
	*caller = (struct caller){
		.control = socket->control,
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
		.writable = true,
	};
	socket->hung_up[index] = false;
	socket->watched[index] = EPOLLIN;
	if (loop_add(socket->epfd, fd, EPOLLIN,
		loop_tag(TAG_CALLER, index, generation)) < 0)
		caller_close(caller);
	else if (who.level == LEVEL_NONE)
		refuse(socket, caller, now_ms);
}

static void
take_callers(struct control_socket *socket, uint64_t now_ms)
{
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = acceptor_take(&socket->acceptor, now_ms);

		if (fd == -EAGAIN)
			return;
		if (fd < 0) {
			if (may_log(socket, LOG_LEVEL_WARNING, now_ms))
				log_warning("control socket: cannot accept "
					    "now: %s",
				    strerror(-fd));
			return;
		}
		take_caller(socket, fd, now_ms);
	}
}

/* Listens anew where the file has gone or is another one; whoever waits in the
 * old queue is taken first. */
static void
look_at_file(struct control_socket *socket, uint64_t now_ms)
{
	const char *path = socket->addr.un.sun_path;
	struct acceptor acceptor = ACCEPTOR_NONE;
	struct sockfile_id file;
	int fd, error;

	socket->look = false;
	if (sockfile_is_there(&socket->addr, &socket->file))
		return;
	fd = listen_there(socket, &file);
	error = fd < 0 ? fd
		       : acceptor_open(&acceptor, socket->epfd, fd,
			     loop_tag(TAG_LISTENER, 0, 0));
	if (error < 0) {
		log_error("control: %s is no longer ours, and cannot be made "
			  "anew: %s",
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
	log_notice("control: %s was gone: listening there again", path);
}

void
control_socket_look(struct control_socket *socket)
{
	if (socket == NULL)
		return;
	socket->look = true;
	socket->again = true;
}

/* ---- running ------------------------------------------------------------- */

static void
end_with(struct caller *caller, uint64_t now_ms, const char *code,
    const char *text)
{
	control_socket_log(caller->control->parts.socket, LOG_LEVEL_INFO,
	    caller, "is closed: %s", text);
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
	enum job_result result;
	ssize_t len;

	if (caller->job.step == NULL) {
		if (caller->monitors && caller->in_len == 0)
			return false;
		len = caller_line(caller, line);
		if (len < 0)
			return false;
		caller->job = (struct job){ .step = NULL };
		caller->monitors = caller->asks_node = false;
		if (caller_begin(caller))
			commands_run(caller, line, (size_t)len);
		caller_settle(caller);
		*waits = false;
		return true;
	}
	if (*waits && !job_is_due(socket, caller, now_ms))
		return false;
	result = caller->job.step(caller);
	if (caller->no_memory)
		result = JOB_DONE;
	caller_settle(caller);
	switch (result) {
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
		control_socket_log(caller->control->parts.socket,
		    LOG_LEVEL_INFO, caller, "is closed: does not read");
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
	sweep->walk.reply = &socket->sweeps;
	if (socket->sweeping == SWEEPS_MAX ||
	    !engine_sweep(socket->control->parts.engine, sweep)) {
		socket->retry = true;
		return;
	}
	socket->sweeping++;
	caller->job.sweeping = true;
	caller->job.sweep = NULL;
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

static int
compare_ids(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* All that there are in one pass over the backends: thousands may go down at
 * once. */
static void
take_news(struct control_socket *socket)
{
	const struct tables *tables = socket->control->parts.tables;
	size_t count = 0;

	mailbox_open(&socket->news);
	socket->woken = true;
	while (count < NEWS_MAX &&
	    mailbox_take(&socket->news, &socket->told[count]))
		count++;
	if (count == NEWS_MAX)
		mailbox_ring(&socket->news);
	if (count > 1)
		qsort(socket->told, count, sizeof(socket->told[0]),
		    compare_ids);
	for (size_t i = 0; count > 0 && i < tables->backends_count; i++)
		if (bsearch(&tables->backends[i]->id, socket->told, count,
			sizeof(socket->told[0]), compare_ids) != NULL)
			tell_health(socket, tables->backends[i]);
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
	const uint64_t left_out = limiter_left_out(&socket->lines, now_ms);
	char why[READINESS_WHY_MAX];

	if (left_out > 0)
		log_warning("control socket: %" PRIu64 " more lines about "
			    "callers were left out",
		    left_out);
	for (size_t i = 0; i < tables->backends_count; i++)
		backend_rate_look(tables->backends[i], now_ms);
	/* so that who asks but once is told of a thread that spins */
	(void)readiness_state(socket->control, why, sizeof(why));
	socket->tick_ms = now_ms + TICK_MS;
	socket->woken = true;
}

void
control_socket_give_time(struct control_socket *socket, uint64_t gap_ms)
{
	for (unsigned i = 0; i < CALLERS_MAX; i++) {
		struct job *job = &socket->caller[i].job;

		if (socket->caller[i].fd >= 0 && job->deadline_ms != 0)
			job->deadline_ms += gap_ms;
	}
}

void
control_socket_turn(struct control_socket *socket, uint64_t now_ms)
{
	struct epoll_event events[CALLERS_MAX];
	int count = loop_wait(socket->epfd, events, CALLERS_MAX, 0);

	if (socket->retry)
		socket->woken = true;
	socket->retry = socket->again = false;
	if (socket->look)
		look_at_file(socket, now_ms);
	acceptor_turn(&socket->acceptor, now_ms);
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
	if (socket->acceptor.resume_ms != 0 &&
	    socket->acceptor.resume_ms < next_ms)
		next_ms = socket->acceptor.resume_ms;
	for (unsigned i = 0; i < CALLERS_MAX; i++) {
		const struct job *job = &socket->caller[i].job;

		if (socket->caller[i].fd >= 0 && job->step != NULL &&
		    job->deadline_ms != 0 && job->deadline_ms < next_ms)
			next_ms = job->deadline_ms;
	}
	return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}

/* ---- monitors ------------------------------------------------------------ */

void
control_socket_event(struct control_socket *socket, const char *event,
    const char *service, const char *backend, const char *format, ...)
{
	char text[512];
	struct event told;
	va_list args;

	if (socket == NULL)
		return;
	socket->woken = true;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	told = (struct event){ event, service, backend, text };
	for (unsigned i = 0; i < CALLERS_MAX; i++) {
		struct caller *caller = &socket->caller[i];

		if (caller->fd >= 0 && caller->monitors &&
		    caller->state == CALLER_OPEN &&
		    !monitor_tell(caller, &told))
			control_socket_log(socket, LOG_LEVEL_INFO, caller,
			    "is closed: reads events too slowly");
	}
}
