/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The new process's part of a handover, in the order of its start
 * (serve.c):
 *
 *	receive_begin()		all that is known before "prepare"
 *	receive_restore()	services and backends, before the first table
 *	receive_states()	their states, once it is published
 *	receive_places(), receive_file()
 *				sockets, instead of opening them
 *	receive_ready()		says "ready" and waits for "go"
 *	receive_conns()		the workers run: takes the conns
 *	receive_end()		says "done" and waits until the old process has
 *				left
 *
 * A failure at any point ends this process; the old one goes on.
 */
#ifndef LB4_HANDOVER_RECEIVE_H
#define LB4_HANDOVER_RECEIVE_H

#include "common/attr.h"
#include "common/sockfile.h"
#include "lb4/handover/records.h"

struct backend;
struct engine;
struct places;
struct receive;
struct tables;
struct why;

/* Takes `channel`, and receives what the old process says of itself.  Returns
 * 0, or -errno with why. */
must_check int receive_begin(struct receive **out, int channel,
    struct why *why);

/* NULL is allowed. */
void receive_free(struct receive *receive);

const struct handover_hello *receive_hello(const struct receive *receive);

/* The orders of the closer, and the last events, the oldest first. */
size_t receive_orders(const struct receive *receive);
const struct handover_order *receive_order(const struct receive *receive,
    size_t i);
size_t receive_events(const struct receive *receive);
const struct handover_event *receive_event(const struct receive *receive,
    size_t i);

/* The backend here that has that id in the old process; NULL: there is none. */
struct backend *receive_backend_of(const struct receive *receive, uint32_t id);

/* The descriptor of that file, and in *id (unless NULL) which file it is; -1 if
 * the old process had none of that name.  The caller owns it. */
must_check int receive_file(struct receive *receive, const char *what,
    const char *name, struct sockfile_id *id);

/* Gives the host names of the configuration the addresses that they have in the
 * old process.  0 or -ENOMEM. */
struct config;
must_check int receive_names(const struct receive *receive,
    const struct config *config);

/* Makes the services and backends in `tables`.  0 or -ENOMEM. */
must_check int receive_restore(struct receive *receive, struct tables *tables);

/* Gives the backends of the table their states.  Those that the old process did
 * not have join a running service. */
void receive_states(struct receive *receive, struct tables *tables);

/* The list of where the old process listens, without workers; the caller owns
 * what is in it (places_done()).  After receive_restore(). */
void receive_places(struct receive *receive, struct places *places);

/* Says "ready" and waits for "go".  Keeps places for the conns to come, and
 * lets numbers go on where they ended.  Returns 0 or -errno. */
must_check int receive_ready(struct receive *receive, struct engine *engine,
    struct tables *tables, const char *version);

/* Takes the conns and then the counters.  If the old process dies meanwhile,
 * what it has handed over is all there is.  Returns 0 or -errno. */
must_check int receive_conns(struct receive *receive, struct engine *engine,
    struct tables *tables);

/* Says "done", and waits a short time until the old process has left. */
must_check int receive_end(struct receive *receive);

#endif
