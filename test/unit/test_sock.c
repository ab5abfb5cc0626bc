/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Sockets as the kernel really makes them, on loopback: who may listen beside
 * whom, what a listener hands down to what is accepted from it, what is left
 * behind.  This program's socket() stands before the C library's, to be a
 * kernel without IPv6.
 */
#include "common/sock.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Before an event that has to come is given up. */
#define LONG_MS 10000

static bool without_ipv6;

int
socket(int domain, int type, int protocol)
{
	if (without_ipv6 && domain == AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return (int)syscall(SYS_socket, domain, type, protocol);
}

static const struct sock_options all_options = {
	.nodelay = true,
	.keepalive = true,
	.oobinline = true,
	.user_timeout_ms = 34567,
};

static struct addr
address(const char *text)
{
	struct addr addr;

	ck_assert_int_eq(addr_parse(&addr, text, ADDR_PORT_REQUIRED, NULL), 0);
	return addr;
}

static struct addr
address_with_port(const char *text, const struct addr *other)
{
	struct addr addr = address(text);

	addr_set_port(&addr, addr_port(other));
	return addr;
}

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static int
wait_for(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	ck_assert_int_eq(poll(&pfd, 1, LONG_MS), 1);
	return pfd.revents;
}

static int
accept_one(int listener)
{
	int fd;

	wait_for(listener, POLLIN);
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static int
listen_on(struct addr *addr, bool shared)
{
	int fd = sock_listen(addr, shared, 16, NULL);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static int
connect_to(const struct addr *addr)
{
	bool pending;
	int fd = sock_connect(addr, NULL, &pending);

	ck_assert_int_ge(fd, 0);
	wait_for(fd, POLLOUT);
	ck_assert_int_eq(sock_error(fd), 0);
	return fd;
}

static void
check_flags(int fd)
{
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

static int
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static const char *const tcp_texts[] = { "127.0.0.1:0", "0.0.0.0:0", "[::1]:0",
	"[::]:0", ":0", "[::ffff:127.0.0.1]:0" };
#define TCP_TEXTS ((int)(sizeof(tcp_texts) / sizeof(tcp_texts[0])))

/* The kernel's port is written back, and the listener answers there. */
START_TEST(test_listen_and_connect)
{
	struct addr addr = address(tcp_texts[_i]);
	int listener = listen_on(&addr, false);
	int client;
	int accepted;
	char byte = 'x';

	check_flags(listener);
	ck_assert_uint_ne(addr_port(&addr), 0);
	ck_assert_int_eq(option(listener, SOL_SOCKET, SO_REUSEADDR), 1);
	ck_assert_int_eq(option(listener, SOL_SOCKET, SO_REUSEPORT), 0);
	client = connect_to(&addr);
	check_flags(client);
	accepted = accept_one(listener);
	ck_assert_int_eq(send(client, &byte, 1, 0), 1);
	wait_for(accepted, POLLIN);
	ck_assert_int_eq(recv(accepted, &byte, 1, 0), 1);
	close(accepted);
	close(client);
	close(listener);
}
END_TEST

/* Without options, the kernel's defaults stay. */
START_TEST(test_no_options)
{
	static const struct sock_options none = { 0 };
	struct addr addr = address("127.0.0.1:0");
	int listener = sock_listen(&addr, false, 16, &none);
	bool pending;
	int fd = sock_connect(&addr, &none, &pending);

	ck_assert_int_ge(listener, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_OOBINLINE), 0);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	close(fd);
	close(listener);
}
END_TEST

static void
check_options(int fd)
{
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_OOBINLINE), 1);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 34567);
}

