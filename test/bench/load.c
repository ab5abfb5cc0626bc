/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * load: clients and backends in one thread, so that what they cost themselves
 * is as little as can be, and the meter that goes with them: operations,
 * latencies, CPU time and memory over a window of time. test/bench/run calls
 * it; `load -h` lists the options.
 *
 * The protocol. A request is a head of 16 bytes (the length of the answer that
 * is wanted, the length of the body that follows the head, the request's
 * number) and its body. The answer begins with the number, all bits turned. On
 * a conn there is one request at a time, so that both ends know where each
 * message ends and need no EAGAIN to see it.
 *
 * One epoll. A conn is registered once, edge-triggered. What is small is served
 * as its event comes; conns of bulk queue up, and one of them moves at most 64
 * KiB between two looks for events: the small ones' latency is not the load's
 * own doing.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/bench/usage.h"
#include "test/tools/tool.h"

static const char usage_text[] =
    "usage: load [-b ADDR]... [-t ADDR]... [option...]\n"
    "       load watch [-p PIDS] [-q PIDS] [-o FILE] COMMAND [ARGUMENT...]\n"
    "\n"
    "Serves as a backend at each -b, and sends requests to the -t in turn.\n"
    "Without -t it serves until it is killed. watch runs a command and measures.\n"
    "  -m short  a conn for each request: connect, ask, answer, close (default)\n"
    "  -m keep   requests on conns that stay open\n"
    "  -m idle   opens the conns, asks once on each, holds them: pss_kb is what\n"
    "            they all together added to the proxy's memory\n"
    "  -c N      conns at once (1)\n"
    "  -a SIZE   ask for answers of that length (16)\n"
    "  -s SIZE   send a body of that length with each request (0)\n"
    "  -R N      keep: ask N times a second, and not as often as can be; latencies\n"
    "            count from when a request was due, not from when it was sent\n"
    "  -B N      beside them, N conns on which 100 MiB after 100 MiB comes down\n"
    "  -w TIME   warm up so long (300ms)\n"
    "  -d TIME   measure so long (1500ms)\n"
    "  -p PIDS   the proxy's processes: 17,23\n"
    "  -q PIDS   processes that count as load: backends of another kind\n"
    "  -o FILE   write the results there\n"
    "The results are one line of key=value: ops, errors, stuck (requests without\n"
    "an answer for a second), bytes (all that clients and backends received), the\n"
    "latency p50, p99, p999 in ns, and wall, proxy, load, machine, stolen in ns of\n"
    "CPU time, sleeps of the proxy's threads, peak_kb and pss_kb of its memory.\n"
    "Exit status: 0 if something was answered and nothing failed, else 1; 2: usage\n"
    "ADDR: 1.2.3.4:80, [::1]:80. SIZE: 64k, 100M. TIME: 500ms, 20s.\n";

#define HEAD_SIZE 16
#define CHUNK 262144
#define QUANTUM 65536
#define BULK_SIZE (1 << 20)
#define BESIDE_SIZE (100 << 20)
#define MAX_TARGETS 64
#define BATCH 256
#define ACCEPT_BATCH 8
#define MAX_ERRORS 1000
#define STUCK_NS SECOND
#define HISTOGRAM_SIZE 4096
#define IDLE_WARM 100
#define IDLE_AT_ONCE 200
#define IDLE_LIMIT_NS (20 * SECOND)
#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)

enum mode { MODE_SHORT, MODE_KEEP, MODE_IDLE };
enum kind { KIND_LISTENER, KIND_BACKEND, KIND_CLIENT };

TAILQ_HEAD(conn_list, conn);

/* Clients that all do the same. */
struct group {
	enum mode mode;
	bool bulk;
	uint64_t send_size, answer_size;
	uint64_t ops, histogram[HISTOGRAM_SIZE];
};

struct conn {
	TAILQ_ENTRY(conn) entry; /* in load.queue or load.resting */
	enum kind kind;
	int fd;
	bool bulk, queued, hangup;
	bool sending, resting;
	struct group *group; /* of a client */
	uint64_t id;
	uint64_t to_send, sent, to_recv, received;
	int64_t begun_ns;
	unsigned char head[HEAD_SIZE]; /* of what is received */
};

