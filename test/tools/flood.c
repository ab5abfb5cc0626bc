/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * flood: many clients at once that check every answer, and the backends that
 * answer them. `flood -h` lists the options.
 *
 * The protocol. A request is a head of 16 bytes, four big-endian words: the
 * magic number, the length of the answer that is wanted (at least 16), the
 * length of the body that follows the head, the request's number. The answer
 * begins with 12 bytes of the backend's name (padded with NUL) and the
 * request's number, all bits turned, so that an echo is no answer; bytes of the
 * stream seeded with that number fill it up. So a client knows who answered,
 * and that the answer is its own and whole.
 *
 * Each program is one thread with one epoll. A client's slot is registered
 * once, edge-triggered, and its state machine runs until the kernel says
 * EAGAIN; an event carries the slot's generation, since a slot is used again
 * in the turn in which it became free.
 */

#include "common/hash.h"
#include "test/tools/tool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: flood serve [-e] [-n NAME] [-P FILE] ADDR...\n"
    "       flood short|pingpong|idle -t ADDR [option...]\n"
    "\n"
    "serve    answers as NAME (at most 12 bytes); SIGTERM ends it, and it prints\n"
    "         name= accepted= requests= active= most= bad= (most: active at once)\n"
    "  -e       echo instead: every byte comes back\n"
    "  -n NAME  (backend)\n"
    "  -P FILE  write the ports there, a line each, once all listen\n"
    "\n"
    "short    one conn per request: connect, send, receive, close\n"
    "pingpong requests on conns that stay open; a conn that breaks is counted\n"
    "         and opened again\n"
    "idle     opens -c conns and holds them; after SIGUSR1, or once -f's file\n"
    "         exists, all ask at once; answered= says how many were answered\n"
    "  -t ADDR  whom to connect to\n"
    "  -c N     conns at once (1)\n"
    "  -n N     so many requests (-c if there is no -d either)\n"
    "  -d TIME  start requests for so long\n"
    "  -R N     start at most N requests a second\n"
    "  -s N     send N bytes a request, head included (16)\n"
    "  -m N     ask for answers of N bytes (16)\n"
    "  -T TIME  give up a request after that time (10s)\n"
    "  -S FIRST+N  --sources: connect from N IPv4 addresses in turn\n"
    "  -M FILE  write which backend answered each source last: SOURCE BACKEND\n"
    "  -H TIME  short: keep each conn after its answer, for a random time of that\n"
    "           mean (exponential: it may end at any moment alike)\n"
    "  -w       idle: each conn asks once when it opens; moved= counts those\n"
    "           whom another backend answers later\n"
    "  -f FILE  idle: all ask once FILE exists\n"
    "  -o FILE  idle: made when all conns are open (and answered, with -w)\n"
    "SIGTERM ends a run early. The one line of results is key=value: mode, ok, the\n"
    "failures (refused, reset, timeout, short, wrong, other), secs, rate, the\n"
    "latency in us (p50, p99, p999, max), moved, unconnected (the failures before\n"
    "the conn was there), with -H max/mean (the busiest backend's conns by the mean\n"
    "of all, over time), and backend.NAME=answers. short is a FIN inside an answer,\n"
    "wrong an answer with other bytes. A conn that ends while it idles counts as\n"
    "reset or short.\n"
    "Exit status: 0 if something was answered and nothing failed, else 1; 2: usage\n"
    "ADDR: 1.2.3.4:80, [::1]:80, unix:/path. TIME: 500ms, 20s, 2m.\n";

#define MAGIC 0x6c623466U
#define HEAD_SIZE 16
#define NAME_SIZE 12
#define SCRATCH_SIZE 65536
#define MAX_LISTENERS 64
#define MAX_BACKENDS 1000
#define BATCH 256
#define SCAN_US 50000
#define OPENING_AT_ONCE 200
#define HISTOGRAM_SIZE 2048
#define SIGNALS UINT64_MAX

/* What serve and the clients share. */
struct base {
	int epoll, signals;
	bool usr1, term; /* which signals came */
};

TAILQ_HEAD(peer_list, peer);
TAILQ_HEAD(slot_list, slot);

/* One client as the backend sees it. */
struct peer {
	TAILQ_ENTRY(peer) entry;
	int fd;
	bool listener;
	uint32_t events;
	unsigned char head[HEAD_SIZE];
	size_t got;
	uint64_t body_left;
	uint32_t id;
	uint64_t answer_size, answer_sent;
	unsigned char *held; /* echo: what could not be sent yet */
	size_t held_size, held_sent;
};

struct serve {
	struct base base;
	char name[NAME_SIZE];
	const char *full_name;
	bool echo;
	struct peer_list peers; /* listeners too */
	uint64_t accepted, requests, active, most, bad;
	unsigned char scratch[SCRATCH_SIZE];
};

enum mode { MODE_SHORT, MODE_PINGPONG, MODE_IDLE };

