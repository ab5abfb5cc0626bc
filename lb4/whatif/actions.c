/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What lb4 does without serving anybody: see actions.h.  Called by main.c. */
#include "lb4/whatif/actions.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/escape.h"
#include "lb4/config/advice.h"
#include "lb4/config/config.h"
#include "lb4/host/doctor.h"
#include "lb4/host/facts.h"
#include "lb4/host/host.h"
#include "lb4/process/options.h"
#include "lb4/process/preflight.h"
#include "lb4/process/signals.h"
#include "lb4/whatif/offline.h"

/* Returns the configuration, or NULL after printing its errors, one per
 * line. */
struct config *
actions_load(const struct options *options)
{
	struct config_errors errors = { 0 };
	struct config *config = options_config(options, &errors);

	for (size_t i = 0; i < errors.count; i++)
		escape_line(stderr, "%s", errors.text[i]);
	config_errors_done(&errors);
	return config;
}

/* Returns a configuration that lb4 is about to serve on this host, or NULL
 * after printing its errors. */
static struct config *
load_here(const struct options *options)
{
	struct config_errors errors = { 0 };
	struct config *config = actions_load(options);

	if (config != NULL)
		preflight_here(config, options, &errors);
	for (size_t i = 0; i < errors.count; i++)
		escape_line(stderr, "%s", errors.text[i]);
	if (errors.count > 0) {
		config_free(config);
		config = NULL;
	}
	config_errors_done(&errors);
	return config;
}

struct config *
actions_load_to_serve(const struct options *options)
{
	struct config *config;

	if (!options_reads_stdin(options))
		return load_here(options);
	signals_interrupt_begin();
	config = load_here(options);
	signals_interrupt_end();
	return config;
}

/* Prints the machine's limits for the configuration, or for none. */
int
actions_features(const struct options *options)
{
	static const char *const backend[] = { "127.0.0.1:1" };
	struct config_errors errors = { 0 };
	struct config *config;

	if (options->file != NULL || options->services > 0)
		config = actions_load(options);
	else
		config = config_adhoc(NULL, "127.0.0.1:0", backend, 1, &errors);
	config_errors_done(&errors);
	if (config == NULL)
		return -1;
	facts_print(stdout, config);
	config_free(config);
	return 0;
}

/* Prints the limits of this machine that the configuration would meet. */
static int
examine(const struct config *config, const struct host *host)
{
	struct doctor_report report;

	doctor_examine(config, host, DOCTOR_NOT_RUNNING, &report);
	doctor_print(&report, stdout);
	return report.bites == 0 ? 0 : -1;
}

/* Prints the configuration and then the checksums of its tables. */
static int
dump(const struct config *config)
{
	int error;

	config_dump(config, stdout);
	error = offline_checksums(config, stdout);
	if (error == 0)
		return 0;
	escape_line(stderr, "lb4: table: %s", strerror(-error));
	return -1;
}

/* Prints warnings about a valid configuration.  Returns false without
 * memory. */
static bool
warn(const struct options *options, const struct config *config)
{
	struct config_errors warnings;
	bool complete;

	advice_give(config,
	    options->file != NULL ? options_source(options) : NULL,
	    ADVICE_FOR_CHECK, &warnings);
	for (size_t i = 0; i < warnings.count; i++)
		escape_line(stderr, "%s", warnings.text[i]);
	complete = warnings.text != &warnings.spare;
	config_errors_done(&warnings);
	return complete;
}

int
actions_check(const struct options *options)
{
	struct config *config = actions_load(options);
	struct host host;
	int status = 0;

	if (config == NULL)
		return -1;
	if (!warn(options, config)) {
		status = -1;
	} else if (options->action == OPTIONS_DUMP) {
		status = dump(config);
	} else {
		host_read(&host, "");
		if (preflight(config, options, stderr) > 0)
			status = -1;
		else
			escape_line(stdout, "%s: configuration is valid",
			    options_source(options));
		if (options->host && examine(config, &host) != 0)
			status = -1;
	}
	config_free(config);
	return status;
}

int
actions_explain(const struct options *options)
{
	const struct offline_explain question = {
		.service = options->explain_service,
		.client = options->explain_client,
		.sni = options->explain_sni,
		.alpn = options->explain_alpn,
		.port = options->explain_port,
		.down = options->down,
		.downs = options->downs,
		.down_after = options->down_after,
		.downs_after = options->downs_after,
		.in = stdin,
	};
	struct config *config = actions_load(options);
	int error;

	if (config == NULL)
		return -1;
	error = offline_explain(config, &question, stdout, stderr);
	config_free(config);
	return error == 0 ? 0 : -1;
}

int
actions_simulate(const struct options *options)
{
	const struct options after_options = { .action = OPTIONS_SIMULATE,
		.file = options->simulate,
		.zone = options->zone,
		.relay = -1,
		.log_level = -1,
		.access_format = -1 };
	struct config *before = actions_load(options);
	struct config *after = options->simulate != NULL
	    ? actions_load(&after_options)
	    : before != NULL ? config_copy(before)
			     : NULL;
	const struct offline_simulate question = {
		.before = before,
		.after = after,
		.down = options->down,
		.downs = options->downs,
		.down_after = options->down_after,
		.downs_after = options->downs_after,
		.clients = options->clients,
		.tell = offline_print_simulated,
		.owner = stdout,
	};
	int status = -1;

	if (before != NULL && after != NULL &&
	    offline_simulate(&question, stderr) == 0)
		status = 0;
	config_free(before);
	config_free(after);
	return status;
}
