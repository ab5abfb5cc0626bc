/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * tcpact: plays one end of a conn as a script of words says. The integration
 * tests put one at each end of lb4. The text below, which `tcpact -h` prints,
 * lists all words; for example, a backend that gets 1 MiB and answers with 64
 * bytes, and its client:
 *
 *   tcpact listen 127.0.0.1:0 port-file=port accept recv-eof 1M:seed=7 \
 *       send 64:seed=8 close
 *   tcpact connect 127.0.0.1:8080 send 1M:seed=7 fin recv-eof 64:seed=8 close
 *
 * Sockets never block: an action is a loop around poll(2) with a deadline. A
 * reset seen by send(2) is remembered, since the kernel tells an error only
 * once and ends the stream with a plain 0 after it.
 */

#include "test/tools/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: tcpact WORD...\n"
    "\n"
    "Sockets (there is one listener and one current conn)\n"
    "  listen ADDR [port-file=F] [backlog=N]   port 0 lets the kernel choose; the\n"
    "                       port goes to F, or to standard output as \"port N\"\n"
    "  accept               the next conn of the listener becomes the current one\n"
    "  connect ADDR [source=ADDR[:PORT]]       likewise a new conn to ADDR\n"
    "  refused ADDR         connecting must be refused\n"
    "  rcvbuf N, sndbuf N   the sockets' buffers: of the current conn and listener\n"
    "                       and of all that are made later\n"
    "  oobinline            urgent bytes of the current conn come in line\n"
    "  timeout TIME         how long each action may take from here on (10s; 30s if\n"
    "                       SANITIZED is set); 0: for ever\n"
    "Bytes\n"
    "  send SPEC            send the bytes of a stream\n"
    "  send-text TEXT       send TEXT (\\r \\n \\t \\0 \\\\ \\xHH)\n"
    "  send-rst SPEC        send until the peer resets; if all went out, wait for it\n"
    "  send-blocked SPEC    send until nothing moves for 500 ms; all sent is an error\n"
    "  urg TEXT             send TEXT with MSG_OOB: its last byte is urgent\n"
    "  recv SPEC            receive exactly that many bytes; seed= checks them\n"
    "  recv-eof [SPEC]      receive until a FIN; with SPEC, exactly those before it\n"
    "  expect-rst [SPEC]    receive until a reset, at most SPEC's bytes before it\n"
    "                       and at least its min=N\n"
    "  expect-text TEXT     receive exactly TEXT\n"
    "  expect-bytes SPEC    what the last recv-eof or expect-rst without a SPEC\n"
    "                       received was this\n"
    "  duplex SPEC SPEC     send the first and receive the second at the same time\n"
    "  duplex-eof SPEC SPEC likewise, and a FIN must follow the second\n"
    "  quiet TIME           nothing may arrive for that long: no byte, FIN or reset\n"
    "Ends\n"
    "  fin                  shutdown(2) for writing\n"
    "  rst                  close with a reset\n"
    "  close                close(2): a reset if bytes were left unread\n"
    "Waiting\n"
    "  wait-file F          until the file exists\n"
    "  wait-signal          until a SIGUSR1 comes (or came)\n"
    "  wait-in [N]          until N bytes (1) are there to be read, or an end\n"
    "  wait-acked           until the peer has acknowledged all that was sent\n"
    "  wait TIME            just that long\n"
    "  touch F              make the file, for others to wait for\n"
    "Control\n"
    "  fork N               N processes at once do the rest of the script\n"
    "  serve N              accept N conns (0: no end), each in a process of its own\n"
    "                       that does the rest of the script\n"
    "  loop N               do the rest N times (0: no end)\n"
    "Telling\n"
    "  digest               print \"sent=N received=N digest=HEX\" of the current conn\n"
    "  names                print \"local=ADDR peer=ADDR\"\n"
    "\n"
    "SPEC is N[:OPTION...]: N bytes (suffixes k, M, G) and\n"
    "  seed=S      the stream (default 0 for sending; receiving: any bytes)\n"
    "  off=N       its first byte (0)\n"
    "  chunk=N     at most so many bytes a call (64k)\n"
    "  delay=TIME  wait after each call\n"
    "  slow=N      the first N bytes go one a call; delay= then only holds for them\n"
    "  min=N       expect-rst: at least so many\n"
    "  fin         duplex: FIN as soon as all is sent\n"
    "  file        sending: by sendfile(2), from a file in memory with the bytes\n"
    "\n"
    "ADDR is 1.2.3.4:80, [::1]:80 or unix:/path. TIME is 500ms, 20s or bare ms.\n"
    "Exit status: 0, silent, if all went as scripted. 1 if not: standard error\n"
    "says at which action, after how many bytes and why. 2: a script that makes\n"
    "no sense.\n";

