/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The rules of the keys and options that begin with `agent`.
 */
#ifndef LB4_CONFIG_AGENTS_H
#define LB4_CONFIG_AGENTS_H

#include "lb4/config/errors.h"
#include "lb4/config/settings.h"

/* Adds an error for each agent that cannot be asked, and for each key that
 * means nothing. */
void agents_check(const struct config_service *service, struct errors *errors);

#endif