enum state { STATE_CLOSED, STATE_CONNECTING, STATE_OPEN, STATE_ASKING };

enum result {
	RESULT_OK,
	RESULT_REFUSED,
	RESULT_RESET,
	RESULT_TIMEOUT,
	RESULT_SHORT,
	RESULT_WRONG,
	RESULT_OTHER,
	RESULT_COUNT
};

static const char *const mode_names[] = { "short", "pingpong", "idle" };
static const char *const result_names[RESULT_COUNT] = { "ok", "refused",
	"reset", "timeout", "short", "wrong", "other" };

struct slot {
	TAILQ_ENTRY(slot) entry; /* in load.ready while it has nothing to do */
	bool is_ready;
	int fd;
	enum state state;
	uint32_t generation;
	uint32_t id;
	unsigned char head[HEAD_SIZE]; /* of the answer */
	uint64_t sent, got;
	int64_t begun_us;
	uint32_t source;
	int backend; /* who answered this conn last; -1: nobody */
};

struct backend {
	char name[NAME_SIZE + 1];
	uint64_t count;
};

struct load {
	struct base base;
	/* set from the command line */
	enum mode mode;
	struct tool_addr target;
	uint32_t conns, source_count, source_first;
	uint64_t count, rate, send_size, answer_size;
	int64_t duration_us, timeout_us, hold_us;
	bool warm;
	const char *go_file, *open_file, *map_file;
	/* the run */
	struct slot *slots;
	struct slot_list ready;
	int64_t begun_us, ended_us;
	uint64_t started, attempts, opened;
	int64_t next_scan_us, held_us; /* held_us: when end_held() was last */
	uint64_t random, judged;
	double uneven; /* the sum of `judged` samples */
	uint32_t busy; /* slots that connect or wait for an answer */
	uint32_t next_source;
	int *source_backend;
	uint64_t results[RESULT_COUNT], moved, unconnected;
	int first_error;
	struct backend backends[MAX_BACKENDS];
	int backend_count;
	uint64_t histogram[HISTOGRAM_SIZE], max_us;
	unsigned char scratch[SCRATCH_SIZE];
};

static void
put32(unsigned char *to, uint32_t value)
{
	value = htonl(value);
	memcpy(to, &value, 4);
}

static uint32_t
get32(const unsigned char *from)
{
	uint32_t value;

	memcpy(&value, from, 4);
	return ntohl(value);
}

static void __attribute__((noreturn)) usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static void
base_open(struct base *base)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = SIGNALS };
	sigset_t set;

	tool_nofile(20000);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	base->epoll = epoll_create1(EPOLL_CLOEXEC);
	base->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (base->epoll < 0 || base->signals < 0 ||
	    epoll_ctl(base->epoll, EPOLL_CTL_ADD, base->signals, &event) != 0)
		tool_die("epoll: %s", strerror(errno));
}

static void
on_signal(struct base *base)
{
	struct signalfd_siginfo info;

	while (read(base->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			base->usr1 = true;
		else
			base->term = true;
	}
}

/* The backend. */

static void
peer_watch(struct serve *s, struct peer *peer, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = peer };

	if (peer->events == events)
		return;
	peer->events = events;
	if (epoll_ctl(s->base.epoll, operation, peer->fd, &event) != 0)
		tool_die("epoll_ctl: %s", strerror(errno));
}

static struct peer *
peer_open(struct serve *s, int fd, bool listener)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL)
		tool_die("out of memory");
	peer->fd = fd;
	peer->listener = listener;
	TAILQ_INSERT_HEAD(&s->peers, peer, entry);
	peer_watch(s, peer, EPOLL_CTL_ADD, EPOLLIN);
	return peer;
}

static void
peer_close(struct serve *s, struct peer *peer)
{
	TAILQ_REMOVE(&s->peers, peer, entry);
	close(peer->fd);
	free(peer->held);
	free(peer);
	s->active--;
}

static void
on_accept(struct serve *s, const struct peer *listener)
{
	int fd, i;

	for (i = 0; i < 64; i++) {
		fd = tool_accept(listener->fd);
		if (fd < 0)
			return;
		peer_open(s, fd, false);
		s->accepted++;
		s->active++;
		if (s->active > s->most)
			s->most = s->active;
	}
}

/* Makes the answer's bytes from answer_sent on; how many. */
static size_t
make_answer(struct serve *s, const struct peer *peer)
{
	uint64_t left = peer->answer_size - peer->answer_sent;
	size_t len = left < SCRATCH_SIZE ? (size_t)left : SCRATCH_SIZE;
	unsigned char head[HEAD_SIZE];
	size_t part;

	tool_stream_fill(s->scratch, len, peer->id, peer->answer_sent);
	if (peer->answer_sent < HEAD_SIZE) {
		memcpy(head, s->name, NAME_SIZE);
		put32(head + NAME_SIZE, ~peer->id);
		part = HEAD_SIZE - (size_t)peer->answer_sent;
		memcpy(s->scratch, head + peer->answer_sent,
		    part < len ? part : len);
	}
	return len;
}

