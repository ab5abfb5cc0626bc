/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The HTTP server: see http.h. */
#include "lb4/http/http.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/acceptor.h"
#include "common/limiter.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mailbox.h"
#include "common/sock.h"
#include "common/sockfile.h"
#include "common/timer.h"

#define BACKLOG 128
#define ACCEPTS_MAX 16 /* per turn */
#define TICK_MS 1000

/* The connection limit of libmicrohttpd, which counts closed visitors until its
 * next run. */
#define DAEMON_VISITORS_MAX (HTTP_VISITORS_MAX + 4 * ACCEPTS_MAX)

enum { TAG_LISTENER, TAG_BELL, TAG_DAEMON, TAG_WATCHED };

#define EVENTS_MAX 8 /* taken in one turn */

/* In the order in which visitors make room for others. */
enum phase {
	PHASE_ASKING, /* has not sent a complete request yet */
	PHASE_SERVED, /* waits for its answer, or reads it */
	PHASE_CUT,    /* is ending */
	PHASE_COUNT,
};

struct http_visitor {
	TAILQ_ENTRY(http_visitor) entry; /* oldest first */
	struct http *http;
	struct MHD_Connection *connection;
	int fd; /* owned by libmicrohttpd */
	enum phase phase;
	bool later; /* suspended until http_retry() */
	uint64_t began_ms;
};

TAILQ_HEAD(visitors, http_visitor);

struct http_body {
	struct MHD_Response *response;
	struct http *http;
	size_t len; /* of `text` */
	char *text; /* owned; NULL: the text is constant */
	unsigned refs;
};

struct http {
	struct http_handler handler;
	struct MHD_Daemon *daemon;
	int epfd;
	int listenfd; /* -1: none */
	struct addr addr;
	struct sockfile_id file; /* if it is a unix socket */
	struct acceptor acceptor;
	struct limiter warnings;
	struct mailbox bell; /* only wakes the thread */
	_Atomic bool stop;   /* writer: http_stop().  Reader: the thread */
	pthread_t thread;

	/* the thread's own */
	struct visitors visitors[PHASE_COUNT];
	unsigned count;	   /* visitors that are not PHASE_CUT */
	size_t body_bytes; /* of all bodies that still exist */
	uint64_t tick_ms;
	struct http_visitor *asker; /* whom the handler answers; NULL: nobody */
};

/* ---- visitors ------------------------------------------------------------ */

static void
set_phase(struct http_visitor *visitor, enum phase phase)
{
	struct http *http = visitor->http;

	TAILQ_REMOVE(&http->visitors[visitor->phase], visitor, entry);
	http->count -= visitor->phase != PHASE_CUT && phase == PHASE_CUT;
	visitor->phase = phase;
	TAILQ_INSERT_TAIL(&http->visitors[phase], visitor, entry);
}

/* Ends a visitor: libmicrohttpd sees the shutdown and closes the socket in its
 * next run. */
static void
cut(struct http_visitor *visitor)
{
	set_phase(visitor, PHASE_CUT);
	(void)shutdown(visitor->fd, SHUT_RDWR);
	if (visitor->later)
		MHD_resume_connection(visitor->connection);
	visitor->later = false;
}

static void
make_room(struct http *http)
{
	struct http_visitor *oldest =
	    TAILQ_FIRST(&http->visitors[PHASE_ASKING]);

	if (oldest == NULL)
		oldest = TAILQ_FIRST(&http->visitors[PHASE_SERVED]);
	if (oldest != NULL)
		cut(oldest);
}

static void
on_connected(struct http *http, struct MHD_Connection *connection, void **own)
{
	const int fd = MHD_get_connection_info(connection,
	    MHD_CONNECTION_INFO_CONNECTION_FD)
			   ->connect_fd;
	struct http_visitor *visitor = calloc(1, sizeof(*visitor));

	*own = visitor;
	if (visitor == NULL) {
		(void)shutdown(fd, SHUT_RDWR);
		return;
	}
	visitor->http = http;
	visitor->connection = connection;
	visitor->fd = fd;
	visitor->began_ms = timer_now_ms();
	TAILQ_INSERT_TAIL(&http->visitors[PHASE_ASKING], visitor, entry);
	http->count++;
}

static void
on_notice(void *context, struct MHD_Connection *connection, void **own,
    enum MHD_ConnectionNotificationCode code)
{
	struct http_visitor *visitor;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		on_connected(context, connection, own);
		return;
	}
	visitor = *own;
	if (visitor == NULL)
		return;
	if (visitor->phase != PHASE_CUT)
		set_phase(visitor, PHASE_CUT);
	TAILQ_REMOVE(&visitor->http->visitors[PHASE_CUT], visitor, entry);
	free(visitor);
	*own = NULL;
}

