/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The checksum of a service's table: a chain of keyed hashes, one for each
 * part; all numbers go in as 64 bits, little-endian.
 */
#include "lb4/table/checksum.h"

#include <endian.h>
#include <string.h>

#include "lb4/balance/maglev.h"
#include "lb4/balance/policy.h"
#include "lb4/model/service.h"

struct chain {
	struct hash_key key;
	uint64_t sum;
};

static void
add_number(struct chain *chain, uint64_t number)
{
	const uint64_t text[2] = { htole64(chain->sum), htole64(number) };

	chain->sum = hash_sip(&chain->key, text, sizeof(text));
}

static void
add_text(struct chain *chain, const char *text)
{
	add_number(chain, hash_sip(&chain->key, text, strlen(text)));
}

static void
add_backend(struct chain *chain, const struct service *service, size_t index)
{
	const struct service_backend *one = &service->backend[index];

	add_text(chain, one->backend->name);
	add_number(chain, one->weight);
	add_number(chain, one->set == SET_BACKUP);
	if (service->order != NULL)
		add_number(chain, service->order[index]);
}

uint64_t
checksum_service(const struct service *service)
{
	const struct policy *policy = policy_of(service->settings.balance);
	struct chain chain = { .sum = 0 };

	if (policy->by_client)
		chain.key = service->seed;
	add_text(&chain, policy->name);
	add_number(&chain, service->settings.source_prefix4);
	add_number(&chain, service->settings.source_prefix6);
	add_number(&chain, service->settings.max_load);
	add_number(&chain, service->backends);
	for (size_t i = 0; i < service->backends; i++)
		add_backend(&chain, service, i);
	/* With zones, each node has its own tables. */
	for (int set = 0; set < BACKEND_SETS && service->zones == 0; set++)
		if (service->maglev[set] != NULL)
			add_number(&chain,
			    maglev_checksum(service->maglev[set], NULL, 0));
	return chain.sum;
}