/* Sends what is left of the answer. 1: all, 0: later, or -errno. */
static int
send_answer(struct serve *s, struct peer *peer)
{
	size_t len;
	ssize_t n;

	while (peer->answer_sent < peer->answer_size) {
		len = make_answer(s, peer);
		n = send(peer->fd, s->scratch, len, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		peer->answer_sent += (uint64_t)n;
	}
	return 1;
}

/* Receives more of a request. 1: it is whole, 0: not yet, or -errno. */
static int
recv_request(struct serve *s, struct peer *peer)
{
	size_t len;
	ssize_t n;

	for (;;) {
		if (peer->got < HEAD_SIZE) {
			n = recv(peer->fd, peer->head + peer->got,
			    HEAD_SIZE - peer->got, 0);
		} else {
			len = peer->body_left < SCRATCH_SIZE
			    ? (size_t)peer->body_left
			    : SCRATCH_SIZE;
			n = recv(peer->fd, s->scratch, len, 0);
		}
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (n == 0)
			return peer->got == 0 ? -ENOTCONN : -EBADMSG;
		if (peer->got < HEAD_SIZE) {
			peer->got += (size_t)n;
			if (peer->got < HEAD_SIZE)
				continue;
			if (get32(peer->head) != MAGIC)
				return -EBADMSG;
			peer->body_left = get32(peer->head + 8);
		} else {
			peer->body_left -= (uint64_t)n;
		}
		if (peer->body_left == 0)
			return 1;
	}
}

static void
on_peer(struct serve *s, struct peer *peer)
{
	int error = 1;

	if (peer->answer_size == 0) {
		error = recv_request(s, peer);
		if (error == 1) {
			peer->answer_size = get32(peer->head + 4);
			peer->id = get32(peer->head + 12);
			peer->answer_sent = 0;
			if (peer->answer_size < HEAD_SIZE)
				peer->answer_size = HEAD_SIZE;
		}
	}
	if (error == 1)
		error = send_answer(s, peer);
	if (error == 1) {
		peer->answer_size = 0;
		peer->got = 0;
		s->requests++;
	}
	if (error < 0) {
		if (error == -EBADMSG)
			s->bad++;
		peer_close(s, peer);
		return;
	}
	peer_watch(s, peer, EPOLL_CTL_MOD,
	    peer->answer_size == 0 ? EPOLLIN : EPOLLOUT);
}

static void
on_echo(struct serve *s, struct peer *peer)
{
	const unsigned char *from = s->scratch;
	size_t len;
	ssize_t n;

	if (peer->held == NULL) {
		n = recv(peer->fd, s->scratch, SCRATCH_SIZE, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			peer_close(s, peer);
			return;
		}
		len = (size_t)n;
	} else {
		from = peer->held + peer->held_sent;
		len = peer->held_size - peer->held_sent;
	}
	n = send(peer->fd, from, len, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN) {
		peer_close(s, peer);
		return;
	}
	if (n < 0)
		n = 0;
	if (peer->held != NULL) {
		peer->held_sent += (size_t)n;
	} else if ((size_t)n < len) {
		peer->held_size = len - (size_t)n;
		peer->held_sent = 0;
		peer->held = malloc(peer->held_size);
		if (peer->held == NULL)
			tool_die("out of memory");
		memcpy(peer->held, from + n, peer->held_size);
	}
	if (peer->held != NULL && peer->held_sent == peer->held_size) {
		free(peer->held);
		peer->held = NULL;
	}
	peer_watch(s, peer, EPOLL_CTL_MOD,
	    peer->held == NULL ? EPOLLIN : EPOLLOUT);
}

static void
serve_run(struct serve *s)
{
	struct epoll_event events[BATCH];
	struct peer *peer;
	int i, n;

	while (!s->base.term) {
		n = epoll_wait(s->base.epoll, events, BATCH, -1);
		for (i = 0; i < n; i++) {
			peer = events[i].data.ptr;
			if (events[i].data.u64 == SIGNALS)
				on_signal(&s->base);
			else if (peer->listener)
				on_accept(s, peer);
			else if (s->echo)
				on_echo(s, peer);
			else
				on_peer(s, peer);
		}
	}
	printf("name=%s accepted=%llu requests=%llu active=%llu most=%llu "
	       "bad=%llu\n",
	    s->full_name, (unsigned long long)s->accepted,
	    (unsigned long long)s->requests, (unsigned long long)s->active,
	    (unsigned long long)s->most, (unsigned long long)s->bad);
}

static int
serve_main(int argc, char **argv)
{
	static struct serve s;
	struct peer *peer, *next;
	char ports[MAX_LISTENERS * 8] = "";
	const char *port_file = NULL;
	struct tool_addr addr;
	size_t used = 0;
	int option, fd;

	TAILQ_INIT(&s.peers);
	s.full_name = "backend";
	while ((option = getopt(argc, argv, "en:P:")) != -1) {
		if (option == 'e')
			s.echo = true;
		else if (option == 'n')
			s.full_name = optarg;
		else if (option == 'P')
			port_file = optarg;
		else
			usage();
	}
	if (optind == argc || argc - optind > MAX_LISTENERS ||
	    strlen(s.full_name) > NAME_SIZE)
		usage();
	memcpy(s.name, s.full_name, strlen(s.full_name));
	base_open(&s.base);
	for (; optind < argc; optind++) {
		addr = tool_addr_arg(argv[optind]);
		fd = tool_listen(&addr, 4096, 0);
		if (fd < 0)
			tool_die("%s: %s", argv[optind], strerror(-fd));
		addr = tool_addr_local(fd);
		used += (size_t)snprintf(ports + used, sizeof(ports) - used,
		    "%u\n", tool_addr_port(&addr));
		peer_open(&s, fd, true);
	}
	if (port_file != NULL)
		tool_write_file(port_file, "%s", ports);
	serve_run(&s);
	for (peer = TAILQ_FIRST(&s.peers); peer != NULL; peer = next) {
		next = TAILQ_NEXT(peer, entry);
		peer_close(&s, peer);
	}
	return 0;
}

/* The clients: results. */

static void
histogram_add(struct load *l, uint64_t us)
{
	unsigned index = (unsigned)us, shift;

	if (us > l->max_us)
		l->max_us = us;
	if (us >= 64) {
		shift = 58 - (unsigned)__builtin_clzll(us);
		index = shift * 32 + (unsigned)(us >> shift);
	}
	l->histogram[index]++;
}

/* The latency that the fraction of all answers did not exceed. */
static uint64_t
histogram_at(const struct load *l, double fraction)
{
	uint64_t seen = 0, want, top;
	unsigned i, shift;

	want = (uint64_t)(fraction * (double)l->results[RESULT_OK]);
	for (i = 0; i < HISTOGRAM_SIZE; i++) {
		seen += l->histogram[i];
		if (seen > want)
			break;
	}
	if (i < 64 || i == HISTOGRAM_SIZE)
		return i < 64 ? i : l->max_us;
	shift = i / 32 - 1;
	top = ((uint64_t)(i % 32 + 32 + 1) << shift) - 1;
	return top < l->max_us ? top : l->max_us;
}

static int
backend_find(struct load *l, const char *name)
{
	int i;

	for (i = 0; i < l->backend_count; i++)
		if (memcmp(l->backends[i].name, name, NAME_SIZE) == 0)
			return i;
	if (l->backend_count == MAX_BACKENDS)
		tool_die("more than %d backends", MAX_BACKENDS);
	memcpy(l->backends[i].name, name, NAME_SIZE);
	return l->backend_count++;
}

/* Counts who answered, and whether it was somebody else before. */
static void
count_backend(struct load *l, struct slot *slot)
{
	char name[NAME_SIZE];
	int backend, *before = &slot->backend;

	memcpy(name, slot->head, NAME_SIZE);
	backend = backend_find(l, name);
	l->backends[backend].count++;
	if (l->source_backend != NULL)
		before = &l->source_backend[slot->source];
	if (*before >= 0 && *before != backend)
		l->moved++;
	*before = backend;
	slot->backend = backend;
}

static void
source_text(const struct load *l, uint32_t source, char *text)
{
	struct in_addr in = { htonl(l->source_first + source) };

	inet_ntop(AF_INET, &in, text, INET_ADDRSTRLEN);
}

static void
write_map(const struct load *l)
{
	char text[INET_ADDRSTRLEN];
	FILE *file;
	uint32_t i;

	file = fopen(l->map_file, "we");
	if (file == NULL)
		tool_die("%s: %s", l->map_file, strerror(errno));
	for (i = 0; i < l->source_count; i++) {
		if (l->source_backend[i] < 0)
			continue;
		source_text(l, i, text);
		fprintf(file, "%s %s\n", text,
		    l->backends[l->source_backend[i]].name);
	}
	if (fclose(file) != 0)
		tool_die("%s: %s", l->map_file, strerror(errno));
}

/* Prints the line of results; the exit status. */
static int
report(const struct load *l)
{
	double seconds = (double)(l->ended_us - l->begun_us) / 1e6;
	uint64_t ok = l->results[RESULT_OK], failed = 0;
	int i;

	printf("mode=%s", mode_names[l->mode]);
	if (l->mode == MODE_IDLE)
		printf(" opened=%llu answered=%llu",
		    (unsigned long long)l->opened, (unsigned long long)ok);
	for (i = 0; i < RESULT_COUNT; i++) {
		printf(" %s=%llu", result_names[i],
		    (unsigned long long)l->results[i]);
		if (i != RESULT_OK)
			failed += l->results[i];
	}
	printf(" secs=%.3f rate=%.0f p50=%llu p99=%llu p999=%llu max=%llu"
	       " moved=%llu unconnected=%llu",
	    seconds, seconds > 0 ? (double)ok / seconds : 0,
	    (unsigned long long)histogram_at(l, 0.5),
	    (unsigned long long)histogram_at(l, 0.99),
	    (unsigned long long)histogram_at(l, 0.999),
	    (unsigned long long)l->max_us, (unsigned long long)l->moved,
	    (unsigned long long)l->unconnected);
	if (l->judged > 0)
		printf(" max/mean=%.3f", l->uneven / (double)l->judged);
	for (i = 0; i < l->backend_count; i++)
		printf(" backend.%s=%llu", l->backends[i].name,
		    (unsigned long long)l->backends[i].count);
	printf("\n");
	if (l->results[RESULT_OTHER] > 0)
		fprintf(stderr, "flood: the first other failure: %s\n",
		    strerror(l->first_error));
	return ok > 0 && failed == 0 ? 0 : 1;
}

/* The clients: slots. */

static void
slot_ready(struct load *l, struct slot *slot)
{
	if (slot->is_ready)
		return;
	slot->is_ready = true;
	TAILQ_INSERT_TAIL(&l->ready, slot, entry);
}

static void
slot_unready(struct load *l, struct slot *slot)
{
	if (!slot->is_ready)
		return;
	slot->is_ready = false;
	TAILQ_REMOVE(&l->ready, slot, entry);
}

static bool
is_busy(enum state state)
{
	return state == STATE_CONNECTING || state == STATE_ASKING;
}

static void
slot_set(struct load *l, struct slot *slot, enum state state)
{
	l->busy -= is_busy(slot->state);
	slot->state = state;
	l->busy += is_busy(slot->state);
}

static void
slot_close(struct load *l, struct slot *slot)
{
	if (slot->fd >= 0)
		close(slot->fd);
	slot->fd = -1;
	slot->generation++;
	slot->backend = -1;
	slot_set(l, slot, STATE_CLOSED);
}

/* A request ended, well or not; what becomes of the slot depends on the mode */
static void
slot_end(struct load *l, struct slot *slot, enum result result)
{
	bool good = result == RESULT_OK;

	l->results[result]++;
	/* a reset says that there was a conn */
	if (slot->state == STATE_CONNECTING && result != RESULT_RESET)
		l->unconnected++;
	if (!good || (l->mode == MODE_SHORT && l->hold_us == 0)) {
		slot_close(l, slot);
		if (l->mode != MODE_IDLE)
			slot_ready(l, slot);
		return;
	}
	slot_set(l, slot, STATE_OPEN);
	if (l->mode == MODE_PINGPONG)
		slot_ready(l, slot);
}

static void
slot_error(struct load *l, struct slot *slot, int error)
{
	enum result result = RESULT_OTHER;

	if (error == ECONNREFUSED || (error == ENOENT && slot->got == 0))
		result = RESULT_REFUSED;
	else if (error == ECONNRESET || error == EPIPE)
		result = RESULT_RESET;
	else if (error == ETIMEDOUT)
		result = RESULT_TIMEOUT;
	else if (l->first_error == 0)
		l->first_error = error;
	slot_end(l, slot, result);
}

/* Compares received bytes with what the answer has to be; false: wrong. */
static bool
answer_check(struct slot *slot, const unsigned char *from, size_t len)
{
	size_t skip = 0;

	if (slot->got < HEAD_SIZE) {
		skip = HEAD_SIZE - (size_t)slot->got;
		if (skip > len)
			skip = len;
		memcpy(slot->head + slot->got, from, skip);
		if (slot->got + skip == HEAD_SIZE &&
		    get32(slot->head + NAME_SIZE) != ~slot->id)
			return false;
	}
	return tool_stream_check(from + skip, len - skip, slot->id,
		   slot->got + skip) == len - skip;
}

/* Sends more of the request; false: wait, or the slot has ended. */
static bool
slot_send(struct load *l, struct slot *slot)
{
	unsigned char *to = l->scratch;
	uint64_t left;
	size_t len;
	ssize_t n;

	while ((left = l->send_size - slot->sent) > 0) {
		len = left < SCRATCH_SIZE ? (size_t)left : SCRATCH_SIZE;
		memset(to, 'b', len);
		if (slot->sent < HEAD_SIZE) {
			put32(to, MAGIC);
			put32(to + 4, (uint32_t)l->answer_size);
			put32(to + 8, (uint32_t)(l->send_size - HEAD_SIZE));
			put32(to + 12, slot->id);
			memmove(to, to + slot->sent, HEAD_SIZE - slot->sent);
			if (len > HEAD_SIZE - slot->sent && slot->sent > 0)
				len = HEAD_SIZE - (size_t)slot->sent;
		}
		n = send(slot->fd, to, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return true; /* an early answer is still looked for */
		if (n < 0) {
			slot_error(l, slot, errno);
			return false;
		}
		slot->sent += (uint64_t)n;
	}
	return true;
}

static void
slot_recv(struct load *l, struct slot *slot)
{
	uint64_t left;
	size_t len;
	ssize_t n;

	while ((left = l->answer_size - slot->got) > 0) {
		len = left < SCRATCH_SIZE ? (size_t)left : SCRATCH_SIZE;
		n = recv(slot->fd, l->scratch, len, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			slot_error(l, slot, errno);
			return;
		}
		if (n == 0) {
			slot_end(l, slot, RESULT_SHORT);
			return;
		}
		if (!answer_check(slot, l->scratch, (size_t)n)) {
			slot_end(l, slot, RESULT_WRONG);
			return;
		}
		slot->got += (uint64_t)n;
	}
	histogram_add(l, (uint64_t)(tool_now_us() - slot->begun_us));
	count_backend(l, slot);
	slot_end(l, slot, RESULT_OK);
}

static void
slot_go_on(struct load *l, struct slot *slot)
{
	if (slot_send(l, slot))
		slot_recv(l, slot);
}

static void
slot_ask(struct load *l, struct slot *slot)
{
	slot->id = (uint32_t)++l->started;
	slot->sent = slot->got = 0;
	slot_set(l, slot, STATE_ASKING);
}

static int
slot_socket(struct load *l, struct slot *slot)
{
	struct tool_addr source;
	char text[INET_ADDRSTRLEN];

	if (l->source_count == 0)
		return tool_socket(&l->target, NULL, 0, 0);
	slot->source = l->next_source++ % l->source_count;
	source_text(l, slot->source, text);
	if (tool_addr_parse(text, 0, &source) != 0)
		tool_die("%s: not an address", text);
	return tool_socket(&l->target, &source, 0, 0);
}

static void
slot_connect(struct load *l, struct slot *slot)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP |
		    EPOLLET };
	int error;

	slot_set(l, slot, STATE_CONNECTING);
	slot->begun_us = tool_now_us();
	slot->got = 0;
	slot->fd = slot_socket(l, slot);
	if (slot->fd < 0) {
		slot_error(l, slot, -slot->fd);
		return;
	}
	error = connect(slot->fd, (struct sockaddr *)&l->target.ss,
	    l->target.len);
	if (error != 0 && errno != EINPROGRESS) {
		slot_error(l, slot, errno);
		return;
	}
	event.data.u64 = (uint64_t)slot->generation << 32 |
	    (uint64_t)(slot - l->slots);
	if (epoll_ctl(l->base.epoll, EPOLL_CTL_ADD, slot->fd, &event) != 0)
		tool_die("epoll_ctl: %s", strerror(errno));
}

