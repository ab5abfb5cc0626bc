/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The engine: all workers together, as control sees them.  Every function here
 * is for the control thread.
 *
 *	engine_new()	  nothing runs yet
 *	engine_listen()	  opens every listener, for every worker: before root
 *			  is dropped
 *	engine_start()	  the threads run
 *	engine_drain()	  no new conns; existing ones go on
 *	engine_cut()	  ends the remaining conns in good order
 *	engine_kill()	  ends them at once
 *	engine_stop()	  ends the threads and waits for them
 *	engine_free()
 */
#ifndef LB4_ENGINE_ENGINE_H
#define LB4_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/pulse.h"
#include "lb4/config/settings.h"
#include "lb4/engine/listen_socket.h"
#include "lb4/model/histogram.h"
#include "lb4/table/table.h"

struct closing;
struct engine;
struct engine_limits;
struct engine_peers;
struct inherited;
struct leveling;
struct sweep;
struct why;

/* `tables` must outlive the engine; there are at most tables->workers workers.
 * Returns NULL with errno set on failure. */
struct engine *engine_new(struct tables *tables, const struct config *config,
    const struct engine_limits *limits, const struct engine_peers *peers);

/* engine_listen() then takes inherited sockets for the `listen` lines that they
 * match instead of opening new ones.  `inherited` must outlive the engine. */
void engine_inherit(struct engine *engine, struct inherited *inherited);

/* engine_listen() then takes over the sockets of this list, from another
 * process, and empties it.  It changes nothing that the other process shares,
 * and lets no client come to new sockets: engine_begin() does, once the other
 * process has stopped to listen. */
struct places;
void engine_take_over(struct engine *engine, struct places *places);
must_check int engine_begin(struct engine *engine, const struct config *config);

/* Sets the options of the listeners, and the access of their files, to those of
 * the configuration in force: a process that engine_begin() had begun in has
 * set its own. */
void engine_set_options(struct engine *engine, const struct config *config);

/*
 * Opens the listeners of `config`, whose table must be published.  On failure
 * nothing stays open: returns -errno and writes "service web: cannot listen on
 * 0.0.0.0:80: Address already in use" to `why`.
 */
must_check int engine_listen(struct engine *engine, const struct config *config,
    struct why *why);

/* Starts the threads.  0 or -errno. */
must_check int engine_start(struct engine *engine);

/*
 * Changes the configuration while the engine runs, step by step.
 *
 *	engine_prepare()	opens what is new, starts further threads.  On
 *				failure nothing has changed: -errno with `why`
 *	engine_abandon()	undoes that, or:
 *	engine_leave()		listens where that is new, then takes what waits
 *				where nobody is to listen any more and stops
 *				listening there; before the table is published,
 *				since its services may go with it
 *	engine_commit()		after that: the workers take up the rest, those
 *				who are too many give theirs to the others and
 *				end.  Waits for that.
 */
struct engine_change;

struct engine_next {
	const struct config *config; /* lives until the change has gone */
	const struct engine_limits *limits;
	const struct table *table; /* the prepared one that goes with it */
};

must_check int engine_prepare(struct engine *engine,
    const struct engine_next *next, struct engine_change **out,
    struct why *why);
void engine_abandon(struct engine *engine, struct engine_change *change);
void engine_leave(struct engine *engine, struct engine_change *change);
void engine_commit(struct engine *engine, struct engine_change *change);

/* Closes the listeners after accepting what already waits in their queues.
 * Each worker posts CONTROL_DRAINED when its last conn has ended. */
void engine_drain(struct engine *engine);

/* Sends a sweep to its worker.  Returns false if that worker is too busy now:
 * the sweep stays the caller's. */
bool engine_sweep(struct engine *engine, struct sweep *sweep);

/* The same for a closing and a leveling. */
bool engine_close(struct engine *engine, struct closing *closing);
bool engine_level(struct engine *engine, struct leveling *leveling);

/* How many workers run now, and the most conns there may be. */
unsigned engine_running(const struct engine *engine);
uint64_t engine_maxconn(const struct engine *engine);

/* Conns whose sources could not be tracked (common/sources.h), since the
 * start. */
uint64_t engine_untracked(const struct engine *engine);

/* The gate of the process, and whether it is at its maxconn. */
struct gate *engine_gate(struct engine *engine);
bool engine_is_full(struct engine *engine);

/* Whether every worker has drained and no conn is between two workers. */
bool engine_drained(const struct engine *engine);

/* Resets all conns after delivering what they have received, as long as the
 * receivers keep taking it: see conn_cut(). */
void engine_cut(struct engine *engine);

/* Resets all conns at once. */
void engine_kill(struct engine *engine);

void engine_stop(struct engine *engine);
void engine_free(struct engine *engine);

/* Conns open now, summed over the workers; slightly out of date. */
uint64_t engine_conns(const struct engine *engine);

/* For the metrics thread, while control runs: how many workers have been made,
 * with a thread now or without, and the counts of one of them. */
struct engine_counts {
	uint64_t conns; /* open now */
	uint64_t spliced_bytes, copied_bytes;
	uint64_t pipes, pipes_max, pipes_refused;
	uint64_t moved_conns; /* given to other workers */
	uint64_t work;	      /* of this process: weigh.h */
	struct histogram_sums turn;
};
unsigned engine_made(const struct engine *engine);
void engine_count(const struct engine *engine, unsigned worker,
    struct engine_counts *counts);

/* The same counts of earlier processes, which engine_count() includes; their
 * `conns` does not matter.  Before the metrics thread runs. */
struct engine_counts *engine_earlier(struct engine *engine, unsigned worker);

/* The list of where the services listen. */
const struct places *engine_places(const struct engine *engine);

/* Another process has got the sockets: engine_free() removes no files, except
 * those of places that were dropped (engine_drop() in moving.h). */
void engine_keep_files(struct engine *engine);

/* What engine_listen() did not take of the sockets of another process. */
struct places_drop;
const struct places_drop *engine_dropped(const struct engine *engine,
    size_t *count);

/* The next address, or the first one of a range of ports with `ahead` set, on
 * which the service of that name listens, with the port
 * that the kernel chose; `index` starts at 0.  NULL: there are no more. */
const struct addr *engine_listens(const struct engine *engine,
    const char *service, size_t *index);

/* Visits the sockets that lb4 listens on, as places_each_socket(): those in
 * use, or those of a change that is prepared. */
void engine_each_socket(const struct engine *engine,
    const struct engine_change *change, listen_socket_visit_fn *visit,
    void *owner);

/* A worker that spends longer than this in one turn of its loop is stuck. */
#define ENGINE_STUCK_MS 200

/*
 * How long the longest present turn of a worker has lasted, in time that the
 * worker actually ran (common/pulse.h), and in *worker which worker that is; 0
 * when all sleep.  `seen` is the caller's memory of each worker, with
 * TABLE_WORKERS_MAX entries.  Sets *overdue when by the clock some worker's
 * turn is too long.  `now_ms` is timer_now_ms().
 */
uint64_t engine_stuck_ms(const struct engine *engine, uint64_t now_ms,
    struct pulse_sight *seen, unsigned *worker, bool *overdue);

#endif
