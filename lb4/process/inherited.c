/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Sockets from the service manager: see inherited.h. */
#include "lb4/process/inherited.h"

#include <bsd/stdlib.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sock.h"
#include "common/why.h"
#include "lb4/process/stored_name.h"

/* SD_LISTEN_FDS_START of systemd. */
#define FIRST_FD 3

/* The number of descriptors passed to us; -EINVAL with why. */
static int
announced(struct why *why)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	const char *wrong = NULL;
	int count;

	if (pid == NULL || fds == NULL)
		return 0;
	if (strtonum(pid, 1, INT_MAX, &wrong) != (long long)getpid())
		return 0;
	count = (int)strtonum(fds, 0, INHERITED_MAX, &wrong);
	if (wrong == NULL)
		return count;
	return why_fail(why, -EINVAL,
	    "LISTEN_FDS=%.32s is no number of descriptors from 0 to %d", fds,
	    INHERITED_MAX);
}

/* Either every descriptor has a name, or none has. */
static int
check_names(const char *names, size_t count, struct why *why)
{
	size_t given = 1;

	if (names == NULL || names[0] == '\0')
		return 0;
	for (const char *at = names; (at = strchr(at, ':')) != NULL; at++)
		given++;
	if (given == count)
		return 0;
	return why_fail(why, -EINVAL,
	    "LISTEN_FDNAMES has %zu names for %zu descriptors", given, count);
}

/* The next of the names between colons; without one it is "unknown", as
 * sd_listen_fds_with_names(3) has it.  0 or -ENOMEM. */
static int
name_next(struct inherited_socket *socket, char **names)
{
	const char *name = *names != NULL ? strsep(names, ":") : NULL;

	if (name != NULL && strlen(name) < STORED_NAME_MAX &&
	    stored_name_parse(name, &socket->file)) {
		socket->stored = strdup(name);
		if (socket->stored == NULL)
			return -ENOMEM;
	}
	if (name == NULL || addr_set_inherited(&socket->named, name) < 0)
		(void)addr_set_inherited(&socket->named, "unknown");
	return 0;
}

static void
take_one(struct inherited *inherited, size_t i)
{
	struct inherited_socket *socket = &inherited->socket[i];
	struct stat st;

	socket->fd = FIRST_FD + (int)i;
	if (fcntl(socket->fd, F_SETFD, FD_CLOEXEC) < 0) {
		/* lb4 will open something with that number */
		socket->error = -errno;
		socket->fd = -1;
		inherited->missing++;
	} else {
		socket->error = sock_listens(socket->fd, &socket->addr);
		socket->ino = fstat(socket->fd, &st) == 0 ? st.st_ino : 0;
	}
}

static int
take_all(struct inherited *inherited, size_t count, const char *env)
{
	char *copy = strdup(env != NULL ? env : ""), *names = copy;
	int error = 0;

	inherited->socket = calloc(count + 1, sizeof(*inherited->socket));
	if (inherited->socket == NULL || copy == NULL) {
		free(copy);
		return -ENOMEM;
	}
	if (env == NULL || env[0] == '\0')
		names = NULL;
	inherited->count = count;
	for (size_t i = 0; i < count; i++)
		inherited->socket[i].fd = -1;
	for (size_t i = 0; error == 0 && i < count; i++)
		error = name_next(&inherited->socket[i], &names);
	for (size_t i = 0; error == 0 && i < count; i++)
		take_one(inherited, i);
	free(copy);
	return error;
}

/* Notes which other descriptors are open.  Without /proc, none are known. */
static int
note_strays(struct inherited *inherited)
{
	const int first = FIRST_FD + (int)inherited->count;
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int error = 0;

	if (dir == NULL)
		return 0;
	while (error == 0 && (entry = readdir(dir)) != NULL) {
		const char *wrong = NULL;
		int fd = (int)strtonum(entry->d_name, first, INT_MAX, &wrong);
		int *more;

		/* no descriptor with this flag came through execve(2) */
		if (wrong != NULL || (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0)
			continue;
		more = reallocarray(inherited->stray, inherited->strays + 1,
		    sizeof(*more));
		if (more == NULL) {
			error = -ENOMEM;
			break;
		}
		inherited->stray = more;
		inherited->stray[inherited->strays++] = fd;
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	(void)closedir(dir);
	return error;
}

int
inherited_take(struct inherited *inherited, struct why *why)
{
	const char *names = getenv("LISTEN_FDNAMES");
	int count = announced(why);
	int error = count < 0 ? count : 0;

	memset(inherited, 0, sizeof(*inherited));
	if (count > 0)
		error = check_names(names, (size_t)count, why);
	if (error < 0)
		return error;
	if (count > 0)
		error = take_all(inherited, (size_t)count, names);
	if (error == 0)
		error = note_strays(inherited);
	if (error < 0) {
		(void)why_fail(why, error, "%s", strerror(-error));
		inherited_done(inherited);
		return error;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return 0;
}

static bool
fits(const struct inherited_socket *socket, const struct addr *listen)
{
	if (socket->fd < 0 || socket->error != 0)
		return false;
	if (socket->stored == NULL && addr_equal(&socket->named, listen))
		return true;
	return addr_equal(&socket->addr, listen) &&
	    (socket->stored == NULL ||
		sockfile_is_there(listen, &socket->file));
}

struct inherited_socket *
inherited_find(const struct inherited *inherited, const struct addr *listen,
    size_t *i)
{
	while (*i < inherited->count) {
		struct inherited_socket *socket = &inherited->socket[(*i)++];

		if (fits(socket, listen))
			return socket;
	}
	return NULL;
}

static void
say_closed(const struct inherited_socket *socket)
{
	char name[ADDR_TEXT_MAX], addr[ADDR_TEXT_MAX];

	addr_format(&socket->named, name, sizeof(name));
	addr_format(&socket->addr, addr, sizeof(addr));
	if (socket->stored != NULL)
		log_info("stored socket of %s: %s: closed", addr,
		    sockfile_is_there(&socket->addr, &socket->file)
			? "no service listens there any more"
			: "its file has gone");
	else if (socket->error != 0)
		log_error("inherited %s (descriptor %d): not a listening "
			  "stream socket: closed",
		    name, socket->fd);
	else
		log_error("inherited %s (%s): no service listens there: "
			  "closed",
		    name, addr);
}

void
inherited_close_rest(struct inherited *inherited)
{
	if (inherited->missing > 0)
		log_error("LISTEN_FDS announces %zu descriptors, and %u of "
			  "them were not open at the start",
		    inherited->count, inherited->missing);
	for (size_t i = 0; i < inherited->count; i++) {
		struct inherited_socket *socket = &inherited->socket[i];

		if (socket->fd < 0)
			continue;
		say_closed(socket);
		(void)close(socket->fd);
		socket->fd = -1;
	}
}

void
inherited_close_strays(struct inherited *inherited)
{
	if (inherited->strays == 0)
		return;
	for (size_t i = 0; i < inherited->strays; i++)
		(void)close(inherited->stray[i]);
	log_info("closed %zu open descriptors that lb4 was started with",
	    inherited->strays);
	inherited->strays = 0;
}

void
inherited_done(struct inherited *inherited)
{
	for (size_t i = 0; i < inherited->count; i++) {
		free(inherited->socket[i].stored);
		if (inherited->socket[i].fd >= 0)
			(void)close(inherited->socket[i].fd);
	}
	free(inherited->socket);
	free(inherited->stray);
	memset(inherited, 0, sizeof(*inherited));
}