static void
on_connected(struct load *l, struct slot *slot, uint32_t events)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (events & (EPOLLERR | EPOLLHUP)) {
		getsockopt(slot->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		slot_error(l, slot, error == 0 ? ECONNRESET : error);
		return;
	}
	l->opened++;
	if (l->mode == MODE_IDLE && !l->warm) {
		slot_set(l, slot, STATE_OPEN);
		return;
	}
	slot_ask(l, slot);
	slot_go_on(l, slot);
}

/* Something happens on a conn that has nothing to say: it may be its end. */
static void
on_open(struct load *l, struct slot *slot)
{
	char byte;
	ssize_t n = recv(slot->fd, &byte, 1, MSG_PEEK);

	if (n < 0 && errno == EAGAIN)
		return;
	slot_unready(l, slot);
	if (n > 0)
		slot_end(l, slot, RESULT_WRONG);
	else if (n == 0)
		slot_end(l, slot, RESULT_SHORT);
	else
		slot_error(l, slot, errno);
}

static void
on_slot(struct load *l, uint64_t data, uint32_t events)
{
	struct slot *slot = &l->slots[data & UINT32_MAX];

	if (slot->generation != data >> 32)
		return;
	switch (slot->state) {
	case STATE_CONNECTING:
		if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			on_connected(l, slot, events);
		break;
	case STATE_OPEN:
		on_open(l, slot);
		break;
	case STATE_ASKING:
		slot_go_on(l, slot);
		break;
	case STATE_CLOSED:
		break;
	}
}

