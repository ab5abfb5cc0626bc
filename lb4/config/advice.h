/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What is valid, and yet goes wrong in the long run: warnings, for `lb4 -t`.
 */
#ifndef LB4_CONFIG_ADVICE_H
#define LB4_CONFIG_ADVICE_H

#include "lb4/config/errors.h"
#include "lb4/config/settings.h"

/*
 * Adds a text for each warning about `config`, whose list the caller frees with
 * config_errors_done(): "file:line: [section] key: warning: what happens: what
 * to do".  `file` NULL: without file and line.
 */
void advice_give(const struct config *config, const char *file,
    struct config_errors *list);

#endif
