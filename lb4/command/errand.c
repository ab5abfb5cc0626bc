/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Threads that work for a command: see errand.h. */
#include "lb4/command/errand.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "lb4/command/caller.h"
#include "lb4/command/callers.h"

void
errand_init(struct errand *errand, const struct caller *caller,
    void (*run)(struct errand *errand), void (*free)(struct errand *errand))
{
	errand->bell = callers_bell(caller->callers);
	errand->run = run;
	errand->free = free;
	atomic_init(&errand->stop, false);
	atomic_init(&errand->done, false);
	atomic_init(&errand->holders, 1);
}

void
errand_let_go(struct errand *errand)
{
	if (atomic_fetch_sub(&errand->holders, 1) > 1)
		return;
	if (errand->bell >= 0)
		(void)close(errand->bell);
	errand->free(errand);
}

static void *
errand_main(void *argument)
{
	struct errand *errand = argument;
	const uint64_t ring = 1;

	errand->run(errand);
	atomic_store_explicit(&errand->done, true, memory_order_release);
	/* if this fails, the job checks once a second anyway */
	(void)!write(errand->bell, &ring, sizeof(ring));
	errand_let_go(errand);
	return NULL;
}

int
errand_start(struct errand *errand)
{
	pthread_t thread;
	int error;

	atomic_store(&errand->holders, 2);
	error = pthread_create(&thread, NULL, errand_main, errand);
	if (error == 0)
		return -pthread_detach(thread);
	atomic_store(&errand->holders, 1);
	return -error;
}

bool
errand_is_done(const struct errand *errand)
{
	return atomic_load_explicit(&errand->done, memory_order_acquire);
}

void
errand_cancel(struct caller *caller)
{
	struct errand *errand = caller->job.errand;

	if (errand == NULL)
		return;
	caller->job.errand = NULL;
	atomic_store(&errand->stop, true);
	errand_let_go(errand);
}
