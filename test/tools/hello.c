/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * hello: the demo's backend, a small HTTP/1.1 server that says who it is.
 *
 *   hello -l ADDR [-l ADDR...] -n NAME [-P FILE]
 *
 *   GET /          a line with NAME and the client's address as it is seen here
 *   GET /healthz   200; 503 after a SIGUSR1, 200 again after the next
 *   GET /bytes/N   N bytes
 *
 * -P writes the ports, one per line, as soon as they listen: for port 0.
 * SIGTERM ends it with status 0. It logs nothing. One thread, one epoll; a
 * client takes one small buffer, and its requests are answered one by one in
 * the order in which they came. Conns stay open unless the client asks for
 * `Connection: close` or speaks HTTP/1.0.
 */

#include "test/tools/tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define MAX_LISTENERS 16
#define REQUEST_SIZE 8192

enum kind { KIND_LISTENER, KIND_SIGNAL, KIND_CLIENT };

/* What epoll points at. */
struct source {
	enum kind kind;
	int fd;
};

struct client {
	struct source source; /* first: epoll knows the client by it */
	TAILQ_ENTRY(client) entry;
	size_t got;	/* bytes of requests in text */
	char head[512]; /* the answer, up to what of the body fits */
	size_t head_len, head_sent;
	uint64_t body_left; /* bytes of x that follow it */
	bool last;	    /* close after this answer */
	bool answering;
	char text[REQUEST_SIZE];
};

TAILQ_HEAD(client_list, client);

struct hello {
	const char *name;
	struct client_list clients;
	int epoll;
	bool sick;
	bool done;
};

static void
watch(const struct hello *h, struct source *source, int operation,
    uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (epoll_ctl(h->epoll, operation, source->fd, &event) != 0)
		tool_die("epoll_ctl: %s", strerror(errno));
}

static void
client_close(struct hello *h, struct client *client)
{
	TAILQ_REMOVE(&h->clients, client, entry);
	close(client->source.fd);
	free(client);
}

static void
on_accept(struct hello *h, int listener)
{
	struct client *client;
	int fd;

	fd = tool_accept(listener);
	if (fd < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (client == NULL) {
		close(fd);
		return;
	}
	client->source.kind = KIND_CLIENT;
	client->source.fd = fd;
	TAILQ_INSERT_HEAD(&h->clients, client, entry);
	watch(h, &client->source, EPOLL_CTL_ADD, EPOLLIN);
}

/* Finds a header's value, up to its line's end, in a request; NULL if none. */
static const char *
header(const char *request, const char *name)
{
	const char *line = request;
	size_t len = strlen(name);

	while ((line = strstr(line, "\r\n")) != NULL) {
		line += 2;
		if (strncasecmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 1 + strspn(line + len + 1, " ");
	}
	return NULL;
}

/* Writes the answer's head; the body is text, or body_left bytes of x. */
static void
answer(struct client *client, const char *status, const char *text)
{
	client->head_len = (size_t)snprintf(client->head, sizeof(client->head),
	    "HTTP/1.1 %s\r\n"
	    "Content-Type: text/plain\r\n"
	    "Content-Length: %llu\r\n"
	    "Connection: %s\r\n"
	    "\r\n"
	    "%s",
	    status, (unsigned long long)(client->body_left + strlen(text)),
	    client->last ? "close" : "keep-alive", text);
	client->head_sent = 0;
	client->answering = true;
}

static void
answer_hello(const struct hello *h, struct client *client)
{
	struct tool_addr peer = tool_addr_peer(client->source.fd);
	char text[200], from[TOOL_ADDR_TEXT];

	tool_addr_format(&peer, from, sizeof(from));
	snprintf(text, sizeof(text), "%.60s %s\n", h->name, from);
	answer(client, "200 OK", text);
}

/* Answers the one whole request that text begins with. */
static void
answer_request(const struct hello *h, struct client *client)
{
	char *request = client->text, *version;
	const char *value = header(request, "Connection");
	size_t line = strcspn(request, "\r");

	version = memmem(request, line, " HTTP/1.", 8);
	client->last = version == NULL || version[8] == '0';
	if (value != NULL)
		client->last = strncasecmp(value, "close", 5) == 0 ||
		    (client->last && strncasecmp(value, "keep", 4) != 0);
	client->body_left = 0;
	if (version == NULL || strncmp(request, "GET /", 5) != 0) {
		client->last = true;
		answer(client, "405 Method Not Allowed", "only GET\n");
		return;
	}
	*version = '\0';
	request += 4;
	if (strcmp(request, "/") == 0)
		answer_hello(h, client);
	else if (strcmp(request, "/healthz") == 0 && h->sick)
		answer(client, "503 Service Unavailable", "sick\n");
	else if (strcmp(request, "/healthz") == 0)
		answer(client, "200 OK", "well\n");
	else if (strncmp(request, "/bytes/", 7) == 0 &&
	    tool_size_parse(request + 7, &client->body_left) == 0)
		answer(client, "200 OK", "");
	else
		answer(client, "404 Not Found", "no such page\n");
}

/* Sends what is left of the answer; 0, -EAGAIN or another error. */
static int
send_answer(struct client *client)
{
	static const char many[16384] = { [0 ... 16383] = 'x' };
	const char *from;
	size_t len;
	ssize_t n;

	for (;;) {
		from = client->head + client->head_sent;
		len = client->head_len - client->head_sent;
		if (len == 0) {
			from = many;
			len = client->body_left < sizeof(many)
			    ? (size_t)client->body_left
			    : sizeof(many);
		}
		if (len == 0)
			return 0;
		n = send(client->source.fd, from, len, MSG_NOSIGNAL);
		if (n < 0)
			return -errno;
		if (from == many)
			client->body_left -= (uint64_t)n;
		else
			client->head_sent += (size_t)n;
	}
}

/* Ends the socket politely: what the client still sends must not reset it. */
static void
client_finish(struct hello *h, struct client *client)
{
	char rest[4096];

	shutdown(client->source.fd, SHUT_WR);
	while (recv(client->source.fd, rest, sizeof(rest), 0) > 0)
		continue;
	client_close(h, client);
}

/* Takes requests out of text and answers them, until one waits for the net. */
static void
serve(struct hello *h, struct client *client)
{
	char *end;
	size_t len;
	int error;

	for (;;) {
		if (!client->answering) {
			client->text[client->got] = '\0';
			end = strstr(client->text, "\r\n\r\n");
			if (end == NULL)
				break;
			len = (size_t)(end + 4 - client->text);
			end[2] = '\0';
			answer_request(h, client);
			client->got -= len;
			memmove(client->text, client->text + len, client->got);
		}
		error = send_answer(client);
		if (error == -EAGAIN) {
			watch(h, &client->source, EPOLL_CTL_MOD, EPOLLOUT);
			return;
		}
		client->answering = false;
		if (error != 0) {
			client_close(h, client);
			return;
		}
		if (client->last) {
			client_finish(h, client);
			return;
		}
	}
	if (client->got + 1 == sizeof(client->text))
		client_close(h, client); /* no request is that long */
	else
		watch(h, &client->source, EPOLL_CTL_MOD, EPOLLIN);
}

static void
on_client(struct hello *h, struct client *client)
{
	ssize_t n;

	if (!client->answering) {
		n = recv(client->source.fd, client->text + client->got,
		    sizeof(client->text) - 1 - client->got, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			client_close(h, client);
			return;
		}
		client->got += (size_t)n;
	}
	serve(h, client);
}

static void
on_signal(struct hello *h, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1)
		h->sick = !h->sick;
	else
		h->done = true;
}

static void
watch_signals(const struct hello *h, struct source *source)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	source->kind = KIND_SIGNAL;
	source->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (source->fd < 0)
		tool_die("signalfd: %s", strerror(errno));
	watch(h, source, EPOLL_CTL_ADD, EPOLLIN);
}

