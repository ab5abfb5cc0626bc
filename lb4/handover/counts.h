/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Counters and histograms in a handover.  The old process sends the sums over
 * its workers; the new one keeps them in the element after its workers' own
 * (struct backend), so that no counter goes backwards.
 */
#ifndef LB4_HANDOVER_COUNTS_H
#define LB4_HANDOVER_COUNTS_H

#include "lb4/handover/records.h"

struct engine_counts;

void counts_of_service(const struct service_state *state,
    struct handover_service_counts *counts);
void counts_of_backend(const struct backend *backend,
    struct handover_backend_counts *counts);
void counts_of_rule(const struct service_state *state,
    const struct rule_count *rule, struct handover_rule_counts *counts);
void counts_of_worker(const struct engine_counts *worker,
    struct handover_worker_counts *counts);

/* Add the counts of an earlier process.  Before the control socket and the
 * metrics answer. */
void counts_add_service(struct service_state *state,
    const struct handover_service_counts *counts);
void counts_add_backend(struct backend *backend,
    const struct handover_backend_counts *counts);
void counts_add_rule(struct service_state *state,
    const struct handover_rule_counts *counts);
void counts_add_worker(struct engine_counts *worker,
    const struct handover_worker_counts *counts);

#endif
