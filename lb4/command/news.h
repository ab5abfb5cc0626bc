/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the prober has changed in the states of backends and services: told as
 * events.  Called by socket.c.
 */
#ifndef LB4_COMMAND_NEWS_H
#define LB4_COMMAND_NEWS_H

#include <stdint.h>

#include "common/attr.h"
#include "common/mailbox.h"

struct events;
struct tables;

#define NEWS_MAX 4096

struct news {
	struct mailbox backends; /* ids, from the prober */
	uint32_t told[NEWS_MAX]; /* those that were taken */
};

/* 0 or -errno. */
must_check int news_init(struct news *news);

/* Also of one whose mailbox has the descriptor -1. */
void news_done(struct news *news);

/* The prober has changed a state of the backend.  From any thread. */
void news_post(struct news *news, uint32_t backend);

/* Tells an event for each change that has come. */
void news_take(struct news *news, const struct tables *tables,
    const struct events *events);

#endif
