/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The workers together, as control sees them: see engine.h. */
#include "lb4/engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sock.h"
#include "lb4/engine/inherited.h"
#include "lb4/engine/listener.h"
#include "lb4/engine/sweep.h"
#include "lb4/engine/worker.h"

/* Descriptors for everything that is neither a conn's nor a pipe's: logs,
 * epolls, mailboxes, checks. */
#define FILES_SPARE 128
#define FILES_PER_WORKER 4

/* Without a word in the configuration: pipes are for what is under way, not
 * for what is open; one for every 32 descriptors, but not over this. */
#define PIPES_AUTO 512
#define PIPES_PER_FILES 32

#define MAXCONN_LEAST 16

struct engine {
	struct worker_shared shared;
	struct worker *workers;
	unsigned started;
	cpu_set_t cpus;
	bool pinned;
	char (*unix_paths)[sizeof(((struct sockaddr_un *)0)->sun_path)];
	size_t unix_count;
	struct inherited *inherited; /* not owned; NULL: none */
};

unsigned
engine_workers(const struct config *config)
{
	cpu_set_t set;
	int cpus;

	if (config->workers != 0)
		return config->workers;
	if (sched_getaffinity(0, sizeof(set), &set) == -1)
		return 1;
	cpus = CPU_COUNT(&set);
	return cpus > TABLE_WORKERS_MAX ? TABLE_WORKERS_MAX : (unsigned)cpus;
}

/* The descriptor limit, raised as far as it goes. */
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

void
engine_limits_within(const struct config *config, uint64_t nofile,
    struct engine_limits *limits)
{
	const uint64_t workers = engine_workers(config);
	uint64_t reserve = FILES_SPARE + workers * FILES_PER_WORKER;
	uint64_t conns;

	for (size_t i = 0; i < config->services; i++)
		reserve += config->service[i].listens * workers +
		    config->service[i].backends;
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
	conns = limits->nofile > reserve ? (limits->nofile - reserve) / 2 : 0;
	limits->maxconn = config->maxconn != 0 ? config->maxconn
	    : conns > MAXCONN_LEAST	       ? conns
					       : MAXCONN_LEAST;
	limits->short_of_files = limits->maxconn > conns;
}

void
engine_limits(const struct config *config, struct engine_limits *limits)
{
	engine_limits_within(config, raise_nofile(), limits);
}

/* Which CPU is the n-th (counted round) of those we may use. */
static int
nth_cpu(const cpu_set_t *set, unsigned n)
{
	unsigned total = (unsigned)CPU_COUNT(set), seen = 0;

	for (int cpu = 0; total > 0 && cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, set) && seen++ == n % total)
			return cpu;
	return -1;
}

static void
read_port_range(struct worker_shared *shared)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned low, high;

	shared->port_low = 1024; /* unknown: look at every port */
	shared->port_high = 65535;
	if (file == NULL)
		return;
	if (fscanf(file, "%u %u", &low, &high) == 2 && high <= 65535) {
		shared->port_low = (uint16_t)low;
		shared->port_high = (uint16_t)high;
	}
	(void)fclose(file);
}

struct engine *
engine_new(struct tables *tables, const struct config *config,
    const struct engine_limits *limits, const struct engine_peers *peers)
{
	struct engine *engine = aligned_alloc(64, sizeof(*engine));
	unsigned i;
	int error = -ENOMEM;

	if (engine == NULL)
		return NULL;
	memset(engine, 0, sizeof(*engine));
	engine->shared.tables = tables;
	engine->shared.peers = *peers;
	engine->shared.count = tables->workers;
	engine->shared.maxconn = limits->maxconn;
	read_port_range(&engine->shared);
	engine->pinned = config->cpu_affinity &&
	    sched_getaffinity(0, sizeof(engine->cpus), &engine->cpus) == 0;
	engine->workers = aligned_alloc(64,
	    tables->workers * sizeof(*engine->workers));
	engine->shared.workers = engine->workers;
	for (i = 0; engine->workers != NULL && i < tables->workers; i++) {
		if ((error = worker_init(&engine->workers[i], &engine->shared,
			 i, config, limits)) != 0)
			break;
		if (engine->pinned)
			engine->workers[i].cpu = nth_cpu(&engine->cpus, i);
	}
	if (engine->workers != NULL && i == tables->workers)
		return engine;
	engine->shared.count = engine->workers == NULL ? 0 : i + 1;
	engine_free(engine);
	errno = -error;
	return NULL;
}

