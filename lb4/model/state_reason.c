/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Why a backend has changed its state: see state_reason.h. */
#include "lb4/model/state_reason.h"

#include <stdio.h>

static enum admin_cause
admin_cause(const struct backend *backend)
{
	return (enum admin_cause)atomic_load_explicit(&backend->admin_cause,
	    memory_order_relaxed);
}

static const char *
passive_reason(const struct backend_parts *after, char *buf, size_t size)
{
	if (health_is_down(after->passive))
		return passive_text(after->passive, buf, size);
	(void)snprintf(buf, size, "no longer ejected");
	return buf;
}

const char *
state_reason(const struct backend *backend, const struct backend_parts *before,
    const struct backend_parts *after, char *buf, size_t size)
{
	if (after->admin != before->admin)
		(void)snprintf(buf, size, "%s",
		    admin_cause_text(admin_cause(backend)));
	else if (after->agent != before->agent)
		(void)agent_said_text(backend, buf, size);
	else if (after->unresolved)
		(void)snprintf(buf, size, "its name is not resolved yet");
	else if (after->joining)
		(void)snprintf(buf, size, "waits for its first check");
	else if (after->joining == before->joining &&
	    health_is_down(after->passive) != health_is_down(before->passive))
		(void)passive_reason(after, buf, size);
	else
		(void)backend_health_text(backend, after->health, buf, size);
	return buf;
}
