/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The track file, and which addresses are on lo: see drive.h. */
#include "lb4/ctl/drive.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/escape.h"

/* ---- addresses ----------------------------------------------------------- */

bool
drive_add_address(struct drive_list *list, const char *text)
{
	if (list->count == DRIVE_ADDRESSES_MAX ||
	    !loopback_parse(text, &list->address[list->count]))
		return false;
	list->count++;
	return true;
}

static int
set_addresses(const struct drive_list *list, bool present)
{
	char text[LOOPBACK_TEXT_MAX];
	int fd, error, first = 0;

	if (list->count == 0)
		return 0;
	fd = loopback_open();
	if (fd < 0) {
		escape_line(stderr, "lb4ctl watch: netlink: %s", strerror(-fd));
		return fd;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct loopback_address *address = &list->address[i];

		error = loopback_set(fd, address, present);
		if (error == 0)
			continue;
		first = first == 0 ? error : first;
		escape_line(stderr, "lb4ctl watch: cannot %s %s %s lo: %s",
		    present ? "put" : "take", loopback_format(address, text),
		    present ? "on" : "off", strerror(-error));
	}
	(void)close(fd);
	return first;
}

static bool
drains(const struct drive *drive, enum drive_state state)
{
	return state == DRIVE_DRAINING && drive->drain.count > 0;
}

/* Whether the clients' addresses belong on lo. */
static bool
serves(const struct drive *drive, enum drive_state state)
{
	return state == DRIVE_READY || drains(drive, state);
}

static int
look_list(const struct drive_list *list, bool wanted,
    char change[DRIVE_CHANGE_MAX])
{
	char text[LOOPBACK_TEXT_MAX];
	bool present[DRIVE_ADDRESSES_MAX];
	int fd, error;

	if (list->count == 0)
		return 0;
	fd = loopback_open();
	if (fd < 0)
		return fd;
	error = loopback_look(fd, list->address, list->count, present);
	(void)close(fd);
	if (error < 0)
		return error;
	for (size_t i = 0; i < list->count; i++) {
		if (present[i] == wanted)
			continue;
		(void)snprintf(change, DRIVE_CHANGE_MAX, "%s was %s lo",
		    loopback_format(&list->address[i], text),
		    wanted ? "taken off" : "put on");
		return 1;
	}
	return 0;
}

int
drive_look_addresses(const struct drive *drive, enum drive_state state,
    char change[DRIVE_CHANGE_MAX])
{
	int found = look_list(&drive->clients, serves(drive, state), change);

	if (found != 0)
		return found;
	return look_list(&drive->drain, drains(drive, state), change);
}

/* ---- the file ------------------------------------------------------------ */

static const char *
word_of(bool ready)
{
	return ready ? "0\n" : "1\n";
}

static int
write_all(int fd, const char *text)
{
	const size_t len = strlen(text);
	ssize_t done = pwrite(fd, text, len, 0);

	if (done < 0)
		return -errno;
	return (size_t)done == len ? 0 : -ENOSPC;
}

static int
close_checked(int fd, int error)
{
	if (close(fd) < 0 && error == 0)
		error = -errno;
	return error;
}

/* Replaces the file by a new one, so that no reader finds it empty. */
static int
replace_file(const char *path, const char *text)
{
	char new[PATH_MAX];
	int fd, error;

	if ((size_t)snprintf(new, sizeof(new), "%s.new", path) >= sizeof(new))
		return -ENAMETOOLONG;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0644);
	if (fd < 0)
		return -errno;
	error = close_checked(fd, write_all(fd, text));
	if (error == 0 && rename(new, path) < 0)
		error = -errno;
	if (error < 0)
		(void)unlink(new);
	return error;
}

/* If there is no room for a new file, overwrites the old one with as many
 * bytes.  The file must never be empty or missing: keepalived reads that as
 * 0. */
static int
overwrite_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int error;

	if (fd < 0)
		return -errno;
	error = write_all(fd, text);
	if (error == 0 && ftruncate(fd, (off_t)strlen(text)) < 0)
		error = -errno;
	return close_checked(fd, error);
}

static int
set_file(const struct drive *drive, bool ready)
{
	int error;

	if (drive->track_file == NULL)
		return 0;
	error = replace_file(drive->track_file, word_of(ready));
	if (error == 0 ||
	    overwrite_file(drive->track_file, word_of(ready)) == 0)
		return 0;
	escape_line(stderr, "lb4ctl watch: cannot write %s: %s",
	    drive->track_file, strerror(-error));
	return error;
}

int
drive_look_file(const struct drive *drive, enum drive_state state,
    char change[DRIVE_CHANGE_MAX])
{
	const char *wanted = word_of(state == DRIVE_READY);
	char text[4] = "";
	int fd;

	if (drive->track_file == NULL)
		return 0;
	fd = open(drive->track_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno != ENOENT)
		return -errno;
	if (fd >= 0) {
		(void)!read(fd, text, sizeof(text) - 1);
		(void)close(fd);
		if (strcmp(text, wanted) == 0)
			return 0;
	}
	(void)snprintf(change, DRIVE_CHANGE_MAX, "%.120s was %s",
	    drive->track_file, fd < 0 ? "deleted" : "changed");
	return 1;
}

/* ---- both ---------------------------------------------------------------- */

int
drive_set(const struct drive *drive, enum drive_state state)
{
	const bool draining = drains(drive, state);
	int error[3] = { 0, 0, 0 };

	/* A draining node always has its drain addresses: they are added first
	 * and removed last. */
	if (draining)
		error[0] = set_addresses(&drive->drain, true);
	error[1] = set_addresses(&drive->clients, serves(drive, state));
	if (!draining)
		error[0] = set_addresses(&drive->drain, false);
	error[2] = set_file(drive,
	    state == DRIVE_READY && error[0] == 0 && error[1] == 0);
	for (size_t i = 0; i < 3; i++)
		if (error[i] < 0)
			return error[i];
	return 0;
}
