/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A thread's mailbox: a bounded queue of small messages, and an eventfd(2) that
 * wakes the owner.  Any thread can post without waiting; the owner takes.
 *
 * Only the first post since the owner last looked writes the eventfd (`rung`
 * goes from 0 to 1).  The owner clears `rung` before it takes, so that no post
 * is missed and a burst of posts costs one system call.
 */
#ifndef COMMON_MAILBOX_H
#define COMMON_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "common/attr.h"
#include "common/queue.h"

struct mailbox {
	struct queue queue;
	int fd; /* eventfd, for the owner's epoll: level-triggered EPOLLIN */

	/* set by posters, cleared by the owner */
	_Alignas(64) _Atomic bool rung;
};

/* Room for at least `count` messages of `size` bytes.  Returns 0 or -errno. */
must_check int mailbox_init(struct mailbox *box, size_t count, size_t size);
void mailbox_done(struct mailbox *box);

/* Posts `message`, of the mailbox's size, and wakes the owner.  False when the
 * mailbox is full; the message is not taken then. */
bool mailbox_post(struct mailbox *box, const void *message);

/* Wakes the owner without a message. */
void mailbox_ring(struct mailbox *box);

/* For the owner, when `fd` is readable: clears `rung`.  Take messages until
 * there are none afterwards. */
void mailbox_open(struct mailbox *box);
bool mailbox_take(struct mailbox *box, void *message);

#endif
