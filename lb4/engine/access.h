/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The reasons for which conns end, and the record from which the access log
 * makes a line.  The conn's worker fills the record; the log thread formats it.
 */
#ifndef LB4_ENGINE_ACCESS_H
#define LB4_ENGINE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/prefix.h"
#include "lb4/config/settings.h"

/*
 * Why a conn ended.  Two letters as in HAProxy's log: the first says who or
 * what ended it, the second says when.
 *
 *	first	- both sides finished		C client  S backend
 *		c, s time ran out while waiting for client, backend
 *		R  a resource was lacking here	K  we were told to
 *		O  the client is lb4's own conn
 *		P  lb4 refused the client
 *		D drain  B rebalance  H on-down  M max-lifetime  U upgrade
 *	second	P while its PROXY header was read
 *		H while its ClientHello was read  N for what it asked for
 *		F the service that it was led to is full
 *		Q while queued  C while connecting  D while relaying
 *		I while idle: a normal end
 *		S stalled: it took none of what it was owed
 *		W while it waited for a backend to be available
 *		L one side had finished, the other not yet  - after all
 *		A by an access rule  U it is not in accept-proxy
 *		M over source-maxconn  R source-rate  S, G rate of the
 *		service, of [global]
 */
enum reason {
	REASON_DONE,		  /* -- both sides finished */
	REASON_CLIENT_QUEUED,	  /* CQ client gone while it waited in line */
	REASON_CLIENT_CONNECT,	  /* CC client gone before a backend answered */
	REASON_CLIENT_RESET,	  /* CD client reset */
	REASON_CLIENT_RESET_LAST, /* CL ... after one side had finished */
	REASON_BACKEND_CONNECT,	  /* SC no backend could be reached */
	REASON_BACKEND_RESET,	  /* SD backend reset */
	REASON_BACKEND_RESET_LAST, /* SL ... after one side had finished */
	REASON_QUEUE_TIMEOUT,	   /* sQ timeout-queue, all backends full */
	REASON_CONNECT_TIMEOUT,	   /* sC timeout-connect, at the last backend */
	REASON_CLIENT_IDLE,	   /* cD timeout-idle, client's turn */
	REASON_BACKEND_IDLE,	   /* sD timeout-idle, backend's turn */
	REASON_CLIENT_LINGERS,	   /* cL timeout-half-close, client's turn */
	REASON_BACKEND_LINGERS,	   /* sL timeout-half-close, backend's turn */
	REASON_CLIENT_STALLED,	   /* cS timeout-stall, client takes nothing */
	REASON_BACKEND_STALLED,	   /* sS timeout-stall, backend does not */
	REASON_QUEUE_FULL,	   /* RQ backends and queue are full */
	REASON_RESOURCE_CONNECT,   /* RC no descriptor, port or memory */
	REASON_RESOURCE_DATA,	   /* RD ... while relaying */
	REASON_SHED,		   /* RS stalled conns hold too much memory */
	REASON_OWN,		   /* OC lb4 itself is the client */
	REASON_KILLED_QUEUED,	   /* KQ shut down while queued */
	REASON_KILLED_CONNECT,	   /* KC shut down while connecting */
	REASON_KILLED,		   /* KD shut down while relaying */
	REASON_STOPPED,		   /* KI shut down, idle */
	REASON_DRAINED,		   /* DI drain, idle */
	REASON_DRAINED_CUT,	   /* DD drain, busy at its deadline */
	REASON_REBALANCED,	   /* BI rebalance, idle */
	REASON_DOWN,		   /* HI on-down, idle */
	REASON_DOWN_CUT,	   /* HD on-down, busy */
	REASON_LIFETIME,	   /* MI max-lifetime, idle */
	REASON_LIFETIME_CUT,	   /* MD max-lifetime, never idle */
	REASON_WAIT_TIMEOUT,	   /* sW wait-for-backend, none available */
	REASON_ACCESS,		   /* PA an access rule refuses the client */
	REASON_CLIENT_PREREAD,	   /* CP client gone before its PROXY header */
	REASON_PROXY_TIMEOUT,	   /* cP timeout-proxy */
	REASON_PROXY_PEER,	   /* PU a peer outside accept-proxy */
	REASON_PROXY_HEADER,	   /* PP no PROXY header, or a wrong one */
	REASON_UPGRADE,		   /* UD its new process has died */
	REASON_SOURCE_MAXCONN,	   /* PM over source-maxconn */
	REASON_SOURCE_RATE,	   /* PR over source-rate */
	REASON_RATE,		   /* PS over the service's rate */
	REASON_RATE_ALL,	   /* PG over the rate of [global] */
	REASON_DOWN_STUCK,	   /* HS on-down, its backend is dead */
	REASON_CLIENT_HELLO,	   /* CH client gone before its ClientHello */
	REASON_HELLO_TIMEOUT,	   /* cH timeout-hello */
	REASON_HELLO,		   /* PH no ClientHello, or a wrong one */
	REASON_ROUTE,		   /* PN refused by a route */
	REASON_ROUTE_FULL, /* PF maxconn of the service a route leads to */
	REASON_COUNT,
};

/* Whether a conn with this reason ends with a FIN to both sides: nothing is
 * missing. */
bool reason_is_normal(enum reason reason);

/* "--", "CC", ... and a sentence; for any value of the enum. */
const char *reason_code(enum reason reason);
const char *reason_text(enum reason reason);

/* When a line is written. */
enum access_event {
	ACCESS_END,
	ACCESS_START,  /* a backend has answered */
	ACCESS_UPDATE, /* access-log-every: the conn goes on */
	ACCESS_EVENT_COUNT,
};

/* "end", "start", "update"; for any value of the enum. */
const char *access_event_name(enum access_event event);

/* "deny:2001:db8::/32" */
#define ACCESS_RULE_MAX (PREFIX_TEXT_MAX + sizeof("deny:"))

struct access_record {
	int64_t realtime_ms; /* since 1970 */
	uint64_t conn;	     /* id, unique in the process */
	char service[CONFIG_NAME_MAX];
	char backend[CONFIG_NAME_MAX]; /* the last one tried; "": none */
	struct endpoint client;
	char rule[ACCESS_RULE_MAX]; /* that refused the client; "": none */
	uint32_t worker;
	enum access_event event;
	bool one_of_several; /* the log has lines of other events, too */
	enum reason reason;  /* ACCESS_END only */
	int error;	     /* errno behind the reason; 0: none */
	uint32_t retries;
	uint32_t queue_ms;   /* waited for room at a backend, or */
	bool held;	     /* ... for a backend to be available */
	uint32_t connect_ms; /* accepted to connected, or to giving up, without
			      * queue_ms */
	uint64_t total_ms;   /* accepted to the time of the record */
	uint64_t bytes_to_backend; /* taken by its kernel, as far as known */
	uint64_t bytes_to_client;
	uint64_t
	    bytes_discarded; /* received but not delivered, as far as known */
	/* bytes_to_backend and bytes_to_client since the conn's last record */
	uint64_t more_to_backend;
	uint64_t more_to_client;
};

#endif
