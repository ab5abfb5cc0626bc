/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * load: clients and backends in one thread, so that what they cost themselves
 * is as little as can be, and the meter that goes with them: operations,
 * latencies, CPU time and memory over a window of time. conns.h has the
 * protocol. test/bench/run calls it; `load -h` lists the options.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/bench/conns.h"

static const char usage_text[] =
    "usage: load [-n FILE] [-b ADDR]... [-t ADDR]... [option...]\n"
    "       load watch [-p PIDS] [-q PIDS] [-o FILE] COMMAND [ARGUMENT...]\n"
    "\n"
    "Serves as a backend at each -b, and sends requests to the -t in turn.\n"
    "Without -t it serves until it is killed. watch runs a command and measures.\n"
    "  -n FILE   the network namespace in which the -b after it listen:\n"
    "            /proc/17/ns/net\n"
    "  -m short  a conn for each request: connect, ask, answer, close (default)\n"
    "  -m keep   requests on conns that stay open\n"
    "  -m idle   opens the conns, asks once on each, holds them: pss_kb is what\n"
    "            they all together added to the proxy's memory\n"
    "  -c N      conns at once (1); with -R: at most\n"
    "  -a SIZE   ask for answers of that length (16)\n"
    "  -s SIZE   send a body of that length with each request (0)\n"
    "  -S        bodies go out by sendfile(2) from a memfd, not by send(2)\n"
    "  -T        bodies are received with MSG_TRUNC: counted, not copied\n"
    "  -R N      short, keep: ask N times a second, not as often as can be;\n"
    "            latencies count from when a request was due\n"
    "  -k N      with -R: N requests are due at the same time (1)\n"
    "  -B N      beside them, N conns on which 100 MiB after 100 MiB comes down\n"
    "  -I N      beside them, N conns that were opened before, asked once and idle\n"
    "  -w TIME   warm up so long (300ms)\n"
    "  -d TIME   measure so long (1500ms)\n"
    "  -e CMD    run it by sh(1) when all is measured, before the conns close\n"
    "  -p PIDS   the proxy's processes: 17,23\n"
    "  -q PIDS   processes that count as load: backends of another kind\n"
    "  -o FILE   write the results there\n"
    "The results are one line of key=value: ops, errors, stuck (requests without\n"
    "an answer for a second; with -R: five), bytes (all that clients and backends\n"
    "received), samples (latencies), their p50, p99, p999 in ns, fair (bulk: bytes\n"
    "of the slowest conn by those of the fastest), wall, proxy, load, machine,\n"
    "stolen in ns of CPU time, sleeps of the proxy's threads, peak_kb and pss_kb of\n"
    "its memory.\n"
    "Exit status: 0 if something was answered and nothing failed, else 1; 2: usage\n"
    "ADDR: 1.2.3.4:80, [::1]:80. SIZE: 64k, 100M. TIME: 500ms, 20s.\n";

#define BESIDE_SIZE (100 << 20)
#define BATCH 256
#define STUCK_NS SECOND
#define DRAIN_NS (5 * SECOND)
#define IDLE_WARM 100
#define IDLE_AT_ONCE 200
#define IDLE_LIMIT_NS (20 * SECOND)

static void __attribute__((noreturn)) usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
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
		clients_ask_due(l);
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

/* With -R: requests that were due within the window and have no answer yet.
 * Else those that had none for a second when it ended, and have none another
 * second later: if it was this program that had to wait, they have. */
static uint64_t
count_stuck(struct load *l)
{
	int64_t late = now_ns() - STUCK_NS;
	uint64_t stuck = 0;
	bool waited = false;
	uint32_t i;

	if (l->interval_ns > 0)
		return l->asked_in_window - l->main.latency.count;
	if (l->main.mode == MODE_IDLE || l->main.bulk)
		return 0;
	for (i = 0; i < l->conns; i++) {
		if (l->clients[i].begun_ns > late)
			continue;
		if (!waited)
			turn_until(l, now_ns() + STUCK_NS);
		waited = true;
		stuck += l->clients[i].begun_ns <= late;
	}
	return stuck;
}

