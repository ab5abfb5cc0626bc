/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kinds of records (record.h) of a handover, in the order in which they are
 * sent.  The process that gives everything away is the old one, whatever its
 * version.
 *
 *	old			    new
 *	hello, files, places,
 *	sockets, services,
 *	backends, "prepare"    -->
 *			       <--  drops, "ready"
 *	reserves, "go"	       -->  accepts clients from now on
 *	conns		       -->
 *			       <--  "taken", one for each conn
 *	counts, "end"	       -->
 *			       <--  "done"; the old one leaves
 *
 * Until "go" the old process serves as ever, and goes on when the new one
 * fails.
 * After that each conn belongs to the new process from the moment in which it
 * says "taken".  Services and backends are known by their ids in the old
 * process.
 */
#ifndef LB4_HANDOVER_RECORDS_H
#define LB4_HANDOVER_RECORDS_H

#include <limits.h>
#include <stdint.h>

#include "common/addr.h"
#include "lb4/config/settings.h"
#include "lb4/handover/record.h"
#include "lb4/model/backend.h"
#include "lb4/model/histogram.h"
#include "lb4/model/remark.h"
#include "lb4/model/rule_count.h"
#include "lb4/model/service.h"

/* An order of the closer: lb4/control/order.h. */
struct handover_order {
	uint32_t kind;		       /* enum order_kind */
	char service[CONFIG_NAME_MAX]; /* "": all of them */
	uint32_t backend;	       /* id; 0: all of them */
	uint64_t rate;
	uint64_t deadline_ms, next_ms;
	uint64_t closed, cut; /* conns; those of them that were busy */
	uint8_t busy;	      /* it closes busy conns, too */
	uint64_t found_ms;
	uint64_t threshold; /* of a rebalance, in thousandths */
	uint64_t conns, most, settled_ms;
};

/* What `lb4ctl events` shows, the oldest first: lb4/command/history.h. */
struct handover_event {
	uint64_t realtime_ms; /* since 1970 */
	char kind[16];
	char service[CONFIG_NAME_MAX], backend[CONFIG_NAME_MAX];
	char text[512];
};

/* A backend that was made from an SRV record: lb4/config/expand.h. */
struct handover_srv {
	char service[CONFIG_NAME_MAX];
	char name[CONFIG_NAME_MAX];
	char addr[ADDR_TEXT_MAX];
	uint32_t weight; /* of the record, as the backend has it */
	uint8_t backup;
};

/* A line of the configuration that asks for the name of a host, or of SRV
 * records: lb4/config/expand.h. */
struct handover_name {
	char service[CONFIG_NAME_MAX];
	char line[CONFIG_NAME_MAX]; /* what it is called */
	char host[CONFIG_DNS_MAX];
};

/* The process as a whole. */
struct handover_hello {
	char version[64];
	uint64_t conns;	   /* about as many will come */
	uint64_t pipes;	   /* ... at most, with bytes of conns */
	uint8_t seed[16];  /* hash-seed */
	uint64_t began_ms; /* the first of these processes started */
	uint8_t node_drained;
	uint64_t node_deadline_ms;
	uint8_t hears_drops; /* it understands "drop" */
	uint8_t tells_names; /* it says all its "name" */
};

/* From the new process, before "ready": a socket that it does not take; indexes
 * of the place and of the socket in it, in the order in which they came. */
struct handover_drop {
	uint32_t place, socket;
};

/* A file or a socket of the process, with its descriptor. */
struct handover_file {
	char what[16];	     /* "pidfile", "control", "metrics" */
	char name[PATH_MAX]; /* as in the configuration */
	uint64_t dev, ino;   /* of a unix socket's file */
};

/* Where a service listens: as struct place. */
struct handover_place {
	char service[CONFIG_NAME_MAX];
	char addr[ADDR_TEXT_MAX];
	char bound[ADDR_TEXT_MAX];
	uint8_t common, inherited;
	uint64_t dev, ino;
};

/* A socket of the place before, with its descriptor. */
struct handover_socket {
	char bound[ADDR_TEXT_MAX];
	uint8_t kept;
};

struct handover_service {
	uint32_t id;
	char name[CONFIG_NAME_MAX];
	uint64_t panic_ms;
};

struct handover_backend {
	uint32_t id;
	char service[CONFIG_NAME_MAX];
	char name[CONFIG_NAME_MAX];
	char addr[ADDR_TEXT_MAX];
	uint8_t listed; /* in the configuration; else only conns have it */
	uint32_t health;
	uint64_t health_since_ms;
	uint32_t admin;
	uint64_t admin_since_ms;
	uint8_t joining;
	uint64_t up_ms, ready_ms;
	uint64_t check_began_ms, checked_ms;
	uint32_t check_us;
	uint32_t admin_cause, passive, agent;
	uint64_t passive_since_ms, agent_since_ms;
	uint64_t ejected_until_ms;
	uint32_t ejections;
	uint64_t held_until_ms;
	char health_text[REMARK_MAX]; /* of `health`; "": as health_text() */
	uint64_t certificate_s;
	uint64_t agent_said;
	char agent_text[REMARK_MAX]; /* of `agent_said`; "": there is none */
	uint32_t told_state;
};

/* Marks a step of the protocol. */
struct handover_step {
	char name[16];
	char version[64]; /* with "ready" */
};