void
http_take(struct http *http, int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (http->count >= HTTP_VISITORS_MAX)
		make_room(http);
	/* if it cannot take the socket, it closes it */
	(void)MHD_add_connection(http->daemon, fd, &none, sizeof(none));
}

unsigned
http_visitors(const struct http *http)
{
	return http->count;
}

static void
accept_some(struct http *http, uint64_t now_ms)
{
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = acceptor_take(&http->acceptor, now_ms);

		if (fd >= 0) {
			http_take(http, fd);
			continue;
		}
		if (fd != -EAGAIN && limiter_pass(&http->warnings, now_ms))
			log_warning("metrics: cannot accept now: %s",
			    strerror(-fd));
		return;
	}
}

/* Ends visitors that have had HTTP_TIME_MS.  Gaps, in which this thread did not
 * run, are not counted. */
static void
judge(struct http *http, uint64_t now_ms, uint64_t gap_ms)
{
	struct http_visitor *visitor, *next;

	for (int phase = PHASE_ASKING; phase < PHASE_CUT; phase++) {
		visitor = TAILQ_FIRST(&http->visitors[phase]);
		for (; visitor != NULL; visitor = next) {
			next = TAILQ_NEXT(visitor, entry);
			visitor->began_ms += gap_ms;
			if (now_ms >= visitor->began_ms + HTTP_TIME_MS)
				cut(visitor);
		}
	}
}

/* ---- answers ------------------------------------------------------------- */

const char *
http_argument(const struct http_request *request, const char *key)
{
	return MHD_lookup_connection_value(request->visitor->connection,
	    MHD_GET_ARGUMENT_KIND, key);
}

/* What a browser may do with an answer; w3.org/TR/CSP3. */
#define POLICY \
	"default-src 'none'; connect-src 'self'; img-src 'self'; " \
	"script-src 'self'; style-src 'self'; base-uri 'none'; " \
	"form-action 'none'; frame-ancestors 'none'; " \
	"require-trusted-types-for 'script'"

static void
add_fields(struct MHD_Response *response, const char *type)
{
	static const char *const fields[][2] = {
		{ "Cache-Control", "no-store" },
		{ "Content-Security-Policy", POLICY },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Referrer-Policy", "no-referrer" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "DENY" },
		{ "Connection", "close" },
	};

	(void)MHD_add_response_header(response, "Content-Type", type);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		(void)MHD_add_response_header(response, fields[i][0],
		    fields[i][1]);
}

static void
on_body_free(void *context)
{
	struct http_body *body = context;

	body->http->body_bytes -= body->len;
	free(body->text);
	free(body);
}

/* `owned` is the text if it is to be freed, or NULL. */
static struct http_body *
make_body(struct http *http, const char *type, const char *text, size_t len,
    char *owned)
{
	struct http_body *body = calloc(1, sizeof(*body));

	if (body == NULL) {
		free(owned);
		return NULL;
	}
	*body = (struct http_body){
		.http = http,
		.len = owned != NULL ? len : 0,
		.text = owned,
		.refs = 1,
	};
	http->body_bytes += body->len;
	/* the library does not write to the text */
	body->response =
	    MHD_create_response_from_buffer_with_free_callback_cls(len,
		(void *)(uintptr_t)text, on_body_free, body);
	if (body->response == NULL) {
		on_body_free(body);
		return NULL;
	}
	add_fields(body->response, type);
	return body;
}

struct http_body *
http_body_new(struct http *http, const char *type, char *text, size_t len)
{
	return make_body(http, type, text, len, text);
}

struct http_body *
http_body_constant(struct http *http, const char *type, const char *text,
    size_t len)
{
	return make_body(http, type, text, len, NULL);
}

struct http_body *
http_body_ref(struct http_body *body)
{
	body->refs++;
	return body;
}

void
http_body_unref(struct http_body *body)
{
	if (body != NULL && --body->refs == 0)
		MHD_destroy_response(body->response);
}

bool
http_body_room(struct http *http)
{
	struct http_visitor *oldest;

	if (http->body_bytes <= HTTP_BODY_BYTES)
		return true;
	oldest = TAILQ_FIRST(&http->visitors[PHASE_SERVED]);
	if (oldest != NULL && oldest == http->asker)
		oldest = TAILQ_NEXT(oldest, entry);
	if (oldest != NULL)
		cut(oldest);
	return false;
}

