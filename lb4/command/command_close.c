/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * rebalance, and the options that it shares with drain: deadline and rate.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/timer.h"
#include "lb4/command/answer.h"
#include "lb4/command/commands.h"
#include "lb4/config/values.h"
#include "lb4/control/closer.h"
#include "lb4/control/handle.h"
#include "lb4/control/rebalance.h"
#include "lb4/table/table.h"

#define DEADLINE_MAX_MS (UINT64_C(30) * 24 * 3600 * 1000)
#define THRESHOLD_MAX 100.0

static bool
bad_option(struct caller *caller, const char *name, const char *value,
    const char *why)
{
	answer_error(caller, "usage", "%s=%.64s %s", name, value, why);
	return false;
}

static bool
read_rate(struct caller *caller, const char *value, unsigned *rate)
{
	uint64_t number;
	const char *problem;

	if (value == NULL)
		return true;
	problem = value_rate(value, &number);
	if (problem == NULL && (number == 0 || number > CLOSER_RATE_MAX))
		problem = "is not a rate from 1/s to 100000/s";
	if (problem != NULL)
		return bad_option(caller, "rate", value, problem);
	*rate = (unsigned)number;
	return true;
}

static bool
read_deadline(struct caller *caller, const char *value, uint64_t *deadline_ms)
{
	uint64_t ms;
	const char *problem;

	if (value == NULL)
		return true;
	problem = value_time(value, &ms);
	if (problem == NULL && ms > DEADLINE_MAX_MS)
		problem = "is longer than 30d";
	if (problem != NULL)
		return bad_option(caller, "deadline", value, problem);
	*deadline_ms = timer_now_ms() + ms;
	return true;
}

bool
commands_pace(struct caller *caller, const struct command *command,
    struct pace *pace)
{
	const char *deadline = command_option(command, "deadline");
	const char *rate = command_option(command, "rate");

	pace->deadline_ms = 0;
	pace->rate = CLOSER_RATE;
	pace->given = deadline != NULL || rate != NULL;
	return read_deadline(caller, deadline, &pace->deadline_ms) &&
	    read_rate(caller, rate, &pace->rate);
}

static bool
read_threshold(struct caller *caller, const char *value, double *threshold)
{
	char *end;

	*threshold = REBALANCE_THRESHOLD;
	if (value == NULL)
		return true;
	*threshold = strtod(value, &end);
	/* written so that it also refuses NaN */
	if (end != value && *end == '\0' && *threshold >= 1.0 &&
	    *threshold <= THRESHOLD_MAX)
		return true;
	return bad_option(caller, "threshold", value,
	    "is not a number from 1 to 100, such as 1.1");
}

void
command_rebalance(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 0);
	const struct service *service = commands_service(caller, name);
	struct rebalance asked;
	struct pace pace;
	uint64_t surplus;

	if (!commands_pace(caller, command, &pace) ||
	    !read_threshold(caller, command_option(command, "threshold"),
		&asked.threshold))
		return;
	if (service == NULL) {
		commands_no_service(caller, name);
		return;
	}
	if (service->settings.balance == BALANCE_FIRST) {
		answer_error(caller, "refused",
		    "%s has balance = first, which fills one backend after another",
		    name);
		return;
	}
	asked.rate = pace.rate;
	asked.deadline_ms = pace.deadline_ms != 0
	    ? pace.deadline_ms
	    : timer_now_ms() + REBALANCE_DEADLINE_MS;
	if (!closer_rebalance(caller->handle->closer, service, &asked,
		&surplus))
		answer_error(caller, "failed", "%s", strerror(ENOMEM));
	else if (surplus == 0)
		answer_done(caller, "%s: within %g of the mean already", name,
		    asked.threshold);
	else
		answer_done(caller,
		    "%s: %" PRIu64 " conn%s too many, closing, %u/s", name,
		    surplus, surplus == 1 ? " is" : "s are", asked.rate);
}