#define BUF_SIZE 65536
#define BLOCKED_US 500000

enum until { UNTIL_COUNT, UNTIL_EOF, UNTIL_RST, UNTIL_BLOCKED };

/* One direction's bytes during one action. */
struct flow {
	bool on;
	uint64_t total;	    /* how many, or at most how many */
	uint64_t min;	    /* UNTIL_RST: at least how many */
	uint64_t seed, off; /* the stream and where it begins */
	bool seeded;	    /* false: any bytes */
	const char *text;   /* or these bytes, not a stream */
	bool fin;	    /* FIN follows the last byte */
	bool file;	    /* the bytes go out by sendfile(2) */
	int source;	    /* from this memfd; 0: not made yet */
	uint64_t chunk, slow;
	int64_t delay_us;
	enum until until;
	uint64_t done;	    /* bytes moved so far */
	int64_t not_before; /* the next call waits until then */
	int64_t moved_at;   /* when the last byte moved */
};

struct actor {
	char **words;
	int next, count; /* the next word, and how many there are */
	int action;	 /* the first word of the running action */
	int conn, listener;
	int64_t timeout_us, deadline;
	int rcvbuf, sndbuf;
	bool reset_seen; /* send(2) told of a reset on this conn */
	uint64_t sent, received, digest;
	uint64_t got, got_digest; /* by the last recv-eof or expect-rst */
	unsigned char *buf;
};

struct word {
	const char *name;
	void (*run)(struct actor *);
};

static void run_script(struct actor *);

/* Says what failed at which action, and ends this process. */
static void fail(struct actor *, const char *, ...)
    __attribute__((format(printf, 2, 3), noreturn));

static void
fail(struct actor *a, const char *format, ...)
{
	char text[1024];
	va_list ap;
	size_t used;
	int i;

	used = (size_t)snprintf(text, sizeof(text), "tcpact: word %d \"",
	    a->action + 1);
	for (i = a->action; i < a->next && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "%s%s", i > a->action ? " " : "", a->words[i]);
	if (used < sizeof(text))
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "\": ");
	va_start(ap, format);
	if (used < sizeof(text))
		vsnprintf(text + used, sizeof(text) - used, format, ap);
	va_end(ap);
	fflush(stdout);
	fprintf(stderr, "%s\n", text);
	exit(1);
}

static void
bad_script(struct actor *a, const char *what)
{
	fprintf(stderr, "tcpact: word %d \"%s\": %s (tcpact -h lists all)\n",
	    a->action + 1, a->words[a->action], what);
	exit(2);
}

/* The next word, which the running action needs. */
static char *
argument(struct actor *a)
{
	if (a->next == a->count)
		bad_script(a, "an argument is missing");
	return a->words[a->next++];
}

/* The value of the next word if it is NAME=VALUE, else NULL. */
static const char *
option(struct actor *a, const char *name)
{
	size_t len = strlen(name);

	if (a->next == a->count || strncmp(a->words[a->next], name, len) != 0 ||
	    a->words[a->next][len] != '=')
		return NULL;
	return a->words[a->next++] + len + 1;
}

static uint64_t
number(struct actor *a)
{
	uint64_t value;

	if (tool_size_parse(argument(a), &value) != 0)
		bad_script(a, "not a number");
	return value;
}

static int64_t
time_us(struct actor *a)
{
	int64_t value;

	if (tool_ms_parse(argument(a), &value) != 0)
		bad_script(a, "not a time");
	return value * 1000;
}

static struct tool_addr
address(struct actor *a, const char *text, int default_port)
{
	struct tool_addr addr;

	if (tool_addr_parse(text, default_port, &addr) != 0)
		bad_script(a, "not an address");
	return addr;
}

