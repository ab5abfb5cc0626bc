/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checks by connecting: what accepts is up.
 */
#include "lb4/health/probe.h"

static void
talk(struct probe *probe)
{
	probe_finish(probe, HEALTH_PASSED, 0);
}

const struct probe_kind probe_tcp = {
	.half_close = true,
	.talk = talk,
};