/* The clients: the run. */

/* True while the run is to begin more requests, sooner or later. */
static bool
wants_more(const struct load *l, int64_t now)
{
	if (l->base.term || (l->count > 0 && l->attempts >= l->count))
		return false;
	return l->duration_us == 0 || now < l->begun_us + l->duration_us;
}

/* True if the rate allows one more at this moment. */
static bool
rate_allows(const struct load *l, int64_t now)
{
	if (l->rate == 0)
		return true;
	return l->attempts <
	    (uint64_t)(now - l->begun_us) * l->rate / 1000000 + 1;
}

/* Gives work to slots that have none; at most one piece to each. */
static void
start_more(struct load *l)
{
	int64_t now = tool_now_us();
	struct slot *slot;
	uint32_t i;

	for (i = 0; i < l->conns; i++) {
		slot = TAILQ_FIRST(&l->ready);
		if (slot == NULL || !wants_more(l, now) || !rate_allows(l, now))
			return;
		slot_unready(l, slot);
		l->attempts++;
		if (slot->state == STATE_CLOSED) {
			slot_connect(l, slot);
			continue;
		}
		slot->begun_us = tool_now_us();
		slot_ask(l, slot);
		slot_go_on(l, slot);
	}
}

static void
end_late(struct load *l)
{
	int64_t now = tool_now_us();
	struct slot *slot;

	if (now < l->next_scan_us)
		return;
	l->next_scan_us = now + SCAN_US;
	for (slot = l->slots; slot < l->slots + l->conns; slot++)
		if (is_busy(slot->state) &&
		    now >= slot->begun_us + l->timeout_us)
			slot_end(l, slot, RESULT_TIMEOUT);
}

