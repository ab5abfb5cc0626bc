/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Upgrades: see upgrade.h. */
#include "lb4/control/upgrade.h"

#include <bsd/string.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/plural.h"
#include "common/why.h"
#include "lb4/config/config.h"
#include "lb4/control/carry.h"
#include "lb4/control/closer.h"
#include "lb4/control/events.h"
#include "lb4/control/leveler.h"
#include "lb4/control/running.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/peers.h"
#include "lb4/process/guard.h"
#include "lb4/process/notify.h"
#include "lb4/table/table.h"

/* In the thread of the upgrade. */
static void
ring(void *owner)
{
	const struct control_message message = { .kind = CONTROL_HANDED };
	const struct upgrade *upgrade = owner;

	(void)mailbox_post(upgrade->peers.control, &message);
}

/* The pipes that exist: some of them hold bytes. */
static uint64_t
count_pipes(const struct engine *engine)
{
	const unsigned workers = engine_made(engine);
	uint64_t pipes = 0;

	for (unsigned i = 0; i < workers; i++) {
		struct engine_counts counts;

		engine_count(engine, i, &counts);
		pipes += counts.pipes;
	}
	return pipes;
}

static void
say_hello(const struct running *running, struct handover_hello *hello)
{
	hello->conns = engine_conns(running->engine);
	hello->pipes = count_pipes(running->engine);
	hello->hears_drops = 1;
	(void)strlcpy(hello->version, running->version, sizeof(hello->version));
	memcpy(hello->seed, &running->config->hash_seed, sizeof(hello->seed));
}

int
upgrade_begin(struct running *running, const char *path, struct why *why)
{
	struct upgrade *upgrade = running->upgrade;
	struct send_setup setup = {
		.engine = running->engine,
		.tables = running->tables,
		.guard = upgrade->peers.guard,
		.replies = &upgrade->replies,
		.ended = ring,
		.owner = upgrade,
	};
	int error;

	if (upgrade_is_under_way(upgrade))
		return why_fail(why, -EBUSY, "an upgrade is under way");
	if (running->state != RUNNING_SERVING)
		return why_fail(why, -EBUSY, "lb4 is stopping");
	if (path != NULL && path[0] != '/')
		return why_fail(why, -EINVAL, "%s is not an absolute path",
		    path);
	(void)strlcpy(upgrade->path, path != NULL ? path : "",
	    sizeof(upgrade->path));
	setup.path = path != NULL ? upgrade->path : NULL;
	closer_pause(running->closer);
	/* no conn may be on its way from worker to worker */
	leveler_pause(running->leveler);
	say_hello(running, &setup.hello);
	carry_give(running, &setup);
	upgrade->peers.describe(upgrade->peers.owner, &setup);
	error = send_begin(&upgrade->send, &setup);
	if (error < 0) {
		leveler_resume(running->leveler);
		closer_resume(running->closer);
		return why_fail(why, error, "%s", why_no_thread(error));
	}
	log_notice("upgrade: starting %s",
	    path != NULL ? path : "the binary of this process");
	return 0;
}

bool
upgrade_is_under_way(const struct upgrade *upgrade)
{
	return upgrade->send != NULL || upgrade->left;
}

int
upgrade_init(struct upgrade *upgrade)
{
	return mailbox_init(&upgrade->replies, TABLE_WORKERS_MAX,
	    sizeof(struct moving *));
}

void
upgrade_done(struct upgrade *upgrade)
{
	mailbox_done(&upgrade->replies);
}

void
upgrade_stop(struct upgrade *upgrade)
{
	if (upgrade->send == NULL)
		return;
	send_abort(upgrade->send);
	if (send_wait(upgrade->send)->ok)
		upgrade->peers.leave(upgrade->peers.owner);
	send_free(upgrade->send);
	upgrade->send = NULL;
}

bool
upgrade_holds_signal(struct upgrade *upgrade, unsigned number)
{
	if (number == SIGCHLD || number >= 64 || !upgrade_is_under_way(upgrade))
		return false;
	if (upgrade->left) {
		(void)kill(upgrade->result.pid, (int)number);
		return true;
	}
	if (number == SIGTERM || number == SIGINT || number == SIGQUIT)
		send_abort(upgrade->send);
	if (number != SIGUSR2) /* that is what is under way */
		upgrade->held |= UINT64_C(1) << number;
	return true;
}

static void
tell_failure(const struct running *running, const struct send_result *result)
{
	log_error("upgrade failed, process %ld serves on: %s", (long)getpid(),
	    result->why.text);
	if (result->lost > 0)
		log_error("upgrade: %" PRIu64 " conn%s which the new process "
			  "had taken over died with it",
		    result->lost, plural(result->lost));
	events_tell(&running->events, &(struct event){ .kind = EVENTS_UPGRADE },
	    "failed: %s", result->why.text);
}

/* The service manager learns the new main process before that one speaks. */
static void
tell_success(const struct running *running, const struct send_result *result)
{
	const struct upgrade *upgrade = running->upgrade;

	log_notice("upgraded to lb4 %s, process %ld: %" PRIu64 " conn%s moved "
		   "in %" PRIu64 " ms, none stood still for more than %" PRIu64
		   " ms",
	    result->version, (long)result->pid, result->conns,
	    plural(result->conns), result->took_ms,
	    result->still_us / 1000 + 1);
	guard_release(upgrade->peers.guard);
	if (!guard_is_parent(upgrade->peers.guard))
		(void)notify_send("MAINPID=%ld", (long)result->pid);
	events_tell(&running->events, &(struct event){ .kind = EVENTS_UPGRADE },
	    "done: process %ld", (long)result->pid);
}

static void
pass_signals_on(const struct upgrade *upgrade)
{
	for (int number = 1; number < 64; number++)
		if ((upgrade->held >> number & 1) != 0)
			(void)kill(upgrade->result.pid, number);
}

bool
upgrade_ended(struct running *running, uint64_t *held)
{
	struct upgrade *upgrade = running->upgrade;
	const struct send_result *result = &upgrade->result;

	upgrade->result = *send_wait(upgrade->send);
	upgrade->count++;
	upgrade->left = result->ok;
	if (result->ok) {
		upgrade->peers.leave(upgrade->peers.owner);
		tell_success(running, result);
		pass_signals_on(upgrade);
	} else {
		upgrade->peers.stay(upgrade->peers.owner);
		engine_set_options(running->engine, running->config);
		tell_failure(running, result);
		leveler_resume(running->leveler);
		closer_resume(running->closer);
	}
	send_free(upgrade->send); /* the new process sees that */
	upgrade->send = NULL;
	*held = upgrade->held;
	upgrade->held = 0;
	return result->ok;
}