/* What is set on the listener needs no call on any accepted socket. */
START_TEST(test_options_are_handed_down)
{
	struct addr addr = address(tcp_texts[_i]);
	int listener = sock_listen(&addr, true, 16, &all_options);
	bool pending;
	int client;
	int accepted;

	ck_assert_int_ge(listener, 0);
	check_options(listener);
	client = sock_connect(&addr, &all_options, &pending);
	ck_assert_int_ge(client, 0);
	check_options(client);
	accepted = accept_one(listener);
	check_options(accepted);
	close(accepted);
	close(client);
	close(listener);
}
END_TEST

/* The buffers are handed down, too, and a listener gives them back to the
 * kernel. */
START_TEST(test_buffers)
{
	const struct sock_options set = {
		.sndbuf = 40000,
		.rcvbuf = 50000,
		.notsent_lowat = 60000,
	};
	static const struct sock_options none = { 0 };
	struct addr addr = address("127.0.0.1:0");
	int plain = sock_listen(&addr, false, 16, &none), listener, fd;
	bool pending;

	ck_assert_int_ge(plain, 0);
	addr = address("127.0.0.1:0");
	listener = sock_listen(&addr, false, 16, &set);
	ck_assert_int_ge(listener, 0);
	for (int i = 0; i < 2; i++) {
		fd = sock_connect(&addr, &set, &pending);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(option(fd, SOL_SOCKET, SO_SNDBUF), 80000);
		ck_assert_int_eq(option(fd, SOL_SOCKET, SO_RCVBUF), 100000);
		close(fd);
		fd = accept_one(listener);
		ck_assert_int_eq(option(fd, SOL_SOCKET, SO_SNDBUF), 80000);
		ck_assert_int_eq(option(fd, SOL_SOCKET, SO_RCVBUF), 100000);
		ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT),
		    60000);
		close(fd);
		ck_assert_int_eq(sock_set_listener(listener, true, 16, &none),
		    0);
		ck_assert_int_eq(option(listener, IPPROTO_TCP,
				     TCP_NOTSENT_LOWAT),
		    0);
		/* before 5.15 the size stays */
		if (option(plain, SOL_SOCKET, SO_BUF_LOCK) == 0) {
			ck_assert_int_eq(option(listener, SOL_SOCKET,
					     SO_BUF_LOCK),
			    0);
			ck_assert_int_eq(option(listener, SOL_SOCKET,
					     SO_SNDBUF),
			    option(plain, SOL_SOCKET, SO_SNDBUF));
			ck_assert_int_eq(option(listener, SOL_SOCKET,
					     SO_RCVBUF),
			    option(plain, SOL_SOCKET, SO_RCVBUF));
		}
		ck_assert_int_eq(sock_set_listener(listener, true, 16, &set),
		    0);
	}
	close(listener);
	close(plain);
}
END_TEST

/* Each option alone sets itself and no other. */
START_TEST(test_options_one_by_one)
{
	struct addr addr = address("127.0.0.1:0");

	for (int i = 0; i < 4; i++) {
		struct sock_options options = { .nodelay = i == 0,
			.keepalive = i == 1,
			.oobinline = i == 2,
			.user_timeout_ms = i == 3 ? 9 : 0 };
		int fd = sock_listen(&addr, true, 1, &options);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), i == 0);
		ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), i == 1);
		ck_assert_int_eq(option(fd, SOL_SOCKET, SO_OOBINLINE), i == 2);
		ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT),
		    i == 3 ? 9 : 0);
		close(fd);
	}
}
END_TEST

/* Somebody's listener is known again by its address, and made as ours are. */
START_TEST(test_adopt)
{
	const struct sock_options options = { .nodelay = true };
	struct addr addr = address(tcp_texts[_i]);
	struct addr found;
	int fd = listen_on(&addr, false);

	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	ck_assert_int_eq(sock_listens(fd, &found), 0);
	ck_assert(addr_equal(&found, &addr));
	ck_assert_int_eq(sock_adopt(fd, 7, &options), 0);
	check_flags(fd);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	close(fd);
	ck_assert_int_eq(sock_listens(fd, &found), -EBADF);
	ck_assert_int_eq(sock_adopt(fd, 7, &options), -EBADF);
}
END_TEST

