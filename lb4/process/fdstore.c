/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Sockets with the service manager: see fdstore.h.
 *
 * The manager removes by name only, and sockets of one address (a SO_REUSEPORT
 * group) share a name.  When one of them goes, all of that name are removed and
 * the others are stored again.  To store one twice does no harm: the manager
 * compares them.
 */
#include "lb4/process/fdstore.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lb4/process/inherited.h"
#include "lb4/process/notify.h"
#include "lb4/process/stored_name.h"

/* How long the manager may take to forget. */
#define FORGET_MS 1000

struct fdstore_socket {
	char name[STORED_NAME_MAX];
	ino_t ino; /* of the socket */
	int fd;	   /* -1: the manager has it already */
};

/* Sockets of one name in a sorted list. */
struct group {
	const struct fdstore_socket *socket;
	size_t count;
};

void
fdstore_done(struct fdstore *list)
{
	free(list->socket);
	*list = (struct fdstore){ .socket = NULL };
}

static struct fdstore_socket *
grow(struct fdstore *list)
{
	struct fdstore_socket *more = reallocarray(list->socket,
	    list->count + 1, sizeof(*more));

	if (more == NULL)
		return NULL;
	list->socket = more;
	more = &list->socket[list->count++];
	memset(more, 0, sizeof(*more));
	return more;
}

int
fdstore_add(struct fdstore *list, const struct addr *addr,
    const struct sockfile_id *file, int fd)
{
	struct fdstore_socket *socket = grow(list);
	struct stat st;
	int error;

	if (socket == NULL)
		return -ENOMEM;
	error = fstat(fd, &st) < 0 ? -errno
				   : stored_name_format(socket->name,
					 sizeof(socket->name), addr, file);
	if (error < 0) {
		list->count--;
		return error;
	}
	socket->ino = st.st_ino;
	socket->fd = fd;
	return 0;
}

int
fdstore_add_inherited(struct fdstore *list, const struct inherited *inherited)
{
	for (size_t i = 0; i < inherited->count; i++) {
		const struct inherited_socket *from = &inherited->socket[i];
		struct fdstore_socket *socket;

		if (from->stored == NULL)
			continue;
		socket = grow(list);
		if (socket == NULL)
			return -ENOMEM;
		memcpy(socket->name, from->stored, strlen(from->stored) + 1);
		socket->ino = from->ino;
		socket->fd = -1;
	}
	return 0;
}

/* ---- the difference ----------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	const struct fdstore_socket *one = a, *other = b;
	const int names = strcmp(one->name, other->name);

	if (names != 0)
		return names;
	return (one->ino > other->ino) - (one->ino < other->ino);
}

static void
sort(struct fdstore *list)
{
	if (list->count > 1)
		qsort(list->socket, list->count, sizeof(*list->socket),
		    compare);
}

/* The group that begins at *i, which moves behind it; empty at the end. */
static struct group
next_group(const struct fdstore *list, size_t *i)
{
	struct group group = { &list->socket[*i], 0 };

	while (*i < list->count &&
	    strcmp(list->socket[*i].name, group.socket->name) == 0) {
		(*i)++;
		group.count++;
	}
	return group;
}

/* The order of two groups by name; one that is empty comes after all. */
static int
compare_groups(const struct group *one, const struct group *other)
{
	if (one->count == 0 || other->count == 0)
		return (one->count == 0) - (other->count == 0);
	return strcmp(one->socket->name, other->socket->name);
}

static bool
has(const struct group *group, const struct fdstore_socket *socket)
{
	return group->count > 0 &&
	    bsearch(socket, group->socket, group->count, sizeof(*socket),
		compare) != NULL;
}

static bool
has_all(const struct group *group, const struct group *others)
{
	for (size_t i = 0; i < others->count; i++)
		if (!has(group, &others->socket[i]))
			return false;
	return true;
}

/* Stores the sockets of the group, except those in `there`. */
static int
send_group(const struct group *group, const struct group *there)
{
	int fds[NOTIFY_FDS_MAX];
	size_t count = 0;
	int error = 0;

	for (size_t i = 0; error >= 0 && i <= group->count; i++) {
		if (i < group->count && !has(there, &group->socket[i]))
			fds[count++] = group->socket[i].fd;
		if (count < (i < group->count ? NOTIFY_FDS_MAX : 1))
			continue;
		error = notify_send_fds(fds, count,
		    "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", group->socket->name);
		count = 0;
	}
	return error < 0 ? error : 0;
}

/* Tells of one name: what was stored, and what is to be. */
static int
change_group(const struct group *before, const struct group *next,
    bool *removed)
{
	static const struct group none;
	int error;

	if (has_all(next, before))
		return send_group(next, before);
	error = notify_send("FDSTOREREMOVE=1\nFDNAME=%s", before->socket->name);
	*removed = true;
	return error < 0 ? error : send_group(next, &none);
}

static int
send_difference(const struct fdstore *store, const struct fdstore *next)
{
	static const struct group none;
	bool removed = false;
	size_t i = 0, j = 0;
	struct group before = next_group(store, &i);
	struct group after = next_group(next, &j);
	int error = 0;

	while (error == 0 && (before.count > 0 || after.count > 0)) {
		const int order = compare_groups(&before, &after);

		error = change_group(order <= 0 ? &before : &none,
		    order >= 0 ? &after : &none, &removed);
		if (order <= 0)
			before = next_group(store, &i);
		if (order >= 0)
			after = next_group(next, &j);
	}
	if (error == 0 && removed)
		error = notify_barrier(FORGET_MS);
	return error < 0 ? error : 0;
}

int
fdstore_change(struct fdstore *store, struct fdstore *next)
{
	int error;

	sort(store);
	sort(next);
	error = send_difference(store, next);
	if (error < 0) {
		fdstore_done(next);
		return error;
	}
	fdstore_done(store);
	*store = *next;
	*next = (struct fdstore){ .socket = NULL };
	return 0;
}
