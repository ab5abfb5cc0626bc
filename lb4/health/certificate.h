/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * When to warn that a certificate expires.  Pure: the caller provides the
 * clock, in seconds since 1970.
 */
#ifndef LB4_HEALTH_CERTIFICATE_H
#define LB4_HEALTH_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero at the start. */
struct certificate {
	uint64_t expires_s; /* the one that was warned about last */
	uint64_t warned_s;  /* when */
};

/* Whether to warn now: once a day for each certificate that expires within
 * `warn_ms`, or has expired.  0: never. */
bool certificate_warns(struct certificate *certificate, uint64_t expires_s,
    uint64_t now_s, unsigned warn_ms);

/* "expires in 13 days, at 2026-12-13 08:00:00 UTC", "has expired, ...".
 * Returns `buf`; CERTIFICATE_TEXT_MAX is enough. */
#define CERTIFICATE_TEXT_MAX 96
const char *certificate_text(uint64_t expires_s, uint64_t now_s, char *buf,
    size_t size);

#endif
