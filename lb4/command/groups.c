/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Levels by groups: see groups.h. */
#include "lb4/command/groups.h"

#include <sys/socket.h>
#include <unistd.h>

#include "common/user.h"
#include "lb4/config/settings.h"

#define GROUPS_MAX 256 /* groups of a caller that are considered */

int
groups_find(struct groups *groups, const struct config *config, struct why *why)
{
	const char *const names[LEVEL_COUNT] = {
		[LEVEL_READ] = config->control_read,
		[LEVEL_OPERATE] = config->control_operate,
		[LEVEL_ADMIN] = config->control_admin,
	};

	for (int level = LEVEL_READ; level < LEVEL_COUNT; level++) {
		int error;

		if (names[level][0] == '\0')
			continue;
		error = user_find_group(&groups->gid[level], names[level], why);
		if (error < 0)
			return error;
		groups->has[level] = true;
	}
	return 0;
}

/* The highest level that one of the groups gives. */
static enum level
level_of(const struct groups *groups, const gid_t *gids, size_t count)
{
	for (int level = LEVEL_ADMIN; level > LEVEL_NONE; level--)
		for (size_t i = 0; i < count && groups->has[level]; i++)
			if (gids[i] == groups->gid[level])
				return (enum level)level;
	return LEVEL_NONE;
}

void
groups_recognise(const struct groups *groups, int fd, struct newcomer *who,
    pid_t *pid)
{
	gid_t gids[GROUPS_MAX + 1];
	struct ucred peer;
	socklen_t len = sizeof(peer);
	socklen_t gids_len = GROUPS_MAX * sizeof(gid_t);

	*who = (struct newcomer){ .uid = (uid_t)-1, .level = LEVEL_NONE };
	*pid = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		return;
	*pid = peer.pid;
	who->uid = peer.uid;
	who->own = peer.uid == 0 || peer.uid == geteuid();
	if (who->own) {
		who->level = LEVEL_ADMIN;
		return;
	}
	/* with more groups than that, only the primary group counts */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &gids_len) == -1)
		gids_len = 0;
	gids[gids_len / sizeof(gid_t)] = peer.gid;
	who->level = level_of(groups, gids, gids_len / sizeof(gid_t) + 1);
}
