/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A report: the values of all metrics, summed over the workers.  The metrics
 * thread gathers it.  It reads the table as a worker does (rcu.h) and needs no
 * other thread.
 *
 * It reads the counts of a backend or service one after the other, while
 * workers write them, so one sum may be a few conns ahead of another.  Each
 * counter only grows.
 */
#ifndef LB4_REPORT_REPORT_H
#define LB4_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "lb4/config/settings.h"
#include "lb4/control/figures.h"
#include "lb4/control/node.h"
#include "lb4/engine/access.h"
#include "lb4/engine/engine.h"
#include "lb4/model/backend.h"
#include "lb4/model/histogram.h"
#include "lb4/model/rule_count.h"
#include "lb4/report/process.h"

struct handle;
struct tables;

struct report_process {
	const char *version;
	uint64_t one;	     /* the value of lb4_build_info */
	uint64_t generation; /* of the table */
	uint64_t node;	     /* enum node_state */
	uint64_t conns, maxconn;
	uint64_t workers;
	uint64_t pipes, pipes_max; /* of all workers */
	uint64_t local_ports;
	uint64_t untracked; /* conns: common/sources.h */
	struct process_facts facts;
};

struct report_worker {
	unsigned number;
	struct engine_counts counts;
};

struct report_service {
	char name[CONFIG_NAME_MAX];
	uint64_t up; /* 1 if a backend takes conns */
	uint64_t backends, available;
	uint64_t conns, maxconn, full, panic;
	uint64_t unresolved;   /* lines with names */
	uint64_t file_refused; /* backends-file */
	uint64_t rules_refused;
	uint64_t queued;
	uint64_t accepted, closed, failed, retries, stalled, shed;
	uint64_t bytes_to_backend, bytes_to_client, discarded_bytes;
	uint64_t closes[REASON_COUNT];
	bool mirrors; /* it has a mirror, or had one */
	struct mirror_sums mirror;
	struct figures_times times;
};

/* An access rule of a service. */
struct report_rule {
	char service[CONFIG_NAME_MAX];
	char text[RULE_TEXT_MAX];
	uint64_t prefixes, clients;
};

/* A listener.  Without `known`, the kernel does not tell; without
 * `drops_known`, it does not count drops. */
struct report_listener {
	char service[CONFIG_NAME_MAX];
	char listen[ADDR_TEXT_MAX];
	bool known, drops_known;
	uint64_t waiting, limit, drops;
};

struct report_backend {
	char service[CONFIG_NAME_MAX];
	char name[CONFIG_NAME_MAX];
	uint64_t state;	     /* enum backend_state; then its parts */
	uint64_t admin;	     /* enum admin_state */
	uint64_t agent;	     /* enum agent_state */
	bool has_agent;	     /* the next four are valid */
	double agent_weight; /* 1: the configured one */
	uint64_t agent_answers, agent_failures, agent_failing;
	uint64_t check_down, ejected;
	uint64_t weight, maxconn, conns;
	uint64_t established, failures, no_ports;
	uint64_t refused, timeouts, early_resets;
	uint64_t bytes_to_backend, bytes_to_client;
	bool checks;	     /* it is checked, or tracks one that is */
	bool checked;	     /* ... and a check has ended */
	bool has_ports;	     /* `ports_left` is valid */
	uint64_t ports_left; /* local ports for its conns */
	bool sampled;	     /* there are samples of its TCP connections */
	double check_age_seconds;
	uint64_t certificate_s; /* since 1970; 0: no check has seen one */
	uint64_t results[HEALTH_RESULT_COUNT];
	struct histogram_sums check, check_lag;
	struct histogram_sums rtt, retransmitted, disordered, delivery;
	struct figures_times times;
};

struct report {
	struct report_process process;
	struct report_worker *worker; /* all five arrays are owned */
	size_t workers;
	struct report_service *service;
	size_t services;
	struct report_rule *rule; /* service by service */
	size_t rules;
	struct report_listener *listener;
	size_t listeners;
	struct report_backend *backend; /* service by service */
	size_t backends;
};

/* Gathers a report; NULL without memory. */
struct report *report_new(const struct handle *handle);
void report_free(struct report *report);

/* Whether a backend of the service takes conns.  *known says whether there is a
 * service of that name. */
bool report_service_up(const struct tables *tables, const char *name,
    bool *known);

#endif
