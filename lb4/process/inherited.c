/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Sockets from the service manager: see inherited.h. */
#include "lb4/process/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sock.h"

/* SD_LISTEN_FDS_START of systemd. */
#define FIRST_FD 3

/* How many descriptors are meant for us. */
static size_t
announced(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	long count;

	if (pid == NULL || fds == NULL ||
	    strtoll(pid, NULL, 10) != (long long)getpid())
		return 0;
	count = strtol(fds, NULL, 10);
	return count > 0 && count <= INT_MAX - FIRST_FD ? (size_t)count : 0;
}

/* The next of the names between colons; without one it is "unknown", as
 * sd_listen_fds_with_names(3) has it. */
static void
name_next(struct inherited_socket *socket, char **names)
{
	const char *name = *names != NULL ? strsep(names, ":") : NULL;

	if (name == NULL || addr_set_inherited(&socket->named, name) < 0)
		(void)addr_set_inherited(&socket->named, "unknown");
}

static void
take_one(struct inherited_socket *socket, int fd, char **names)
{
	socket->fd = fd;
	name_next(socket, names);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		socket->error = -errno;
	else
		socket->error = sock_listens(fd, &socket->addr);
}

int
inherited_take(struct inherited *inherited)
{
	const size_t count = announced();
	const char *env = getenv("LISTEN_FDNAMES");
	char *copy = NULL, *names;
	int error = 0;

	memset(inherited, 0, sizeof(*inherited));
	if (count > 0) {
		inherited->socket = calloc(count, sizeof(*inherited->socket));
		copy = strdup(env != NULL ? env : "");
		if (inherited->socket == NULL || copy == NULL) {
			error = -ENOMEM;
			goto out;
		}
		names = env != NULL ? copy : NULL;
		inherited->count = count;
		for (size_t i = 0; i < count; i++)
			take_one(&inherited->socket[i], FIRST_FD + (int)i,
			    &names);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
out:
	free(copy);
	return error;
}

struct inherited_socket *
inherited_find(const struct inherited *inherited, const struct addr *listen,
    size_t *i)
{
	while (*i < inherited->count) {
		struct inherited_socket *socket = &inherited->socket[(*i)++];

		if (socket->fd >= 0 && socket->error == 0 &&
		    (addr_equal(&socket->named, listen) ||
			addr_equal(&socket->addr, listen)))
			return socket;
	}
	return NULL;
}

void
inherited_close_rest(struct inherited *inherited)
{
	char name[ADDR_TEXT_MAX], addr[ADDR_TEXT_MAX];

	for (size_t i = 0; i < inherited->count; i++) {
		struct inherited_socket *socket = &inherited->socket[i];

		if (socket->fd < 0)
			continue;
		addr_format(&socket->named, name, sizeof(name));
		if (socket->error != 0)
			log_error("inherited %s (descriptor %d): not a "
				  "listening stream socket: closed",
			    name, socket->fd);
		else
			log_error("inherited %s (%s): no service listens "
				  "there: closed",
			    name,
			    addr_format(&socket->addr, addr, sizeof(addr)));
		/* a number that was announced and never opened says EBADF */
		(void)close(socket->fd);
		socket->fd = -1;
	}
}

void
inherited_done(struct inherited *inherited)
{
	for (size_t i = 0; i < inherited->count; i++)
		if (inherited->socket[i].fd >= 0)
			(void)close(inherited->socket[i].fd);
	free(inherited->socket);
	memset(inherited, 0, sizeof(*inherited));
}