/* Adds up how uneven the conns that are held are over the backends, unless the
 * run is only beginning. */
static void
judge_held(struct load *l)
{
	uint32_t held[MAX_BACKENDS] = { 0 };
	uint32_t all = 0, most = 0;
	const struct slot *slot;
	int i;

	for (slot = l->slots; slot < l->slots + l->conns; slot++) {
		if (slot->state != STATE_OPEN)
			continue;
		all++;
		held[slot->backend]++;
	}
	if (all < l->conns / 4 * 3)
		return;
	for (i = 0; i < l->backend_count; i++)
		most = held[i] > most ? held[i] : most;
	l->uneven += (double)most * l->backend_count / all;
	l->judged++;
}

/* Closes some of the conns that are held, each with the same chance. */
static void
end_held(struct load *l)
{
	int64_t now = tool_now_us();
	uint64_t passed = (uint64_t)(now - l->held_us);
	struct slot *slot;

	judge_held(l);
	l->held_us = now;
	for (slot = l->slots; slot < l->slots + l->conns; slot++) {
		if (slot->state != STATE_OPEN)
			continue;
		l->random = hash_mix(l->random + 1);
		if (l->random % (uint64_t)l->hold_us >= passed)
			continue;
		slot_close(l, slot);
		slot_ready(l, slot);
	}
}

