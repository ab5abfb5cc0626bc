/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One direction of a conn, by hand: a writer, the relay's two sockets, a reader.
 * Each test is played in every way of relaying, between TCP sockets and between
 * unix ones.
 */
#include "lb4/engine/relay.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIG_PIPE (256 * 1024)
#define WAYS 4
#define GAMES (WAYS * 2)

struct bench {
	struct relay_env env;
	struct relay relay;
	struct side from, to;
	int writer, reader;
	uint64_t written, read; /* places in the stream */
	bool tcp;
	enum relay_way way;
	int error;
	uint64_t lost;
};

static unsigned char
byte_at(uint64_t i)
{
	return (unsigned char)((i * 2654435761u) >> 13 ^ i);
}

static void
tcp_pair(int fds[2])
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&sin, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&sin, &len),
	    0);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fds[0], 0);
	ck_assert_int_eq(connect(fds[0], (struct sockaddr *)&sin, len), 0);
	fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fds[1], 0);
	(void)close(listener);
	for (int i = 0; i < 2; i++) {
		(void)setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof(one));
		(void)setsockopt(fds[i], SOL_SOCKET, SO_OOBINLINE, &one,
		    sizeof(one));
	}
}

static void
make_pair(bool tcp, int fds[2])
{
	if (tcp)
		tcp_pair(fds);
	else
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
				     0, fds),
		    0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(fcntl(fds[i], F_SETFL, O_NONBLOCK), 0);
}

static void
bench_open(struct bench *bench, int game, unsigned maxpipes)
{
	int in[2], out[2];

	*bench = (struct bench){
		.way = (enum relay_way)(game % WAYS),
		.tcp = game < WAYS,
	};
	make_pair(bench->tcp, in);
	make_pair(bench->tcp, out);
	bench->writer = in[0];
	bench->from = (struct side){ .fd = in[1], .out_ready = true };
	bench->to = (struct side){ .fd = out[0], .out_ready = true };
	bench->reader = out[1];
	ck_assert_int_eq(relay_env_init(&bench->env, bench->way, maxpipes,
			     BIG_PIPE, maxpipes),
	    0);
	relay_init(&bench->relay, bench->way);
}

static void
bench_close(struct bench *bench)
{
	(void)relay_discard(&bench->env, &bench->relay);
	ck_assert_uint_eq(bench->env.pipes.open,
	    bench->env.pipes.stocked + (bench->env.spare != NULL));
	relay_env_done(&bench->env);
	(void)close(bench->writer);
	(void)close(bench->from.fd);
	(void)close(bench->to.fd);
	(void)close(bench->reader);
}

/* Writes as much of `bytes` more of the stream as goes in; returns how much. */
static size_t
put(struct bench *bench, size_t bytes)
{
	unsigned char buf[65536];
	size_t done = 0;

	while (done < bytes) {
		size_t len = bytes - done < sizeof(buf) ? bytes - done
							: sizeof(buf);
		ssize_t n;

		for (size_t i = 0; i < len; i++)
			buf[i] = byte_at(bench->written + i);
		n = send(bench->writer, buf, len, MSG_NOSIGNAL);
		if (n == -1 && errno == EAGAIN)
			break;
		ck_assert_int_gt(n, 0);
		done += (size_t)n;
		bench->written += (uint64_t)n;
	}
	return done;
}

/* Reads and checks what is there; how much that was. */
static size_t
take(struct bench *bench)
{
	unsigned char buf[65536];
	size_t done = 0;
	ssize_t n;

	while ((n = recv(bench->reader, buf, sizeof(buf), 0)) > 0) {
		/* an assertion costs too much to make one of each byte */
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != byte_at(bench->read + (uint64_t)i))
				ck_abort_msg("byte %zd of %zd is wrong", i, n);
		bench->read += (uint64_t)n;
		done += (size_t)n;
	}
	return done;
}