/* What does not listen, or not for streams, is not taken. */
START_TEST(test_adopt_others)
{
	struct addr found;
	int fd[3] = { socket(AF_INET, SOCK_STREAM, 0),
		socket(AF_INET, SOCK_DGRAM, 0),
		socket(AF_UNIX, SOCK_SEQPACKET, 0) };
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* bound by the kernel to an abstract name of its own */
	ck_assert_int_eq(bind(fd[2], &(struct sockaddr){ AF_UNIX, "" },
			     sizeof(sa_family_t)),
	    0);
	ck_assert_int_eq(listen(fd[2], 1), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(sock_listens(fd[i], &found), -EINVAL);
		ck_assert_int_eq(sock_adopt(fd[i], 7, NULL), -EINVAL);
		close(fd[i]);
	}
	ck_assert_int_eq(sock_listens(file, &found), -ENOTSOCK);
	close(file);
}
END_TEST

/* ":80" is for both families, and a client of either gets through. */
START_TEST(test_dual)
{
	struct addr addr = address(":0");
	int listener = listen_on(&addr, false);
	struct addr by4 = address_with_port("127.0.0.1:0", &addr);
	struct addr by6 = address_with_port("[::1]:0", &addr);
	char text[ADDR_TEXT_MAX];
	char want[ADDR_TEXT_MAX];
	int fd[4];

	ck_assert(addr.dual);
	snprintf(want, sizeof(want), ":%u", addr_port(&addr));
	ck_assert_str_eq(addr_format(&addr, text, sizeof(text)), want);
	fd[0] = connect_to(&by4);
	fd[1] = accept_one(listener);
	fd[2] = connect_to(&by6);
	fd[3] = accept_one(listener);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	/* So nobody else may have the port in either family. */
	ck_assert_int_eq(sock_probe_free(&by4, NULL), -EADDRINUSE);
	ck_assert_int_eq(sock_probe_free(&by6, NULL), -EADDRINUSE);
	close(listener);
}
END_TEST

/* Addresses of documentation, which no host has; of each family. */
START_TEST(test_freebind)
{
	static const char *const texts[] = { "192.0.2.1:0", "[2001:db8::1]:0" };
	const struct sock_options options = { .freebind = true };
	struct addr addr = address(texts[_i]);
	int fd;

	ck_assert_int_eq(sock_probe_free(&addr, NULL), -EADDRNOTAVAIL);
	ck_assert_int_eq(sock_listen(&addr, true, 1, NULL), -EADDRNOTAVAIL);
	ck_assert_int_eq(sock_probe_free(&addr, &options), 0);
	fd = sock_listen(&addr, true, 1, &options);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(sock_probe_free(&addr, &options), -EADDRINUSE);
	close(fd);
}
END_TEST

/* The two wildcards are two addresses, in either order; the third is both. */
START_TEST(test_wildcards_side_by_side)
{
	static const char *const texts[] = { "0.0.0.0:0", "[::]:0" };
	struct addr first = address(texts[_i]);
	int one = listen_on(&first, true);
	struct addr second = address_with_port(texts[1 - _i], &first);
	struct addr both = address_with_port(":0", &first);
	struct addr by6 = address_with_port("[::1]:0", &first);
	struct addr by4 = address_with_port("127.0.0.1:0", &first);
	bool pending;
	int client;
	int two;

	/* IPv6 alone is deaf to IPv4. */
	client = sock_connect(_i == 0 ? &by6 : &by4, NULL, &pending);
	if (client >= 0) {
		wait_for(client, POLLOUT);
		ck_assert_int_eq(sock_error(client), -ECONNREFUSED);
		close(client);
	} else {
		ck_assert_int_eq(client, -ECONNREFUSED);
	}
	ck_assert_int_eq(sock_probe_free(&second, NULL), 0);
	ck_assert_int_eq(sock_probe_free(&both, NULL), -EADDRINUSE);
	two = listen_on(&second, true);
	client = connect_to(&by4);
	close(accept_one(_i == 0 ? one : two));
	close(client);
	client = connect_to(&by6);
	close(accept_one(_i == 0 ? two : one));
	close(client);
	close(one);
	close(two);
}
END_TEST

