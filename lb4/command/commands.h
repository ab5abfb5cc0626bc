/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The commands of the control socket: one table of them all (commands.c), and
 * one file for each family (command_NAME.c).  A command answers at once or
 * leaves a job (caller.h); it never waits.
 */
#ifndef LB4_COMMAND_COMMANDS_H
#define LB4_COMMAND_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "lb4/command/caller.h"
#include "lb4/command/command.h"

struct backend;
struct service;

/* Runs a line of a caller.  Ignores an empty line. */
void commands_run(struct caller *caller, const char *line, size_t len);

/* Answers how the command is written: "write: conns ...". */
void commands_usage(struct caller *caller, const struct command *command);

/* Finds SERVICE/BACKEND in the current table.  If there is none, answers and
 * returns false. */
struct named {
	const struct service *service;
	struct backend *backend;
};
bool commands_find(struct caller *caller, const char *name,
    struct named *named);

/* Splits SERVICE/BACKEND. Returns false when it is malformed. */
bool commands_split(const char *name, char service[CONFIG_NAME_MAX],
    char backend[CONFIG_NAME_MAX]);

/* The service of that name in the current table, or NULL. */
const struct service *commands_service(const struct caller *caller,
    const char *name);

/* Answers that there is no such service, with the nearest name. */
void commands_no_service(struct caller *caller, const char *name);

/* The same for a backend; of any service when `service` is "". */
void commands_no_backend(struct caller *caller, const char *service,
    const char *name);

/* Makes a job that calls `step` until the answer is complete. */
void commands_job(struct caller *caller,
    enum job_result (*step)(struct caller *caller));

/* The options deadline=TIME and rate=CONNS/s. */
struct pace {
	uint64_t
	    deadline_ms; /* on the clock of timer_now_ms(); 0: none given */
	unsigned rate;	 /* CLOSER_RATE when none is given */
	bool given;	 /* at least one of the two was given */
};

/* Reads these options.  On an error, answers and returns false. */
bool commands_pace(struct caller *caller, const struct command *command,
    struct pace *pace);

typedef void command_fn(struct caller *caller, const struct command *command);

/* command_info.c */
command_fn command_info, command_table, command_log_level, command_reload;
/* command_status.c */
command_fn command_status;
/* command_conns.c */
command_fn command_conns, command_kill;
/* command_backend.c */
command_fn command_drain, command_ready, command_maint, command_weight;
command_fn command_add, command_remove;
/* command_close.c */
command_fn command_rebalance;
/* command_wait.c */
command_fn command_check, command_wait, command_monitor;
/* command_events.c */
command_fn command_events;
/* command_config.c */
command_fn command_config;
/* command_node.c */
command_fn command_node;
/* command_explain.c */
command_fn command_explain;
/* command_simulate.c */
command_fn command_simulate;
/* command_doctor.c */
command_fn command_doctor;
/* command_upgrade.c */
command_fn command_upgrade;
/* command_save.c */
command_fn command_save;

#endif
