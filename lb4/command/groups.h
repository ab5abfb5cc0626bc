/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Levels at the control socket: root and the user that lb4 runs as are admins.
 * The groups that control-read, control-operate and control-admin name give
 * these levels (SO_PEERCRED, SO_PEERGROUPS: socket(7)).
 */
#ifndef LB4_COMMAND_GROUPS_H
#define LB4_COMMAND_GROUPS_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/attr.h"
#include "lb4/command/admit.h"
#include "lb4/command/spec.h"

struct config;
struct why;

struct groups {
	bool has[LEVEL_COUNT];
	gid_t gid[LEVEL_COUNT]; /* that gives the level */
};

/* Looks up the groups that `config` names.  Returns 0, or -errno with the
 * reason in `why`. */
must_check int groups_find(struct groups *groups, const struct config *config,
    struct why *why);

/* Identifies the peer of a Unix socket; *pid is 0 when it is unknown. */
void groups_recognise(const struct groups *groups, int fd, struct newcomer *who,
    pid_t *pid);

#endif
