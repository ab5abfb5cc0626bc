/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Where in the file what stood, for complaints about it later.
 */
#ifndef LB4_CONFIG_SOURCES_H
#define LB4_CONFIG_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

/* What a struct config_service does not keep of its place in the file. */
struct rules_source {
	int *listen_line;     /* owned; of each of service->listen */
	size_t backend_lines; /* good ones and bad ones */
	bool broken; /* the section itself was refused: not to be judged */
};

#endif
