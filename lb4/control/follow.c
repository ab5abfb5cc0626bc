/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Files of backends: see follow.h. */
#include "lb4/control/follow.h"

#include <bsd/string.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/plural.h"
#include "common/timer.h"
#include "lb4/config/backendsfile.h"
#include "lb4/config/config.h"
#include "lb4/control/change.h"
#include "lb4/control/events.h"
#include "lb4/control/find.h"
#include "lb4/control/running.h"
#include "lb4/table/table.h"

/* From an event to the look at the files: more events belong to it. */
#define SOON_MS 50

/* A file that was written so recently may be in the middle of being written: by
 * several calls of write(2), without a new name. */
#define SETTLE_MS 200

/* A new file is not complete yet, a missing one may be about to be replaced,
 * a directory may not exist yet, and an upgrade forbids changes for a while. */
#define LATER_MS 1000

#define FILE_EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
#define EVENTS \
	(FILE_EVENTS | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct followed {
	char service[CONFIG_NAME_MAX];
	char path[CONFIG_PATH_MAX];
	int watch[2];		      /* of its directories; -1: none */
	bool read;		      /* `stamp` is set */
	bool missing;		      /* it was, at the last look */
	struct file_stamp stamp;      /* of the content that was read */
	char error[CONFIG_ERROR_MAX]; /* why it was refused; "": in force */
};

struct follow {
	struct running *running;
	int fd;		       /* inotify */
	struct followed *file; /* owned */
	size_t files;
	uint64_t generation; /* of the table at the last look */
	uint64_t look_ms;    /* when to look; 0: at the next event */
};

/* ---- the list ------------------------------------------------------------ */

static void
look_at(struct follow *follow, uint64_t at_ms)
{
	if (follow->look_ms == 0 || at_ms < follow->look_ms)
		follow->look_ms = at_ms;
}

static struct followed *
find(const struct follow *follow, const char *service)
{
	for (size_t i = 0; i < follow->files; i++)
		if (strcmp(follow->file[i].service, service) == 0)
			return &follow->file[i];
	return NULL;
}

static struct followed
followed_of(const struct follow *follow, const struct config_service *service)
{
	const struct followed *before = find(follow, service->name);
	struct followed file = { .watch = { -1, -1 } };

	if (before != NULL && strcmp(before->path, service->backends_file) == 0)
		return *before;
	(void)strlcpy(file.service, service->name, sizeof(file.service));
	(void)strlcpy(file.path, service->backends_file, sizeof(file.path));
	return file;
}

/* Lists the files of the configuration in force.  Without memory the list stays
 * as it is. */
static void
list_files(struct follow *follow)
{
	const struct config *config = follow->running->config;
	struct followed *list = calloc(config->services, sizeof(*list));
	size_t count = 0;

	if (list == NULL)
		return;
	for (size_t i = 0; i < config->services; i++)
		if (config->service[i].backends_file[0] != '\0')
			list[count++] = followed_of(follow,
			    &config->service[i]);
	free(follow->file);
	follow->file = list;
	follow->files = count;
}

/* ---- watches ------------------------------------------------------------- */

static int
watch_directory_of(struct follow *follow, const char *path)
{
	char copy[PATH_MAX];

	(void)strlcpy(copy, path, sizeof(copy));
	return inotify_add_watch(follow->fd, dirname(copy), EVENTS);
}

static bool
is_used(const struct follow *follow, int watch)
{
	for (size_t i = 0; i < follow->files; i++)
		if (follow->file[i].watch[0] == watch ||
		    follow->file[i].watch[1] == watch)
			return true;
	return false;
}

/* Watches the directories that the path names now, and no others. */
static void
watch(struct follow *follow, struct followed *file)
{
	const int before[2] = { file->watch[0], file->watch[1] };
	char real[PATH_MAX];

	file->watch[0] = watch_directory_of(follow, file->path);
	file->watch[1] = realpath(file->path, real) != NULL
	    ? watch_directory_of(follow, real)
	    : -1;
	for (int i = 0; i < 2; i++)
		if (before[i] >= 0 && !is_used(follow, before[i]))
			(void)inotify_rm_watch(follow->fd, before[i]);
	if (file->watch[0] < 0)
		look_at(follow, timer_now_ms() + LATER_MS);
}

/* ---- reading ------------------------------------------------------------- */

static void
refuse(const struct follow *follow, struct followed *file,
    const struct config_errors *errors)
{
	const size_t more = errors->count - 1;
	char others[64] = "";

	if (more > 0)
		(void)snprintf(others, sizeof(others),
		    " (and %zu more error%s)", more, plural(more));
	(void)strlcpy(file->error, errors->text[0], sizeof(file->error));
	log_error("%s%s: the service keeps the backends that it has",
	    file->error, others);
	events_tell(&follow->running->events,
	    &(struct event){ .kind = "backends-file",
		.service = file->service },
	    "refused: %s", file->error);
}

static size_t
count_in_file(const struct config_service *service)
{
	size_t count = 0;

	for (size_t i = 0; i < service->backends; i++)
		count += service->backend[i].in_file;
	return count;
}

/* Reads the file into a copy of the configuration and brings that into force.
 * Returns 0, -EBUSY, or another -errno with at least one error. */
static int
apply(const struct follow *follow, const struct followed *file,
    struct config_errors *errors)
{
	struct running *running = follow->running;
	const struct config_service *now = find_config_service(running->config,
	    file->service);
	struct config *config = change_begin(running);
	struct config_service *next;
	size_t count;
	int error;

	if (config == NULL)
		return -ENOMEM;
	next = &config->service[now - running->config->service];
	error = backendsfile_read(next, errors);
	if (error < 0 || backendsfile_equal(now, next)) {
		config_free(config);
		return error;
	}
	count = count_in_file(next);
	error = change_apply(running, config, CHANGE_COPY, errors);
	if (error < 0)
		return error;
	log_notice("%s: service %s has %zu backend%s from it now", file->path,
	    file->service, count, plural(count));
	events_tell(&running->events,
	    &(struct event){ .kind = "backends-file",
		.service = file->service },
	    "%zu backend%s", count, plural(count));
	return 0;
}

static void
read_again(struct follow *follow, struct followed *file,
    const struct file_stamp *stamp)
{
	struct config_errors errors = { .count = 0 };
	int error = apply(follow, file, &errors);

	if (error == -EBUSY || error == -ENOMEM) {
		look_at(follow, timer_now_ms() + LATER_MS);
		config_errors_done(&errors);
		return;
	}
	file->stamp = *stamp;
	file->read = true;
	if (errors.count > 0)
		refuse(follow, file, &errors);
	else
		file->error[0] = '\0';
	config_errors_done(&errors);
}

/* An editor may be about to put another file in its place. */
static void
miss(struct follow *follow, struct followed *file, int error)
{
	struct config_errors errors = { .count = 0 };

	if (!file->missing) {
		file->missing = true;
		look_at(follow, timer_now_ms() + LATER_MS);
	} else if (file->read || file->error[0] == '\0') {
		file->read = false;
		config_errors_add(&errors, "%s: %s", file->path,
		    strerror(-error));
		refuse(follow, file, &errors);
		config_errors_done(&errors);
	}
}

static bool
is_settled(const struct file_stamp *stamp)
{
	struct timespec now;
	int64_t age_ms;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	age_ms = (now.tv_sec - stamp->modified.tv_sec) * 1000 +
	    (now.tv_nsec - stamp->modified.tv_nsec) / 1000000;
	/* a time to come says nothing */
	return age_ms < 0 || age_ms >= SETTLE_MS;
}

static void
look(struct follow *follow, struct followed *file)
{
	struct file_stamp stamp;
	int error;

	watch(follow, file); /* first: what changes later is told */
	error = file_stamp_of(file->path, &stamp);
	if (error < 0) {
		miss(follow, file, error);
		return;
	}
	file->missing = false;
	if (file->read && file_stamp_equal(&stamp, &file->stamp))
		return;
	if (is_settled(&stamp))
		read_again(follow, file, &stamp);
	else
		look_at(follow, timer_now_ms() + SETTLE_MS);
}

/* Sets the gauge of each service. */
static void
count_refused(const struct follow *follow)
{
	const struct config *config = follow->running->config;

	for (size_t i = 0; i < config->services; i++) {
		const char *name = config->service[i].name;
		const struct followed *file = find(follow, name);
		struct service_state *state =
		    tables_state(follow->running->tables, name);

		if (state != NULL)
			atomic_store_explicit(&state->file_refused,
			    file != NULL && file->error[0] != '\0',
			    memory_order_relaxed);
	}
}

static void
look_at_all(struct follow *follow)
{
	follow->look_ms = 0;
	list_files(follow);
	for (size_t i = 0; i < follow->files; i++)
		look(follow, &follow->file[i]);
	count_refused(follow);
	follow->generation = follow->running->tables->generation;
}

/* ---- the loop ------------------------------------------------------------ */

/* An event that says that a file is complete, not that one is new. */
static bool
take_events(const struct follow *follow)
{
	_Alignas(struct inotify_event) char buf[4096];
	bool complete = false;
	ssize_t len;

	while ((len = read(follow->fd, buf, sizeof(buf))) > 0)
		for (char *at = buf; at < buf + len;) {
			const struct inotify_event *event = (void *)at;

			complete |= (event->mask & IN_CREATE) == 0;
			at += sizeof(*event) + event->len;
		}
	return complete;
}

static int
sleep_ms(const void *owner, uint64_t now_ms)
{
	const struct follow *follow = owner;

	if (follow->generation != follow->running->tables->generation)
		return 0;
	if (follow->look_ms == 0)
		return -1;
	return follow->look_ms > now_ms ? (int)(follow->look_ms - now_ms) : 0;
}

static bool
has_events(const struct follow *follow)
{
	struct pollfd pfd = { follow->fd, POLLIN, 0 };

	return poll(&pfd, 1, 0) == 1;
}

static void
turn(void *owner, uint64_t now_ms)
{
	struct follow *follow = owner;

	if (has_events(follow))
		look_at(follow,
		    now_ms + (take_events(follow) ? SOON_MS : LATER_MS));
	if (follow->generation != follow->running->tables->generation ||
	    (follow->look_ms != 0 && now_ms >= follow->look_ms))
		look_at_all(follow);
}

int
follow_new(struct follow **out, struct running *running, struct source *source)
{
	struct follow *follow = calloc(1, sizeof(*follow));

	if (follow == NULL)
		return -ENOMEM;
	follow->running = running;
	follow->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (follow->fd < 0) {
		free(follow);
		return -errno;
	}
	*source = (struct source){ follow, follow->fd, sleep_ms, NULL, turn };
	*out = follow;
	return 0;
}

void
follow_free(struct follow *follow)
{
	if (follow == NULL)
		return;
	(void)close(follow->fd);
	free(follow->file);
	free(follow);
}

const char *
follow_file(const struct follow *follow, const char *service,
    const char **error)
{
	const struct followed *file = find(follow, service);

	if (file == NULL)
		return NULL;
	*error = file->error;
	return file->path;
}