/* A response with a short text; NULL without memory. */
static struct MHD_Response *
text_response(const char *text)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(strlen(text),
		(void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

	if (response != NULL)
		add_fields(response, "text/plain; charset=utf-8");
	return response;
}

static enum MHD_Result
send_answer(struct MHD_Connection *connection, const struct http_answer *answer)
{
	struct MHD_Response *response = answer->body != NULL
	    ? answer->body->response
	    : text_response(answer->text);
	enum MHD_Result sent;

	if (response == NULL)
		return MHD_NO;
	if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, "Allow", "GET, HEAD");
	if (answer->status == MHD_HTTP_SERVICE_UNAVAILABLE &&
	    answer->body == NULL)
		(void)MHD_add_response_header(response, "Retry-After", "1");
	sent = MHD_queue_response(connection, answer->status, response);
	if (answer->body == NULL)
		MHD_destroy_response(response);
	return sent;
}

static enum MHD_Result
ask_handler(struct http *http, struct http_visitor *visitor, const char *path)
{
	struct http_answer answer = { .status = MHD_HTTP_OK };
	struct http_request request = { .path = path, .visitor = visitor };
	enum MHD_Result sent;
	enum http_outcome outcome;

	request.accept = MHD_lookup_connection_value(visitor->connection,
	    MHD_HEADER_KIND, "Accept");
	if (request.accept == NULL)
		request.accept = "";
	http->asker = visitor;
	outcome = http->handler.answer(http->handler.context, &request,
	    &answer);
	http->asker = NULL;
	if (outcome == HTTP_LATER) {
		visitor->later = true;
		MHD_suspend_connection(visitor->connection);
		return MHD_YES;
	}
	sent = send_answer(visitor->connection, &answer);
	http_body_unref(answer.body);
	return sent;
}

/* The head of a request is complete, or a suspended request was resumed. */
static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload,
    /* cppcheck-suppress constParameter ; it is a callback */
    size_t *upload_len, /* NOLINT(readability-non-const-parameter) */
    void **own)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection,
		MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_visitor *visitor = info != NULL ? info->socket_context
						    : NULL;
	struct http_answer answer = { .status = MHD_HTTP_METHOD_NOT_ALLOWED };

	(void)version;
	(void)upload;
	(void)upload_len;
	(void)own;
	if (visitor == NULL || visitor->phase == PHASE_CUT)
		return MHD_NO;
	if (visitor->phase == PHASE_ASKING)
		set_phase(visitor, PHASE_SERVED);
	if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
	    strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
		return ask_handler(context, visitor, url);
	memcpy(answer.text, "only GET and HEAD are allowed\n",
	    sizeof("only GET and HEAD are allowed\n"));
	return send_answer(connection, &answer);
}

void
http_retry(struct http *http)
{
	struct http_visitor *visitor;

	TAILQ_FOREACH(visitor, &http->visitors[PHASE_SERVED], entry)
		if (visitor->later) {
			visitor->later = false;
			MHD_resume_connection(visitor->connection);
		}
}

/* ---- the loop ------------------------------------------------------------ */

int
http_watch(struct http *http, int fd)
{
	return loop_add(http->epfd, fd, EPOLLIN, loop_tag(TAG_WATCHED, 0, 0));
}

void
http_unwatch(struct http *http, int fd)
{
	(void)loop_remove(http->epfd, fd);
}

/* How long to wait for events. */
static int
sleep_ms(const struct http *http)
{
	MHD_UNSIGNED_LONG_LONG daemon_ms;
	const int rest_ms = http->handler.rest_ms;
	int wait_ms = http->count > 0 ? TICK_MS : rest_ms > 0 ? rest_ms : -1;

	if (http->acceptor.resume_ms != 0)
		wait_ms = ACCEPTOR_PAUSE_MS;
	if (MHD_get_timeout(http->daemon, &daemon_ms) == MHD_YES &&
	    daemon_ms < TICK_MS)
		wait_ms = loop_sooner(wait_ms, (int)daemon_ms);
	return wait_ms;
}

static void
on_event(struct http *http, uint64_t tag, uint64_t now_ms)
{
	switch (loop_tag_kind(tag)) {
	case TAG_LISTENER:
		accept_some(http, now_ms);
		break;
	case TAG_BELL:
		mailbox_open(&http->bell);
		break;
	case TAG_WATCHED:
		http->handler.on_ready(http->handler.context);
		break;
	default:
		break; /* http_turn() runs the daemon in any case */
	}
}