/* A kernel without IPv6 still opens ":80". */
START_TEST(test_dual_without_ipv6)
{
	struct addr addr = address(":0");
	struct addr by4;
	struct addr only6 = address("[::]:0");
	int listener;
	int client;

	without_ipv6 = true;
	ck_assert_int_eq(sock_listen(&only6, false, 16, NULL), -EAFNOSUPPORT);
	ck_assert_int_eq(sock_probe_free(&addr, NULL), 0);
	ck_assert_uint_ne(addr_port(&addr), 0);
	listener = listen_on(&addr, false);
	ck_assert(addr.dual);
	ck_assert_int_eq(addr.sa.sa_family, AF_INET6);
	by4 = address_with_port("127.0.0.1:0", &addr);
	client = connect_to(&by4);
	close(accept_one(listener));
	ck_assert_int_eq(sock_probe_free(&addr, NULL), -EADDRINUSE);
	close(client);
	close(listener);
}
END_TEST

/* Workers share a port; a stranger who shares none does not get it, and neither
 * do we get his. */
START_TEST(test_shared)
{
	struct addr addr = address(tcp_texts[_i]);
	int one = listen_on(&addr, true);
	int two = listen_on(&addr, true);
	int stranger;

	ck_assert_int_eq(option(one, SOL_SOCKET, SO_REUSEPORT), 1);
	ck_assert_int_eq(sock_listen(&addr, false, 16, NULL), -EADDRINUSE);
	close(one);
	close(two);
	stranger = listen_on(&addr, false);
	ck_assert_int_eq(sock_listen(&addr, true, 16, NULL), -EADDRINUSE);
	close(stranger);
}
END_TEST

/* What start asks before it opens its own: the port chosen is free to take, and
 * any listener is noticed, above all one with SO_REUSEPORT. */
START_TEST(test_probe)
{
	struct addr addr = address(tcp_texts[_i]);
	uint16_t port;
	int fd;

	ck_assert_int_eq(sock_probe_free(&addr, NULL), 0);
	port = addr_port(&addr);
	ck_assert_uint_ne(port, 0);
	ck_assert_int_eq(sock_probe_free(&addr, NULL), 0);
	ck_assert_uint_eq(addr_port(&addr), port);

	for (int shared = 0; shared < 2; shared++) {
		fd = listen_on(&addr, shared);
		ck_assert_uint_eq(addr_port(&addr), port);
		ck_assert_int_eq(sock_probe_free(&addr, NULL), -EADDRINUSE);
		close(fd);
		ck_assert_int_eq(sock_probe_free(&addr, NULL), 0);
	}
}
END_TEST

/* A listener on one address is in the way of the wildcard, and the other way
 * round. */
START_TEST(test_probe_overlapping)
{
	struct addr one = address("127.0.0.1:0");
	struct addr all = address("0.0.0.0:0");
	struct addr both;
	struct addr other;
	int fd = listen_on(&one, true);

	addr_set_port(&all, addr_port(&one));
	ck_assert_int_eq(sock_probe_free(&all, NULL), -EADDRINUSE);
	both = address_with_port(":0", &one);
	ck_assert_int_eq(sock_probe_free(&both, NULL), -EADDRINUSE);
	other = address_with_port("127.0.0.2:0", &one);
	ck_assert_int_eq(sock_probe_free(&other, NULL), 0);
	close(fd);

	fd = listen_on(&all, true);
	ck_assert_int_eq(sock_probe_free(&one, NULL), -EADDRINUSE);
	close(fd);
}
END_TEST