static void
turn(struct load *l, int timeout_ms)
{
	struct epoll_event events[BATCH];
	int i, n;

	n = epoll_wait(l->base.epoll, events, BATCH, timeout_ms);
	for (i = 0; i < n; i++) {
		if (events[i].data.u64 == SIGNALS)
			on_signal(&l->base);
		else
			on_slot(l, events[i].data.u64, events[i].events);
	}
	end_late(l);
}

static void
run_requests(struct load *l)
{
	uint32_t i;

	for (i = 0; i < l->conns; i++)
		slot_ready(l, &l->slots[i]);
	while (wants_more(l, tool_now_us()) || l->busy > 0) {
		start_more(l);
		turn(l, l->rate > 0 || l->hold_us > 0 ? 1 : 50);
		if (l->hold_us > 0)
			end_held(l);
	}
}

/* Opens all conns, some at a time. */
static void
idle_open(struct load *l)
{
	uint32_t next = 0;

	while ((next < l->conns && !l->base.term) || l->busy > 0) {
		while (next < l->conns && l->busy < OPENING_AT_ONCE &&
		    !l->base.term)
			slot_connect(l, &l->slots[next++]);
		turn(l, 10);
	}
}

/* What the warm-up counted is not the result. */
static void
forget_answers(struct load *l)
{
	int i;

	l->results[RESULT_OK] = 0;
	l->max_us = 0;
	memset(l->histogram, 0, sizeof(l->histogram));
	for (i = 0; i < l->backend_count; i++)
		l->backends[i].count = 0;
}

static void
run_idle(struct load *l)
{
	struct slot *slot;

	idle_open(l);
	forget_answers(l);
	if (l->open_file != NULL)
		tool_write_file(l->open_file, "%llu\n",
		    (unsigned long long)l->opened);
	while (!l->base.usr1 && !l->base.term &&
	    (l->go_file == NULL || !tool_exists(l->go_file)))
		turn(l, 10);
	l->begun_us = tool_now_us();
	for (slot = l->slots; slot < l->slots + l->conns; slot++) {
		if (slot->state != STATE_OPEN)
			continue;
		slot->begun_us = tool_now_us();
		slot_ask(l, slot);
		slot_go_on(l, slot);
	}
	while (l->busy > 0)
		turn(l, 10);
}

