/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Which format of the metrics an HTTP client prefers. */
#ifndef LB4_HTTP_ACCEPT_H
#define LB4_HTTP_ACCEPT_H

#include <stdbool.h>

/*
 * Whether an Accept field (RFC 9110, section 12.5.1) prefers OpenMetrics 1.0.0
 * to the text format of Prometheus.  It does if it names
 * application/openmetrics-text, with that version or without a version, and
 * with a weight not below that of text/plain.
 */
bool accept_openmetrics(const char *field);

#endif
