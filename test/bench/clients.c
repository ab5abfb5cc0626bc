/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * The clients of load: they connect, ask, take answers and note latencies.
 *
 * Without -R the loop is closed: a client asks anew when it has its answer, so
 * that a proxy which stands still is asked less. With -R the loop is open:
 * requests are due by the clock, and one's latency counts from when it was due,
 * even if all clients were waiting then. Those that were due within the window
 * count, whenever they are answered.
 */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>

#include "test/bench/conns.h"

#define MAX_ERRORS 1000
#define ASK_BATCH 32 /* requests begun between two looks for events */

static void client_open(struct load *l, struct conn *conn, int64_t due_ns);

/* Whether requests of the group are due by the clock. */
static bool
is_open_loop(const struct load *l, const struct group *group)
{
	return l->interval_ns > 0 && group == &l->main;
}

void
client_ask(struct load *l, struct conn *conn, int64_t due_ns)
{
	conn->id = ++l->next_id;
	conn->begun_ns = due_ns;
	conn->sending = true;
	conn->sent = conn->received = 0;
	conn->to_send = HEAD_SIZE + conn->group->send_size;
	conn->to_recv = conn->group->answer_size;
}

static void
client_failed(struct load *l, struct conn *conn, int error)
{
	if (conn->fd >= 0)
		conn_close(l, conn);
	if (++l->errors >= MAX_ERRORS)
		tool_die("%d requests failed, the last one: %s", MAX_ERRORS,
		    error == 0 ? "a wrong or cut answer" : strerror(error));
	client_open(l, conn, now_ns());
}

/* Counts an answer that is whole. */
static void
note_answer(struct load *l, const struct conn *conn, int64_t now)
{
	struct group *group = conn->group;
	bool counts = l->measuring;

	group->answered++;
	if (l->measuring)
		group->ops++;
	if (is_open_loop(l, group))
		counts = conn->begun_ns >= l->from_ns &&
		    conn->begun_ns < l->until_ns;
	if (counts)
		histogram_add(&group->latency, now - conn->begun_ns);
}

/* An answer is whole. True if the conn has its next request to send now. */
static bool
client_answered(struct load *l, struct conn *conn)
{
	struct group *group = conn->group;
	int64_t now = now_ns();

	note_answer(l, conn, now);
	if (group->mode == MODE_SHORT)
		conn_close(l, conn);
	if (is_open_loop(l, group)) {
		conn_rest(l, conn, true);
		return false;
	}
	if (group->mode == MODE_SHORT)
		client_open(l, conn, now_ns());
	if (group->mode == MODE_KEEP)
		client_ask(l, conn, now);
	return group->mode == MODE_KEEP;
}

void
client_run(struct load *l, struct conn *conn)
{
	enum step step = STEP_DONE;

	errno = 0;
	if (!conn->sending) {
		step = conn_recv(l, conn);
		if (step == STEP_DONE && !client_answered(l, conn))
			return;
	}
	if (conn->sending) {
		step = conn_send(l, conn);
		conn->sending = step != STEP_DONE;
	}
	if (step == STEP_MORE)
		conn_queue(l, conn);
	else if (step == STEP_END)
		client_failed(l, conn, errno);
}

static void
client_open(struct load *l, struct conn *conn, int64_t due_ns)
{
	const struct tool_addr *to;
	int one = 1;

	to = &l->targets[l->next_target++ % l->target_count];
	client_ask(l, conn, due_ns);
	conn->fd = socket(to->ss.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (conn->fd < 0)
		tool_die("socket: %s", strerror(errno));
	/* One small request needs no TCP_NODELAY: nothing is in flight. */
	if (conn->group->mode != MODE_SHORT || conn->bulk)
		setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof(one));
	if (connect(conn->fd, (const struct sockaddr *)&to->ss, to->len) != 0 &&
	    errno != EINPROGRESS) {
		client_failed(l, conn, errno);
		return;
	}
	conn_watch(l, conn, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

void
client_init(struct load *l, struct conn *conn, struct group *group)
{
	conn->kind = KIND_CLIENT;
	conn->group = group;
	conn->bulk = group->bulk;
	conn->fd = -1;
	if (is_open_loop(l, group) && group->mode == MODE_SHORT)
		conn_rest(l, conn, true);
	else
		client_open(l, conn, now_ns());
}

/* Gives the conn the request that is due now. */
static void
take_due(struct load *l, struct conn *conn)
{
	int64_t due = l->next_ns;

	if (due >= l->from_ns && due < l->until_ns)
		l->asked_in_window++;
	if (++l->arrivals % l->burst == 0)
		l->next_ns += l->interval_ns * (int64_t)l->burst;
	conn_rest(l, conn, false);
	if (conn->fd < 0) {
		client_open(l, conn, due);
	} else {
		client_ask(l, conn, due);
		client_run(l, conn);
	}
}

void
clients_ask_due(struct load *l)
{
	int64_t now = now_ns();
	struct conn *conn;
	int i;

	for (i = 0; i < ASK_BATCH && l->next_ns <= now; i++) {
		conn = TAILQ_FIRST(&l->resting);
		if (conn == NULL)
			return;
		take_due(l, conn);
	}
}
