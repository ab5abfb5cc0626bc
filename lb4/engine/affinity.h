/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Which CPU each worker is pinned to, and which conns come to it: the keys
 * cpu-affinity and incoming-cpu.  Control thread only.
 *
 * With incoming-cpu, each socket of a SO_REUSEPORT group has the CPU of its
 * worker as SO_INCOMING_CPU.  Linux 6.2 and later give a new conn to a socket
 * whose CPU is the one that handles its first packet, and spread it by its hash
 * where there is none (reuseport_select_sock_by_hash in sock_reuseport.c).
 * Older kernels ignore the option in a group.
 */
#ifndef LB4_ENGINE_AFFINITY_H
#define LB4_ENGINE_AFFINITY_H

#include <sched.h>
#include <stdbool.h>

struct places;
struct worker;

struct affinity {
	bool pinned;
	cpu_set_t cpus;
};

/* Looks up the CPUs that lb4 may use, if the workers are to be pinned. */
void affinity_init(struct affinity *affinity, bool wanted);

/* The same again; they may have changed. */
void affinity_look(struct affinity *affinity);

/* The CPU of worker `w`, or -1: any.  Workers share CPUs if there are fewer. */
int affinity_cpu(const struct affinity *affinity, unsigned w);

/* Pins the threads of `count` workers again; the kernel may have moved them. */
void affinity_pin(const struct affinity *affinity, struct worker *workers,
    unsigned count);

/* Sets the CPU of each socket of the list, or with `steers` false, any CPU.
 * Sockets that all workers share have none.  Failures are logged. */
void affinity_steer(const struct affinity *affinity,
    const struct places *places, bool steers);

#endif
