/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/* What the test tools share; tool.h says what each function does. */

#include "test/tools/tool.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define GOLDEN 0x9e3779b97f4a7c15ULL

void
tool_die(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* Splits "host:port" or "[host]:port"; the port keeps its default if absent. */
static int
split_port(const char *text, char *host, size_t size, int *port)
{
	const char *colon, *end = text + strlen(text);
	char *rest;
	size_t len;
	long number;

	if (*text == '[') {
		end = strchr(text, ']');
		if (end == NULL)
			return -EINVAL;
		text++;
		len = (size_t)(end - text);
		colon = end[1] == ':' ? end + 1 : NULL;
		if (colon == NULL && end[1] != '\0')
			return -EINVAL;
	} else {
		colon = strchr(text, ':');
		len = (size_t)((colon != NULL ? colon : end) - text);
	}
	if (len == 0 || len >= size)
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (colon == NULL)
		return *port < 0 ? -EINVAL : 0;
	number = strtol(colon + 1, &rest, 10);
	if (rest == colon + 1 || *rest != '\0' || number < 0 || number > 65535)
		return -EINVAL;
	*port = (int)number;
	return 0;
}

static int
parse_unix(const char *path, struct tool_addr *addr)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&addr->ss;

	if (*path == '\0' || strlen(path) >= sizeof(un->sun_path))
		return -EINVAL;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	addr->len = sizeof(*un);
	return 0;
}

int
tool_addr_parse(const char *text, int default_port, struct tool_addr *addr)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&addr->ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr->ss;
	char host[64];
	int port = default_port;

	memset(addr, 0, sizeof(*addr));
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, addr);
	if (split_port(text, host, sizeof(host), &port) != 0)
		return -EINVAL;
	if (*text == '[') {
		if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
			return -EINVAL;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		addr->len = sizeof(*in6);
		return 0;
	}
	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		return -EINVAL;
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	addr->len = sizeof(*in);
	return 0;
}

struct tool_addr
tool_addr_arg(const char *text)
{
	struct tool_addr addr;

	if (tool_addr_parse(text, -1, &addr) != 0)
		tool_die("%s: not an address (1.2.3.4:80, [::1]:80, "
			 "unix:/path)",
		    text);
	return addr;
}

