/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * freeport [N]: prints N (1) TCP ports that nobody uses, one per line, each
 * free on the wildcard addresses of IPv4 and IPv6. The integration
 * tests ask it.
 *
 * A port is only free until somebody else takes it. So it is not picked from
 * the range out of which the kernel gives ports to outgoing connections, where
 * it would be gone soon, but at random from below that range.
 *
 * Tests that run at the same time must not pick the same port either, even if
 * nobody listens on it yet, or no longer. With PORTS_TAKEN, a directory, each
 * port is reserved there by a link of that name to TEST_NUMBER.
 * test/integration/run sets both, and removes a test's links when it has ended.
 */

#include "test/tools/tool.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define LOWEST 10000
#define MAX_PORTS 1000

/* The ports from LOWEST up to the result are not the kernel's to give. */
static unsigned
range_end(void)
{
	unsigned first = 32768;
	FILE *file;

	file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	if (file != NULL) {
		if (fscanf(file, "%u", &first) != 1)
			first = 32768;
		fclose(file);
	}
	return first > LOWEST + 2 * MAX_PORTS ? first : 65536;
}

/* A listening socket on the port of any address, or a negative number. */
static int
take(unsigned port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	int fd, off = 0;

	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		if (bind(fd, (struct sockaddr *)&in6, sizeof(in6)) == 0 &&
		    listen(fd, 1) == 0)
			return fd;
		close(fd);
		return -1;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		tool_die("cannot make a socket");
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0 &&
	    listen(fd, 1) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Making a link is one step, and only one of several who try can do it. */
static bool
reserve(unsigned port)
{
	const char *dir = getenv("PORTS_TAKEN"), *test = getenv("TEST_NUMBER");
	char path[PATH_MAX];

	if (dir == NULL || test == NULL)
		return true;
	snprintf(path, sizeof(path), "%s/%u", dir, port);
	if (symlink(test, path) == 0)
		return true;
	if (errno != EEXIST)
		tool_die("cannot make %s: %s", path, strerror(errno));
	return false;
}

int
main(int argc, char **argv)
{
	unsigned end = range_end(), port;
	uint64_t count = 1, state, tries, found = 0;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fprintf(stderr, "usage: freeport [N]\n");
		return 2;
	}
	if (argc == 2)
		count = tool_size_arg("N", argv[1]);
	if (count > MAX_PORTS)
		tool_die("at most %d ports", MAX_PORTS);
	if (getrandom(&state, sizeof(state), 0) != sizeof(state))
		tool_die("no random numbers");
	/*
	 * Each socket stays open to the end: no port is found twice. What is
	 * reserved comes first, so that a port of another test, on which
	 * nobody shall listen, is not even tried.
	 */
	for (tries = 0; found < count && tries < 100 * count; tries++) {
		port = LOWEST +
		    (unsigned)tool_random_below(&state, end - LOWEST);
		if (reserve(port) && take(port) >= 0) {
			printf("%u\n", port);
			found++;
		}
	}
	if (found < count)
		tool_die("no free port found");
	return 0;
}
