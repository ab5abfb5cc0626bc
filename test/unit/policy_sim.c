/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One published service, and clients that pick from it.
 */
#include "policy_sim.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS_VARIABLE "POLICY_CLIENTS"

const struct hash_key sim_seed = { 0x0123456789abcdef, 0xfedcba9876543210 };

struct config_service *
sim_config(struct sim *sim)
{
	return &sim->config->service[0];
}

void
sim_publish(struct sim *sim, const struct hash_key *seed)
{
	ck_assert_int_eq(tables_publish(&sim->tables, sim->config, seed), 0);
	sim->service = table_service(table_current(&sim->tables), 0);
	ck_assert_ptr_nonnull(sim->service);
}

struct sim *
sim_new(enum balance balance, size_t count, const unsigned *weights)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	ck_assert_ptr_nonnull(sim);
	sim->config = table_config_new();
	table_config_backends(table_config_service(sim->config, "web", balance),
	    count, weights);
	tables_init(&sim->tables, 1);
	sim_publish(sim, &sim_seed);
	return sim;
}

void
sim_free(struct sim *sim)
{
	tables_done(&sim->tables);
	table_config_free(sim->config);
	free(sim);
}

struct backend *
sim_backend(const struct sim *sim, size_t index)
{
	return sim->service->backend[index].backend;
}

void
sim_set_down(struct sim *sim, size_t index, bool down)
{
	backend_set_health(sim_backend(sim, index),
	    health_pack(down, down ? HEALTH_REFUSED : HEALTH_PASSED, 0), 1);
}

void
sim_set_all_down(struct sim *sim, bool down)
{
	for (size_t i = 0; i < sim->service->backends; i++)
		sim_set_down(sim, i, down);
}

void
sim_set_admin(struct sim *sim, size_t index, enum admin_state state)
{
	backend_set_admin(sim_backend(sim, index), state, 1);
}

uint32_t
sim_active(const struct sim *sim, size_t index)
{
	return atomic_load(&sim_backend(sim, index)->active);
}

struct pick
sim_client(uint32_t n)
{
	struct pick pick = { .conn = n };
	uint32_t ip = 0x0a000000 + n;

	pick.client.family = AF_INET;
	pick.client.port = (uint16_t)(1024 + n % 60000);
	pick.client.ip[10] = pick.client.ip[11] = 0xff;
	for (int i = 0; i < 4; i++)
		pick.client.ip[12 + i] = (uint8_t)(ip >> (24 - 8 * i));
	return pick;
}

/* An assertion is slow: none is made for each client. */
void
sim_run(struct sim *sim, uint32_t count, uint16_t *chosen)
{
	memset(sim->picked, 0, sizeof(sim->picked));
	for (uint32_t i = 0; i < count; i++) {
		struct pick pick = sim_client(i);
		int index = pick_find(sim->service, &pick);

		if (index < 0)
			ck_abort_msg("client %u found no backend", i);
		sim->picked[index]++;
		if (chosen != NULL)
			chosen[i] = (uint16_t)index;
	}
}

double
sim_evenness(const uint32_t *picked, size_t count)
{
	uint64_t sum = 0;
	uint32_t most = 0;
	size_t some = 0;

	for (size_t i = 0; i < count; i++) {
		sum += picked[i];
		some += picked[i] > 0;
		most = picked[i] > most ? picked[i] : most;
	}
	return (double)most * (double)some / (double)sum;
}

uint32_t
sim_clients(void)
{
	const char *text = getenv(CLIENTS_VARIABLE);
	unsigned long clients = text != NULL ? strtoul(text, NULL, 10)
					     : 1000000;

	ck_assert_uint_ge(clients, 100000);
	ck_assert_uint_le(clients, 100000000);
	return (uint32_t)clients;
}

void
sim_report(const char *format, ...)
{
	va_list args;

	if (getenv(CLIENTS_VARIABLE) == NULL)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}
