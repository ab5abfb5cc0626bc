/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Answers questions about a configuration that is not running: which backend a
 * client gets and why (explain.c), what a change would move (simulate.c), and
 * the checksums of the tables.  It builds tables and makes picks with the same
 * code as the running program.
 */
#ifndef LB4_WHATIF_OFFLINE_H
#define LB4_WHATIF_OFFLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/addr.h"
#include "common/attr.h"
#include "lb4/balance/pick.h"
#include "lb4/balance/trace.h"
#include "lb4/config/settings.h"
#include "lb4/engine/throttle.h"
#include "lb4/table/table.h"

/* The tables of a configuration; no thread reads them. */
struct offline {
	const struct config *config; /* the caller's */
	struct tables tables;
};

/*
 * Builds the tables; all backends are up, without conns.  Without a hash-seed
 * in the file `seed` is used.  0, or -errno with nothing to undo.
 */
must_check int offline_init(struct offline *offline,
    const struct config *config, const struct hash_key *seed);
void offline_done(struct offline *offline);

/* The service of that name, or NULL. */
const struct service *offline_service(const struct offline *offline,
    const char *name);

/* For a message about an unknown service or SERVICE/BACKEND: the name that was
 * probably meant, as ": did you mean web?", or "".  Returns `buf`. */
#define OFFLINE_MEANT_MAX (2 * CONFIG_NAME_MAX + 32)
const char *offline_meant(const struct config *config, const char *name,
    char *buf, size_t size);

/* Whether the access rules of the service refuse that client. */
bool offline_refuses(const struct service *service,
    const struct endpoint *client);

/* Marks SERVICE/BACKEND as down; -ENOENT when it does not exist. */
int offline_set_down(struct offline *offline, const char *name);

/*
 * Reads "192.0.2.7", "192.0.2.7:80", "2001:db8::7" or "[2001:db8::7]:80"; port
 * 0 when left out.  0, or -EINVAL with `why` set to a constant sentence.
 */
must_check int offline_client_parse(struct endpoint *out, const char *text,
    const char **why);

/* Writes "; checksum of SERVICE: 64 bits in hex" for each service, or why the
 * service has none.  0 or -errno. */
must_check int offline_checksums(const struct config *config, FILE *out);

/* Reads the port of the service of that name to which a client comes; NULL: it
 * is not told, and *port is 0.  Returns NULL, or a constant sentence that says
 * what is wrong. */
const char *offline_read_port(const struct config *config, const char *service,
    const char *text, uint16_t *port);

/* The route of a client that asks for the name `sni` and offers the protocol
 * `alpn` (NULL: none).  Returns NULL if it stays with the service. */
const struct service_route *offline_find_route(const struct service *service,
    const char *sni, const char *alpn);

/* The arguments of --explain. */
struct offline_explain {
	const char *service;
	const char *sni;	 /* NULL: the client asks for no name */
	const char *alpn;	 /* NULL: it offers no protocol */
	const char *port;	 /* that it comes to; NULL: it is not told */
	const char *client;	 /* "-": one a line from `in` */
	const char *const *down; /* SERVICE/BACKEND; `downs` of them */
	size_t downs;
	const char *const *down_after; /* ... that go down; `downs_after` */
	size_t downs_after;
	FILE *in;
};

/*
 * Describes how a client gets its backend or, for many clients, writes a line
 * "CLIENT BACKEND" each ("-": none).  If backends go down, also how it gets
 * another one after that, or "CLIENT BEFORE AFTER".  Returns 0, or -errno after
 * writing to `err` what is wrong.
 */
must_check int offline_explain(const struct config *config,
    const struct offline_explain *question, FILE *out, FILE *err);

struct access_prefix;

/* The pick of one client, and how it was made. */
struct offline_pick {
	const char *client; /* the caller's text */
	/* What led here, the service that it belongs to, and the rule of that
	 * service, which judges the client first; NULL: none.  Set by
	 * offline_lead(). */
	const struct service_route *route;
	const struct service *front;
	const struct access_prefix *front_prefix;
	uint16_t port; /* that the client comes to; 0: not told.  Set by the
			* caller. */
	struct pick pick;
	struct pick_trace trace;
	const struct access_prefix *prefix; /* of the service: it decides about
					     * the client; NULL: none does */
	bool refused; /* ... it refuses the client; there is no pick */
	struct throttle_sight sight; /* where its source stands, if lb4 runs */
	int index;		     /* of the backend; negative: none */
};

/* Makes a pick for the client with that text at that time (CLOCK_MONOTONIC);
 * where backends take turns, it uses up a turn.  Returns NULL, or a constant
 * sentence that says why not. */
const char *offline_pick(const struct service *service, const char *client,
    uint64_t now_ms, struct offline_pick *asked);

/* The client has come by that route of `front`, whose rules may refuse it;
 * NULL: by none.  Call it after offline_pick(). */
void offline_lead(struct offline_pick *asked, const struct service *front,
    const struct service_route *route);

/* The address of the backend that was picked, with the port that the client
 * comes to if it has none.  Returns `buf`. */
const char *offline_address(const struct service *service,
    const struct offline_pick *asked, char *buf, size_t size);

/* Writes it as --explain does; no line is empty. */
void offline_print_pick(const struct service *service,
    const struct offline_pick *asked, FILE *out);

/* Writes "after      web/app1, web/app2 are down", the line between the pick
 * before and the pick after that; at least one is down. */
void offline_print_downs_after(const char *const *down, size_t downs,
    FILE *out);

/* The result for a service that is in both configurations, or in one. */
enum simulated_change {
	SIMULATED_STAYS,
	SIMULATED_ADDED,
	SIMULATED_REMOVED,
};

#define SIMULATED_NOT_THERE (-1.0)

struct simulated_backend {
	const char *name;
	double percent[2]; /* of the conns; SIMULATED_NOT_THERE */
};

/* A route that leads elsewhere. */
struct simulated_route {
	const char *match;
	const char *to[2]; /* a service or "refuse"; NULL: no such route */
};

struct simulated {
	const char *service;
	enum simulated_change change;
	/* SIMULATED_STAYS; before, and after */
	const char *balance[2];
	uint64_t checksum[2];
	bool by_client; /* clients have backends of their own: */
	uint64_t moved; /* so many of */
	uint64_t clients;
	struct simulated_backend *backend; /* sorted by name */
	size_t backends;
	double none_percent[2];	   /* to no backend */
	double refused_percent[2]; /* by access rules */
	struct simulated_route *route;
	size_t routes;
};

/* The arguments of --simulate. */
struct offline_simulate {
	const struct config *before;
	const struct config *after;
	const char *const *down; /* before and after, where there is such one */
	size_t downs;
	const char *const *down_after; /* after alone */
	size_t downs_after;
	const char *clients; /* a file, one a line; NULL: clients are drawn */
	const _Atomic bool *stop; /* set by another thread; NULL: by none */

	/* Called with the result for each service, which is valid during the
	 * call. */
	void (*tell)(void *owner, const struct simulated *told);
	void *owner;
};

/* Calculates, for each service, which clients would move, how the load would be
 * shared, and which routes would lead elsewhere.  Returns as offline_explain();
 * -ECANCELED when it was stopped. */
must_check int offline_simulate(const struct offline_simulate *question,
    FILE *err);

/* Writes the result to a FILE *. */
void offline_print_simulated(void *out, const struct simulated *told);

#endif