struct load {
	int epoll;
	struct conn_list queue;	  /* bulk that is to move on */
	struct conn_list resting; /* with -R: has no request now */
	struct tool_addr targets[MAX_TARGETS];
	uint32_t target_count, next_target;
	struct group main, beside;
	uint32_t conns, beside_conns;
	struct conn *clients;
	int64_t warm_ns, measure_ns;
	int64_t interval_ns; /* from one request to the next; 0: no -R */
	struct usage_pids proxy_pids, load_pids;
	const char *out_file;
	/* the run */
	bool measuring;
	int64_t next_ns; /* when the next request is due */
	uint64_t next_id, bytes, errors, answered, served;
	unsigned char in[CHUNK], out[CHUNK];
};

enum step {
	STEP_WAIT, /* for the next event */
	STEP_MORE, /* a quantum of bulk was moved, more may go at once */
	STEP_DONE, /* the message is whole */
	STEP_END,  /* the conn is over */
};

static void __attribute__((noreturn)) usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec;
}

/* Latencies: exact up to 128 ns, then 64 steps to each power of two. */

static void
histogram_add(struct group *group, int64_t ns)
{
	uint64_t value = ns < 0 ? 0 : (uint64_t)ns;
	unsigned shift = 0;

	if (value >= 128)
		shift = 57 - (unsigned)__builtin_clzll(value);
	group->histogram[shift * 64 + (unsigned)(value >> shift)]++;
}

/* The latency that the fraction of all answers did not exceed. */
static uint64_t
histogram_at(const struct group *group, double fraction)
{
	uint64_t want = (uint64_t)(fraction * (double)group->ops), seen = 0;
	unsigned i, shift;

	for (i = 0; i < HISTOGRAM_SIZE - 1; i++) {
		seen += group->histogram[i];
		if (seen > want)
			break;
	}
	if (seen == 0)
		return 0;
	shift = i < 128 ? 0 : i / 64 - 1;
	return ((uint64_t)(i - shift * 64 + 1) << shift) - 1;
}

/* Conns: what clients and backends share. */

static void
conn_queue(struct load *l, struct conn *conn)
{
	if (conn->queued)
		return;
	conn->queued = true;
	TAILQ_INSERT_TAIL(&l->queue, conn, entry);
}

static void
conn_unqueue(struct load *l, struct conn *conn)
{
	if (!conn->queued)
		return;
	conn->queued = false;
	TAILQ_REMOVE(&l->queue, conn, entry);
}

static void
conn_rest(struct load *l, struct conn *conn, bool rest)
{
	if (conn->resting == rest)
		return;
	conn->resting = rest;
	if (rest)
		TAILQ_INSERT_TAIL(&l->resting, conn, entry);
	else
		TAILQ_REMOVE(&l->resting, conn, entry);
}

static void
conn_watch(struct load *l, struct conn *conn, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = conn };

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, conn->fd, &event) != 0)
		tool_die("epoll_ctl: %s", strerror(errno));
}

static void
conn_close(struct load *l, struct conn *conn)
{
	conn_unqueue(l, conn);
	conn_rest(l, conn, false);
	close(conn->fd);
	conn->fd = -1;
	conn->hangup = false;
}

/* Writes the head of what the conn sends where all sending starts from. */
static void
put_head(struct load *l, const struct conn *conn)
{
	uint64_t turned = ~conn->id;
	uint32_t size;

	if (conn->kind == KIND_BACKEND) {
		memcpy(l->out, &turned, sizeof(turned));
		return;
	}
	size = (uint32_t)conn->group->answer_size;
	memcpy(l->out, &size, 4);
	size = (uint32_t)conn->group->send_size;
	memcpy(l->out + 4, &size, 4);
	memcpy(l->out + 8, &conn->id, 8);
}

