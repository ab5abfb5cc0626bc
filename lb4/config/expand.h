/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The backends of a name: those of a line `backend = NAME HOST:PORT`, made from
 * the addresses that the host has, or of `backend = NAME srv=SRV`, made from
 * its SRV records (lb4/control/names.h).
 *
 *	not resolved yet	one backend NAME, without an address: no
 *				conn goes there
 *	resolve=first		one backend NAME
 *	resolve=all		a backend NAME/ADDRESS for each address: the
 *				name is stable, and so is who goes there
 *	srv			a backend NAME/TARGET:PORT for each record,
 *				whatever address the target has
 */
#ifndef LB4_CONFIG_EXPAND_H
#define LB4_CONFIG_EXPAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"

struct config;
struct config_backend;
struct config_name;
struct config_service;

/* The longest name of a line with resolve=all or srv=: it gets a slash and an
 * IPv6 address, or at least a part of the target. */
#define EXPAND_NAME_MAX 23

/* An SRV record. */
struct expand_record {
	const char *target; /* a host name */
	unsigned priority, weight;
	uint16_t port;
	struct addr addr; /* of the target; its port does not matter; len 0:
			   * not known */
};

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

/*
 * Gives the line with srv= these records, in this order; 0 of them: none.
 *
 * A record of which the address is not known keeps the one that its backend
 * has, or is left out if it has none; if that is so with all of them, nothing
 * changes.  The records of the lowest priority serve, the others are backups.
 * A weight that an operator has set stays until the record has another one.
 * Returns as expand_set().
 */
must_check int expand_set_records(struct config_service *service, size_t index,
    const struct expand_record *record, size_t count, bool *changed);

/*
 * The weight, 1 to CONFIG_WEIGHT_MAX, of a backend whose record has `weight`,
 * where the largest of the `count` records of its rank has `largest`, and
 * `zero` says whether one has 0.
 *
 * Weights are taken as they are where they fit.  Larger ones are scaled down.
 * A record of weight 0 has little to do (RFC 2782): its weight is 1, and the
 * others are scaled up as far as possible.  If all have 0, they are equal.
 */
unsigned expand_weight(unsigned weight, unsigned largest, size_t count,
    bool zero);

/* The backend that the record has in the service, or NULL. */
const struct config_backend *expand_find(const struct config_service *service,
    size_t index, const char *target, uint16_t port);

/* The addresses that the line has now; at most `most`. */
size_t expand_get(const struct config_service *service, size_t index,
    struct addr *addr, size_t most);

/* Gives the names of `config` the addresses that they have in `before`, where
 * the line asks for the same host name as there.  0 or -ENOMEM. */
must_check int expand_carry(struct config *config, const struct config *before);

/* Takes a backend of another process, or of another configuration: the line's,
 * if there is one for it that asks for the same name as there: `host`, "" if
 * its address was no answer of DNS, NULL if nobody knows.  Of `was`, name,
 * address and of_srv count, and with that weight and backup.  0 or -ENOMEM. */
must_check int expand_restore(struct config_service *service,
    const struct config_backend *was, const char *host);

#endif
