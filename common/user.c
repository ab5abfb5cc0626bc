/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Users and groups: see user.h. */
#include "common/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
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

int
user_find(struct user *user, const char *name, struct why *why)
{
	struct passwd entry, *found = NULL;
	int error = ERANGE;

	for (size_t room = RECORD_MIN; error == ERANGE && room <= RECORD_MAX;
	     room *= 2) {
		char *record = malloc(room);

		error = record == NULL
		    ? ENOMEM
		    : getpwnam_r(name, &entry, record, room, &found);
		free(record);
	}
	if (found == NULL)
		return complain("user", name, error, why);
	*user = (struct user){ entry.pw_uid, entry.pw_gid };
	return 0;
}

int
user_find_group(gid_t *gid, const char *name, struct why *why)
{
	struct group entry, *found = NULL;
	int error = ERANGE;

	for (size_t room = RECORD_MIN; error == ERANGE && room <= RECORD_MAX;
	     room *= 2) {
		char *record = malloc(room);

		error = record == NULL
		    ? ENOMEM
		    : getgrnam_r(name, &entry, record, room, &found);
		free(record);
	}
	if (found == NULL)
		return complain("group", name, error, why);
	*gid = entry.gr_gid;
	return 0;
}
