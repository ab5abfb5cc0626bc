/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Which format of metrics a visitor wants. */
#ifndef LB4_METRICS_ACCEPT_H
#define LB4_METRICS_ACCEPT_H

#include <stdbool.h>

/*
 * Whether an Accept field (RFC 9110, section 12.5.1) prefers OpenMetrics 1.0.0
 * to Prometheus's text: it names application/openmetrics-text, with that
 * version or none, at a weight that is not less than that of the text.
 */
bool accept_openmetrics(const char *field);

#endif