/* With -R: goes on until all that was due within the window is answered. */
static void
drain(struct load *l)
{
	int64_t limit = now_ns() + DRAIN_NS;

	if (l->interval_ns == 0)
		return;
	while (now_ns() < limit &&
	    (l->next_ns < l->until_ns ||
		l->main.latency.count < l->asked_in_window))
		turn(l, 10 * MS);
}

/* The share of the fastest conn that the slowest one got; 0: no bulk. */
static double
fairness(const struct load *l)
{
	uint64_t least = UINT64_MAX, most = 0, moved;
	uint32_t i;

	if (!l->main.bulk)
		return 0;
	for (i = 0; i < l->conns; i++) {
		moved = l->clients[i].moved;
		least = moved < least ? moved : least;
		most = moved > most ? moved : most;
	}
	return most == 0 ? 0 : (double)least / (double)most;
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
	fprintf(out, " samples=%llu p50=%llu p99=%llu p999=%llu fair=%.3f",
	    (unsigned long long)group->latency.count,
	    (unsigned long long)histogram_at(&group->latency, 0.5),
	    (unsigned long long)histogram_at(&group->latency, 0.99),
	    (unsigned long long)histogram_at(&group->latency, 0.999),
	    fairness(l));
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

/* Opens clients from to to - 1, each asking once, and waits for the answers. */
static void
idle_open(struct load *l, uint32_t from, uint32_t to, struct group *group)
{
	int64_t limit = now_ns() + IDLE_LIMIT_NS;
	uint64_t want = group->answered + (to - from);

	while (group->answered < want) {
		while (from < to &&
		    want - group->answered < to - from + IDLE_AT_ONCE)
			client_init(l, &l->clients[from++], group);
		turn(l, 10 * MS);
		if (now_ns() > limit)
			tool_die("%llu idle conns have no answer",
			    (unsigned long long)(want - group->answered));
	}
}

/* Asks once more on clients from to to - 1: are they still there? */
static void
idle_ask(struct load *l, uint32_t from, uint32_t to, struct group *group)
{
	int64_t limit = now_ns() + IDLE_LIMIT_NS;
	uint64_t want = group->answered + (to - from);
	uint32_t i;

	for (i = from; i < to; i++) {
		client_ask(l, &l->clients[i], now_ns());
		client_run(l, &l->clients[i]);
	}
	while (group->answered < want && now_ns() < limit)
		turn(l, 10 * MS);
	if (group->answered < want)
		tool_die("%llu idle conns died",
		    (unsigned long long)(want - group->answered));
}

/* Runs a program to its end; its status as by waitpid(2). */
static int
run_program(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		tool_die("%s: %s", argv[0], strerror(errno));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		tool_die("%s: %s", argv[0], strerror(errno));
	return status;
}

/* Runs the command of -e; what it prints is not ours. */
static void
run_after(const struct load *l)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
		(char *)l->after_cmd, NULL };

	if (l->after_cmd != NULL && run_program(argv) != 0)
		tool_die("failed: %s", l->after_cmd);
}