/* ---- listeners ---------------------------------------------------------- */

static struct sock_options
client_options(const struct config_service *service)
{
	return (struct sock_options){
		.nodelay = service->nodelay,
		.keepalive = service->keepalive == KEEPALIVE_CLIENT ||
		    service->keepalive == KEEPALIVE_BOTH,
		.oobinline = true,
		.freebind = service->freebind,
		.user_timeout_ms = service->user_timeout_ms,
	};
}

static int
remember_path(struct engine *engine, const struct addr *addr)
{
	void *more = realloc(engine->unix_paths,
	    (engine->unix_count + 1) * sizeof(*engine->unix_paths));

	if (more == NULL)
		return -ENOMEM;
	engine->unix_paths = more;
	memcpy(engine->unix_paths[engine->unix_count++], addr->un.sun_path,
	    sizeof(*engine->unix_paths));
	return 0;
}

/* One socket for all: each worker gets a descriptor of it. */
static int
share(struct engine *engine, int fd, uint16_t port, struct service_state *state)
{
	int error = 0, copy;

	for (unsigned i = 0; error == 0 && i < engine->shared.count; i++) {
		if ((copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
			return -errno;
		error = listener_add(&engine->workers[i], copy, true, port,
		    state);
		if (error != 0)
			(void)close(copy);
	}
	return error;
}

static int
listen_unix(struct engine *engine, const struct config_service *service,
    struct addr *addr, struct service_state *state)
{
	struct sock_options options = client_options(service);
	int fd = sock_listen(addr, false, (int)service->backlog, &options);
	int error = 0;

	if (fd < 0)
		return fd;
	if (addr->un.sun_path[0] != '\0')
		error = remember_path(engine, addr);
	if (error == 0)
		error = share(engine, fd, 0, state);
	(void)close(fd);
	return error;
}

/* A TCP address: one socket for each worker, in one SO_REUSEPORT group, after
 * a look whether anybody else is there. */
static int
listen_tcp(struct engine *engine, const struct config_service *service,
    struct addr *addr, struct service_state *state)
{
	struct sock_options options = client_options(service);
	int fd, error = sock_probe_free(addr, &options);

	for (unsigned i = 0; error == 0 && i < engine->shared.count; i++) {
		fd = sock_listen(addr, true, (int)service->backlog, &options);
		if (fd < 0)
			return fd;
		error = listener_add(&engine->workers[i], fd, false,
		    addr_port(addr), state);
		if (error != 0)
			(void)close(fd);
	}
	return error;
}

/* Takes the sockets that were handed down for that address or name.  Returns
 * how many they are, or -errno. */
static int
listen_inherited(struct engine *engine, const struct config_service *service,
    const struct addr *addr, struct service_state *state)
{
	const struct sock_options options = client_options(service);
	struct inherited_socket *socket;
	size_t i = 0;
	int error, count = 0;
	char text[ADDR_TEXT_MAX], name[ADDR_TEXT_MAX];

	while (engine->inherited != NULL &&
	    (socket = inherited_find(engine->inherited, addr, &i)) != NULL) {
		error = sock_adopt(socket->fd, (int)service->backlog, &options);
		if (error == 0)
			error = share(engine, socket->fd,
			    addr_port(&socket->addr), state);
		if (error != 0)
			return error;
		(void)close(socket->fd);
		socket->fd = -1;
		count++;
		log_info("service %s: listening on %s, inherited as %s",
		    service->name,
		    addr_format(&socket->addr, text, sizeof(text)),
		    addr_format(&socket->named, name, sizeof(name)));
	}
	return count == 0 && addr_is_inherited(addr) ? -ENOENT : count;
}

static int
listen_one(struct engine *engine, const struct config_service *service,
    struct addr *addr, struct service_state *state)
{
	int error = listen_inherited(engine, service, addr, state);
	char text[ADDR_TEXT_MAX];

	if (error != 0)
		return error < 0 ? error : 0;
	error = addr_is_unix(addr) ? listen_unix(engine, service, addr, state)
				   : listen_tcp(engine, service, addr, state);
	if (error == 0)
		log_info("service %s: listening on %s", service->name,
		    addr_format(addr, text, sizeof(text)));
	return error;
}

void
engine_inherit(struct engine *engine, struct inherited *inherited)
{
	engine->inherited = inherited;
}

static void
close_listeners(struct engine *engine)
{
	for (unsigned i = 0; i < engine->shared.count; i++)
		listeners_close(&engine->workers[i]);
}

int
engine_listen(struct engine *engine, const struct config *config, char *why,
    size_t size)
{
	for (size_t s = 0; s < config->services; s++) {
		const struct config_service *service = &config->service[s];
		struct service_state *state =
		    tables_state(engine->shared.tables, service->name);

		for (size_t l = 0; l < service->listens; l++) {
			struct addr addr = service->listen[l];
			char text[ADDR_TEXT_MAX];
			int error = state == NULL
			    ? -ENOENT
			    : listen_one(engine, service, &addr, state);

			if (error == 0)
				continue;
			(void)snprintf(why, size,
			    "service %s: cannot listen on %s: %s",
			    service->name,
			    addr_format(&addr, text, sizeof(text)),
			    addr_is_inherited(&addr) && error == -ENOENT
				? "no such socket was handed down"
				: strerror(-error));
			close_listeners(engine);
			return error;
		}
	}
	return 0;
}

/* ---- running ------------------------------------------------------------ */

static void
post_all(struct engine *engine, enum worker_message_kind kind)
{
	const struct worker_message message = { .kind = kind };

	for (unsigned i = 0; i < engine->started; i++)
		worker_post(&engine->workers[i], &message);
}

int
engine_start(struct engine *engine)
{
	for (unsigned i = 0; i < engine->shared.count; i++) {
		int error = pthread_create(&engine->workers[i].thread, NULL,
		    worker_main, &engine->workers[i]);

		if (error != 0)
			return -error; /* engine_stop() ends those there are */
		engine->started++;
	}
	return 0;
}

/* Once: from then on the names may be another process's. */
static void
unlink_sockets(struct engine *engine)
{
	while (engine->unix_count > 0)
		(void)unlink(engine->unix_paths[--engine->unix_count]);
}

void
engine_drain(struct engine *engine)
{
	unlink_sockets(engine);
	post_all(engine, WORKER_DRAIN);
}

bool
engine_sweep(struct engine *engine, struct sweep *sweep)
{
	const struct worker_message message = {
		.kind = WORKER_SWEEP,
		.sweep = sweep,
	};

	return worker_try_post(&engine->workers[sweep->worker], &message);
}

void
engine_kill(struct engine *engine)
{
	post_all(engine, WORKER_KILL);
}

void
engine_stop(struct engine *engine)
{
	post_all(engine, WORKER_STOP);
	for (unsigned i = 0; i < engine->started; i++)
		(void)pthread_join(engine->workers[i].thread, NULL);
	for (unsigned i = 0; i < engine->started; i++)
		worker_end(&engine->workers[i]);
	engine->started = 0;
}

void
engine_free(struct engine *engine)
{
	if (engine == NULL)
		return;
	if (engine->workers != NULL)
		for (unsigned i = 0; i < engine->shared.count; i++)
			worker_done(&engine->workers[i]);
	unlink_sockets(engine);
	free(engine->unix_paths);
	free(engine->workers);
	free(engine);
}

uint64_t
engine_conns(const struct engine *engine)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < engine->shared.count; i++)
		sum += atomic_load_explicit(&engine->workers[i].open,
		    memory_order_relaxed);
	return sum;
}

uint64_t
engine_stuck_ms(const struct engine *engine, uint64_t now_ms, unsigned *worker)
{
	uint64_t longest_ms = 0;

	*worker = 0;
	for (unsigned i = 0; i < engine->shared.count; i++) {
		uint64_t turn_ms =
		    atomic_load_explicit(&engine->workers[i].turn_ms,
			memory_order_relaxed);

		/* it may have begun since the caller looked at the clock */
		if (turn_ms == 0 || turn_ms >= now_ms ||
		    now_ms - turn_ms <= longest_ms)
			continue;
		longest_ms = now_ms - turn_ms;
		*worker = i;
	}
	return longest_ms;
}
