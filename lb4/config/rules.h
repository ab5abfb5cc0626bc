/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What must hold between keys and between services, after each key was right
 * by itself.
 */
#ifndef LB4_CONFIG_RULES_H
#define LB4_CONFIG_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "lb4/config/config.h"
#include "lb4/config/errors.h"

/* What a struct config_service does not keep of its place in the file. */
struct rules_source {
	int *listen_line;     /* owned; of each of service->listen */
	size_t backend_lines; /* good ones and bad ones */
	bool broken; /* the section itself was refused: not to be judged */
};

/*
 * Sorts the backends of each service by name, and complains.  `sources` is one
 * for each service, or NULL when lines are unknown.
 */
int rules_check(struct config *config, const struct rules_source *sources,
    struct errors *errors);

#endif
