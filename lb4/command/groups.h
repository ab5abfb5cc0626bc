/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Who may do what at the control socket: root and the user that lb4 runs as are
 * admins; the groups of the configuration's control-read, control-operate and
 * control-admin give those levels (SO_PEERCRED, SO_PEERGROUPS: socket(7)).
 */
#ifndef LB4_COMMAND_GROUPS_H
#define LB4_COMMAND_GROUPS_H

#include <stdbool.h>
#include <sys/types.h>

#include "lb4/command/admit.h"
#include "lb4/command/spec.h"

struct config;
struct why;

struct groups {
	bool has[LEVEL_COUNT];
	gid_t gid[LEVEL_COUNT]; /* that gives the level */
};

/* Looks up the groups that `config` names.  0, or -errno with the reason in
 * `why`. */
int groups_find(struct groups *groups, const struct config *config,
    struct why *why);

/* Who is at the other end of a Unix socket; *pid is 0 when that is unknown. */
void groups_recognise(const struct groups *groups, int fd, struct newcomer *who,
    pid_t *pid);

#endif
