/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The queues of the listeners: see backlogs.h. */
#include "lb4/control/backlogs.h"

#include <bsd/string.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/backlog.h"
#include "common/log.h"
#include "common/plural.h"
#include "lb4/engine/listen_socket.h"
#include "lb4/engine/places.h"
#include "lb4/model/service.h"

#define TELL_MS 60000

struct backlogs {
	pthread_mutex_t lock;	  /* control writes, others read */
	struct backlogs_row *row; /* owned */
	size_t count;
};

struct backlogs *
backlogs_new(void)
{
	struct backlogs *backlogs = calloc(1, sizeof(*backlogs));

	if (backlogs != NULL)
		(void)pthread_mutex_init(&backlogs->lock, NULL);
	return backlogs;
}

void
backlogs_free(struct backlogs *backlogs)
{
	if (backlogs == NULL)
		return;
	(void)pthread_mutex_destroy(&backlogs->lock);
	free(backlogs->row);
	free(backlogs);
}

static bool
is_row_of(const struct backlogs_row *row, const char *service,
    const struct addr *addr)
{
	return addr_equal(&row->addr, addr) &&
	    strcmp(row->service, service) == 0;
}

/* The row is mostly where it was: `hint`. */
static const struct backlogs_row *
find(const struct backlogs *backlogs, const char *service,
    const struct addr *addr, size_t hint)
{
	if (hint < backlogs->count &&
	    is_row_of(&backlogs->row[hint], service, addr))
		return &backlogs->row[hint];
	for (size_t i = 0; i < backlogs->count; i++)
		if (is_row_of(&backlogs->row[i], service, addr))
			return &backlogs->row[i];
	return NULL;
}

static void
add_socket(struct backlogs_row *row, struct listen_socket *socket,
    const struct backlog_unix *all)
{
	struct backlog backlog;
	const int error = row->tcp
	    ? backlog_read_tcp(socket->fd, &backlog)
	    : backlog_unix_find(all, socket->fd, &backlog);

	if (error < 0)
		return;
	row->known = true;
	row->waiting += backlog.waiting;
	row->limit += backlog.limit;
	row->drops += backlog.drops - socket->drops_seen;
	socket->drops_seen = backlog.drops;
}

static void
tell(struct backlogs_row *row, uint64_t now_ms)
{
	const uint64_t drops = row->drops - row->told;
	char text[ADDR_TEXT_MAX];

	if (drops == 0 ||
	    (row->told_ms != 0 && now_ms < row->told_ms + TELL_MS))
		return;
	log_warning(
	    "service %s: the kernel dropped %" PRIu64
	    " attempt%s to connect to %s, probably because the queue of "
	    "the listener was full: clients try again after a second; "
	    "raise backlog and net.core.somaxconn, or find out why lb4 "
	    "accepts too slowly",
	    row->service, drops, plural(drops),
	    addr_format_range(&row->addr, text, sizeof(text)));
	row->told = row->drops;
	row->told_ms = now_ms;
}

/* Looks at the place, and at those of its range that follow. */
static void
look_at(struct backlogs_row *row, const struct place *place,
    const struct backlog_unix *all)
{
	row->addr = place->bound;
	(void)strlcpy(row->service, place->state->name, sizeof(row->service));
	row->tcp = !addr_is_unix(&place->bound);
	row->known = false;
	row->waiting = row->limit = 0;
	for (unsigned i = 0; i <= row->addr.ahead; i++)
		for (unsigned k = 0; k < place[i].sockets; k++)
			add_socket(row, place[i].socket[k].socket, all);
}

static bool
has_unix(const struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		if (addr_is_unix(&places->place[i].bound))
			return true;
	return false;
}

void
backlogs_look(struct backlogs *backlogs, const struct places *places,
    uint64_t now_ms)
{
	struct backlogs_row *next = calloc(places->count + 1, sizeof(*next));
	struct backlogs_row *before = backlogs->row;
	struct backlog_unix all = { .one = NULL };
	size_t count = 0;

	if (next == NULL)
		return;
	/* else none is known */
	if (has_unix(places) && backlog_unix_read(&all) < 0)
		all.count = 0;
	for (size_t i = 0; i < places->count; count++) {
		const struct place *place = &places->place[i];
		const struct backlogs_row *row = find(backlogs,
		    place->state->name, &place->bound, count);

		if (row != NULL)
			next[count] = *row;
		look_at(&next[count], place, &all);
		/* what the process before this one has told is no news */
		if (row == NULL)
			next[count].told = next[count].drops;
		tell(&next[count], now_ms);
		i += (size_t)place->bound.ahead + 1;
	}
	backlog_unix_free(&all);
	(void)pthread_mutex_lock(&backlogs->lock);
	backlogs->row = next;
	backlogs->count = count;
	(void)pthread_mutex_unlock(&backlogs->lock);
	free(before);
}

const struct backlogs_row *
backlogs_find(const struct backlogs *backlogs, const char *service,
    const struct addr *addr, size_t hint)
{
	return find(backlogs, service, addr, hint);
}

struct backlogs_row *
backlogs_copy(struct backlogs *backlogs, size_t *count)
{
	struct backlogs_row *copy;

	(void)pthread_mutex_lock(&backlogs->lock);
	*count = backlogs->count;
	copy = reallocarray(NULL, *count + 1, sizeof(*copy));
	if (copy == NULL)
		*count = 0;
	else if (*count > 0)
		memcpy(copy, backlogs->row, *count * sizeof(*copy));
	(void)pthread_mutex_unlock(&backlogs->lock);
	return copy;
}
