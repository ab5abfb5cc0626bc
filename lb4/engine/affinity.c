/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Workers and CPUs: see affinity.h. */
#include "lb4/engine/affinity.h"

#include <pthread.h>
#include <string.h>

#include "common/log.h"
#include "common/sock.h"
#include "lb4/engine/places.h"
#include "lb4/engine/types.h"

void
affinity_init(struct affinity *affinity, bool wanted)
{
	affinity->pinned = wanted &&
	    sched_getaffinity(0, sizeof(affinity->cpus), &affinity->cpus) == 0;
}

void
affinity_look(struct affinity *affinity)
{
	cpu_set_t cpus;

	if (affinity->pinned && sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		affinity->cpus = cpus;
}

int
affinity_cpu(const struct affinity *affinity, unsigned w)
{
	const cpu_set_t *set = &affinity->cpus;
	const unsigned total = (unsigned)CPU_COUNT(set);
	unsigned seen = 0;

	if (!affinity->pinned)
		return -1;
	for (int cpu = 0; total > 0 && cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, set) && seen++ == w % total)
			return cpu;
	return -1;
}

void
affinity_pin(const struct affinity *affinity, struct worker *workers,
    unsigned count)
{
	for (unsigned w = 0; affinity->pinned && w < count; w++) {
		int cpu = affinity_cpu(affinity, w);
		cpu_set_t set;

		if (cpu < 0)
			continue;
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		(void)pthread_setaffinity_np(workers[w].thread, sizeof(set),
		    &set);
	}
}

void
affinity_steer(const struct affinity *affinity, const struct places *places,
    bool steers)
{
	int failed = 0;

	for (size_t i = 0; i < places->count; i++) {
		const struct place *place = &places->place[i];
		const bool own = steers && !place->common;

		if (addr_is_unix(&place->bound))
			continue;
		for (unsigned k = 0; k < place->sockets; k++) {
			int cpu = own
			    ? affinity_cpu(affinity, k % places->workers)
			    : -1;
			int error =
			    sock_set_incoming_cpu(place->socket[k].socket->fd,
				cpu);

			failed = error < 0 ? error : failed;
		}
	}
	if (failed < 0 && steers)
		log_warning("incoming-cpu: cannot set SO_INCOMING_CPU: %s",
		    strerror(-failed));
}