/* Binds as plainly as can be, to show what is in the way. */
static int
bind_plainly(const struct addr *addr)
{
	int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = bind(fd, &addr->sa, addr->len) < 0 ? -errno : 0;

	close(fd);
	return error;
}

/* A connection that outlived its listener, then its TIME_WAIT: neither keeps
 * the next process from the port. */
START_TEST(test_probe_ignores_leftovers)
{
	struct addr addr = address("127.0.0.1:0");
	int listener = listen_on(&addr, true);
	int client = connect_to(&addr);
	int accepted = accept_one(listener);
	char byte;

	close(listener);
	ck_assert_int_eq(bind_plainly(&addr), -EADDRINUSE);
	ck_assert_int_eq(sock_probe_free(&addr, NULL), 0);
	close(listen_on(&addr, true));

	/* This side closes first, so this side keeps the TIME_WAIT. */
	ck_assert_int_eq(shutdown(accepted, SHUT_WR), 0);
	wait_for(client, POLLIN);
	ck_assert_int_eq(recv(client, &byte, 1, 0), 0);
	close(client);
	wait_for(accepted, POLLIN);
	ck_assert_int_eq(recv(accepted, &byte, 1, 0), 0);
	close(accepted);
	ck_assert_int_eq(bind_plainly(&addr), -EADDRINUSE);
	ck_assert_int_eq(sock_probe_free(&addr, NULL), 0);
	close(listen_on(&addr, false));
}
END_TEST

/* A port that is bound and not listened on refuses for sure. */
START_TEST(test_connect_refused)
{
	struct addr addr = address("127.0.0.1:0");
	int holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool pending;
	int fd;

	ck_assert_int_eq(bind(holder, &addr.sa, addr.len), 0);
	ck_assert_int_eq(getsockname(holder, &addr.sa, &addr.len), 0);
	fd = sock_connect(&addr, &all_options, &pending);
	if (fd >= 0) {
		ck_assert(pending);
		wait_for(fd, POLLOUT);
		ck_assert_int_eq(sock_error(fd), -ECONNREFUSED);
		ck_assert_int_eq(sock_error(fd), 0); /* cleared */
		close(fd);
	} else {
		ck_assert_int_eq(fd, -ECONNREFUSED);
	}
	close(holder);
	ck_assert_int_eq(sock_error(-1), -EBADF);
}
END_TEST

START_TEST(test_reset_on_close)
{
	struct addr addr = address("127.0.0.1:0");
	int listener = listen_on(&addr, false);
	int client = connect_to(&addr);
	int accepted = accept_one(listener);
	char byte;

	sock_reset_on_close(accepted);
	close(accepted);
	wait_for(client, POLLIN);
	ck_assert_int_eq(recv(client, &byte, 1, 0), -1);
	ck_assert_int_eq(errno, ECONNRESET);
	close(client);

	/* Without it, a FIN. */
	client = connect_to(&addr);
	close(accept_one(listener));
	wait_for(client, POLLIN);
	ck_assert_int_eq(recv(client, &byte, 1, 0), 0);
	close(client);
	close(listener);
}
END_TEST

/* A directory for unix sockets, empty again at the end. */
static char directory[64];

static void
directory_make(void)
{
	snprintf(directory, sizeof(directory), "%s/lb4-sock-XXXXXX", P_tmpdir);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chdir(directory), 0);
}

static void
directory_remove(void)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	ck_assert_int_eq(rmdir(directory), 0);
}

/* A path, or an abstract name, with our process id since everybody shares
 * those. */
static struct addr
unix_address(bool abstract)
{
	char text[ADDR_TEXT_MAX];

	if (abstract)
		snprintf(text, sizeof(text), "unix:@lb4-test-%d",
		    (int)getpid());
	else
		snprintf(text, sizeof(text), "unix:%s/sock", directory);
	return address(text);
}

