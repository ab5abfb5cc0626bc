/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * When a certificate expires: see certificate.h.
 */
#include "lb4/health/certificate.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define HOUR_S 3600
#define DAY_S (24 * HOUR_S)

bool
certificate_warns(struct certificate *certificate, uint64_t expires_s,
    uint64_t now_s, unsigned warn_ms)
{
	if (warn_ms == 0 || now_s + warn_ms / 1000 < expires_s)
		return false;
	if (certificate->expires_s == expires_s &&
	    now_s < certificate->warned_s + DAY_S)
		return false;
	certificate->expires_s = expires_s;
	certificate->warned_s = now_s;
	return true;
}

const char *
certificate_text(uint64_t expires_s, uint64_t now_s, char *buf, size_t size)
{
	const time_t at = (time_t)expires_s;
	uint64_t left = expires_s > now_s ? expires_s - now_s : 0;
	const char *unit = "hour";
	char when[64] = "?";
	struct tm tm;

	if (gmtime_r(&at, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%F %T UTC", &tm);
	if (left == 0) {
		(void)snprintf(buf, size, "has expired at %s", when);
		return buf;
	}
	if (left >= 2 * DAY_S) {
		unit = "day";
		left /= DAY_S;
	} else {
		left = (left + HOUR_S - 1) / HOUR_S;
	}
	(void)snprintf(buf, size, "expires in %" PRIu64 " %s%s, at %s", left,
	    unit, left == 1 ? "" : "s", when);
	return buf;
}
