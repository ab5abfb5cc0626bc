/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Starts the process that runs programs: see helper.h. */
#include "lb4/control/helper.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/why.h"
#include "lb4/config/settings.h"
#include "lb4/health/prober.h"
#include "lb4/process/guard.h"

static bool
needs_programs(const struct config *config)
{
	if (config->on_change[0] != '\0')
		return true;
	for (size_t i = 0; i < config->services; i++)
		if (config->service[i].settings.check.kind == CHECK_EXEC)
			return true;
	return false;
}

void
helper_start(const struct config *config, struct guard *guard,
    struct prober *prober)
{
	struct why why = { "" };
	int ends[2], result;

	if (!needs_programs(config) || prober_has_programs(prober))
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		log_error("checks and on-change cannot run programs: %s",
		    strerror(errno));
		return;
	}
	result = guard_programs(guard, ends[1], &why);
	(void)close(ends[1]);
	if (result > 0) {
		prober_set_programs(prober, ends[0]);
		return;
	}
	(void)close(ends[0]);
	log_error("checks and on-change cannot run programs: %s", why.text);
}

void
helper_follow(const struct config *config, struct guard *guard,
    struct prober *prober)
{
	prober_set_on_change(prober, config->on_change,
	    config->on_change_timeout_ms);
	helper_start(config, guard, prober);
}
