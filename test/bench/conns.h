/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * The conns of load, of both kinds: clients and backends. conns.c has what they
 * share, clients.c and backends.c what each of them does.
 *
 * The protocol. A request is a head of 16 bytes (the length of the answer that
 * is wanted, the length of the body that follows the head, the request's
 * number) and its body. The answer begins with the number, all bits turned. On
 * a conn there is one request at a time, so that both ends know where each
 * message ends and need no EAGAIN to see it.
 *
 * One epoll. A conn is registered once, edge-triggered. What is small is served
 * as its event comes; conns of bulk queue up, and one of them moves at most a
 * quantum between two looks for events: the small ones' latency is not the
 * load's own doing.
 */

#ifndef TEST_BENCH_CONNS_H
#define TEST_BENCH_CONNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "test/bench/histogram.h"
#include "test/bench/usage.h"
#include "test/tools/tool.h"

#define HEAD_SIZE 16
#define CHUNK 262144
#define BULK_SIZE (1 << 20)
#define MAX_TARGETS 64
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
	uint64_t answered, ops; /* in all, and within the window */
	struct histogram latency;
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
	uint64_t moved; /* bytes within the window, both ways */
	int64_t begun_ns;
	unsigned char head[HEAD_SIZE]; /* of what is received */
};

struct load {
	int epoll;
	struct conn_list queue;	  /* bulk that is to move on */
	struct conn_list resting; /* with -R: has no request now */
	struct tool_addr targets[MAX_TARGETS];
	uint32_t target_count, next_target;
	struct group main, beside, idle;
	uint32_t conns, beside_conns, idle_conns;
	struct conn *clients; /* of main, beside and idle, in that order */
	int64_t warm_ns, measure_ns;
	int64_t interval_ns;   /* from one request to the next; 0: no -R */
	uint64_t burst;	       /* requests that are due at the same time */
	int source;	       /* -S: the memfd for sendfile(2); -1: none */
	bool trunc;	       /* -T: bodies are received with MSG_TRUNC */
	const char *netns;     /* -n: where backends listen; NULL: here */
	const char *after_cmd; /* -e */
	struct usage_pids proxy_pids, load_pids;
	const char *out_file;
	/* the run */
	bool measuring;
	int64_t from_ns, until_ns; /* the window; INT64_MAX: not yet known */
	int64_t next_ns;	   /* when the next request is due */
	uint64_t arrivals;	   /* requests that were due so far */
	uint64_t asked_in_window;  /* with -R: of main */
	uint64_t next_id, bytes, errors, served;
	unsigned char in[CHUNK], out[CHUNK];
};

enum step {
	STEP_WAIT, /* for the next event */
	STEP_MORE, /* a quantum of bulk was moved, more may go at once */
	STEP_DONE, /* the message is whole */
	STEP_END,  /* the conn is over */
};

/* The monotonic clock in nanoseconds. */
int64_t now_ns(void);

/* Makes the memfd that all bodies then come from, by sendfile(2). */
void source_open(struct load *l);

/* Puts a conn at the end of the queue, or takes it out. */
void conn_queue(struct load *l, struct conn *conn);
void conn_unqueue(struct load *l, struct conn *conn);

/* Puts a conn into the list of those that have no request, or takes it out. */
void conn_rest(struct load *l, struct conn *conn, bool rest);

/* Registers the conn with epoll; ends the program if that fails. */
void conn_watch(struct load *l, struct conn *conn, uint32_t events);

/* Takes it out of all lists and closes its socket; the memory stays. */
void conn_close(struct load *l, struct conn *conn);

/* Sends what is left of the conn's message, bulk at most a quantum of it. */
enum step conn_send(struct load *l, struct conn *conn);

/* Receives what is left of the message, bulk likewise. A body's length and an
 * answer's number must be as they were asked for: STEP_END if not. */
enum step conn_recv(struct load *l, struct conn *conn);

/* backends.c: serves what comes to that address, until the program ends. */
void backend_listen(struct load *l, const char *addr);
void on_accept(struct load *l, const struct conn *listener);
void backend_run(struct load *l, struct conn *conn);

/* clients.c: makes it a client of the group. It begins at once, or, with -R and
 * a conn for each request, waits for the first one that is due. */
void client_init(struct load *l, struct conn *conn, struct group *group);

/* Begins a request on an open conn; it counts from `due_ns` on. */
void client_ask(struct load *l, struct conn *conn, int64_t due_ns);
void client_run(struct load *l, struct conn *conn);

/* With -R: begins requests that are due, a batch of them at most. */
void clients_ask_due(struct load *l);

#endif
