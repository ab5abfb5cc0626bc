/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What lb4 and its guard say to each other on their SOCK_SEQPACKET socket, and
 * how a guard announces descriptors to a new process.  A parent may be an older
 * or a newer version than the lb4 that talks to it: kinds are only ever added,
 * and the layout stays.
 */
#ifndef LB4_PROCESS_GUARD_MESSAGE_H
#define LB4_PROCESS_GUARD_MESSAGE_H

#include <stdint.h>

/* PATH_MAX. */
#define GUARD_TEXT_MAX 4096

enum guard_kind {
	GUARD_STARTED, /* the guard, once: it has become the user */
	GUARD_SPAWN,   /* text: the path; descriptors: channel, messages */
	GUARD_KILL,
	GUARD_RELEASE,
	GUARD_PROGRAMS, /* descriptor: channel, of programs_process() */
};

/* A request, or the answer to it, which has its kind and its number. */
struct guard_message {
	uint32_t kind;
	uint32_t number;
	int32_t value; /* of an answer: a process ID, 0, or -errno */
	char text[GUARD_TEXT_MAX];
};

/* The descriptors of GUARD_SPAWN. */
enum { GUARD_CHANNEL, GUARD_MESSAGES, GUARD_FDS };

/* In the environment of a new process: its process ID, and descriptors as
 * "CHANNEL:ERROR:GUARD": its end of the channel, the real standard error, and
 * in parent mode the socket of the guard, else -1. */
#define GUARD_ENV_PID "LB4_HANDOVER_PID"
#define GUARD_ENV_FDS "LB4_HANDOVER_FDS"

#endif
