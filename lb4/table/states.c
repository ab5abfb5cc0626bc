/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The service states of the process: see states.h. */
#include "lb4/table/states.h"

#include <stdlib.h>
#include <string.h>

#include "lb4/model/service.h"

void
states_init(struct states *states, unsigned workers)
{
	*states = (struct states){ .workers = workers };
}

void
states_done(struct states *states)
{
	for (size_t i = 0; i < states->count; i++)
		service_state_free(states->state[i]);
	free(states->state);
	states->state = NULL;
	states->count = 0;
}

struct service_state *
states_get(struct states *states, const char *name)
{
	struct service_state **grown;
	size_t id = states->count;

	for (size_t i = 0; i < states->count; i++) {
		if (states->state[i] == NULL) {
			id = i < id ? i : id;
		} else if (strcmp(states->state[i]->name, name) == 0) {
			service_state_ref(states->state[i]);
			return states->state[i];
		}
	}
	if (id == states->count) {
		grown = reallocarray(states->state, id + 1, sizeof(*grown));
		if (grown == NULL)
			return NULL;
		grown[id] = NULL;
		states->state = grown;
		states->count++;
	}
	states->state[id] = service_state_new((uint32_t)id, name,
	    states->workers);
	return states->state[id];
}

size_t
states_retire(struct states *states)
{
	size_t count = 0;

	for (size_t i = 0; i < states->count; i++) {
		struct service_state *state = states->state[i];

		if (state == NULL)
			continue;
		state->retired = service_state_is_unused(state);
		count += state->retired + service_state_retire_terms(state);
	}
	return count;
}

void
states_bury(struct states *states)
{
	for (size_t i = 0; i < states->count; i++) {
		if (states->state[i] == NULL)
			continue;
		service_state_bury_terms(states->state[i]);
		if (!states->state[i]->retired)
			continue;
		service_state_free(states->state[i]);
		states->state[i] = NULL;
	}
}
