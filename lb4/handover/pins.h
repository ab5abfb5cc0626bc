/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The pins of services with pin-on-change in a handover, so that active clients
 * keep their backends (lb4/balance/pins.h).  To the new process, the table in
 * force in the old one is what a table is to a reload: the same places, or a
 * past.
 */
#ifndef LB4_HANDOVER_PINS_H
#define LB4_HANDOVER_PINS_H

#include <stddef.h>

#include "common/attr.h"

struct link;
struct receive;
struct tables;

/* Send the pasts, which do not change; and the table in force with its pins,
 * after the workers have stopped to listen.  As link_send(). */
must_check int describe_pasts(struct link *link, const struct tables *tables);
must_check int describe_pins(struct link *link, const struct tables *tables);

/* What was received of one table. */
struct received_past;

/* Handles a message if it is about pins.  0, or -errno: -ENOMEM, or an error of
 * link_read().  What makes no sense is left out. */
must_check int receive_pins(struct receive *receive);

/* Gives the services their pins.  After the table is published, before workers
 * run.  0 or -ENOMEM. */
must_check int receive_set_pins(struct receive *receive,
    const struct tables *tables);

/* Frees `count` of them; NULL is allowed. */
void received_pasts_free(struct received_past *past, size_t count);

#endif
