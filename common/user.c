/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Users and groups: see user.h. */
#include "common/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/why.h"

/* Room for a record, to begin with and at most: a group may have very many
 * members. */
#define RECORD_MIN ((size_t)4 << 10)
#define RECORD_MAX ((size_t)16 << 20)

static int
complain(const char *kind, const char *name, int error, struct why *why)
{
	if (error != 0 && error != ENOENT)
		return why_fail(why, -error, "cannot look %s %s up: %s", kind,
		    name, strerror(error));
	return why_fail(why, -ENOENT, "there is no %s %s", kind, name);
}

/* What getpwnam_r(3) and getgrnam_r(3) fill. */
union entry {
	struct passwd user;
	struct group group;
};

/* Looks one up; 0 or an errno, and *found is false if there is none. */
typedef int look_up(const char *name, union entry *entry, char *record,
    size_t room, bool *found);

static int
look_up_user(const char *name, union entry *entry, char *record, size_t room,
    bool *found)
{
	struct passwd *result = NULL;
	int error = getpwnam_r(name, &entry->user, record, room, &result);

	*found = result != NULL;
	return error;
}

static int
look_up_group(const char *name, union entry *entry, char *record, size_t room,
    bool *found)
{
	struct group *result = NULL;
	int error = getgrnam_r(name, &entry->group, record, room, &result);

	*found = result != NULL;
	return error;
}

/* Looks the name up with as much room as its record needs.  The texts that
 * `entry` points to are gone then. */
static bool
find(look_up *look, const char *name, union entry *entry, int *error)
{
	bool found = false;

	*error = ERANGE;
	for (size_t room = RECORD_MIN; *error == ERANGE && room <= RECORD_MAX;
	     room *= 2) {
		char *record = malloc(room);

		*error = record == NULL
		    ? ENOMEM
		    : look(name, entry, record, room, &found);
		free(record);
	}
	return found;
}

int
user_find(struct user *user, const char *name, struct why *why)
{
	union entry entry;
	int error;

	if (!find(look_up_user, name, &entry, &error))
		return complain("user", name, error, why);
	*user = (struct user){ entry.user.pw_uid, entry.user.pw_gid };
	return 0;
}

int
user_find_group(gid_t *gid, const char *name, struct why *why)
{
	union entry entry;
	int error;

	if (!find(look_up_group, name, &entry, &error))
		return complain("group", name, error, why);
	*gid = entry.group.gr_gid;
	return 0;
}