START_TEST(test_unix)
{
	struct addr addr = unix_address(_i == 1);
	int listener = sock_listen(&addr, true, 16, &all_options);
	bool pending = true;
	int client;
	int accepted;

	ck_assert_int_ge(listener, 0);
	check_flags(listener);
	client = sock_connect(&addr, &all_options, &pending);
	ck_assert_int_ge(client, 0);
	ck_assert(!pending);
	check_flags(client);
	accepted = accept_one(listener);

	/* A live one is left alone, and still lives. */
	ck_assert_int_eq(sock_probe_free(&addr, NULL), 0);
	ck_assert_int_eq(sock_listen(&addr, true, 16, NULL), -EADDRINUSE);
	close(accepted);
	if (_i == 0) /* the question whether it lives */
		close(accept_one(listener));
	close(client);
	client = sock_connect(&addr, NULL, &pending);
	ck_assert_int_ge(client, 0);
	close(accept_one(listener));
	close(client);
	close(listener);
	ck_assert_int_eq(sock_connect(&addr, NULL, &pending), -ECONNREFUSED);

	/* A stale one is replaced. */
	listener = listen_on(&addr, false);
	client = sock_connect(&addr, NULL, &pending);
	ck_assert_int_ge(client, 0);
	close(client);
	close(listener);
}
END_TEST

/* Its backlog full, a live socket answers EAGAIN: not stale. */
START_TEST(test_unix_busy_is_live)
{
	struct addr addr = unix_address(false);
	int listener = sock_listen(&addr, false, 0, NULL);
	int fd[8];
	int count = 0;
	bool pending;

	ck_assert_int_ge(listener, 0);
	do
		fd[count] = sock_connect(&addr, NULL, &pending);
	while (fd[count] >= 0 && ++count < 8);
	ck_assert_int_lt(count, 8);
	ck_assert_int_eq(fd[count], -EAGAIN);
	ck_assert_int_eq(sock_listen(&addr, false, 0, NULL), -EADDRINUSE);
	ck_assert_int_eq(access("sock", F_OK), 0);
	while (count-- > 0)
		close(fd[count]);
	close(listener);
}
END_TEST

/* A file of the user's is not a stale socket. */
START_TEST(test_unix_spares_files)
{
	struct addr addr = unix_address(false);
	struct stat st;
	int fd = open("sock", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "precious", 8), 8);
	close(fd);
	ck_assert_int_eq(sock_listen(&addr, false, 16, NULL), -ENOTSOCK);
	ck_assert_int_eq(stat("sock", &st), 0);
	ck_assert_int_eq(st.st_size, 8);
	ck_assert_int_eq(unlink("sock"), 0);

	/* Neither is a link to a socket, wherever it leads. */
	ck_assert_int_eq(symlink("nowhere", "sock"), 0);
	ck_assert_int_eq(sock_listen(&addr, false, 16, NULL), -ENOTSOCK);
	ck_assert_int_eq(lstat("sock", &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
}
END_TEST

START_TEST(test_unix_errors)
{
	struct addr addr = address("unix:/no/such/directory/sock");
	bool pending;

	ck_assert_int_eq(sock_listen(&addr, false, 16, NULL), -ENOENT);
	ck_assert_int_eq(sock_connect(&addr, NULL, &pending), -ENOENT);
}
END_TEST

/* Nothing that fails leaves a descriptor open. */
START_TEST(test_no_descriptor_leaks)
{
	struct addr addr = address("127.0.0.1:0");
	struct addr foreign = address("192.0.2.1:0"); /* not this machine's */
	struct addr path = unix_address(false);
	int tcp = listen_on(&addr, false);
	int local = listen_on(&path, false);
	int before = count_descriptors();
	bool pending;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(sock_listen(&addr, true, 16, NULL),
		    -EADDRINUSE);
		ck_assert_int_eq(sock_probe_free(&addr, NULL), -EADDRINUSE);
		ck_assert_int_eq(sock_probe_free(&foreign, NULL),
		    -EADDRNOTAVAIL);
		ck_assert_int_eq(sock_listen(&path, false, 16, NULL),
		    -EADDRINUSE);
		close(accept_one(local));
	}
	close(local);
	ck_assert_int_eq(sock_connect(&path, NULL, &pending), -ECONNREFUSED);
	local = listen_on(&path, false);
	ck_assert_int_eq(count_descriptors(), before);
	close(local);
	close(tcp);
}
END_TEST

