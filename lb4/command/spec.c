/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The table of commands: see spec.h. */
#include "lb4/command/spec.h"

#include <assert.h>
#include <string.h>

#include "common/nearest.h"
#include "lb4/command/command.h"

static const char *const level_names[] = {
	[LEVEL_NONE] = "none",
	[LEVEL_READ] = "read",
	[LEVEL_OPERATE] = "operate",
	[LEVEL_ADMIN] = "admin",
};
static_assert(sizeof(level_names) / sizeof(level_names[0]) == LEVEL_COUNT,
    "a name for each level");

const char *
level_name(enum level level)
{
	return (unsigned)level < LEVEL_COUNT ? level_names[level] : "?";
}

const struct spec spec_table[] = {
	{ "status", "[SERVICE]", LEVEL_READ, 0, 1, " ",
	    "services and backends: states, weights, counts" },
	{ "conns", "[FILTER...] [top=N]", LEVEL_READ, 0, 0,
	    " id service backend client idle age top ",
	    "the conns that match every FILTER" },
	{ "info", "", LEVEL_READ, 0, 0, " ",
	    "the process: version, limits, totals" },
	{ "table", "[SERVICE]", LEVEL_READ, 0, 1, " ",
	    "checksums, and the backends' shares" },
	{ "explain",
	    "SERVICE CLIENT [sni=NAME] [alpn=PROTOCOL] [port=PORT] "
	    "[down-after=BACKEND...]",
	    LEVEL_READ, 2, 2, " sni alpn port down-after ",
	    "which backend a client would get now, and why" },
	{ "simulate", "[FILE] [down=BACKEND...] [down-after=BACKEND...]",
	    LEVEL_OPERATE, 0, 1, " down down-after ",
	    "how many clients would move with the file, or with FILE" },
	{ "doctor", "", LEVEL_READ, 0, 0, " ",
	    "the machine's limits, and which one comes first" },
	{ "monitor", "", LEVEL_READ, 0, 0, " ",
	    "events, as they happen, until the caller leaves" },
	{ "events", "", LEVEL_READ, 0, 0, " ",
	    "the last events, newest first" },
	{ "wait", "ready [SERVICE] [timeout=TIME]", LEVEL_READ, 1, 2,
	    " timeout ", "waits until each service has a backend that is up" },
	{ "check", "SERVICE[/BACKEND]", LEVEL_OPERATE, 1, 1, " ",
	    "checks now and shows the results" },
	{ "drain", "SERVICE/BACKEND [deadline=TIME] [rate=RATE]", LEVEL_OPERATE,
	    1, 1, " deadline rate ",
	    "no new conns; closes the others, if told how fast" },
	{ "ready", "SERVICE/BACKEND", LEVEL_OPERATE, 1, 1, " ",
	    "ends drain or maint" },
	{ "rebalance", "SERVICE [threshold=N] [rate=RATE] [deadline=TIME]",
	    LEVEL_OPERATE, 1, 1, " threshold rate deadline ",
	    "closes idle conns of the backends that have too many" },
	{ "maint", "SERVICE/BACKEND", LEVEL_OPERATE, 1, 1, " ",
	    "no new conns and no checks" },
	{ "weight", "SERVICE/BACKEND WEIGHT", LEVEL_OPERATE, 2, 2, " ",
	    "changes a backend's weight" },
	{ "kill", "ID | FILTER... | all", LEVEL_OPERATE, 0, 1,
	    " id service backend client idle age ",
	    "resets the conns that match every FILTER" },
	{ "log-level", "[LEVEL]", LEVEL_READ, 0, 1, " ",
	    "shows or sets the log level" },
	{ "node", "[drain [deadline=TIME] [rate=RATE] | ready]", LEVEL_READ, 0,
	    1, " deadline rate ",
	    "whether this node can accept; takes it out of the cluster" },
	{ "add", "SERVICE/BACKEND ADDRESS [KEY=VALUE...]", LEVEL_ADMIN, 2,
	    COMMAND_WORDS_MAX, NULL, "adds a backend" },
	{ "reload", "[force]", LEVEL_ADMIN, 0, 1, " ",
	    "reads the configuration file again" },
	{ "upgrade", "[PATH]", LEVEL_ADMIN, 0, 1, " ",
	    "a new process of the binary takes over, with all conns" },
	{ "save", "[write]", LEVEL_ADMIN, 0, 1, " ",
	    "a diff of the file to the configuration; writes the file" },
	{ "remove", "SERVICE/BACKEND", LEVEL_ADMIN, 1, 1, " ",
	    "removes a backend; its conns continue" },
	{ "config", "", LEVEL_READ, 0, 0, " ",
	    "the configuration in force, in the format of a file" },
	{ "help", "[COMMAND]", LEVEL_READ, 0, 1, " ",
	    "this list, or how to write a command" },
};

const size_t spec_count = sizeof(spec_table) / sizeof(spec_table[0]);

const struct spec *
spec_find(const char *name)
{
	for (size_t i = 0; i < spec_count; i++)
		if (strcmp(spec_table[i].name, name) == 0)
			return &spec_table[i];
	return NULL;
}

const char *
spec_nearest(const char *name)
{
	struct nearest nearest;

	nearest_begin(&nearest, name);
	for (size_t i = 0; i < spec_count; i++)
		nearest_try(&nearest, spec_table[i].name);
	return nearest.best;
}
