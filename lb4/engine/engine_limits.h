/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The limits of the engine: how many workers, conns and pipes a configuration
 * gets on this machine.  Used by engine.c and worker.c, and by whoever shows
 * the limits or checks them before lb4 starts.
 */
#ifndef LB4_ENGINE_ENGINE_LIMITS_H
#define LB4_ENGINE_ENGINE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct config;

/* How many workers `config` means on this machine. */
unsigned engine_workers(const struct config *config);

/* For how many, at most, a process that starts with `config` makes room: what
 * its tables are to be made for. */
unsigned engine_workers_room(const struct config *config);

/* The limits as they come out of the configuration and the descriptor limit
 * (which is raised as far as it goes). */
struct engine_limits {
	uint64_t nofile;     /* descriptors this process may have */
	uint64_t maxconn;    /* conns at once, all services */
	uint64_t maxpipes;   /* pipes at once, all workers */
	bool short_of_files; /* the configured maxconn needs more than that */
};
void engine_limits(const struct config *config, struct engine_limits *limits);

/*
 * The descriptors that `config` takes besides conns and pipes: those of each
 * worker (epoll, mailbox and a pipe), the listeners, and one for the check of
 * each backend that is checked; with `all_checked`, of each backend: a reload
 * may turn checks on.
 */
uint64_t engine_files(const struct config *config, bool all_checked);

/* engine_limits() for a descriptor limit of `nofile`, whatever there is. */
void engine_limits_within(const struct config *config, uint64_t nofile,
    struct engine_limits *limits);

/* How many pipes each worker may have, and how many of them big ones. */
void engine_pipes(const struct config *config, uint64_t maxpipes,
    uint32_t *pipes, uint64_t *big);

#endif
