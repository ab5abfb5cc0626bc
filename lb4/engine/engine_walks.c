/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Sends the walks of control and of an upgrade to the workers: see engine.h and
 * moving.h. */
#include <stdbool.h>

#include "lb4/engine/closing.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/leveling.h"
#include "lb4/engine/moving.h"
#include "lb4/engine/sweep.h"
#include "lb4/engine/types.h"
#include "lb4/engine/walk.h"
#include "lb4/engine/worker_post.h"

/* Sends the walk to its worker.  Returns false if the worker is too busy. */
static bool
post_walk(struct engine *engine, struct walk *walk)
{
	const struct worker_message message = {
		.kind = WORKER_WALK,
		.walk = walk,
	};

	if (walk->worker < engine_running(engine))
		return worker_try_post(&engine_shared(engine)
					    ->workers[walk->worker],
		    &message);
	/* there were more workers when the walk began */
	walk->run(NULL, walk);
	return true;
}

bool
engine_sweep(struct engine *engine, struct sweep *sweep)
{
	sweep->walk.run = sweep_run;
	return post_walk(engine, &sweep->walk);
}

bool
engine_close(struct engine *engine, struct closing *closing)
{
	closing->walk.run = closing_run;
	return post_walk(engine, &closing->walk);
}

bool
engine_move(struct engine *engine, struct moving *moving)
{
	moving->walk.run = moving_run;
	return post_walk(engine, &moving->walk);
}

bool
engine_level(struct engine *engine, struct leveling *leveling)
{
	leveling->walk.run = leveling_run;
	return post_walk(engine, &leveling->walk);
}
