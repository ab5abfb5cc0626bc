/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * What the test tools share: addresses, numbers with units, sockets, clocks
 * and streams of reproducible bytes. Linked into every tool; it knows nothing
 * of lb4, so that a mistake in lb4 cannot hide itself in its own tests.
 *
 * A stream of bytes is named by a 64-bit seed. Byte N of a stream can be made
 * without the bytes before it, so both ends of a conn fill and check any part
 * of it with no state but an offset.
 */

#ifndef TEST_TOOLS_TOOL_H
#define TEST_TOOLS_TOOL_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOOL_DIGEST_INIT 14695981039346656037ULL
#define TOOL_ADDR_TEXT 128

/* A socket address of any of the three families. */
struct tool_addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

/* Prints "PROGRAM: message" on standard error and exits with 1. */
void tool_die(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/*
 * Parses "1.2.3.4:80", "[::1]:80" or "unix:/path", all numeric. The port may
 * be left out when default_port is not negative. 0 or -EINVAL.
 */
int tool_addr_parse(const char *text, int default_port, struct tool_addr *addr);

/* tool_addr_parse() with the port required; ends the program on nonsense. */
struct tool_addr tool_addr_arg(const char *text);

/* Writes the form that tool_addr_parse() reads; size: TOOL_ADDR_TEXT. */
void tool_addr_format(const struct tool_addr *addr, char *text, size_t size);

/* The port in host order; 0 for a Unix address. */
unsigned tool_addr_port(const struct tool_addr *addr);

/* The socket's own address, or its peer's. */
struct tool_addr tool_addr_local(int fd);
struct tool_addr tool_addr_peer(int fd);

/*
 * Parses a whole number with an optional suffix k, M or G (powers of 1024).
 * 0 or -EINVAL.
 */
int tool_size_parse(const char *text, uint64_t *value);

/* Parses a time: "500ms", "20s", "2m", "1h" or bare ms. 0 or -EINVAL. */
int tool_ms_parse(const char *text, int64_t *value);

/* The same two, ending the program on nonsense; name says which option. */
uint64_t tool_size_arg(const char *name, const char *text);
int64_t tool_ms_arg(const char *name, const char *text);

/* The monotonic clock in microseconds. */
int64_t tool_now_us(void);

/* Raises the limit of open descriptors to want, as far as it is allowed. */
void tool_nofile(uint64_t want);

/*
 * Makes a listening socket, non-blocking. A stale Unix path is removed first.
 * rcvbuf is set before listen(2) when it is not 0. The descriptor or -errno.
 */
int tool_listen(const struct tool_addr *addr, int backlog, int rcvbuf);

/* Accepts a conn, non-blocking. The descriptor or -errno. */
int tool_accept(int listener);

/*
 * Makes a non-blocking socket for a peer of that address, with TCP_NODELAY and
 * with the buffer sizes that are not 0, and binds it to source (NULL: leave it
 * to the kernel). The descriptor or -errno.
 */
int tool_socket(const struct tool_addr *peer, const struct tool_addr *source,
    int rcvbuf, int sndbuf);

/* Sets SO_RCVBUF and SO_SNDBUF where the size is not 0. */
void tool_set_buffers(int fd, int rcvbuf, int sndbuf);

/* Closes with SO_LINGER{1,0}: a TCP peer sees a reset. */
void tool_close_rst(int fd);

/* The bytes that the peer has not yet acknowledged; 0 if nobody knows. */
int tool_outq(int fd);

/* Writes a line to a file that appears whole or not at all. */
void tool_write_file(const char *path, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* True if the path exists. */
bool tool_exists(const char *path);

/* One step of a small random generator (SplitMix64); advances the state. */
uint64_t tool_random(uint64_t *state);

/* A number of 0 to bound - 1; 0 if bound is 0. */
uint64_t tool_random_below(uint64_t *state, uint64_t bound);

/* Fills buf with len bytes of the stream, from the offset on. */
void tool_stream_fill(void *buf, size_t len, uint64_t seed, uint64_t offset);

/* How many of the len bytes agree with the stream; len if all do. */
size_t tool_stream_check(const void *buf, size_t len, uint64_t seed,
    uint64_t offset);

/* FNV-1a over len more bytes; start from TOOL_DIGEST_INIT. */
uint64_t tool_digest(uint64_t digest, const void *buf, size_t len);

#endif
