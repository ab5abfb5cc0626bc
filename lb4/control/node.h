/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * This node in its cluster: whether it can accept and forward, and taking it
 * out of the cluster, at once or by a deadline.  The health of backends does
 * not count: if every node sees all backends down, no address may leave every
 * node.  Being at maxconn does not count either: clients wait in the listeners'
 * queues.
 */
#ifndef LB4_CONTROL_NODE_H
#define LB4_CONTROL_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct running;
struct why;

enum node_state {
	NODE_READY,
	NODE_DRAINING, /* it accepts and forwards, until a deadline */
	NODE_NOT_READY,
	NODE_STATE_COUNT,
};

/* The node's state; unless it is ready, `why` gets the reason.  From any
 * thread. */
enum node_state node_state(const struct running *running, struct why *why);

/* "ready", "draining", "not-ready": for JSON; for any value of the enum. */
const char *node_state_name(enum node_state state);

/* "ready", "draining: WHY", "not ready: WHY"; returns `buf`. */
#define NODE_TEXT_MAX 128
const char *node_text(enum node_state state, const char *why, char *buf,
    size_t size);

/* Whether an operator has taken the node out of its cluster. */
bool node_is_drained(const struct running *running);

/*
 * Takes the node out of its cluster: it is not ready at once (`deadline_ms` 0)
 * or from the deadline on.  Until the deadline, `rate` idle conns per second
 * are closed (0: none).  The others are closed shortly after the deadline, when
 * addresses and routes have left this node.  Returns false without memory, with
 * nothing changed.
 */
bool node_drain(struct running *running, uint64_t deadline_ms, unsigned rate);

/* Ends that.  Returns false when the node was not drained. */
bool node_undrain(struct running *running);

#endif
