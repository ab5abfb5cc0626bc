/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Lines of the file, for later errors.
 */
#ifndef LB4_CONFIG_SOURCES_H
#define LB4_CONFIG_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

/* Lines that a struct config_service does not keep. */
struct rules_source {
	int *listen_line;     /* owned; of each of service->listen */
	size_t backend_lines; /* valid or not */
	bool listen_given;    /* validly or not */
	bool broken;	      /* the section itself is wrong: skip its rules */
};

#endif
