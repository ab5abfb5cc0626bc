/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What a worker does before it sleeps: the keys spin and busy-poll.
 *
 * A sleeping worker is woken by another CPU, which costs both of them time.  A
 * worker that spins asks for events again and again instead, and sees the next
 * one at once.  It uses its CPU meanwhile, which nobody else should need.
 *
 * With busy-poll, the kernel does not wait for an interrupt of the network
 * device either: epoll_wait(2) polls the receive queue from which the worker's
 * sockets got their last packets (struct epoll_params, Linux 6.9).
 */
#ifndef LB4_ENGINE_SPIN_H
#define LB4_ENGINE_SPIN_H

#include "common/attr.h"

struct config;
struct epoll_event;
struct worker;
struct worker_shared;

/* Takes both from the configuration, for all workers that exist.  Call it again
 * when there are more.  Logs if the kernel cannot poll.  For control. */
void spin_set(struct worker_shared *shared, const struct config *config);

/*
 * Looks for events for as long as `spin` says, but not longer than `*left_us`
 * microseconds (-1: no limit), and reduces that by the time it took.  Returns
 * the number of events written, at most `count`, or -errno.
 */
must_check int spin_wait(const struct worker *worker,
    struct epoll_event *events, int count, int *left_us);

#endif
