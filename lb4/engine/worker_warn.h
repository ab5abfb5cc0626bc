/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Warnings about lacking resources, which a worker would repeat for each conn.
 */
#ifndef LB4_ENGINE_WORKER_WARN_H
#define LB4_ENGINE_WORKER_WARN_H

#include <stdbool.h>

struct worker;

/* For the worker itself: whether such a warning may be logged now (once a
 * second).  First logs how many were suppressed since the last one. */
bool worker_may_warn(struct worker *worker);

#endif
