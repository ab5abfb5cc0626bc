/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The backends of a host name: those of a line `backend = NAME HOST:PORT`, made
 * from the addresses that the name has (lb4/control/names.h).
 *
 *	not resolved yet	one backend NAME, without an address: no
 *				conn goes there
 *	resolve=first		one backend NAME
 *	resolve=all		a backend NAME/ADDRESS for each address: the
 *				name is stable, and so is who goes there
 */
#ifndef LB4_CONFIG_EXPAND_H
#define LB4_CONFIG_EXPAND_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "common/attr.h"

struct config;
struct config_backend;
struct config_name;
struct config_service;

/* The longest name of a line with resolve=all: it gets a slash and an IPv6
 * address. */
#define EXPAND_NAME_MAX 23

/* Appends a backend; in the order it comes before those of backends-file. 0,
 * -E2BIG or -ENOMEM. */
must_check int expand_append(struct config_service *service,
    const struct config_backend *backend);

/* Appends a line with a host name, not resolved yet; as expand_append(). */
must_check int expand_add(struct config_service *service,
    const struct config_name *name);

/*
 * Gives the line service->host[index] these addresses, whose ports do not
 * matter, in this order; 0 of them: it is not resolved.  A backend whose
 * address stays is kept as it is.  *changed: whether the service has other
 * backends now.  Returns 0, -E2BIG if it would have too many, or -ENOMEM; then
 * nothing changes.
 */
must_check int expand_set(struct config_service *service, size_t index,
    const struct addr *addr, size_t count, bool *changed);

/* The addresses that the line has now; at most `most`. */
size_t expand_get(const struct config_service *service, size_t index,
    struct addr *addr, size_t most);

/* Gives the names of `config` the addresses that they have in `before`.  0 or
 * -ENOMEM. */
must_check int expand_carry(struct config *config, const struct config *before);

/* Takes an address that a backend of that name had in another process: the
 * line's, if there is one for it.  0 or -ENOMEM. */
must_check int expand_restore(struct config_service *service,
    const char *backend, const struct addr *addr);

#endif