static int
run_requests(struct load *l)
{
	uint32_t beside = l->conns + l->beside_conns, i;
	struct usage from, to;

	idle_open(l, beside, beside + l->idle_conns, &l->idle);
	l->next_ns = now_ns();
	for (i = 0; i < l->conns; i++)
		client_init(l, &l->clients[i], &l->main);
	for (; i < beside; i++)
		client_init(l, &l->clients[i], &l->beside);
	turn_until(l, now_ns() + l->warm_ns);
	usage_peak_reset(&l->proxy_pids);
	from = usage_now(&l->proxy_pids, &l->load_pids);
	l->measuring = true;
	l->from_ns = now_ns();
	l->until_ns = l->from_ns + l->measure_ns;
	turn_until(l, l->until_ns);
	to = usage_now(&l->proxy_pids, &l->load_pids);
	l->measuring = false;
	drain(l);
	run_after(l);
	idle_ask(l, beside, beside + l->idle_conns, &l->idle);
	from = usage_between(&from, &to);
	return report(l, &from, usage_pss_kb(&l->proxy_pids));
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

	idle_open(l, 0, warm, &l->main);
	for (i = 0; i < warm; i++)
		conn_close(l, &l->clients[i]);
	turn_until(l, now_ns() + l->warm_ns);
	if (l->served > 0)
		tool_die("%llu conns were not closed by the proxy",
		    (unsigned long long)l->served);
	pss_kb = usage_pss_kb(&l->proxy_pids);
	usage_peak_reset(&l->proxy_pids);
	from = usage_now(&l->proxy_pids, &l->load_pids);
	idle_open(l, 0, l->conns, &l->main);
	turn_until(l, now_ns() + l->warm_ns);
	to = usage_now(&l->proxy_pids, &l->load_pids);
	pss_kb = usage_pss_kb(&l->proxy_pids) - pss_kb;
	run_after(l);
	idle_ask(l, 0, l->conns, &l->main);
	l->main.ops = l->conns;
	from = usage_between(&from, &to);
	return report(l, &from, pss_kb);
}

static int
run_watch(struct load *l, char **argv)
{
	struct usage from, to;
	int status;

	l->conns = 0;
	usage_peak_reset(&l->proxy_pids);
	from = usage_now(&l->proxy_pids, &l->load_pids);
	status = run_program(argv);
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

/* Options that say what is asked for; false if it is none of them. */
static bool
take_work_option(struct load *l, int option, const char *name,
    const char *value)
{
	uint64_t number;

	if (strchr("casBIRk", option) == NULL)
		return false;
	number = tool_size_arg(name, value);
	if (option == 'c')
		l->conns = (uint32_t)number;
	else if (option == 'a')
		l->main.answer_size = number;
	else if (option == 's')
		l->main.send_size = number;
	else if (option == 'B')
		l->beside_conns = (uint32_t)number;
	else if (option == 'I')
		l->idle_conns = (uint32_t)number;
	else if (option == 'R')
		l->interval_ns = number == 0 ? 0 : SECOND / (int64_t)number;
	else
		l->burst = number;
	return true;
}

static void
take_target(struct load *l, const char *addr)
{
	if (l->target_count == MAX_TARGETS)
		tool_die("more than %d targets", MAX_TARGETS);
	l->targets[l->target_count++] = tool_addr_arg(addr);
}

static void
take_option(struct load *l, int option, const char *value)
{
	const char name[] = { '-', (char)option, '\0' };

	if (take_work_option(l, option, name, value))
		return;
	switch (option) {
	case 'n':
		l->netns = value;
		break;
	case 'b':
		backend_listen(l, value);
		break;
	case 't':
		take_target(l, value);
		break;
	case 'm':
		take_mode(l, value);
		break;
	case 'S':
		source_open(l);
		break;
	case 'T':
		l->trunc = true;
		break;
	case 'w':
		l->warm_ns = tool_ms_arg(name, value) * MS;
		break;
	case 'd':
		l->measure_ns = tool_ms_arg(name, value) * MS;
		break;
	case 'e':
		l->after_cmd = value;
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
	l->idle = (struct group){ .mode = MODE_IDLE, .answer_size = HEAD_SIZE };
	l->burst = 1;
	l->source = -1;
	l->from_ns = l->until_ns = INT64_MAX;
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
	if (l->conns == 0 || l->measure_ns == 0 || l->burst == 0)
		tool_die("-c, -d and -k: not 0");
	group->bulk = group->answer_size >= BULK_SIZE ||
	    group->send_size >= BULK_SIZE;
	l->clients = calloc((size_t)l->conns + l->beside_conns + l->idle_conns,
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
		    watch ? "+p:q:o:h"
			  : "n:b:t:m:c:a:s:STR:k:B:I:w:d:e:p:q:o:h")) != -1)
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
