/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Comparing what the nodes of a cluster say of themselves.  Pure: JSON in, JSON
 * out.
 */
#ifndef LB4_CTL_COMPARE_H
#define LB4_CTL_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct compare_node {
	const char *name;
	const json_t *status; /* an acceptable answer to status, or NULL: */
	const char *why;      /* none was to be had, as this says */
};

/* Whether it is an answer to status --json, with all that is compared; else
 * `why` says what is wrong with it. */
bool compare_accepts(const json_t *status, char *why, size_t size);

/*
 * Compares the nodes, each with its own name.  Returns a new lb4.cluster/1, as
 * etc/schema has it, or NULL without memory:
 *
 *	"agree"		whether all were asked and nothing differs but health
 *			and administrative states, which the lb4 of each node
 *			has by itself
 *	"nodes"		what each has said
 *	"differences"	what of them differs, and which nodes have which value
 */
json_t *compare_nodes(const struct compare_node *nodes, size_t count);

#endif
