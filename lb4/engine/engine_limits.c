/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The limits of the engine: see engine_limits.h. */
#include "lb4/engine/engine_limits.h"

#include <sys/resource.h>
#include <unistd.h>

#include "common/cpus.h"
#include "lb4/config/settings.h"
#include "lb4/engine/pipes.h"
#include "lb4/table/table.h"

/* Descriptors for everything that belongs to no conn and is no pipe: logs,
 * epoll instances, mailboxes, checks. */
#define FILES_SPARE 128
#define FILES_PER_WORKER 4
/* lb4/http: its visitors, and what it opens itself. */
#define FILES_METRICS 80

/* The default for maxpipes: pipes are for bytes in flight, not for open conns.
 * One for every 32 descriptors, but at most PIPES_AUTO. */
#define PIPES_AUTO 512
#define PIPES_PER_FILES 32

#define MAXCONN_LEAST 16
#define MAXCONN_MOST 10000000

/* Room for at least this many workers, even if fewer are wanted. */
#define WORKERS_ROOM 8

/* Each worker has up to this many slots even if maxconn is lower: maxconn may
 * be raised. */
#define CONNS_ROOM_MAX (1U << 20)

unsigned
engine_workers(const struct config *config)
{
	unsigned cpus;

	if (config->workers != 0)
		return config->workers;
	cpus = cpus_usable();
	return cpus > TABLE_WORKERS_MAX ? TABLE_WORKERS_MAX : cpus;
}

unsigned
engine_workers_room(const struct config *config)
{
	/* not reduced by a CPU quota, which may be lifted */
	unsigned workers = engine_workers(config);
	unsigned cpus = cpus_allowed();
	unsigned room = 2 * (workers > cpus ? workers : cpus);

	if (room < WORKERS_ROOM)
		room = WORKERS_ROOM;
	return room > TABLE_WORKERS_MAX ? TABLE_WORKERS_MAX : room;
}

/* Raises the descriptor limit as far as it goes and returns it. */
static uint64_t
raise_nofile(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return 1024;
	if (limit.rlim_cur < limit.rlim_max) {
		rlim_t soft = limit.rlim_cur;

		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
			return soft;
	}
	return limit.rlim_cur;
}

/* Backends whose agents are asked, beside their checks. */
static uint64_t
count_agents(const struct config_service *service)
{
	uint64_t agents = 0;

	for (size_t i = 0; i < service->backends; i++) {
		const struct config_backend *backend = &service->backend[i];

		agents += service->settings.agent.port != 0 ||
		    backend->agent_port != 0 || backend->agent_addr.len != 0;
	}
	return agents;
}

uint64_t
engine_files(const struct config *config, bool all_checked)
{
	const uint64_t workers = engine_workers(config);
	uint64_t files = workers * FILES_PER_WORKER;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		files += service->listens * workers + count_agents(service);
		if (all_checked || service->settings.check.kind != CHECK_NONE)
			files += service->backends;
	}
	if (config->metrics.len > 0)
		files += FILES_METRICS;
	return files;
}

unsigned
engine_files_of_conn(const struct config *config)
{
	for (size_t i = 0; i < config->services; i++)
		if (config->service[i].settings.mirror.addr.len > 0)
			return 3;
	return 2;
}

/* Mirrors get the descriptors that maxconn leaves, at most one per conn. */
static uint64_t
count_mirrors(const struct engine_limits *limits, uint64_t reserve)
{
	const uint64_t others = reserve + 2 * limits->maxconn;
	const uint64_t left = limits->nofile > others ? limits->nofile - others
						      : 0;

	return left < limits->maxconn ? left : limits->maxconn;
}

void
engine_limits_within(const struct config *config, uint64_t nofile,
    struct engine_limits *limits)
{
	const uint64_t workers = engine_workers(config);
	uint64_t reserve = FILES_SPARE + engine_files(config, true);
	uint64_t conns, most;

	*limits = (struct engine_limits){ .nofile = nofile };
	limits->maxpipes = config->maxpipes;
	if (limits->maxpipes == 0) {
		limits->maxpipes = limits->nofile / PIPES_PER_FILES;
		if (limits->maxpipes > PIPES_AUTO)
			limits->maxpipes = PIPES_AUTO;
	}
	if (limits->maxpipes < workers)
		limits->maxpipes = workers;

	reserve += 2 * limits->maxpipes;
	most = limits->nofile > reserve ? (limits->nofile - reserve) / 2 : 0;
	conns = most * 2 / engine_files_of_conn(config);
	if (conns > MAXCONN_MOST)
		conns = MAXCONN_MOST;
	limits->maxconn = config->maxconn != 0 ? config->maxconn
	    : conns > MAXCONN_LEAST	       ? conns
					       : MAXCONN_LEAST;
	limits->short_of_files = limits->maxconn > most;
	if (engine_files_of_conn(config) > 2)
		limits->mirrors = count_mirrors(limits, reserve);
}

void
engine_limits(const struct config *config, struct engine_limits *limits)
{
	engine_limits_within(config, raise_nofile(), limits);
}

void
engine_pipes(const struct config *config, uint64_t maxpipes, uint32_t *pipes,
    uint64_t *big)
{
	const unsigned count = engine_workers(config);
	const bool privileged = geteuid() == 0 && config->user[0] == '\0';

	*pipes = (uint32_t)(maxpipes / count);
	*big = pipes_big_budget(*pipes, (uint32_t)config->pipe_size, count,
	    privileged);
}

uint64_t
engine_conns_room(const struct engine_limits *limits)
{
	uint64_t room = limits->nofile / 2;

	if (room > CONNS_ROOM_MAX)
		room = CONNS_ROOM_MAX;
	if (room < 2 * limits->maxconn)
		room = 2 * limits->maxconn;
	return room;
}
