/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A relay with a tap, by hand: a writer, the relay's two sockets, a reader, and
 * the tap with a reader of its own.  Each test is played in every way of
 * relaying.
 */
#include "lb4/engine/tap.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb4/engine/relay.h"

#define BIG_PIPE (256 * 1024)
#define WAYS 4
#define STREAM ((uint64_t)3 << 20)
/* That a tap may have a pipe, its share must be one at least. */
#define PIPES (2 * TAP_SHARE)

struct end {
	int fd;
	uint64_t read; /* place in the stream */
};

struct bench {
	struct relay_env env;
	struct relay relay;
	struct side from, to;
	struct tap tap;
	int writer;
	uint64_t written;
	struct end reader, copy;
};

static unsigned char
byte_at(uint64_t i)
{
	return (unsigned char)((i * 2654435761u) >> 13 ^ i);
}

static void
make_pair(int fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			     fds),
	    0);
}

static void
bench_open(struct bench *bench, int way, unsigned maxpipes)
{
	int in[2], out[2], copy[2];

	make_pair(in);
	make_pair(out);
	make_pair(copy);
	*bench = (struct bench){
		.writer = in[0],
		.from = { .fd = in[1], .out_ready = true },
		.to = { .fd = out[0], .out_ready = true },
		.reader = { .fd = out[1] },
		.tap = { .fd = copy[0], .out_ready = true },
		.copy = { .fd = copy[1] },
	};
	ck_assert_int_eq(relay_env_init(&bench->env, (enum relay_way)way,
			     maxpipes, BIG_PIPE, 1),
	    0);
	bench->env.tap = &bench->tap;
	relay_init(&bench->relay, (enum relay_way)way);
}

static void
bench_close(struct bench *bench)
{
	(void)tap_discard(&bench->tap, &bench->env.pipes);
	(void)relay_discard(&bench->env, &bench->relay);
	ck_assert_uint_eq(bench->env.pipes.tapped, 0);
	ck_assert_uint_eq(bench->env.pipes.open,
	    bench->env.pipes.stocked + (bench->env.spare != NULL));
	relay_env_done(&bench->env);
	(void)close(bench->writer);
	(void)close(bench->from.fd);
	(void)close(bench->to.fd);
	(void)close(bench->reader.fd);
	(void)close(bench->tap.fd);
	(void)close(bench->copy.fd);
}

static void
put(struct bench *bench, size_t len)
{
	unsigned char buf[65536];
	ssize_t n;

	if (len > STREAM - bench->written)
		len = STREAM - bench->written;
	if (len == 0)
		return;
	for (size_t i = 0; i < len; i++)
		buf[i] = byte_at(bench->written + i);
	n = send(bench->writer, buf, len, MSG_NOSIGNAL);
	ck_assert(n > 0 || errno == EAGAIN);
	bench->written += n > 0 ? (uint64_t)n : 0;
}

/* Reads and checks at most `most` bytes. */
static void
take(struct end *end, size_t most)
{
	unsigned char buf[65536];
	ssize_t n;

	while (most > 0 &&
	    (n = recv(end->fd, buf, most < sizeof(buf) ? most : sizeof(buf),
		 0)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != byte_at(end->read + (uint64_t)i))
				ck_abort_msg("byte %zd of %zd is wrong", i, n);
		end->read += (uint64_t)n;
		most -= (size_t)n;
	}
}

static bool
has(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & events) != 0;
}

static void
run(struct bench *bench)
{
	struct relay_failure failure = { 0 };
	enum relay_result result;

	bench->from.in_ready |= has(bench->from.fd, POLLIN);
	bench->to.out_ready |= has(bench->to.fd, POLLOUT);
	bench->tap.out_ready |= has(bench->tap.fd, POLLOUT);
	result = relay_run(&bench->env, &bench->relay, &bench->from, &bench->to,
	    &failure);
	ck_assert(result == RELAY_WAITS || result == RELAY_HAS_MORE);
	tap_flush(&bench->tap, &bench->env.pipes);
}

/* Plays the whole stream in pieces; the reader takes less at a time than the
 * writer gives. */
static void
play(struct bench *bench, size_t piece, bool copy_reads)
{
	for (int i = 0; bench->reader.read < STREAM; i++) {
		ck_assert_int_lt(i, 1000000);
		put(bench, piece);
		run(bench);
		take(&bench->reader, piece / 2 + 1);
		if (copy_reads)
			take(&bench->copy, SIZE_MAX);
	}
}

static const size_t pieces[] = { 3000, 20000, 65536 };
#define GAMES (WAYS * 3)

/* Whoever reads in time gets all of it, however slow the other reader is. */
START_TEST(the_copy_is_equal)
{
	struct bench bench;

	bench_open(&bench, _i % WAYS, PIPES);
	play(&bench, pieces[_i / WAYS], true);
	ck_assert(!bench.tap.faulty);
	ck_assert_uint_eq(bench.tap.bytes, STREAM);
	take(&bench.copy, SIZE_MAX);
	ck_assert_uint_eq(bench.copy.read, STREAM);
	ck_assert_ptr_null(bench.tap.pipe);
	bench_close(&bench);
}
END_TEST

/* Nobody reads the copy: it ends, and the stream does not notice. */
START_TEST(nobody_reads_the_copy)
{
	struct bench bench;

	bench_open(&bench, _i % WAYS, PIPES);
	play(&bench, pieces[_i / WAYS], false);
	ck_assert(bench.tap.faulty);
	ck_assert_uint_eq(bench.tap.fault, MIRROR_SLOW);
	take(&bench.copy, SIZE_MAX);
	ck_assert_uint_eq(bench.copy.read, bench.tap.bytes);
	bench_close(&bench);
}
END_TEST

/* There is no pipe for it. */
START_TEST(no_pipe_is_left)
{
	struct bench bench;

	bench_open(&bench, _i % WAYS, TAP_SHARE - 1);
	play(&bench, pieces[_i / WAYS], false);
	ck_assert(bench.tap.faulty);
	ck_assert_uint_eq(bench.tap.fault, MIRROR_RESOURCE);
	bench_close(&bench);
}
END_TEST

/* Its peer has gone. */
START_TEST(the_socket_fails)
{
	struct bench bench;

	bench_open(&bench, _i % WAYS, PIPES);
	(void)close(bench.copy.fd);
	play(&bench, pieces[_i / WAYS], false);
	ck_assert(bench.tap.faulty);
	ck_assert_uint_eq(bench.tap.fault, MIRROR_RESET);
	bench.copy.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	bench_close(&bench);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tap");
	TCase *tcase = tcase_create("tap");
	SRunner *runner;
	int failed;

	(void)signal(SIGPIPE, SIG_IGN); /* as main() does */
	tcase_set_tags(tcase, "one-thread");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, the_copy_is_equal, 0, GAMES);
	tcase_add_loop_test(tcase, nobody_reads_the_copy, 0, GAMES);
	tcase_add_loop_test(tcase, no_pipe_is_left, 0, GAMES);
	tcase_add_loop_test(tcase, the_socket_fails, 0, GAMES);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