static void
run(struct hello *h)
{
	struct epoll_event events[64];
	struct source *source;
	int i, n;

	while (!h->done) {
		n = epoll_wait(h->epoll, events, 64, -1);
		for (i = 0; i < n; i++) {
			source = events[i].data.ptr;
			switch (source->kind) {
			case KIND_LISTENER:
				on_accept(h, source->fd);
				break;
			case KIND_SIGNAL:
				on_signal(h, source->fd);
				break;
			case KIND_CLIENT:
				on_client(h, (struct client *)source);
				break;
			}
		}
	}
}

static void
listen_on(const struct hello *h, struct source *source, const char *text)
{
	struct tool_addr addr = tool_addr_arg(text);

	source->kind = KIND_LISTENER;
	source->fd = tool_listen(&addr, 1024, 0);
	if (source->fd < 0)
		tool_die("%s: %s", text, strerror(-source->fd));
	watch(h, source, EPOLL_CTL_ADD, EPOLLIN);
}

static void
write_ports(const char *path, const struct source *sources, int count)
{
	char text[MAX_LISTENERS * 8];
	struct tool_addr addr;
	size_t used = 0;
	int i;

	for (i = 0; i < count; i++) {
		addr = tool_addr_local(sources[i].fd);
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "%u\n", tool_addr_port(&addr));
	}
	tool_write_file(path, "%s", text);
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: hello -l ADDR [-l ADDR...] -n NAME [-P FILE]\n"
	    "ADDR: 1.2.3.4:80, [::1]:80, unix:/path; port 0: any, see -P\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	struct hello h = { .name = NULL };
	struct client *client, *next;
	struct source listeners[MAX_LISTENERS], signals;
	const char *port_file = NULL;
	int option, count = 0;

	TAILQ_INIT(&h.clients);
	tool_nofile(20000);
	h.epoll = epoll_create1(EPOLL_CLOEXEC);
	while ((option = getopt(argc, argv, "l:n:P:h")) != -1) {
		if (option == 'l' && count < MAX_LISTENERS)
			listen_on(&h, &listeners[count++], optarg);
		else if (option == 'n')
			h.name = optarg;
		else if (option == 'P')
			port_file = optarg;
		else
			usage();
	}
	if (count == 0 || h.name == NULL || optind != argc)
		usage();
	watch_signals(&h, &signals);
	if (port_file != NULL)
		write_ports(port_file, listeners, count);
	run(&h);
	for (client = TAILQ_FIRST(&h.clients); client != NULL; client = next) {
		next = TAILQ_NEXT(client, entry);
		client_close(&h, client);
	}
	return 0;
}
