/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The threads that workers talk to, besides each other: control, the prober and
 * the logger.  serve.c plugs them in.
 */
#ifndef LB4_ENGINE_PEERS_H
#define LB4_ENGINE_PEERS_H

#include <stdint.h>

struct access_record;
struct logger;
struct mailbox;
struct prober;

/* What workers tell control, through control's mailbox. */
enum control_message_kind {
	CONTROL_DRAINED, /* `worker` has no conn left and takes no new one;
			  * again if a conn from another worker came late */
	CONTROL_HANDED,	 /* from the thread of an upgrade: it has ended */
};

struct control_message {
	enum control_message_kind kind;
	uint32_t worker;
};

/*
 * Any of them may be NULL.  Workers call the functions, which must not block.
 * All peers outlive the engine.
 */
struct engine_peers {
	struct mailbox *control; /* struct control_message */

	/* prober_suspect(): a backend (by id) could not be reached. */
	struct prober *prober;
	void (*suspect)(struct prober *prober, uint32_t backend);

	/* A line for the access log: a conn has ended, or see
	 * access_lines.h. */
	struct logger *logger;
	void (*access)(struct logger *logger,
	    const struct access_record *record);
};

#endif