/* The last NUL byte may be part of the text, so its length is returned. */
static size_t
unescape(char *text)
{
	const char *from = text;
	char *to = text, hex[3] = "";

	while (*from != '\0') {
		if (*from != '\\' || from[1] == '\0') {
			*to++ = *from++;
			continue;
		}
		from++;
		switch (*from++) {
		case 'r':
			*to++ = '\r';
			break;
		case 'n':
			*to++ = '\n';
			break;
		case 't':
			*to++ = '\t';
			break;
		case '0':
			*to++ = '\0';
			break;
		case 'x':
			if (from[0] == '\0' || from[1] == '\0')
				break;
			memcpy(hex, from, 2);
			*to++ = (char)strtol(hex, NULL, 16);
			from += 2;
			break;
		default:
			*to++ = from[-1];
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

/* One NAME=VALUE (or "fin") of a SPEC. */
static int
spec_option(struct flow *f, const char *text)
{
	const char *value = strchr(text, '=');
	int64_t ms;
	int error;

	if (strcmp(text, "fin") == 0) {
		f->fin = true;
		return 0;
	}
	if (strcmp(text, "file") == 0) {
		f->file = true;
		return 0;
	}
	if (value++ == NULL)
		return -EINVAL;
	if (strncmp(text, "delay=", 6) == 0) {
		error = tool_ms_parse(value, &ms);
		f->delay_us = ms * 1000;
		return error;
	}
	if (strncmp(text, "seed=", 5) == 0) {
		f->seeded = true;
		return tool_size_parse(value, &f->seed);
	}
	if (strncmp(text, "off=", 4) == 0)
		return tool_size_parse(value, &f->off);
	if (strncmp(text, "chunk=", 6) == 0)
		return tool_size_parse(value, &f->chunk);
	if (strncmp(text, "slow=", 5) == 0)
		return tool_size_parse(value, &f->slow);
	if (strncmp(text, "min=", 4) == 0)
		return tool_size_parse(value, &f->min);
	return -EINVAL;
}

static struct flow
spec_parse(struct actor *a, const char *word)
{
	struct flow f = { .on = true, .chunk = BUF_SIZE };
	char *copy = strdup(word), *rest = copy, *part;

	if (copy == NULL)
		tool_die("out of memory");
	part = strsep(&rest, ":");
	if (tool_size_parse(part, &f.total) != 0)
		bad_script(a, "SPEC does not begin with a number");
	while ((part = strsep(&rest, ":")) != NULL)
		if (spec_option(&f, part) != 0)
			bad_script(a, "an option of SPEC makes no sense");
	if (f.chunk == 0)
		bad_script(a, "chunk=0");
	if (f.chunk > BUF_SIZE)
		f.chunk = BUF_SIZE;
	free(copy);
	return f;
}

static struct flow
spec(struct actor *a)
{
	return spec_parse(a, argument(a));
}

/* A SPEC if the next word is one; otherwise whatever comes. */
static struct flow
spec_optional(struct actor *a)
{
	struct flow any = { .on = true,
		.chunk = BUF_SIZE,
		.total = UINT64_MAX };

	if (a->next < a->count && a->words[a->next][0] >= '0' &&
	    a->words[a->next][0] <= '9')
		return spec(a);
	return any;
}

static bool
is_reset(int error)
{
	return error == ECONNRESET || error == EPIPE;
}

static void
need_conn(struct actor *a)
{
	if (a->conn < 0)
		bad_script(a, "there is no conn");
}

/* A deadline of a time that may be "for ever". */
static int64_t
deadline_after(int64_t us)
{
	return us == 0 ? INT64_MAX : tool_now_us() + us;
}

static int
poll_ms(int64_t until, int64_t now)
{
	if (until == INT64_MAX)
		return -1;
	if (until <= now)
		return 0;
	return (int)((until - now + 999) / 1000);
}

/* Waits until the descriptor is ready; the events, 0 after the deadline. */
static int
wait_fd(int fd, short events, int64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int64_t now = tool_now_us();

	if (poll(&pfd, 1, poll_ms(deadline, now)) <= 0)
		return 0;
	return pfd.revents;
}

/* How many bytes the next call may move. */
static size_t
next_chunk(const struct flow *f)
{
	uint64_t len = f->done < f->slow ? 1 : f->chunk;

	if (f->until != UNTIL_EOF && f->until != UNTIL_RST &&
	    len > f->total - f->done)
		len = f->total - f->done;
	return (size_t)len;
}

static void
flow_moved(struct flow *f, size_t len)
{
	int64_t now = tool_now_us();

	f->done += len;
	f->moved_at = now;
	if (f->delay_us > 0 && (f->slow == 0 || f->done < f->slow))
		f->not_before = now + f->delay_us;
}

/* Makes the memfd with all bytes of the flow: sendfile(2) sends its very pages,
 * which must not change afterwards. */
static void
fill_source(struct actor *a, struct flow *tx)
{
	uint64_t at;
	size_t len;

	tx->source = memfd_create("source", MFD_CLOEXEC);
	if (tx->source < 0)
		fail(a, "memfd_create: %s", strerror(errno));
	for (at = 0; at < tx->total; at += len) {
		len = tx->total - at < BUF_SIZE ? (size_t)(tx->total - at)
						: BUF_SIZE;
		tool_stream_fill(a->buf, len, tx->seed, tx->off + at);
		if (write(tx->source, a->buf, len) != (ssize_t)len)
			fail(a, "memfd: %s", strerror(errno));
	}
}

/* One sendfile(2). */
static ssize_t
send_from_file(struct actor *a, struct flow *tx, size_t len)
{
	off_t at = (off_t)tx->done;

	if (tx->source == 0)
		fill_source(a, tx);
	return sendfile(a->conn, tx->source, &at, len);
}

static void
send_end(struct actor *a, struct flow *tx)
{
	tx->on = false;
	if (tx->source > 0)
		close(tx->source);
	if (tx->until == UNTIL_RST)
		tx->on = true;
	else if (tx->until == UNTIL_BLOCKED)
		fail(a, "all %llu bytes were taken",
		    (unsigned long long)tx->total);
	else if (tx->fin && shutdown(a->conn, SHUT_WR) != 0)
		fail(a, "shutdown: %s", strerror(errno));
}

/* One send(2), or sendfile(2). */
static void
send_some(struct actor *a, struct flow *tx)
{
	size_t len = next_chunk(tx);
	const void *from = a->buf;
	ssize_t n;

	if (tx->text != NULL)
		from = tx->text + tx->done;
	else if (!tx->file)
		tool_stream_fill(a->buf, len, tx->seed, tx->off + tx->done);
	n = tx->file ? send_from_file(a, tx, len)
		     : send(a->conn, from, len, MSG_NOSIGNAL);
	if (n > 0) {
		a->sent += (uint64_t)n;
		flow_moved(tx, (size_t)n);
		if (tx->done == tx->total)
			send_end(a, tx);
		return;
	}
	if (errno == EAGAIN || errno == EINTR)
		return;
	if (is_reset(errno)) {
		a->reset_seen = true;
		if (tx->until == UNTIL_RST) {
			tx->on = false;
			return;
		}
	}
	fail(a, "sent %llu of %llu bytes, then %s",
	    (unsigned long long)tx->done, (unsigned long long)tx->total,
	    strerror(errno));
}

/* What the stream's end, a FIN or a reset, means for the flow. */
static void
recv_end(struct actor *a, struct flow *rx, int error)
{
	const char *what = error == 0 ? "a FIN" : strerror(error);

	if (error == 0 && a->reset_seen)
		error = ECONNRESET;
	rx->on = false;
	a->got = rx->done;
	if (rx->until == UNTIL_RST && is_reset(error)) {
		if (rx->done < rx->min)
			fail(a, "%llu bytes before the reset, not %llu",
			    (unsigned long long)rx->done,
			    (unsigned long long)rx->min);
		return;
	}
	if (rx->until == UNTIL_EOF && error == 0 &&
	    (rx->total == UINT64_MAX || rx->done == rx->total))
		return;
	if (rx->total == UINT64_MAX)
		fail(a, "received %llu bytes, then %s",
		    (unsigned long long)rx->done, what);
	fail(a, "received %llu of %llu bytes, then %s",
	    (unsigned long long)rx->done, (unsigned long long)rx->total, what);
}

static void
recv_check(struct actor *a, struct flow *rx, size_t len)
{
	size_t good = len;

	if (len > rx->total - rx->done)
		fail(a, "more than %llu bytes came",
		    (unsigned long long)rx->total);
	if (rx->text != NULL) {
		for (good = 0; good < len; good++)
			if (a->buf[good] !=
			    (unsigned char)rx->text[rx->done + good])
				break;
	} else if (rx->seeded) {
		good = tool_stream_check(a->buf, len, rx->seed,
		    rx->off + rx->done);
	}
	if (good < len)
		fail(a, "byte %llu is 0x%02x, which is wrong",
		    (unsigned long long)(rx->done + good), a->buf[good]);
	a->received += len;
	a->digest = tool_digest(a->digest, a->buf, len);
	a->got_digest = tool_digest(a->got_digest, a->buf, len);
}

/* One recv(2). */
static void
recv_some(struct actor *a, struct flow *rx)
{
	ssize_t n = recv(a->conn, a->buf, next_chunk(rx), 0);

	if (n > 0) {
		recv_check(a, rx, (size_t)n);
		flow_moved(rx, (size_t)n);
		if (rx->until == UNTIL_COUNT && rx->done == rx->total)
			rx->on = false;
	} else if (n == 0) {
		recv_end(a, rx, 0);
	} else if (errno != EAGAIN && errno != EINTR) {
		recv_end(a, rx, errno);
	}
}

/* The events to wait for; lowers *until to a flow's next moment. */
static short
flow_events(const struct flow *f, short event, int64_t now, int64_t *until)
{
	if (!f->on)
		return 0;
	if (f->not_before > now) {
		if (f->not_before < *until)
			*until = f->not_before;
		return 0;
	}
	if (f->until == UNTIL_RST && event == POLLOUT && f->done == f->total)
		return POLLRDHUP;
	return event;
}

static void
pump_timeout(struct actor *a, const struct flow *tx, const struct flow *rx)
{
	char text[200] = "";
	int used = 0;

	if (tx->on)
		used = snprintf(text, sizeof(text), " sent %llu of %llu",
		    (unsigned long long)tx->done,
		    (unsigned long long)tx->total);
	if (rx->on && rx->total == UINT64_MAX)
		snprintf(text + used, sizeof(text) - (size_t)used,
		    " received %llu", (unsigned long long)rx->done);
	else if (rx->on)
		snprintf(text + used, sizeof(text) - (size_t)used,
		    " received %llu of %llu", (unsigned long long)rx->done,
		    (unsigned long long)rx->total);
	fail(a, "timed out after %lld ms:%s bytes",
	    (long long)(a->timeout_us / 1000), text);
}

/* After all was sent: an error in the socket is the reset waited for. */
static void
send_rst_poll(struct actor *a, struct flow *tx)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(a->conn, SOL_SOCKET, SO_ERROR, &error, &len);
	if (!is_reset(error))
		fail(a, "sent all, then %s instead of a reset",
		    error == 0 ? "an end" : strerror(error));
	a->reset_seen = true;
	tx->on = false;
}

/* Moves both flows to their ends, one call each per turn. */
static void
pump(struct actor *a, struct flow *tx, struct flow *rx)
{
	int64_t now, until;
	short events;
	int ready;

	need_conn(a);
	if (tx->on && tx->total == 0)
		send_end(a, tx);
	if (rx->on && rx->total == 0 && rx->until == UNTIL_COUNT)
		rx->on = false;
	tx->moved_at = tool_now_us();
	while (tx->on || rx->on) {
		now = tool_now_us();
		until = a->deadline;
		if (tx->on && tx->until == UNTIL_BLOCKED)
			until = tx->moved_at + BLOCKED_US;
		if (now >= until && tx->until == UNTIL_BLOCKED)
			return;
		if (now >= until)
			pump_timeout(a, tx, rx);
		events = flow_events(tx, POLLOUT, now, &until);
		events |= flow_events(rx, POLLIN, now, &until);
		if (events == 0) {
			poll(NULL, 0, poll_ms(until, now));
			continue;
		}
		ready = wait_fd(a->conn, events, until);
		if (ready & (POLLERR | POLLHUP))
			ready |= events;
		if (events & ready & POLLIN)
			recv_some(a, rx);
		if (events & ready & POLLOUT)
			send_some(a, tx);
		else if (events & POLLRDHUP && ready & (POLLERR | POLLHUP))
			send_rst_poll(a, tx);
		else if (events & ready & POLLRDHUP)
			poll(NULL, 0, 1); /* a FIN came; the reset may yet */
	}
}

static void
pump_one(struct actor *a, struct flow f, bool sending)
{
	struct flow none = { .on = false };

	pump(a, sending ? &f : &none, sending ? &none : &f);
}

/* The words. */

static void
new_conn(struct actor *a, int fd)
{
	if (a->conn >= 0)
		close(a->conn);
	a->conn = fd;
	a->reset_seen = false;
	a->sent = a->received = 0;
	a->digest = TOOL_DIGEST_INIT;
}

static void
do_listen(struct actor *a)
{
	struct tool_addr addr = address(a, argument(a), -1);
	const char *value, *port_file = NULL;
	uint64_t backlog = 1024;

	for (;;) {
		if ((value = option(a, "port-file")) != NULL)
			port_file = value;
		else if ((value = option(a, "backlog")) != NULL)
			backlog = tool_size_arg("backlog", value);
		else
			break;
	}
	if (a->listener >= 0)
		close(a->listener);
	a->listener = tool_listen(&addr, (int)backlog, a->rcvbuf);
	if (a->listener < 0)
		fail(a, "%s", strerror(-a->listener));
	addr = tool_addr_local(a->listener);
	if (port_file != NULL)
		tool_write_file(port_file, "%u\n", tool_addr_port(&addr));
	else if (addr.ss.ss_family != AF_UNIX)
		printf("port %u\n", tool_addr_port(&addr));
	fflush(stdout);
}

static void
do_accept(struct actor *a)
{
	int fd;

	if (a->listener < 0)
		bad_script(a, "there is no listener");
	for (;;) {
		if (wait_fd(a->listener, POLLIN, a->deadline) == 0)
			fail(a, "nobody connected within %lld ms",
			    (long long)(a->timeout_us / 1000));
		fd = accept4(a->listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			break;
		/* Another process of the same listener may be faster. */
		if (errno != EAGAIN && errno != ECONNABORTED)
			fail(a, "%s", strerror(errno));
	}
	tool_set_buffers(fd, a->rcvbuf, a->sndbuf);
	new_conn(a, fd);
}

/* Connects; 0 or the error. */
static int
connect_to(struct actor *a, const struct tool_addr *addr, const char *source)
{
	struct tool_addr from;
	int fd, ready, error = 0;
	socklen_t len = sizeof(error);

	if (source != NULL)
		from = address(a, source, 0);
	fd = tool_socket(addr, source != NULL ? &from : NULL, a->rcvbuf,
	    a->sndbuf);
	if (fd < 0)
		return -fd;
	new_conn(a, fd);
	if (connect(fd, (const struct sockaddr *)&addr->ss, addr->len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	ready = wait_fd(fd, POLLOUT, a->deadline);
	if (ready == 0)
		return ETIMEDOUT;
	/* Asking for the error takes it away: only if there was no conn. */
	if (ready & (POLLERR | POLLHUP))
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (is_reset(error)) {
		a->reset_seen = true;
		error = 0;
	}
	return error;
}

static void
do_connect(struct actor *a)
{
	struct tool_addr addr = address(a, argument(a), -1);
	const char *source = option(a, "source");
	int error = connect_to(a, &addr, source);

	if (error != 0)
		fail(a, "%s", strerror(error));
}

static void
do_refused(struct actor *a)
{
	struct tool_addr addr = address(a, argument(a), -1);
	int error = connect_to(a, &addr, NULL);

	if (error == 0)
		fail(a, "it was accepted");
	if (error != ECONNREFUSED)
		fail(a, "%s", strerror(error));
	close(a->conn);
	a->conn = -1;
}

static void
do_rcvbuf(struct actor *a)
{
	a->rcvbuf = (int)number(a);
	if (a->conn >= 0)
		tool_set_buffers(a->conn, a->rcvbuf, 0);
	if (a->listener >= 0)
		tool_set_buffers(a->listener, a->rcvbuf, 0);
}

static void
do_sndbuf(struct actor *a)
{
	a->sndbuf = (int)number(a);
	if (a->conn >= 0)
		tool_set_buffers(a->conn, 0, a->sndbuf);
}

static void
do_oobinline(struct actor *a)
{
	int one = 1;

	need_conn(a);
	setsockopt(a->conn, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one));
}

static void
do_timeout(struct actor *a)
{
	a->timeout_us = time_us(a);
}

static void
do_send(struct actor *a)
{
	pump_one(a, spec(a), true);
}

static struct flow
text_flow(struct actor *a)
{
	struct flow f = { .on = true, .chunk = BUF_SIZE };
	char *copy = strdup(argument(a));

	if (copy == NULL)
		tool_die("out of memory");
	f.total = unescape(copy);
	f.text = copy;
	return f;
}

static void
do_send_text(struct actor *a)
{
	struct flow f = text_flow(a);

	pump_one(a, f, true);
	free((char *)f.text);
}

static void
do_send_rst(struct actor *a)
{
	struct flow f = spec(a);

	f.until = UNTIL_RST;
	pump_one(a, f, true);
}

static void
do_send_blocked(struct actor *a)
{
	struct flow f = spec(a);

	f.until = UNTIL_BLOCKED;
	pump_one(a, f, true);
}

static void
do_urg(struct actor *a)
{
	struct flow f = text_flow(a);

	need_conn(a);
	if (send(a->conn, f.text, f.total, MSG_OOB | MSG_NOSIGNAL) !=
	    (ssize_t)f.total)
		fail(a, "%s", strerror(errno));
	a->sent += f.total;
	free((char *)f.text);
}

static void
do_recv(struct actor *a)
{
	pump_one(a, spec(a), false);
}

static void
recv_until(struct actor *a, enum until until)
{
	struct flow f = spec_optional(a);

	f.until = until;
	a->got_digest = TOOL_DIGEST_INIT;
	pump_one(a, f, false);
}

static void
do_recv_eof(struct actor *a)
{
	recv_until(a, UNTIL_EOF);
}

static void
do_expect_rst(struct actor *a)
{
	recv_until(a, UNTIL_RST);
}

static void
do_expect_text(struct actor *a)
{
	struct flow f = text_flow(a);

	pump_one(a, f, false);
	free((char *)f.text);
}

static void
do_expect_bytes(struct actor *a)
{
	struct flow f = spec(a);
	uint64_t digest = TOOL_DIGEST_INIT;
	size_t len;

	if (a->got != f.total)
		fail(a, "%llu bytes had come", (unsigned long long)a->got);
	for (; f.done < f.total; f.done += len) {
		len = next_chunk(&f);
		tool_stream_fill(a->buf, len, f.seed, f.off + f.done);
		digest = tool_digest(digest, a->buf, len);
	}
	if (digest != a->got_digest)
		fail(a, "the bytes that had come are others");
}

static void
duplex(struct actor *a, enum until until)
{
	struct flow tx = spec(a), rx = spec(a);

	rx.until = until;
	pump(a, &tx, &rx);
}

static void
do_duplex(struct actor *a)
{
	duplex(a, UNTIL_COUNT);
}

static void
do_duplex_eof(struct actor *a)
{
	duplex(a, UNTIL_EOF);
}

static void
do_quiet(struct actor *a)
{
	int64_t us = time_us(a);
	int ready;

	need_conn(a);
	ready = wait_fd(a->conn, POLLIN | POLLRDHUP, tool_now_us() + us);
	if (ready & (POLLERR | POLLHUP | POLLRDHUP))
		fail(a, "an end came");
	if (ready != 0)
		fail(a, "bytes came");
}

static void
do_fin(struct actor *a)
{
	need_conn(a);
	if (shutdown(a->conn, SHUT_WR) != 0)
		fail(a, "%s", strerror(errno));
}

static void
do_rst(struct actor *a)
{
	need_conn(a);
	tool_close_rst(a->conn);
	a->conn = -1;
}

static void
do_close(struct actor *a)
{
	need_conn(a);
	close(a->conn);
	a->conn = -1;
}

/* One short rest between two looks at a condition that sends no event. */
static void
wait_turn(struct actor *a)
{
	if (tool_now_us() >= a->deadline)
		fail(a, "not within %lld ms",
		    (long long)(a->timeout_us / 1000));
	poll(NULL, 0, 2);
}

static void
do_wait_file(struct actor *a)
{
	const char *path = argument(a);

	while (!tool_exists(path))
		wait_turn(a);
}

static void
do_wait_signal(struct actor *a)
{
	struct timespec ts = { .tv_nsec = 50 * 1000 * 1000 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	while (sigtimedwait(&set, NULL, &ts) < 0)
		wait_turn(a);
}

static void
do_wait_in(struct actor *a)
{
	uint64_t want = 1;
	int bytes = 0;

	if (a->next < a->count && a->words[a->next][0] >= '0' &&
	    a->words[a->next][0] <= '9')
		want = number(a);
	need_conn(a);
	for (;;) {
		if (ioctl(a->conn, FIONREAD, &bytes) == 0 &&
		    (uint64_t)bytes >= want)
			return;
		if (wait_fd(a->conn, POLLRDHUP, 0) != 0)
			return;
		wait_turn(a);
	}
}

static void
do_wait_acked(struct actor *a)
{
	need_conn(a);
	while (tool_outq(a->conn) > 0)
		wait_turn(a);
}

static void
do_wait(struct actor *a)
{
	int64_t until = tool_now_us() + time_us(a), now;

	while ((now = tool_now_us()) < until)
		poll(NULL, 0, poll_ms(until, now));
}

static void
do_touch(struct actor *a)
{
	tool_write_file(argument(a), "%d\n", getpid());
}

static pid_t
fork_child(struct actor *a)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		fail(a, "fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			exit(1);
	}
	return pid;
}

/* Waits for children; true if one of them failed. */
static bool
reap(int options)
{
	bool bad = false;
	int status;

	while (waitpid(-1, &status, options) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			bad = true;
	return bad;
}

/* What comes after the fork is the children's: the parent's script ends. */
static void
do_fork(struct actor *a)
{
	uint64_t n = number(a), i;

	for (i = 0; i < n; i++)
		if (fork_child(a) == 0)
			return;
	exit(reap(0) ? 1 : 0);
}

static void
do_serve(struct actor *a)
{
	uint64_t n = number(a), i;
	bool bad = false;

	for (i = 0; n == 0 || i < n; i++) {
		a->deadline = deadline_after(n == 0 ? 0 : a->timeout_us);
		do_accept(a);
		if (fork_child(a) == 0) {
			close(a->listener);
			a->listener = -1;
			return;
		}
		close(a->conn);
		a->conn = -1;
		bad |= reap(WNOHANG);
	}
	bad |= reap(0);
	exit(bad ? 1 : 0);
}

static void
do_loop(struct actor *a)
{
	uint64_t n = number(a), i;
	int first = a->next;

	for (i = 0; n == 0 || i < n; i++) {
		a->next = first;
		run_script(a);
	}
}

static void
do_digest(struct actor *a)
{
	printf("sent=%llu received=%llu digest=%016llx\n",
	    (unsigned long long)a->sent, (unsigned long long)a->received,
	    (unsigned long long)a->digest);
	fflush(stdout);
}

static void
do_names(struct actor *a)
{
	char local[TOOL_ADDR_TEXT], peer[TOOL_ADDR_TEXT];
	struct tool_addr addr;

	need_conn(a);
	addr = tool_addr_local(a->conn);
	tool_addr_format(&addr, local, sizeof(local));
	addr = tool_addr_peer(a->conn);
	tool_addr_format(&addr, peer, sizeof(peer));
	printf("local=%s peer=%s\n", local, peer);
	fflush(stdout);
}

static const struct word words[] = {
	{ "accept", do_accept },
	{ "close", do_close },
	{ "connect", do_connect },
	{ "digest", do_digest },
	{ "duplex", do_duplex },
	{ "duplex-eof", do_duplex_eof },
	{ "expect-bytes", do_expect_bytes },
	{ "expect-rst", do_expect_rst },
	{ "expect-text", do_expect_text },
	{ "fin", do_fin },
	{ "fork", do_fork },
	{ "listen", do_listen },
	{ "loop", do_loop },
	{ "names", do_names },
	{ "oobinline", do_oobinline },
	{ "quiet", do_quiet },
	{ "rcvbuf", do_rcvbuf },
	{ "recv", do_recv },
	{ "recv-eof", do_recv_eof },
	{ "refused", do_refused },
	{ "rst", do_rst },
	{ "send", do_send },
	{ "send-blocked", do_send_blocked },
	{ "send-rst", do_send_rst },
	{ "send-text", do_send_text },
	{ "serve", do_serve },
	{ "sndbuf", do_sndbuf },
	{ "timeout", do_timeout },
	{ "touch", do_touch },
	{ "urg", do_urg },
	{ "wait", do_wait },
	{ "wait-acked", do_wait_acked },
	{ "wait-file", do_wait_file },
	{ "wait-in", do_wait_in },
	{ "wait-signal", do_wait_signal },
};

static void
run_script(struct actor *a)
{
	const char *name;
	size_t i;

	while (a->next < a->count) {
		a->action = a->next;
		name = a->words[a->next++];
		a->deadline = deadline_after(a->timeout_us);
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strcmp(words[i].name, name) == 0)
				break;
		if (i == sizeof(words) / sizeof(words[0]))
			bad_script(a, "no such word");
		words[i].run(a);
	}
}

int
main(int argc, char **argv)
{
	struct actor a = { .words = argv + 1,
		.count = argc - 1,
		.conn = -1,
		.listener = -1,
		.timeout_us = (getenv("SANITIZED") != NULL ? 30 : 10) * 1000000,
		.digest = TOOL_DIGEST_INIT,
		.got_digest = TOOL_DIGEST_INIT };
	sigset_t set;

	if (argc < 2 || strcmp(argv[1], "-h") == 0) {
		fputs(usage, argc < 2 ? stderr : stdout);
		return argc < 2 ? 2 : 0;
	}
	a.buf = malloc(BUF_SIZE);
	if (a.buf == NULL)
		tool_die("out of memory");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	run_script(&a);
	if (a.conn >= 0)
		close(a.conn);
	if (a.listener >= 0)
		close(a.listener);
	free(a.buf);
	return 0;
}
