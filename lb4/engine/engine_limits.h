/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The limits of the engine: how many workers, conns and pipes a configuration
 * gets on this machine.  Used by engine.c and worker.c, and by code that shows
 * the limits or checks them before lb4 starts.
 */
#ifndef LB4_ENGINE_ENGINE_LIMITS_H
#define LB4_ENGINE_ENGINE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct config;

/* How many workers `config` asks for on this machine. */
unsigned engine_workers(const struct config *config);

/* The most workers that a process which starts with `config` has room for: the
 * size of its tables. */
unsigned engine_workers_room(const struct config *config);

/* The limits that follow from the configuration and from the descriptor limit,
 * which engine_limits() raises as far as it goes. */
struct engine_limits {
	uint64_t nofile;     /* descriptors this process may have */
	uint64_t maxconn;    /* conns at once, all services */
	uint64_t maxpipes;   /* pipes at once, all workers */
	uint64_t mirrors;    /* at once, all services: mirror.h */
	bool short_of_files; /* the configured maxconn needs more than that */
};
void engine_limits(const struct config *config, struct engine_limits *limits);

/* How many descriptors a conn has: its two sockets, and that of its mirror if
 * there may be one. */
unsigned engine_files_of_conn(const struct config *config);

/*
 * The descriptors that `config` needs besides conns and pipes: those of each
 * worker (epoll, mailbox and a pipe), the listeners, and one for each backend
 * that is checked.  With `all_checked`, one for every backend, since a reload
 * may turn checks on.
 */
uint64_t engine_files(const struct config *config, bool all_checked);

/* engine_limits() for a descriptor limit of `nofile`, whatever the real one. */
void engine_limits_within(const struct config *config, uint64_t nofile,
    struct engine_limits *limits);

/* Slots for as many conns as any later configuration may have.  Memory that is
 * never touched costs nothing. */
uint64_t engine_conns_room(const struct engine_limits *limits);

/* How many pipes each worker may have, and how many of them may be big. */
void engine_pipes(const struct config *config, uint64_t maxpipes,
    uint32_t *pipes, uint64_t *big);

#endif
