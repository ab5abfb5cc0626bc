/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The answer to a question for SRV records, with the addresses of their targets
 * that come with it.  Sources: RFC 1035, section 4.1, for the message; RFC
 * 2782 for SRV.
 */
#ifndef LB4_WIRE_SRV_H
#define LB4_WIRE_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"
#include "lb4/config/limits.h"

/* An answer with more records is refused; more addresses are left out. */
#define SRV_RECORDS_MAX 256
#define SRV_ADDRESSES_MAX 512

struct srv_record {
	char target[CONFIG_DNS_MAX]; /* in lower case, without a dot at its
				      * end */
	uint16_t priority;
	uint16_t weight;
	uint16_t port; /* not 0 */
};

/* An address of a target, from the additional section. */
struct srv_address {
	char name[CONFIG_DNS_MAX]; /* as a target */
	struct addr addr;	   /* port 0 */
	unsigned ttl_s;
};

struct srv_answer {
	/* By priority, weight (the largest first), target and port; each pair
	 * of target and port only once, with its first record. */
	struct srv_record record[SRV_RECORDS_MAX];
	size_t records;
	bool none;	/* the target is ".": there is no such service */
	unsigned ttl_s; /* the shortest of the answer section */

	struct srv_address address[SRV_ADDRESSES_MAX];
	size_t addresses;
};

/*
 * Reads a DNS message.  Returns 0; -E2BIG if it has more than SRV_RECORDS_MAX
 * records; or -EBADMSG with a constant sentence in *why: it is cut off, a
 * target is no host name, or a port is 0.  A message without any SRV record has
 * none, and is no error.
 */
must_check int srv_parse(const unsigned char *buf, size_t len,
    struct srv_answer *out, const char **why);

#endif
