/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Compares the answers of the nodes of a cluster.  Pure: JSON in, JSON out.
 */
#ifndef LB4_CTL_COMPARE_H
#define LB4_CTL_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct compare_node {
	const char *name;
	const json_t *status; /* an acceptable answer to status, or NULL: */
	const char *why;      /* why there is no answer */
};

/* Whether this is an answer to status --json with all members that are
 * compared; if not, `why` says what is wrong. */
bool compare_accepts(const json_t *status, char *why, size_t size);

/*
 * Compares the nodes, which have different names.  Returns a new lb4.cluster/1,
 * as etc/schema defines it, or NULL without memory:
 *
 *	"agree"		whether all nodes answered and nothing differs except
 *			health and administrative states, which each node has
 *			for itself
 *	"nodes"		the answer of each node
 *	"differences"	what differs, and which nodes have which value
 */
json_t *compare_nodes(const struct compare_node *nodes, size_t count);

#endif