static enum step
send_some(struct load *l, struct conn *conn)
{
	uint64_t left;
	size_t len, from = 0;
	ssize_t n;

	while ((left = conn->to_send - conn->sent) > 0) {
		len = conn->bulk ? QUANTUM : CHUNK - HEAD_SIZE;
		if (left < len)
			len = (size_t)left;
		if (conn->sent < HEAD_SIZE) {
			put_head(l, conn);
			from = (size_t)conn->sent;
		}
		n = send(conn->fd, l->out + from, len, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? STEP_WAIT : STEP_END;
		from = 0;
		conn->sent += (uint64_t)n;
		if (conn->bulk && conn->sent < conn->to_send)
			return STEP_MORE;
	}
	return STEP_DONE;
}

/* Looks at the head of a request: now its length and the answer's are known. */
static void
request_head(struct conn *conn)
{
	uint32_t answer, body;

	memcpy(&answer, conn->head, 4);
	memcpy(&body, conn->head + 4, 4);
	memcpy(&conn->id, conn->head + 8, 8);
	conn->to_send = answer;
	conn->to_recv = HEAD_SIZE + (uint64_t)body;
	conn->bulk = answer >= BULK_SIZE || body >= BULK_SIZE;
}

/* Notes the head of a message; false if an answer is not the one asked for. */
static bool
take_head(struct load *l, struct conn *conn, size_t len)
{
	size_t got = (size_t)conn->received;
	uint64_t turned;

	memcpy(conn->head + got, l->in,
	    len < HEAD_SIZE - got ? len : HEAD_SIZE - got);
	if (got + len < HEAD_SIZE)
		return true;
	if (conn->kind == KIND_BACKEND) {
		request_head(conn);
		return true;
	}
	memcpy(&turned, conn->head, sizeof(turned));
	return turned == ~conn->id;
}

static enum step
recv_some(struct load *l, struct conn *conn)
{
	size_t len = conn->bulk ? QUANTUM : CHUNK;
	ssize_t n;

	for (;;) {
		n = recv(conn->fd, l->in, len, 0);
		if (n < 0)
			return errno == EAGAIN ? STEP_WAIT : STEP_END;
		if (n == 0)
			return STEP_END;
		if (conn->received < HEAD_SIZE &&
		    !take_head(l, conn, (size_t)n))
			return STEP_END;
		conn->received += (uint64_t)n;
		if (l->measuring)
			l->bytes += (uint64_t)n;
		if (conn->received > conn->to_recv)
			return STEP_END;
		if (conn->received == conn->to_recv)
			return STEP_DONE;
		if ((size_t)n < len)
			return STEP_WAIT;
		if (conn->bulk)
			return STEP_MORE;
	}
}

/* The backend. */

static void
backend_run(struct load *l, struct conn *conn)
{
	enum step step = STEP_DONE;

	if (!conn->sending) {
		step = recv_some(l, conn);
		conn->sending = step == STEP_DONE;
		conn->sent = 0;
	}
	if (conn->sending)
		step = send_some(l, conn);
	if (step == STEP_MORE) {
		conn_queue(l, conn);
		return;
	}
	if (step == STEP_DONE) {
		conn->sending = false;
		conn->received = 0;
		conn->to_recv = HEAD_SIZE;
		if (conn->hangup)
			step = STEP_END;
	}
	if (step == STEP_END) {
		conn_close(l, conn);
		free(conn);
		l->served--;
	}
}

static void
on_accept(struct load *l, const struct conn *listener)
{
	struct conn *conn;
	int i, fd;

	for (i = 0; i < ACCEPT_BATCH; i++) {
		fd = accept4(listener->fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return; /* NOLINT(*): epoll keeps it */
		conn = calloc(1, sizeof(*conn));
		if (conn == NULL)
			tool_die("out of memory");
		conn->kind = KIND_BACKEND;
		conn->fd = fd;
		conn->to_recv = HEAD_SIZE;
		l->served++;
		conn_watch(l, conn, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	}
}

static void
backend_listen(struct load *l, const char *text)
{
	struct tool_addr addr = tool_addr_arg(text);
	struct conn *conn = calloc(1, sizeof(*conn));
	int one = 1;

	if (conn == NULL)
		tool_die("out of memory");
	conn->kind = KIND_LISTENER;
	conn->fd = tool_listen(&addr, 4096, 0);
	if (conn->fd < 0)
		tool_die("%s: %s", text, strerror(-conn->fd));
	/* What is accepted inherits it. */
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conn_watch(l, conn, EPOLLIN);
} /* NOLINT(clang-analyzer-unix.Malloc): epoll keeps it */

/* The clients. */

static void client_open(struct load *l, struct conn *conn);

static void
client_ask(struct load *l, struct conn *conn, int64_t now)
{
	conn->id = ++l->next_id;
	conn->begun_ns = now;
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
	client_open(l, conn);
}

/* An answer is whole. True if the conn has its next request to send now. */
static bool
client_answered(struct load *l, struct conn *conn)
{
	struct group *group = conn->group;
	int64_t now = now_ns();

	l->answered++;
	if (l->measuring) {
		group->ops++;
		histogram_add(group, now - conn->begun_ns);
	}
	if (group->mode == MODE_KEEP && l->interval_ns > 0) {
		conn_rest(l, conn, true);
		return false;
	}
	if (group->mode == MODE_KEEP) {
		client_ask(l, conn, now);
		return true;
	}
	if (group->mode == MODE_SHORT) {
		conn_close(l, conn);
		client_open(l, conn);
	}
	return false;
}

static void
client_run(struct load *l, struct conn *conn)
{
	enum step step = STEP_DONE;

	errno = 0;
	if (!conn->sending) {
		step = recv_some(l, conn);
		if (step == STEP_DONE && !client_answered(l, conn))
			return;
	}
	if (conn->sending) {
		step = send_some(l, conn);
		conn->sending = step != STEP_DONE;
	}
	if (step == STEP_MORE)
		conn_queue(l, conn);
	else if (step == STEP_END)
		client_failed(l, conn, errno);
}

static void
client_open(struct load *l, struct conn *conn)
{
	const struct tool_addr *to;
	int one = 1;

	to = &l->targets[l->next_target++ % l->target_count];
	client_ask(l, conn, now_ns());
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

/* The run. */

static void
conn_run(struct load *l, struct conn *conn)
{
	if (conn->kind == KIND_BACKEND)
		backend_run(l, conn);
	else
		client_run(l, conn);
}

static void
on_event(struct load *l, const struct epoll_event *event)
{
	struct conn *conn = event->data.ptr;

	if (conn->kind == KIND_LISTENER) {
		on_accept(l, conn);
		return;
	}
	if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		conn->hangup = true;
	if (conn->bulk)
		conn_queue(l, conn);
	else
		conn_run(l, conn);
}

static void
ask_due(struct load *l)
{
	int64_t now = now_ns();
	struct conn *conn;

	while (l->next_ns <= now && (conn = TAILQ_FIRST(&l->resting)) != NULL) {
		conn_rest(l, conn, false);
		client_ask(l, conn, l->next_ns);
		client_run(l, conn);
		l->next_ns += l->interval_ns;
	}
}

/* How long the kernel may wait for events, if not longer than `most`. */
static int64_t
sleep_ns(const struct load *l, int64_t most)
{
	int64_t due = l->next_ns - now_ns();

	if (!TAILQ_EMPTY(&l->queue))
		return 0;
	if (TAILQ_EMPTY(&l->resting) || due >= most)
		return most;
	return due > 0 ? due : 0;
}

/* Waits for events for at most that long, and serves them. */
static void
turn(struct load *l, int64_t most_ns)
{
	struct epoll_event events[BATCH];
	struct timespec ts;
	struct conn *conn;
	int i, n;

	if (l->interval_ns > 0)
		ask_due(l);
	most_ns = sleep_ns(l, most_ns);
	ts.tv_sec = most_ns / SECOND;
	ts.tv_nsec = most_ns % SECOND;
	n = epoll_pwait2(l->epoll, events, BATCH, &ts, NULL);
	for (i = 0; i < n; i++)
		on_event(l, &events[i]);
	conn = TAILQ_FIRST(&l->queue);
	if (conn != NULL) {
		conn_unqueue(l, conn);
		conn_run(l, conn);
	}
}

static void
turn_until(struct load *l, int64_t end_ns)
{
	int64_t now;

	while ((now = now_ns()) < end_ns)
		turn(l, end_ns - now);
}

static void
client_init(struct load *l, struct conn *conn, struct group *group)
{
	conn->kind = KIND_CLIENT;
	conn->group = group;
	conn->bulk = group->bulk;
	client_open(l, conn);
}

/* Requests that had no answer for a second when the window ended, and have none
 * another second later: if it was this program that had to wait, they have. */
static uint64_t
count_stuck(struct load *l)
{
	int64_t late = now_ns() - STUCK_NS;
	uint64_t stuck = 0;
	bool waited = false;
	uint32_t i;

	if (l->main.mode == MODE_IDLE || l->main.bulk)
		return 0;
	for (i = 0; i < l->conns; i++) {
		if (l->clients[i].resting || l->clients[i].begun_ns > late)
			continue;
		if (!waited)
			turn_until(l, now_ns() + STUCK_NS);
		waited = true;
		stuck += !l->clients[i].resting &&
		    l->clients[i].begun_ns <= late;
	}
	return stuck;
}

static int
report(struct load *l, const struct usage *used, uint64_t pss_kb)
{
	const struct group *group = &l->main;
	uint64_t stuck = count_stuck(l);
	FILE *out = stdout;

	if (l->out_file != NULL)
		out = fopen(l->out_file, "we");
	if (out == NULL)
		tool_die("%s: %s", l->out_file, strerror(errno));
	fprintf(out, "ops=%llu errors=%llu stuck=%llu bytes=%llu",
	    (unsigned long long)group->ops, (unsigned long long)l->errors,
	    (unsigned long long)stuck, (unsigned long long)l->bytes);
	fprintf(out, " p50=%llu p99=%llu p999=%llu",
	    (unsigned long long)histogram_at(group, 0.5),
	    (unsigned long long)histogram_at(group, 0.99),
	    (unsigned long long)histogram_at(group, 0.999));
	fprintf(out, " wall=%lld proxy=%lld load=%lld machine=%lld stolen=%lld",
	    (long long)used->wall, (long long)used->proxy,
	    (long long)used->load, (long long)used->machine,
	    (long long)used->stolen);
	fprintf(out, " sleeps=%lld", (long long)used->sleeps);
	fprintf(out, " peak_kb=%llu pss_kb=%llu\n",
	    (unsigned long long)usage_peak_kb(&l->proxy_pids),
	    (unsigned long long)pss_kb);
	if (out != stdout)
		fclose(out);
	return (group->ops > 0 || l->bytes > 0) && l->errors == 0 && stuck == 0
	    ? 0
	    : 1;
}

static int
run_requests(struct load *l)
{
	struct usage from, to;
	uint32_t i;

	l->next_ns = now_ns();
	for (i = 0; i < l->conns; i++)
		client_init(l, &l->clients[i], &l->main);
	for (; i < l->conns + l->beside_conns; i++)
		client_init(l, &l->clients[i], &l->beside);
	turn_until(l, now_ns() + l->warm_ns);
	usage_peak_reset(&l->proxy_pids);
	l->measuring = true;
	from = usage_now(&l->proxy_pids, &l->load_pids);
	turn_until(l, now_ns() + l->measure_ns);
	to = usage_now(&l->proxy_pids, &l->load_pids);
	l->measuring = false;
	from = usage_between(&from, &to);
	return report(l, &from, usage_pss_kb(&l->proxy_pids));
}

/* Opens clients from to to - 1, each asking once, and waits for the answers. */
static void
idle_open(struct load *l, uint32_t from, uint32_t to)
{
	int64_t limit = now_ns() + IDLE_LIMIT_NS;
	uint64_t want = l->answered + (to - from);

	while (l->answered < want) {
		while (from < to &&
		    want - l->answered < to - from + IDLE_AT_ONCE)
			client_init(l, &l->clients[from++], &l->main);
		turn(l, 10 * MS);
		if (now_ns() > limit)
			tool_die("%llu idle conns have no answer",
			    (unsigned long long)(want - l->answered));
	}
}

/* Asks on all conns that are open, once more: are they still there? */
static void
idle_ask(struct load *l)
{
	int64_t limit = now_ns() + IDLE_LIMIT_NS;
	uint64_t want = l->answered + l->conns;
	uint32_t i;

	for (i = 0; i < l->conns; i++) {
		client_ask(l, &l->clients[i], now_ns());
		client_run(l, &l->clients[i]);
	}
	while (l->answered < want && now_ns() < limit)
		turn(l, 10 * MS);
	if (l->answered < want)
		tool_die("%llu idle conns died",
		    (unsigned long long)(want - l->answered));
}

/*
 * The memory of idle conns: what it is with all of them open, less what it was
 * when a few had come and gone.
 */
static int
run_idle(struct load *l)
{
	uint32_t warm = l->conns < IDLE_WARM ? l->conns : IDLE_WARM, i;
	struct usage from, to;
	uint64_t pss_kb;

	idle_open(l, 0, warm);
	for (i = 0; i < warm; i++)
		conn_close(l, &l->clients[i]);
	turn_until(l, now_ns() + l->warm_ns);
	if (l->served > 0)
		tool_die("%llu conns were not closed by the proxy",
		    (unsigned long long)l->served);
	pss_kb = usage_pss_kb(&l->proxy_pids);
	usage_peak_reset(&l->proxy_pids);
	from = usage_now(&l->proxy_pids, &l->load_pids);
	idle_open(l, 0, l->conns);
	turn_until(l, now_ns() + l->warm_ns);
	to = usage_now(&l->proxy_pids, &l->load_pids);
	pss_kb = usage_pss_kb(&l->proxy_pids) - pss_kb;
	idle_ask(l);
	l->main.ops = l->conns;
	from = usage_between(&from, &to);
	return report(l, &from, pss_kb);
}

static int
run_watch(struct load *l, char **argv)
{
	struct usage from, to;
	int status;
	pid_t pid;

	l->conns = 0;
	usage_peak_reset(&l->proxy_pids);
	from = usage_now(&l->proxy_pids, &l->load_pids);
	pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		tool_die("%s: %s", argv[0], strerror(errno));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		tool_die("%s: %s", argv[0], strerror(errno));
	to = usage_now(&l->proxy_pids, &l->load_pids);
	from = usage_between(&from, &to);
	report(l, &from, usage_pss_kb(&l->proxy_pids));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* The command line. */

static void
take_mode(struct load *l, const char *name)
{
	static const char *const names[] = { "short", "keep", "idle" };
	int i;

	for (i = MODE_SHORT; i <= MODE_IDLE; i++)
		if (strcmp(name, names[i]) == 0) {
			l->main.mode = (enum mode)i;
			return;
		}
	usage();
}

static void
take_option(struct load *l, int option, const char *value)
{
	const char name[] = { '-', (char)option, '\0' };
	uint64_t rate;

	switch (option) {
	case 'b':
		backend_listen(l, value);
		break;
	case 't':
		if (l->target_count == MAX_TARGETS)
			tool_die("more than %d targets", MAX_TARGETS);
		l->targets[l->target_count++] = tool_addr_arg(value);
		break;
	case 'm':
		take_mode(l, value);
		break;
	case 'c':
		l->conns = (uint32_t)tool_size_arg(name, value);
		break;
	case 'a':
		l->main.answer_size = tool_size_arg(name, value);
		break;
	case 's':
		l->main.send_size = tool_size_arg(name, value);
		break;
	case 'B':
		l->beside_conns = (uint32_t)tool_size_arg(name, value);
		break;
	case 'R':
		rate = tool_size_arg(name, value);
		l->interval_ns = rate == 0 ? 0 : SECOND / (int64_t)rate;
		break;
	case 'w':
		l->warm_ns = tool_ms_arg(name, value) * MS;
		break;
	case 'd':
		l->measure_ns = tool_ms_arg(name, value) * MS;
		break;
	case 'p':
		l->proxy_pids = usage_pids_arg(value);
		break;
	case 'q':
		l->load_pids = usage_pids_arg(value);
		break;
	case 'o':
		l->out_file = value;
		break;
	case 'h':
		fputs(usage_text, stdout);
		exit(0);
	default:
		usage();
	}
}

static void
load_init(struct load *l)
{
	tool_nofile(20000);
	prctl(PR_SET_TIMERSLACK, 1UL);
	TAILQ_INIT(&l->queue);
	TAILQ_INIT(&l->resting);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		tool_die("epoll: %s", strerror(errno));
	memset(l->out, 'b', sizeof(l->out));
	l->conns = 1;
	l->main.answer_size = HEAD_SIZE;
	l->beside = (struct group){ .mode = MODE_SHORT,
		.bulk = true,
		.answer_size = BESIDE_SIZE };
	l->warm_ns = 300 * MS;
	l->measure_ns = 1500 * MS;
}

/* Judges what the options together come to. */
static void
load_check(struct load *l)
{
	struct group *group = &l->main;

	if (group->answer_size < HEAD_SIZE || group->answer_size > UINT32_MAX ||
	    group->send_size > UINT32_MAX)
		tool_die("-a: 16 bytes at least; -a and -s: 4G at most");
	if (l->conns == 0 || l->measure_ns == 0)
		tool_die("-c and -d: not 0");
	group->bulk = group->answer_size >= BULK_SIZE ||
	    group->send_size >= BULK_SIZE;
	l->clients = calloc((size_t)l->conns + l->beside_conns,
	    sizeof(*l->clients));
	if (l->clients == NULL)
		tool_die("out of memory");
}

int
main(int argc, char **argv)
{
	static struct load l;
	bool watch = argc > 1 && strcmp(argv[1], "watch") == 0;
	int option;

	load_init(&l);
	if (watch) {
		argv++;
		argc--;
	}
	while ((option = getopt(argc, argv,
		    watch ? "+p:q:o:h" : "b:t:m:c:a:s:R:B:w:d:p:q:o:h")) != -1)
		take_option(&l, option, optarg);
	if (watch != (optind < argc))
		usage();
	load_check(&l);
	if (watch)
		return run_watch(&l, argv + optind);
	if (l.target_count == 0)
		for (;;)
			turn(&l, SECOND);
	return l.main.mode == MODE_IDLE ? run_idle(&l) : run_requests(&l);
}