static void
parse_sources(struct load *l, char *text)
{
	char *plus = strchr(text, '+');
	struct in_addr first;
	uint64_t count = 1;

	if (plus != NULL) {
		*plus = '\0';
		count = tool_size_arg("-S", plus + 1);
	}
	if (inet_pton(AF_INET, text, &first) != 1 || count == 0 ||
	    count > 1 << 24)
		tool_die("-S: FIRST+COUNT, as in 127.1.0.1+500");
	l->source_first = ntohl(first.s_addr);
	l->source_count = (uint32_t)count;
}

static void
load_option(struct load *l, int option, char *value)
{
	const char name[] = { '-', (char)option, '\0' };

	if (strchr("cnRsm", option) != NULL) {
		uint64_t number = tool_size_arg(name, value);

		if (option == 'c')
			l->conns = (uint32_t)number;
		else if (option == 'n')
			l->count = number;
		else if (option == 'R')
			l->rate = number;
		else if (option == 's')
			l->send_size = number;
		else
			l->answer_size = number;
		return;
	}
	switch (option) {
	case 't':
		l->target = tool_addr_arg(value);
		break;
	case 'd':
		l->duration_us = tool_ms_arg(name, value) * 1000;
		break;
	case 'T':
		l->timeout_us = tool_ms_arg(name, value) * 1000;
		break;
	case 'H':
		l->hold_us = tool_ms_arg(name, value) * 1000;
		break;
	case 'S':
		parse_sources(l, value);
		break;
	case 'M':
		l->map_file = value;
		break;
	case 'w':
		l->warm = true;
		break;
	case 'f':
		l->go_file = value;
		break;
	case 'o':
		l->open_file = value;
		break;
	default:
		usage();
	}
}

static void
load_parse(struct load *l, int argc, char **argv)
{
	static const struct option names[] = {
		{ "sources", required_argument, NULL, 'S' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	l->conns = 1;
	l->send_size = l->answer_size = HEAD_SIZE;
	l->timeout_us = 10 * 1000 * 1000;
	while ((option = getopt_long(argc, argv,
		    "t:c:n:d:R:s:m:T:H:S:M:wf:o:", names, NULL)) != -1)
		load_option(l, option, optarg);
	if (optind != argc || l->target.len == 0 || l->conns == 0)
		usage();
	if (l->send_size < HEAD_SIZE || l->answer_size < HEAD_SIZE ||
	    l->send_size > UINT32_MAX || l->answer_size > UINT32_MAX)
		tool_die("-s and -m: 16 bytes at least, 4G at most");
	if (l->source_count > 0 && l->target.ss.ss_family != AF_INET)
		tool_die("-S: the target is not IPv4");
	if (l->map_file != NULL && l->source_count == 0)
		tool_die("-M needs -S");
	if (l->hold_us > 0 && l->mode != MODE_SHORT)
		tool_die("-H is for short");
	if (l->count == 0 && l->duration_us == 0)
		l->count = l->conns;
}

static void
load_open(struct load *l)
{
	uint32_t i;

	l->slots = calloc(l->conns, sizeof(*l->slots));
	l->source_backend = l->source_count == 0
	    ? NULL
	    : calloc(l->source_count, sizeof(*l->source_backend));
	if (l->slots == NULL ||
	    (l->source_count > 0 && l->source_backend == NULL))
		tool_die("out of memory");
	for (i = 0; i < l->conns; i++)
		l->slots[i].fd = l->slots[i].backend = -1;
	for (i = 0; i < l->source_count; i++)
		l->source_backend[i] = -1;
	TAILQ_INIT(&l->ready);
	base_open(&l->base);
	l->begun_us = l->held_us = tool_now_us();
}

static int
load_main(enum mode mode, int argc, char **argv)
{
	static struct load l;
	uint32_t i;
	int status;

	l.mode = mode;
	load_parse(&l, argc, argv);
	load_open(&l);
	if (mode == MODE_IDLE)
		run_idle(&l);
	else
		run_requests(&l);
	l.ended_us = tool_now_us();
	status = report(&l);
	if (l.map_file != NULL)
		write_map(&l);
	for (i = 0; i < l.conns; i++)
		slot_close(&l, &l.slots[i]);
	free(l.slots);
	free(l.source_backend);
	return status;
}

int
main(int argc, char **argv)
{
	int i;

	if (argc > 1 && strcmp(argv[1], "-h") == 0) {
		fputs(usage_text, stdout);
		return 0;
	}
	if (argc < 2)
		usage();
	if (strcmp(argv[1], "serve") == 0)
		return serve_main(argc - 1, argv + 1);
	for (i = MODE_SHORT; i <= MODE_IDLE; i++)
		if (strcmp(argv[1], mode_names[i]) == 0)
			return load_main((enum mode)i, argc - 1, argv + 1);
	usage();
}
