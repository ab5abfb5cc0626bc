/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One published service, and clients that pick from it: for the tests of the
 * policies.
 */
#ifndef TEST_UNIT_POLICY_SIM_H
#define TEST_UNIT_POLICY_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "lb4/balance/pick.h"
#include "lb4/balance/policy.h"
#include "lb4/table/table.h"
#include "table_config.h"

#define SIM_BACKENDS_MAX 1000

struct sim {
	struct config *config; /* owned; its one service may be changed */
	struct tables tables;
	const struct service *service;
	uint32_t picked[SIM_BACKENDS_MAX]; /* by sim_run() */
};

extern const struct hash_key sim_seed;

/* A service "web" with `count` backends, all of weight 1 without `weights`. */
struct sim *sim_new(enum balance balance, size_t count,
    const unsigned *weights);
void sim_free(struct sim *sim);

/* The service's configuration; sim_publish() makes a change of it real. */
struct config_service *sim_config(struct sim *sim);
void sim_publish(struct sim *sim, const struct hash_key *seed);

struct backend *sim_backend(const struct sim *sim, size_t index);
void sim_set_down(struct sim *sim, size_t index, bool down);
void sim_set_all_down(struct sim *sim, bool down);
void sim_set_admin(struct sim *sim, size_t index, enum admin_state state);
uint32_t sim_active(const struct sim *sim, size_t index);

/* The n-th client of many: its own IPv4 address and port. */
struct pick sim_client(uint32_t n);

/* Lets clients 0 to count - 1 pick; `chosen`, if any, gets the choices. */
void sim_run(struct sim *sim, uint32_t count, uint16_t *chosen);

/* How far the busiest of those picked at all is above their mean: 1 when it is
 * not. */
double sim_evenness(const uint32_t *picked, size_t count);

/* How many clients a simulation has: POLICY_CLIENTS of the environment, or
 * 1,000,000. */
uint32_t sim_clients(void);

/* Prints a figure when POLICY_CLIENTS asks for a run of one's own. */
void sim_report(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
