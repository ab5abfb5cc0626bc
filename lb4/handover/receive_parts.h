/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the new process has received: shared by receive.c, which takes what is
 * said before "prepare", and receive_conns.c, which takes the rest.
 */
#ifndef LB4_HANDOVER_RECEIVE_PARTS_H
#define LB4_HANDOVER_RECEIVE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/engine/places.h"
#include "lb4/handover/link.h"
#include "lb4/handover/records.h"

#define RECEIVE_FILES_MAX 8

struct received_past;
struct terms;

struct received_file {
	struct handover_file record;
	int fd; /* -1: taken */
};

struct received_service {
	struct handover_service record;
	struct service_state *state; /* referenced */
	uint64_t reserved; /* places for conns that have not come yet */
	uint64_t waiting;  /* ... in the queue */
};

struct received_backend {
	struct handover_backend record;
	struct backend *backend; /* referenced */
	uint64_t reserved;
};

struct receive {
	struct link link;
	struct handover_hello hello;
	struct received_file file[RECEIVE_FILES_MAX];
	size_t files;
	struct received_service *service; /* owned; by id */
	size_t services;
	struct received_backend *backend; /* owned; sorted by id later */
	size_t backends;
	struct terms **terms; /* owned list of references */
	size_t terms_count;
	struct places places;
	struct handover_place *place; /* owned; one for each of places */
	unsigned next_worker;
	struct received_past *past; /* owned; pins.h */
	size_t pasts;
	struct handover_order *order; /* owned */
	size_t orders;
	struct handover_event *event; /* owned */
	size_t events;
	struct handover_srv *srv; /* owned */
	size_t srvs;
	struct handover_name *name; /* owned; sorted later */
	size_t names;
};

/* Appends a zeroed element to a list of `*count` elements.  Returns the list,
 * which may have moved, or NULL without memory. */
must_check void *receive_append(void *list, size_t *count, size_t size);

/* Whether the message is that step. */
bool receive_is_step(const struct receive *receive, const char *name);

/* Says a step. */
must_check int receive_say(struct receive *receive, const char *name,
    const char *version);

/* By the old process's id; NULL: unknown. */
struct received_service *receive_service(const struct receive *receive,
    uint64_t id);
struct received_backend *receive_backend(const struct receive *receive,
    uint32_t id);

#endif
