/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * This node in its cluster: whether it can accept and forward, and taking it
 * out of the cluster, at once or by a deadline.  Whether backends are up has no
 * part in it: where all nodes see none, no address may leave all nodes.  Nor
 * has being full: clients wait in the listeners' queues.
 */
#ifndef LB4_CONTROL_NODE_H
#define LB4_CONTROL_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct running;

enum node_state {
	NODE_READY,
	NODE_DRAINING, /* it accepts and forwards, until a deadline */
	NODE_NOT_READY,
	NODE_STATE_COUNT,
};

#define NODE_WHY_MAX 64

/* The node's state, and unless it is ready, why; from any thread. */
enum node_state node_state(const struct running *running, char *why,
    size_t size);

/* "ready", "draining", "not-ready": for JSON; for any value of the enum. */
const char *node_state_name(enum node_state state);

/* "ready", "draining: WHY", "not ready: WHY"; returns `buf`. */
#define NODE_TEXT_MAX 128
const char *node_text(enum node_state state, const char *why, char *buf,
    size_t size);

/* Whether an operator has taken the node out of its cluster. */
bool node_is_drained(const struct running *running);

/*
 * Takes the node out: not ready at once (`deadline_ms` 0), or from that time
 * on.  Idle conns are closed at `rate` a second until then, none with 0, and
 * what is left a moment after the deadline, when addresses and routes have left
 * this node.  False without memory: nothing has changed then.
 */
bool node_drain(struct running *running, uint64_t deadline_ms, unsigned rate);

/* Ends that; false when the node was not drained. */
bool node_undrain(struct running *running);

#endif