int
http_turn(struct http *http, int wait_ms)
{
	struct epoll_event events[EVENTS_MAX];
	const uint64_t before_ms = timer_now_ms();
	int count;
	uint64_t now_ms;

	wait_ms = loop_sooner(wait_ms, sleep_ms(http));
	count = loop_wait(http->epfd, events, EVENTS_MAX, wait_ms);
	if (count < 0)
		return count;
	now_ms = timer_now_ms();
	for (int i = 0; i < count; i++)
		on_event(http, events[i].data.u64, now_ms);
	acceptor_turn(&http->acceptor, now_ms);
	(void)MHD_run(http->daemon);
	judge(http, now_ms, loop_gap(before_ms, wait_ms, now_ms));
	if (http->handler.on_tick != NULL &&
	    now_ms >= http->tick_ms + TICK_MS) {
		http->tick_ms = now_ms;
		http->handler.on_tick(http->handler.context, now_ms);
	}
	return 0;
}

static void *
http_main(void *argument)
{
	struct http *http = argument;
	int error = 0;

	(void)pthread_setname_np(pthread_self(), "lb4-metrics");
	while (error == 0 &&
	    !atomic_load_explicit(&http->stop, memory_order_acquire))
		error = http_turn(http, -1);
	if (error != 0)
		log_error("metrics: the server has stopped: %s",
		    strerror(-error));
	return NULL;
}

/* ---- life ---------------------------------------------------------------- */

static int
start_daemon(struct http *http)
{
	const union MHD_DaemonInfo *info;

	http->daemon = MHD_start_daemon(MHD_USE_EPOLL |
		MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME,
	    0, NULL, NULL, on_request, http, MHD_OPTION_NOTIFY_CONNECTION,
	    on_notice, http, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)DAEMON_VISITORS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)HTTP_VISITOR_BYTES, MHD_OPTION_END);
	if (http->daemon == NULL)
		return errno != 0 ? -errno : -ENOMEM;
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	assert(info != NULL);
	return loop_add(http->epfd, info->epoll_fd, EPOLLIN,
	    loop_tag(TAG_DAEMON, 0, 0));
}

int
http_open_alone(struct http **out, const struct http_handler *handler)
{
	struct http *http = aligned_alloc(_Alignof(struct http), sizeof(*http));
	int error;

	if (http == NULL)
		return -ENOMEM;
	memset(http, 0, sizeof(*http));
	http->handler = *handler;
	http->listenfd = -1;
	http->acceptor = ACCEPTOR_NONE;
	http->bell.fd = -1;
	limiter_init(&http->warnings, 1, TICK_MS);
	for (int phase = 0; phase < PHASE_COUNT; phase++)
		TAILQ_INIT(&http->visitors[phase]);
	http->epfd = loop_open();
	error = http->epfd < 0 ? http->epfd
			       : mailbox_init(&http->bell, 1, sizeof(char));
	if (error == 0)
		error = loop_add(http->epfd, http->bell.fd, EPOLLIN,
		    loop_tag(TAG_BELL, 0, 0));
	if (error == 0)
		error = start_daemon(http);
	if (error < 0) {
		http_free(http);
		return error;
	}
	*out = http;
	return 0;
}

int
http_open(struct http **out, struct addr *addr,
    const struct http_handler *handler, const struct http_socket *socket)
{
	struct http *http;
	int error = http_open_alone(&http, handler);
	const struct sock_options options = { .file = &http->file };

	if (error < 0)
		return error;
	if (socket->fd >= 0) {
		http->listenfd = socket->fd;
		http->file = socket->file;
		error = sock_listens(socket->fd, addr);
	} else {
		http->listenfd = sock_listen(addr, false, BACKLOG, &options);
		error = http->listenfd < 0 ? http->listenfd : 0;
	}
	http->addr = *addr;
	if (error == 0)
		error = acceptor_open(&http->acceptor, http->epfd,
		    http->listenfd, loop_tag(TAG_LISTENER, 0, 0));
	if (error < 0) {
		http_free(http);
		return error;
	}
	*out = http;
	return 0;
}

int
http_start(struct http *http)
{
	return -pthread_create(&http->thread, NULL, http_main, http);
}

void
http_stop(struct http *http)
{
	atomic_store_explicit(&http->stop, true, memory_order_release);
	mailbox_ring(&http->bell);
	(void)pthread_join(http->thread, NULL);
}

void
http_socket(const struct http *http, struct http_socket *socket)
{
	socket->fd = http->listenfd;
	socket->file = http->file;
}

void
http_keep_file(struct http *http)
{
	http->file = (struct sockfile_id){ 0 };
}

void
http_free(struct http *http)
{
	if (http == NULL)
		return;
	http_retry(http); /* MHD_stop_daemon(3) requires it */
	if (http->daemon != NULL)
		MHD_stop_daemon(http->daemon);
	acceptor_done(&http->acceptor);
	if (http->listenfd >= 0) {
		(void)close(http->listenfd);
		sockfile_unlink(&http->addr, &http->file);
	}
	mailbox_done(&http->bell);
	if (http->epfd >= 0)
		(void)close(http->epfd);
	free(http);
}
