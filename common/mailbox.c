/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Mailboxes of the workers, the prober and the control thread.
 *
 * Why no wakeup is lost: a poster puts its message, then exchanges `rung` for
 * true; the owner reads the eventfd, then exchanges `rung` for false, then
 * takes.  All exchanges of `rung` have one order.
 *
 *	poster's before owner's: the owner's exchange reads what the poster's
 *	    released, so the owner sees the message when it takes.
 *	poster's after owner's: the poster finds false and writes the eventfd,
 *	    which the owner has finished reading.
 *
 * An exchange and not a store on the owner's side, since only a read can
 * acquire.  Reading the eventfd after clearing `rung` would be wrong: it could
 * swallow a ring whose `rung` stays true, and nobody would ring again.
 */
#include "common/mailbox.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int
mailbox_init(struct mailbox *box, size_t count, size_t size)
{
	int error;

	memset(box, 0, sizeof(*box));
	box->fd = -1;
	error = queue_init(&box->queue, count, size);
	if (error < 0)
		return error;
	atomic_init(&box->rung, false);
	box->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (box->fd < 0) {
		error = -errno;
		queue_done(&box->queue);
		return error;
	}
	return 0;
}

void
mailbox_done(struct mailbox *box)
{
	if (box == NULL)
		return;
	queue_done(&box->queue);
	if (box->fd >= 0)
		close(box->fd);
	box->fd = -1;
}

bool
mailbox_post(struct mailbox *box, const void *message)
{
	if (!queue_put(&box->queue, message, box->queue.size))
		return false;
	mailbox_ring(box);
	return true;
}

void
mailbox_ring(struct mailbox *box)
{
	/* The write cannot fail: `rung` keeps the counter at a few at most. */
	if (!atomic_exchange_explicit(&box->rung, true, memory_order_acq_rel))
		(void)eventfd_write(box->fd, 1);
}

void
mailbox_open(struct mailbox *box)
{
	eventfd_t count;

	(void)eventfd_read(box->fd, &count);
	(void)atomic_exchange_explicit(&box->rung, false, memory_order_acq_rel);
}

bool
mailbox_take(struct mailbox *box, void *message)
{
	return queue_take(&box->queue, message);
}