/* What epoll would tell of the sockets now. */
static void
look(struct bench *bench)
{
	struct pollfd pfd[2] = {
		{ .fd = bench->from.fd, .events = POLLIN | POLLRDHUP },
		{ .fd = bench->to.fd, .events = POLLOUT },
	};

	(void)poll(pfd, 2, 0);
	if ((pfd[0].revents & POLLIN) != 0)
		bench->from.in_ready = !bench->from.eof;
	if ((pfd[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
		bench->from.rdhup = true;
	if ((pfd[1].revents & POLLOUT) != 0)
		bench->to.out_ready = true;
}

/* Waits, up to 10 s, until so much lies in the socket: it takes its time over
 * loopback, too. */
static void
wait_queued(int fd, size_t bytes)
{
	int queued = 0;

	for (int i = 0; i < 10000; i++) {
		ck_assert_int_eq(ioctl(fd, FIONREAD, &queued), 0);
		if ((size_t)queued >= bytes)
			return;
		(void)poll(NULL, 0, 1);
	}
	ck_abort_msg("%d of %zu bytes came", queued, bytes);
}

/* Until poll(2) says this of the descriptor, up to 10 s. */
static void
wait_events(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
	ck_assert_int_ne(pfd.revents & events, 0);
}

static enum relay_result
run(struct bench *bench)
{
	struct relay_failure failure = { 0 };
	const enum relay_result result = relay_run(&bench->env, &bench->relay,
	    &bench->from, &bench->to, &failure);

	bench->error = failure.error;
	bench->lost += failure.lost;
	return result;
}

static void
reset(int *fd)
{
	const struct linger linger = { .l_onoff = 1 };

	ck_assert_int_eq(setsockopt(*fd, SOL_SOCKET, SO_LINGER, &linger,
			     sizeof(linger)),
	    0);
	(void)close(*fd);
	*fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Fills everything up to the relay, with a reader who reads nothing; it ends
 * in RELAY_WAITS. */
static void
fill_up(struct bench *bench)
{
	enum relay_result result = RELAY_HAS_MORE;
	size_t more;

	do {
		more = put(bench, 65536);
		look(bench);
		result = run(bench);
		ck_assert(result == RELAY_WAITS || result == RELAY_HAS_MORE);
		if (more == 0)
			(void)poll(NULL, 0, 1);
	} while (more > 0 || bench->to.out_ready);
	while (result == RELAY_HAS_MORE)
		result = run(bench);
	ck_assert_int_eq(result, RELAY_WAITS);
}

/* Reads and relays until all that was written has come. */
static void
drain(struct bench *bench)
{
	for (int i = 0; bench->read < bench->written; i++) {
		enum relay_result result;

		ck_assert_int_lt(i, 1000000);
		if (take(bench) == 0)
			(void)poll(NULL, 0, 1);
		look(bench);
		result = run(bench);
		ck_assert(result == RELAY_WAITS || result == RELAY_HAS_MORE ||
		    result == RELAY_FINISHED);
	}
}

START_TEST(little)
{
	struct bench bench;

	bench_open(&bench, _i, 4);
	/* nothing is known to be there: nothing is done */
	ck_assert_int_eq(run(&bench), RELAY_WAITS);
	for (size_t size = 1; size < 9000; size = size * 3 + 1) {
		ck_assert_uint_eq(put(&bench, size), size);
		wait_queued(bench.from.fd, size);
		look(&bench);
		ck_assert(bench.from.in_ready);
		ck_assert_int_eq(run(&bench), RELAY_WAITS);
		ck_assert(!bench.from.in_ready);
		ck_assert(bench.to.out_ready);
		wait_queued(bench.reader, size);
		ck_assert_uint_eq(take(&bench), size);
		/* an idle relay holds nothing */
		ck_assert_ptr_null(bench.relay.pipe);
		ck_assert_uint_eq(relay_held(&bench.relay), 0);
		ck_assert_uint_eq(bench.relay.bytes, bench.read);
	}
	ck_assert_uint_eq(bench.lost, 0);
	bench_close(&bench);
}
END_TEST

/* A read that brings much promotes to splice, one that brings little
 * demotes; a way that is forced stays. */
START_TEST(changes_its_way)
{
	struct bench bench;
	enum relay_way first, later;

	bench_open(&bench, _i, 4);
	first = bench.way == RELAY_AUTO ? RELAY_COPY : bench.way;
	later = bench.way == RELAY_AUTO ? RELAY_SPLICE : bench.way;
	ck_assert_int_eq(bench.relay.way, first);
	(void)put(&bench, RELAY_PROMOTE - 1);
	wait_queued(bench.from.fd, RELAY_PROMOTE - 1);
	look(&bench);
	(void)run(&bench);
	ck_assert_int_eq(bench.relay.way, first);

	/* what splice(2) brings at once depends on how it was queued: all of
	 * it in the end, and big once at least */
	for (int i = 0; i < 20 && bench.relay.way != later; i++) {
		size_t size = put(&bench, 5 * RELAY_PROMOTE / 2);

		wait_queued(bench.from.fd, size);
		look(&bench);
		(void)run(&bench);
		drain(&bench);
		if (bench.way == RELAY_AUTO && bench.tcp)
			break;
	}
	if (bench.way != RELAY_AUTO)
		ck_assert_int_eq(bench.relay.way, later);

	/* little again, more than once: an EAGAIN demotes, too */
	for (int i = 0; i < 3; i++) {
		(void)put(&bench, 10);
		wait_queued(bench.from.fd, 10);
		look(&bench);
		(void)run(&bench);
		drain(&bench);
	}
	ck_assert_int_eq(bench.relay.way, first);
	bench_close(&bench);
}
END_TEST

/* As large as we may. */
static void
enlarge(int fd, int what, int what_force)
{
	const int big = 4 << 20;

	if (setsockopt(fd, SOL_SOCKET, what_force, &big, sizeof(big)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, what, &big, sizeof(big));
}

/* Bulk is spliced, which shows in the way after a run that its budget ended. */
START_TEST(promotes_bulk)
{
	struct bench bench;

	bench_open(&bench, RELAY_AUTO, 4);
	enlarge(bench.from.fd, SO_RCVBUF, SO_RCVBUFFORCE);
	for (int i = 0; i < 40; i++) {
		(void)put(&bench, 1 << 20);
		look(&bench);
		if (run(&bench) == RELAY_HAS_MORE)
			break;
		(void)take(&bench);
	}
	ck_assert_int_eq(bench.relay.way, RELAY_SPLICE);
	drain(&bench);
	bench_close(&bench);
}
END_TEST

START_TEST(has_a_budget)
{
	enum relay_result result;
	struct bench bench;
	uint64_t moved;
	int more = 0, queued = 0, most = 0;

	bench_open(&bench, _i, 4);
	enlarge(bench.writer, SO_SNDBUF, SO_SNDBUFFORCE);
	enlarge(bench.from.fd, SO_RCVBUF, SO_RCVBUFFORCE);
	enlarge(bench.to.fd, SO_SNDBUF, SO_SNDBUFFORCE);
	for (int i = 0; i < 200 && more < 5; i++) {
		(void)put(&bench, 1 << 20);
		(void)ioctl(bench.from.fd, FIONREAD, &queued);
		most = queued > most ? queued : most;
		look(&bench);
		moved = bench.relay.bytes;
		result = run(&bench);
		moved = bench.relay.bytes - moved;
		if (result == RELAY_HAS_MORE) {
			/* no edge will come: it says so itself */
			ck_assert(bench.from.in_ready);
			ck_assert(bench.to.out_ready);
			ck_assert_uint_ge(moved, RELAY_BUDGET);
			more++;
		} else {
			ck_assert_int_eq(result, RELAY_WAITS);
			ck_assert(!bench.from.in_ready || !bench.to.out_ready);
		}
		/* the last call may go over it by what a pipe holds, which is
		 * more than its size: a fragment may be larger than a page */
		ck_assert_uint_lt(moved, RELAY_BUDGET + 4 * BIG_PIPE);
		(void)take(&bench);
	}
	/* where the sockets could hold that much */
	if (bench.tcp && most > 4 * RELAY_BUDGET)
		ck_assert_int_eq(more, 5);
	drain(&bench);
	bench_close(&bench);
}
END_TEST

/* The reader stalls, then goes on: not a byte is lost or changes its place. */
START_TEST(full_output)
{
	struct bench bench;

	bench_open(&bench, _i, 4);
	for (int i = 0; i < 3; i++) {
		fill_up(&bench);
		ck_assert(!bench.to.out_ready);
		if (bench.way == RELAY_PEEK) {
			ck_assert_uint_eq(relay_held(&bench.relay), 0);
			/* peeked, not consumed: no edge will tell of it */
			ck_assert(bench.from.in_ready);
		} else if (relay_held(&bench.relay) > 0) {
			int held = -1;

			ck_assert_int_eq(ioctl(bench.relay.pipe->out, FIONREAD,
					     &held),
			    0);
			ck_assert_uint_eq(relay_held(&bench.relay),
			    (unsigned)held);
		}
		/* and nothing is done while there is no room */
		ck_assert_int_eq(run(&bench), RELAY_WAITS);
		drain(&bench);
		ck_assert_uint_eq(relay_held(&bench.relay), 0);
		ck_assert_ptr_null(bench.relay.pipe);
	}
	bench_close(&bench);
}
END_TEST

START_TEST(end_of_file)
{
	struct bench bench;

	bench_open(&bench, _i, 4);
	(void)put(&bench, 3000);
	wait_queued(bench.from.fd, 3000);
	ck_assert_int_eq(shutdown(bench.writer, SHUT_WR), 0);
	wait_events(bench.from.fd, POLLRDHUP);
	look(&bench);
	ck_assert(bench.from.rdhup);
	/* one event for the bytes and the end: one run for both */
	ck_assert_int_eq(run(&bench), RELAY_FINISHED);
	ck_assert(bench.from.eof);
	ck_assert(!bench.from.in_ready);
	ck_assert(!bench.to.fin_sent);
	wait_queued(bench.reader, 3000);
	ck_assert_uint_eq(take(&bench), 3000);
	/* it was not passed on: that is the caller's */
	ck_assert_int_eq(recv(bench.reader, &bench.error, 1, 0), -1);
	ck_assert_int_eq(errno, EAGAIN);
	bench_close(&bench);
}
END_TEST

START_TEST(nothing_but_an_end)
{
	struct bench bench;

	bench_open(&bench, _i, 4);
	ck_assert_int_eq(shutdown(bench.writer, SHUT_WR), 0);
	wait_events(bench.from.fd, POLLRDHUP);
	look(&bench);
	ck_assert_int_eq(run(&bench), RELAY_FINISHED);
	ck_assert_uint_eq(bench.relay.bytes, 0);
	bench_close(&bench);
}
END_TEST

/* The end comes while the output is full: it is only reported when all bytes
 * before it are delivered, and no further event tells of it. */
START_TEST(end_behind_a_full_pipe)
{
	struct bench bench;
	enum relay_result result = RELAY_WAITS;

	bench_open(&bench, _i, 4);
	fill_up(&bench);
	ck_assert_int_eq(shutdown(bench.writer, SHUT_WR), 0);
	bench.from.in_ready = true;
	bench.from.rdhup = true;
	ck_assert_int_eq(run(&bench), RELAY_WAITS);
	for (int i = 0; i < 1000000 && result != RELAY_FINISHED; i++) {
		struct pollfd pfd = { .fd = bench.to.fd, .events = POLLOUT };

		ck_assert(result == RELAY_WAITS || result == RELAY_HAS_MORE);
		if (take(&bench) == 0)
			(void)poll(NULL, 0, 1);
		/* nothing but the edge for output; over loopback the last
		 * bytes may still be on their way */
		if (poll(&pfd, 1, 0) == 1)
			bench.to.out_ready = true;
		bench.from.in_ready = !bench.from.eof;
		result = run(&bench);
	}
	ck_assert_int_eq(result, RELAY_FINISHED);
	while (bench.read < bench.written)
		if (take(&bench) == 0)
			(void)poll(NULL, 0, 1);
	ck_assert_uint_eq(bench.lost, 0);
	bench_close(&bench);
}
END_TEST

START_TEST(the_reading_side_fails)
{
	struct bench bench;

	bench_open(&bench, _i, 4);
	if (bench.tcp) {
		(void)put(&bench, 3000);
		wait_queued(bench.from.fd, 3000);
		reset(&bench.writer);
		wait_events(bench.from.fd, POLLERR);
		look(&bench);
		/* what came before is delivered first */
		ck_assert_int_eq(run(&bench), RELAY_FROM_FAILED);
		ck_assert_int_eq(bench.error, ECONNRESET);
		ck_assert(bench.from.failed);
		ck_assert(!bench.to.failed);
		wait_queued(bench.reader, 3000);
		ck_assert_uint_eq(take(&bench), 3000);
		ck_assert_uint_eq(bench.lost, 0);
	}
	bench_close(&bench);
}
END_TEST

START_TEST(the_writing_side_fails)
{
	struct bench bench;

	bench_open(&bench, _i, 4);
	if (bench.tcp) {
		reset(&bench.reader);
		wait_events(bench.to.fd, POLLERR);
	} else {
		(void)close(bench.reader);
		bench.reader = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	(void)put(&bench, 3000);
	wait_queued(bench.from.fd, 3000);
	look(&bench);
	ck_assert_int_eq(run(&bench), RELAY_TO_FAILED);
	ck_assert(bench.error == ECONNRESET || bench.error == EPIPE);
	ck_assert(bench.to.failed);
	ck_assert(!bench.from.failed);
	ck_assert_uint_eq(bench.relay.bytes, 0);
	bench.lost += relay_discard(&bench.env, &bench.relay);
	/* received and not delivered; what was only peeked at is still there */
	ck_assert_uint_eq(bench.lost, bench.way == RELAY_PEEK ? 0 : 3000);
	bench_close(&bench);
}
END_TEST

START_TEST(discards)
{
	struct bench bench;
	uint32_t held;

	bench_open(&bench, _i, 4);
	fill_up(&bench);
	held = relay_held(&bench.relay);
	bench.lost += relay_discard(&bench.env, &bench.relay);
	ck_assert_uint_eq(bench.lost, held);
	ck_assert_uint_eq(relay_held(&bench.relay), 0);
	ck_assert_ptr_null(bench.relay.pipe);
	bench.lost += relay_discard(&bench.env, &bench.relay);
	ck_assert_uint_eq(bench.lost, held);
	bench_close(&bench);
}
END_TEST

/* There is no pipe to be had: everything works, by peeking. */
START_TEST(without_pipes)
{
	struct bench bench;

	bench_open(&bench, _i, 0);
	fill_up(&bench);
	ck_assert_uint_eq(relay_held(&bench.relay), 0);
	drain(&bench);
	(void)put(&bench, 100000);
	drain(&bench);
	ck_assert_int_eq(shutdown(bench.writer, SHUT_WR), 0);
	wait_events(bench.from.fd, POLLRDHUP);
	look(&bench);
	ck_assert_int_eq(run(&bench), RELAY_FINISHED);
	ck_assert_uint_eq(bench.env.pipes.open, 0);
	bench_close(&bench);
}
END_TEST

/* Pipes come and go in the middle of a stream. */
START_TEST(pipes_come_and_go)
{
	struct bench bench;

	bench_open(&bench, _i, 4);
	for (int i = 0; i < 6; i++) {
		bench.env.pipes.max = i % 2 == 0 ? 0 : 4;
		fill_up(&bench);
		drain(&bench);
		if (bench.env.spare != NULL)
			pipes_kill(&bench.env.pipes, bench.env.spare);
		bench.env.spare = NULL;
		while (bench.env.pipes.stocked > 0)
			pipes_kill(&bench.env.pipes,
			    pipes_get(&bench.env.pipes, 0));
	}
	bench.env.pipes.max = 4;
	bench_close(&bench);
}
END_TEST

/* An urgent byte stops reads before it, and splice(2) takes it for the end when
 * there is a FIN, too. */
START_TEST(urgent_byte)
{
	struct bench bench;
	unsigned char urgent;

	bench_open(&bench, _i, 4);
	if (bench.tcp) {
		if (bench.way == RELAY_AUTO)
			bench.relay.way = RELAY_SPLICE;
		(void)put(&bench, 30000);
		urgent = byte_at(bench.written);
		ck_assert_int_eq(send(bench.writer, &urgent, 1, MSG_OOB), 1);
		bench.written++;
		(void)put(&bench, 3000);
		ck_assert_int_eq(shutdown(bench.writer, SHUT_WR), 0);
		wait_events(bench.from.fd, POLLRDHUP);
		look(&bench);
		ck_assert_int_eq(run(&bench), RELAY_FINISHED);
		wait_queued(bench.reader, 33001);
		ck_assert_uint_eq(take(&bench), 33001);
	}
	bench_close(&bench);
}
END_TEST

/* Random sizes, stalls and readers: every byte in its place. */
START_TEST(random_traffic)
{
	struct bench bench;
	unsigned seed = (unsigned)getpid();
	enum relay_result result = RELAY_WAITS;

	bench_open(&bench, _i, 2);
	while (bench.written < (8 << 20)) {
		seed = seed * 1664525 + 1013904223;
		switch (seed >> 29) {
		case 0:
		case 1:
			(void)put(&bench, (seed >> 8) % 300);
			break;
		case 2:
		case 3:
			(void)put(&bench, (seed >> 8) % 300000);
			break;
		case 4:
			(void)take(&bench);
			break;
		default:
			if (result != RELAY_HAS_MORE)
				look(&bench);
			result = run(&bench);
			ck_assert(result == RELAY_WAITS ||
			    result == RELAY_HAS_MORE);
			break;
		}
	}
	drain(&bench);
	bench_close(&bench);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("relay");
	TCase *tcase = tcase_create("relay");
	SRunner *runner;
	int failed;

	(void)signal(SIGPIPE, SIG_IGN); /* as main() does */
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, little, 0, GAMES);
	tcase_add_loop_test(tcase, changes_its_way, 0, GAMES);
	tcase_add_test(tcase, promotes_bulk);
	tcase_add_loop_test(tcase, has_a_budget, 0, GAMES);
	tcase_add_loop_test(tcase, full_output, 0, GAMES);
	tcase_add_loop_test(tcase, end_of_file, 0, GAMES);
	tcase_add_loop_test(tcase, nothing_but_an_end, 0, GAMES);
	tcase_add_loop_test(tcase, end_behind_a_full_pipe, 0, GAMES);
	tcase_add_loop_test(tcase, the_reading_side_fails, 0, WAYS);
	tcase_add_loop_test(tcase, the_writing_side_fails, 0, GAMES);
	tcase_add_loop_test(tcase, discards, 0, GAMES);
	tcase_add_loop_test(tcase, without_pipes, 0, GAMES);
	tcase_add_loop_test(tcase, pipes_come_and_go, 0, GAMES);
	tcase_add_loop_test(tcase, urgent_byte, 0, WAYS);
	tcase_add_loop_test(tcase, random_traffic, 0, GAMES);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