/* A socket that is bound where it connects to. */
START_TEST(test_own_peer)
{
	static const char *const addrs[] = { "127.0.0.1:0", "[::1]:0" };
	struct addr addr;
	bool pending;
	int fd, other;

	ck_assert_int_eq(addr_parse(&addr, addrs[_i], ADDR_PORT_REQUIRED, NULL),
	    0);
	fd = socket(addr.sa.sa_family, SOCK_STREAM, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert(!sock_is_own_peer(fd)); /* not connected */
	ck_assert_int_eq(bind(fd, &addr.sa, addr.len), 0);
	ck_assert_int_eq(getsockname(fd, &addr.sa, &addr.len), 0);
	ck_assert_int_eq(connect(fd, &addr.sa, addr.len), 0);
	ck_assert(sock_is_own_peer(fd));
	sock_reset_on_close(fd);
	close(fd);

	fd = sock_listen(&addr, false, 4, NULL);
	ck_assert_int_ge(fd, 0);
	other = sock_connect(&addr, NULL, &pending);
	ck_assert_int_ge(other, 0);
	ck_assert(!sock_is_own_peer(other));
	close(other);
	close(fd);
	ck_assert_int_eq(addr_parse(&addr, "unix:@lb4-test-own-peer",
			     ADDR_PORT_REQUIRED, NULL),
	    0);
	fd = sock_listen(&addr, false, 4, NULL);
	other = sock_connect(&addr, NULL, &pending);
	ck_assert_int_ge(other, 0);
	ck_assert(!sock_is_own_peer(other));
	close(other);
	close(fd);
}
END_TEST

static Suite *
sock_suite(void)
{
	Suite *suite = suite_create("sock");
	TCase *tc = tcase_create("tcp");

	tcase_add_loop_test(tc, test_listen_and_connect, 0, TCP_TEXTS);
	tcase_add_test(tc, test_no_options);
	tcase_add_loop_test(tc, test_own_peer, 0, 2);
	tcase_add_loop_test(tc, test_options_are_handed_down, 0, TCP_TEXTS);
	tcase_add_test(tc, test_buffers);
	tcase_add_test(tc, test_options_one_by_one);
	tcase_add_loop_test(tc, test_adopt, 0, TCP_TEXTS);
	tcase_add_test(tc, test_adopt_others);
	tcase_add_test(tc, test_dual);
	tcase_add_loop_test(tc, test_freebind, 0, 2);
	tcase_add_loop_test(tc, test_wildcards_side_by_side, 0, 2);
	tcase_add_test(tc, test_dual_without_ipv6);
	tcase_add_loop_test(tc, test_shared, 0, TCP_TEXTS);
	tcase_add_loop_test(tc, test_probe, 0, TCP_TEXTS);
	tcase_add_test(tc, test_probe_overlapping);
	tcase_add_test(tc, test_probe_ignores_leftovers);
	tcase_add_test(tc, test_connect_refused);
	tcase_add_test(tc, test_reset_on_close);
	suite_add_tcase(suite, tc);

	tc = tcase_create("unix");
	tcase_add_checked_fixture(tc, directory_make, directory_remove);
	tcase_add_loop_test(tc, test_unix, 0, 2);
	tcase_add_test(tc, test_unix_busy_is_live);
	tcase_add_test(tc, test_unix_spares_files);
	tcase_add_test(tc, test_unix_errors);
	tcase_add_test(tc, test_no_descriptor_leaks);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(sock_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
