/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* lb4: reads the command line, and serves (serve.c) or does something else
 * (lb4/whatif/actions.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lb4/config/config.h"
#include "lb4/process/daemon.h"
#include "lb4/process/options.h"
#include "lb4/process/signals.h"
#include "lb4/serve.h"
#include "lb4/whatif/actions.h"

static int
act(struct options *options, char **argv)
{
	switch (options->action) {
	case OPTIONS_CHECK:
	case OPTIONS_DUMP:
		return actions_check(options) == 0 ? EXIT_OK : EXIT_START;
	case OPTIONS_VERSION:
		puts("lb4 " LB4_VERSION);
		return EXIT_OK;
	case OPTIONS_FEATURES:
		puts("lb4 " LB4_VERSION);
		return actions_features(options) == 0 ? EXIT_OK : EXIT_START;
	case OPTIONS_HELP:
		options_help(stdout);
		return EXIT_OK;
	case OPTIONS_KEYS:
		config_keys_list(stdout);
		return EXIT_OK;
	case OPTIONS_EXPLAIN:
		return actions_explain(options) == 0 ? EXIT_OK : EXIT_START;
	case OPTIONS_SIMULATE:
		return actions_simulate(options) == 0 ? EXIT_OK : EXIT_START;
	case OPTIONS_RUN:
		break;
	}
	return serve(options, argv, LB4_VERSION);
}

/* Fails if part of the output was lost: the disk may be full, or the pipe has
 * no reader. */
static int
written(int status)
{
	bool failed = ferror(stdout) != 0;

	errno = 0;
	if (fflush(stdout) == 0 && !failed)
		return status;
	fprintf(stderr, "lb4: standard output cannot be written: %s\n",
	    errno != 0 ? strerror(errno) : "part of the output is lost");
	return status == EXIT_OK ? EXIT_START : status;
}

static int
no_descriptors(int error)
{
	fprintf(stderr, "lb4: /dev/null: %s\n", strerror(error));
	return EXIT_START;
}

int
main(int argc, char **argv)
{
	struct options options;
	int status, error;

	signals_block();
	if (daemon_descriptors() < 0)
		return no_descriptors(errno);
	error = options_parse(&options, argc, argv);
	if (error == 0) {
		if (options.action != OPTIONS_RUN)
			signals_unblock();
		status = act(&options, argv);
	} else {
		status = error == -ENOMEM ? EXIT_START : EXIT_USAGE;
	}
	options_done(&options);
	return written(status);
}