/* What the listeners that have just stopped leave; with "go". */
struct handover_reserve {
	uint64_t last_conn;   /* as worker->last_conn */
	uint64_t last_ticket; /* of listeners */
};

/* Places that are taken by conns which are still to come. */
struct handover_service_reserve {
	uint32_t service;
	uint64_t inside, waiting, tickets;
	uint64_t turns[BACKEND_SETS];
};
struct handover_backend_reserve {
	uint32_t backend;
	uint64_t active;
};

/* A histogram: its buckets and its sum. */
#define HANDOVER_HISTOGRAM (HISTOGRAM_BOUNDS + 2)

struct handover_service_counts {
	uint32_t service;
	uint64_t accepted, closed, failed, retries, discarded_bytes;
	uint64_t stalled, shed, bytes_to_backend, bytes_to_client;
	uint64_t closes[SERVICE_CLOSES_MAX];
	uint64_t connect[HANDOVER_HISTOGRAM], queue[HANDOVER_HISTOGRAM];
	uint64_t first_byte[HANDOVER_HISTOGRAM], session[HANDOVER_HISTOGRAM];
	uint64_t mirror_conns, mirror_bytes;
	uint64_t mirror_dropped[MIRROR_DROPS_MAX];
};

/* Of an access rule. */
struct handover_rule_counts {
	uint32_t service;
	char rule[RULE_TEXT_MAX];
	uint64_t clients;
};

struct handover_backend_counts {
	uint32_t backend;
	uint64_t conns, connect_failures, no_ports;
	uint64_t bytes_to_backend, bytes_to_client;
	uint64_t connect[HANDOVER_HISTOGRAM], queue[HANDOVER_HISTOGRAM];
	uint64_t first_byte[HANDOVER_HISTOGRAM], session[HANDOVER_HISTOGRAM];
	uint64_t rtt[HANDOVER_HISTOGRAM], retransmitted[HANDOVER_HISTOGRAM];
	uint64_t disordered[HANDOVER_HISTOGRAM], delivery[HANDOVER_HISTOGRAM];
	uint64_t results[HEALTH_RESULT_COUNT];
	uint64_t check_took[HANDOVER_HISTOGRAM], check_lag[HANDOVER_HISTOGRAM];
	uint64_t answered, refused, timeouts, early_resets;
	uint64_t agent_answers, agent_failures;
	uint32_t told_state; /* as in struct handover_backend, by now */
};

struct handover_worker_counts {
	uint32_t worker;
	uint64_t spliced_bytes, copied_bytes, pipes_refused;
	uint64_t turn[HANDOVER_HISTOGRAM];
	uint64_t moved_conns;
};

/*
 * Pins (lb4/balance/pins.h).  The pasts come before "prepare", the table in
 * force and the pins before "go".  A past is followed by its backends, slots
 * and active clients.
 */
struct handover_past {
	uint32_t service;
	uint8_t present; /* it is the table in force */
	uint64_t at_ms, until_ms;
	uint64_t time_ms; /* the period of its activity */
	uint32_t zones;
	uint8_t seed[16];
	uint8_t prefix4, prefix6;
	uint64_t checksum;
	uint64_t backends;
	uint64_t slots[BACKEND_SETS];	/* sizes of its Maglev tables */
	uint64_t bits, active_begun_ms; /* of its filters */
};

#define HANDOVER_BACKENDS 256
struct handover_past_backends {
	uint64_t first, count;
	uint64_t id[HANDOVER_BACKENDS], weight[HANDOVER_BACKENDS];
	uint64_t set[HANDOVER_BACKENDS];
	uint64_t health[HANDOVER_BACKENDS];
	uint64_t admin[HANDOVER_BACKENDS]; /* and HANDOVER_JOINING */
};
#define HANDOVER_JOINING 0x100

#define HANDOVER_SLOTS 4096
struct handover_past_slots {
	uint32_t set;
	uint64_t first, count;
	uint8_t slot[2 * HANDOVER_SLOTS]; /* 16 bits each, little-endian */
};

#define HANDOVER_WORDS 1024
struct handover_past_active {
	uint8_t before; /* the filter before the current one */
	uint64_t first, count;
	uint64_t word[HANDOVER_WORDS];
};

#define HANDOVER_PINS 512
struct handover_pins {
	uint32_t service;
	uint64_t places, refused;
	uint64_t count;
	uint64_t tag[HANDOVER_PINS], value[HANDOVER_PINS];
};

extern const struct record_kind handover_hello_kind, handover_file_kind,
    handover_place_kind, handover_socket_kind, handover_service_kind,
    handover_backend_kind, handover_step_kind, handover_reserve_kind,
    handover_service_reserve_kind, handover_backend_reserve_kind,
    handover_conn_kind, /* struct conn_record */
    handover_service_counts_kind, handover_backend_counts_kind,
    handover_worker_counts_kind, handover_rule_counts_kind, handover_past_kind,
    handover_past_backends_kind, handover_past_slots_kind,
    handover_past_active_kind, handover_pins_kind, handover_order_kind,
    handover_event_kind, handover_drop_kind, handover_srv_kind,
    handover_name_kind;

/* All of them, for tests and documentation; NULL ends the list. */
extern const struct record_kind *const handover_kinds[];

#endif