void
tool_addr_format(const struct tool_addr *addr, char *text, size_t size)
{
	const struct sockaddr_in *in = (const void *)&addr->ss;
	const struct sockaddr_in6 *in6 = (const void *)&addr->ss;
	const struct sockaddr_un *un = (const void *)&addr->ss;
	char host[INET6_ADDRSTRLEN] = "?";

	switch (addr->ss.ss_family) {
	case AF_INET:
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(text, size, "%s:%u", host, ntohs(in->sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(text, size, "[%s]:%u", host, ntohs(in6->sin6_port));
		break;
	case AF_UNIX:
		snprintf(text, size, "unix:%s", un->sun_path);
		break;
	default:
		snprintf(text, size, "?");
	}
}

unsigned
tool_addr_port(const struct tool_addr *addr)
{
	const struct sockaddr_in *in = (const void *)&addr->ss;
	const struct sockaddr_in6 *in6 = (const void *)&addr->ss;

	if (addr->ss.ss_family == AF_INET)
		return ntohs(in->sin_port);
	if (addr->ss.ss_family == AF_INET6)
		return ntohs(in6->sin6_port);
	return 0;
}

struct tool_addr
tool_addr_local(int fd)
{
	struct tool_addr addr = { .len = sizeof(addr.ss) };

	getsockname(fd, (struct sockaddr *)&addr.ss, &addr.len);
	return addr;
}

struct tool_addr
tool_addr_peer(int fd)
{
	struct tool_addr addr = { .len = sizeof(addr.ss) };

	getpeername(fd, (struct sockaddr *)&addr.ss, &addr.len);
	return addr;
}

int
tool_size_parse(const char *text, uint64_t *value)
{
	char *rest;
	int shift = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &rest, 0);
	if (errno != 0)
		return -EINVAL;
	switch (*rest) {
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	case '\0':
		return 0;
	}
	if (shift == 0 || rest[1] != '\0' || *value > UINT64_MAX >> shift)
		return -EINVAL;
	*value <<= shift;
	return 0;
}

int
tool_ms_parse(const char *text, int64_t *value)
{
	char *rest;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	*value = strtoll(text, &rest, 10);
	if (*value > INT32_MAX)
		return -EINVAL;
	if (strcmp(rest, "s") == 0)
		*value *= 1000;
	else if (strcmp(rest, "m") == 0)
		*value *= 60 * 1000;
	else if (strcmp(rest, "h") == 0)
		*value *= 60 * 60 * 1000;
	else if (*rest != '\0' && strcmp(rest, "ms") != 0)
		return -EINVAL;
	return 0;
}

uint64_t
tool_size_arg(const char *name, const char *text)
{
	uint64_t value;

	if (tool_size_parse(text, &value) != 0)
		tool_die("%s: %s is not a number (suffixes k, M, G)", name,
		    text);
	return value;
}

int64_t
tool_ms_arg(const char *name, const char *text)
{
	int64_t value;

	if (tool_ms_parse(text, &value) != 0)
		tool_die("%s: %s is not a time (500ms, 20s, 2m)", name, text);
	return value;
}

int64_t
tool_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void
tool_nofile(uint64_t want)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = want;
	if (limit.rlim_max < want)
		limit.rlim_max = want;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void
tool_set_buffers(int fd, int rcvbuf, int sndbuf)
{
	if (rcvbuf > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	if (sndbuf > 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
}

int
tool_listen(const struct tool_addr *addr, int backlog, int rcvbuf)
{
	const struct sockaddr_un *un = (const void *)&addr->ss;
	int fd, one = 1, error;

	fd = socket(addr->ss.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (addr->ss.ss_family == AF_UNIX)
		unlink(un->sun_path);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (addr->ss.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	tool_set_buffers(fd, rcvbuf, 0);
	if (bind(fd, (const struct sockaddr *)&addr->ss, addr->len) != 0 ||
	    listen(fd, backlog) != 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

int
tool_accept(int listener)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd;

	fd = accept4(listener, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int
tool_socket(const struct tool_addr *peer, const struct tool_addr *source,
    int rcvbuf, int sndbuf)
{
	int fd, one = 1, error;

	fd = socket(peer->ss.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	tool_set_buffers(fd, rcvbuf, sndbuf);
	if (source == NULL)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (tool_addr_port(source) == 0)
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
		    sizeof(one));
	if (bind(fd, (const struct sockaddr *)&source->ss, source->len) != 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

void
tool_close_rst(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

int
tool_outq(int fd)
{
	int bytes = 0;

	if (ioctl(fd, SIOCOUTQ, &bytes) != 0)
		return 0;
	return bytes;
}

void
tool_write_file(const char *path, const char *format, ...)
{
	char temporary[4096];
	va_list ap;
	FILE *file;

	if (snprintf(temporary, sizeof(temporary), "%s.%d", path, getpid()) >=
	    (int)sizeof(temporary))
		tool_die("%s: name too long", path);
	file = fopen(temporary, "we");
	if (file == NULL)
		tool_die("%s: %s", temporary, strerror(errno));
	va_start(ap, format);
	vfprintf(file, format, ap);
	va_end(ap);
	if (fclose(file) != 0 || rename(temporary, path) != 0)
		tool_die("%s: %s", path, strerror(errno));
}

bool
tool_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

uint64_t
tool_random(uint64_t *state)
{
	*state += GOLDEN;
	return mix(*state);
}

uint64_t
tool_random_below(uint64_t *state, uint64_t bound)
{
	return bound == 0 ? 0 : tool_random(state) % bound;
}

/* The stream is the sequence of tool_random() from a mixed seed. */
static uint64_t
stream_word(uint64_t base, uint64_t index)
{
	return htole64(mix(base + (index + 1) * GOLDEN));
}

void
tool_stream_fill(void *buf, size_t len, uint64_t seed, uint64_t offset)
{
	uint64_t base = mix(seed + GOLDEN), index = offset / 8, word;
	size_t skip = offset % 8, part;
	unsigned char *to = buf;

	while (len > 0) {
		word = stream_word(base, index++);
		part = 8 - skip < len ? 8 - skip : len;
		if (part == 8)
			memcpy(to, &word, 8);
		else
			memcpy(to, (unsigned char *)&word + skip, part);
		to += part;
		len -= part;
		skip = 0;
	}
}

size_t
tool_stream_check(const void *buf, size_t len, uint64_t seed, uint64_t offset)
{
	const unsigned char *from = buf;
	unsigned char want[4096];
	size_t done = 0, part, i;

	while (done < len) {
		part = len - done < sizeof(want) ? len - done : sizeof(want);
		tool_stream_fill(want, part, seed, offset + done);
		if (memcmp(from + done, want, part) != 0) {
			i = 0;
			while (from[done + i] == want[i])
				i++;
			return done + i;
		}
		done += part;
	}
	return len;
}

uint64_t
tool_digest(uint64_t digest, const void *buf, size_t len)
{
	const unsigned char *from = buf;
	size_t i;

	for (i = 0; i < len; i++)
		digest = (digest ^ from[i]) * 1099511628211ULL;
	return digest;
}
