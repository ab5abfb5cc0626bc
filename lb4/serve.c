/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Serves: reads the configuration, starts everything in order, runs the control
 * thread's loop (control_run()) until a signal ends it, and stops everything in
 * reverse.  The workers' loop, where the traffic is, is worker_main() in
 * lb4/engine/worker.c.
 */
#include "lb4/serve.h"

#include <bsd/stdlib.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/escape.h"
#include "common/log.h"
#include "common/plural.h"
#include "common/why.h"
#include "lb4/command/socket.h"
#include "lb4/config/config.h"
#include "lb4/control/carry.h"
#include "lb4/control/control.h"
#include "lb4/control/handle.h"
#include "lb4/control/helper.h"
#include "lb4/control/keep.h"
#include "lb4/control/manager.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/engine_limits.h"
#include "lb4/engine/moving.h"
#include "lb4/engine/peers.h"
#include "lb4/engine/places.h"
#include "lb4/handover/receive.h"
#include "lb4/health/prober.h"
#include "lb4/host/facts.h"
#include "lb4/http/metrics.h"
#include "lb4/log/logger.h"
#include "lb4/process/capabilities.h"
#include "lb4/process/daemon.h"
#include "lb4/process/guard.h"
#include "lb4/process/inherited.h"
#include "lb4/process/options.h"
#include "lb4/process/pidlock.h"
#include "lb4/process/preflight.h"
#include "lb4/table/table.h"
#include "lb4/whatif/actions.h"

/* All that is started, in the order of the start. */
struct program {
	const struct options *options;
	char **argv;
	const char *version;
	struct config *config;
	struct guard_given given;
	struct receive *receive; /* NULL: no older process gives its place up */
	struct places places;	 /* ... its listeners */
	struct inherited inherited;
	int ready_fd; /* -1: not going to the background */
	struct daemon_user user;
	struct guard *guard;
	struct control control;
	bool control_up;
	struct logger *logger;
	struct engine_limits limits;
	unsigned workers;
	struct tables tables;
	bool tables_up;
	struct pidlock *pidfile;
	struct control_socket *socket; /* NULL: none is configured */
	struct metrics *metrics;       /* NULL: none are configured */
	struct prober *prober;
	bool prober_up;
	struct engine *engine;
	bool engine_up;
	bool left; /* a newer process has taken over */
};

/* Prints why the start failed. */
static int __attribute__((format(printf, 1, 2)))
start_failed(const char *format, ...)
{
	char text[WHY_TEXT_MAX + CONFIG_PATH_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	escape_line(stderr, "lb4: %s", text);
	return EXIT_START;
}

/* Whether the process that was started stays the parent of lb4.  Process 1 of
 * a pid namespace must: the namespace ends with it. */
static bool
wants_parent(const struct options *options)
{
	return options->parent || getpid() == 1;
}

/* The guard needs no configuration, which may be large. */
static void
forget_config(void *owner)
{
	struct program *program = owner;

	config_free(program->config);
	program->config = NULL;
}

static int
start_guard(struct program *program, bool background)
{
	char *path = guard_path();
	const struct guard_setup setup = {
		.user = &program->user,
		.core = program->options->core,
		.background = background,
		.parent = wants_parent(program->options),
		.argv = program->argv,
		.path = path,
		.given = &program->given,
		.forget = forget_config,
		.owner = program,
	};
	struct why why = { "" };
	int error = guard_start(&program->guard, &setup, &why);

	free(path);
	return error == 0 ? 0 : start_failed("%s", why.text);
}

/* Goes to the background, starts the guard, takes the signals, and makes the
 * queue for messages. */
static int
start_process(struct program *program, bool background)
{
	struct why why = { "" };
	int error;

	if (daemon_user_find(&program->user, program->config->user, &why) < 0)
		return start_failed("%s", why.text);
	program->user.keep = capabilities_wanted(program->config);
	/* a process that a guard started is there */
	if (background && program->given.channel < 0) {
		program->ready_fd = daemon_fork();
		if (program->ready_fd < 0)
			return start_failed("cannot go to the background: %s",
			    strerror(-program->ready_fd));
	}
	error = start_guard(program, background);
	if (error != 0)
		return error;
	error = control_init(&program->control);
	if (error < 0)
		return start_failed("control: %s", strerror(-error));
	program->control_up = true;
	program->logger = logger_new();
	if (program->logger == NULL)
		return start_failed("log: %s", strerror(errno));
	atomic_store(&log_level, program->config->log_level);
	return 0;
}

/* Whether clients move when the seed changes: a service is balanced by
 * client. */
static bool
seed_matters(const struct config *config)
{
	for (size_t i = 0; i < config->services; i++)
		if (config->service[i].settings.balance == BALANCE_SOURCE)
			return true;
	return false;
}

/* The seed of the configuration, of the process before this one, or a random
 * one. */
static void
set_seed(struct program *program)
{
	struct config *config = program->config;

	if (config->hash_seed_set)
		return;
	if (program->receive != NULL) {
		memcpy(&config->hash_seed,
		    receive_hello(program->receive)->seed,
		    sizeof(config->hash_seed));
		return;
	}
	arc4random_buf(&config->hash_seed, sizeof(config->hash_seed));
	if (seed_matters(config))
		log_info("hash-seed is random: a restart, or another node, "
			 "places clients differently");
}

/* Whether the conns of the process before this one fit.  If they do not, some
 * would be lost in the middle of the handover. */
static bool
has_room(const struct program *program)
{
	const struct handover_hello *hello;
	uint64_t files;

	if (program->receive == NULL)
		return true;
	hello = receive_hello(program->receive);
	files = 2 * (hello->conns + hello->pipes) +
	    engine_files(program->config, false);
	if (files <= program->limits.nofile)
		return true;
	(void)start_failed("%" PRIu64 " conns and %" PRIu64
			   " pipes need more than the %" PRIu64
			   " descriptors that this process may have",
	    hello->conns, hello->pipes, program->limits.nofile);
	return false;
}

static int
start_tables(struct program *program)
{
	struct config *config = program->config;
	int error;

	preflight_warn(config, program->options);
	engine_limits(config, &program->limits);
	facts_warn(config, &program->limits);
	program->workers = engine_workers(config);
	if (!has_room(program))
		return EXIT_START;
	set_seed(program);
	tables_init(&program->tables, engine_workers_room(config));
	program->tables_up = true;
	error = program->receive != NULL
	    ? receive_names(program->receive, config)
	    : 0;
	if (error == 0 && program->receive != NULL)
		error = receive_restore(program->receive, &program->tables);
	if (error == 0)
		error = tables_publish(&program->tables, config,
		    &config->hash_seed);
	if (error < 0)
		return start_failed("table: %s", strerror(-error));
	if (program->receive != NULL) {
		receive_states(program->receive, &program->tables);
		receive_places(program->receive, &program->places);
		keep_received(&program->control.running, &program->places);
	}
	return 0;
}

/* Warns when a reload, as the user that lb4 runs as now, could not read the
 * file. */
static void
warn_unreadable(const struct program *program)
{
	const char *file = options_source(program->options);

	if (options_can_reload(program->options) && access(file, R_OK) < 0)
		log_warning(
		    "%s: cannot be read by the user that lb4 has become: %s; a reload will be "
		    "refused",
		    file, strerror(errno));
}

/* Opens the pid file, or takes the one of the process before this one.  False
 * with why. */
static bool
start_pidfile(struct program *program, struct why *why)
{
	const char *path = program->config->pidfile;
	int fd;

	if (path[0] == '\0')
		return true;
	fd = receive_file(program->receive, "pidfile", path, NULL);
	program->pidfile = fd >= 0 ? pidlock_adopt(path, fd, why)
				   : pidlock_open(path, why);
	return program->pidfile != NULL;
}

/* Does what needs root, such as the pid file and the listeners, and then drops
 * root. */
static int
start_privileged(struct program *program)
{
	const struct config *config = program->config;
	struct engine_peers peers = {
		.control = &program->control.mailbox,
		.suspect = prober_suspect,
		.logger = program->logger,
		.access = logger_access,
	};
	struct why why;

	if (!start_pidfile(program, &why))
		return start_failed("%s", why.text);
	program->prober = prober_new(&program->tables);
	if (program->prober == NULL)
		return start_failed("prober: %s", strerror(errno));
	peers.prober = program->prober;
	program->engine = engine_new(&program->tables, config, &program->limits,
	    &peers);
	if (program->engine == NULL)
		return start_failed("engine: %s", strerror(errno));
	if (control_socket_open(&program->socket, config, program->receive,
		&why) < 0)
		return start_failed("%s", why.text);
	if (metrics_open(&program->metrics, config, program->receive, &why) < 0)
		return start_failed("%s", why.text);
	if (program->socket != NULL)
		prober_set_news(program->prober, control_socket_news,
		    program->socket);
	engine_inherit(program->engine, &program->inherited);
	if (program->receive != NULL)
		engine_take_over(program->engine, &program->places);
	if (engine_listen(program->engine, config, &why) < 0 ||
	    daemon_become(&program->user, program->options->core, &why) < 0)
		return start_failed("%s", why.text);
	guard_follow(program->guard);
	inherited_close_rest(&program->inherited);
	warn_unreadable(program);
	return 0;
}

static int
start_threads(struct program *program)
{
	const struct config *config = program->config;
	const struct log_names names = {
		.messages = options_destination(program->options, config->log),
		.access = options_destination(program->options,
		    config->access_log),
		.format = config->access_format,
	};
	struct why why = { "" };
	int error;

	if (logger_open(program->logger, &names, &why) < 0)
		return start_failed("%s", why.text);
	error = logger_start(program->logger);
	if (error < 0)
		return start_failed("log: %s", why_no_thread(error));
	if (program->receive == NULL)
		helper_follow(config, program->guard, program->prober);
	else
		helper_start(config, program->guard, program->prober);
	error = prober_start(program->prober);
	if (error < 0)
		return start_failed("prober: %s", why_no_thread(error));
	program->prober_up = true;
	return 0;
}

/* Everything else is ready, so that little can fail from here on: the process
 * before this one hands over. */
static int
start_engine(struct program *program)
{
	int error = 0;

	if (program->receive != NULL)
		error = receive_ready(program->receive, program->engine,
		    &program->tables, program->version);
	if (error == 0 && program->receive != NULL)
		error = engine_begin(program->engine, program->config);
	if (error < 0)
		return start_failed("handover: %s", strerror(-error));
	program->engine_up = true; /* or some of its workers */
	error = engine_start(program->engine);
	if (error < 0)
		return start_failed("engine: %s", why_no_thread(error));
	if (program->receive != NULL)
		error = receive_conns(program->receive, program->engine,
		    &program->tables);
	return error == 0 ? 0 : start_failed("handover: %s", strerror(-error));
}

/* From here on nothing may end this process: it alone has the conns.  The
 * process before it leaves. */
static void
replace_old(struct program *program)
{
	struct receive *receive = program->receive;
	struct why why;
	int error;

	if (receive == NULL)
		return;
	if (program->pidfile != NULL &&
	    pidlock_write(program->pidfile, &why) < 0)
		log_error("%s", why.text);
	error = receive_end(receive);
	if (error < 0)
		log_error("handover: %s", strerror(-error));
	receive_free(receive);
	program->receive = NULL;
	helper_follow(program->config, program->guard, program->prober);
}

/* Lets the control thread serve the control socket, and tell it events. */
static int
plug_socket(struct program *program)
{
	struct running *running = &program->control.running;
	struct source source;
	int error;

	error = control_socket_start(program->socket, handle_of(running),
	    &source);
	if (error < 0)
		return error;
	if (program->receive != NULL)
		control_socket_take_events(program->socket, program->receive);
	events_subscribe(&running->events, control_socket_event,
	    program->socket);
	return control_plug(&program->control, &source);
}

/* What a newer process gets, besides listeners and conns. */
static void
describe_files(void *owner, struct send_setup *setup)
{
	const struct program *program = owner;
	const struct config *config = program->control.running.config;
	struct sockfile_id file = { 0 };
	char metrics[ADDR_TEXT_MAX];

	if (program->pidfile != NULL)
		send_add_file(setup, "pidfile", config->pidfile,
		    pidlock_fd(program->pidfile), &file);
	if (program->socket != NULL) {
		int fd = control_socket_fd(program->socket, &file);

		send_add_file(setup, "control", config->control, fd, &file);
		control_socket_give_events(program->socket, setup);
	}
	if (program->metrics != NULL) {
		int fd = metrics_fd(program->metrics, &file);

		(void)addr_format(&config->metrics, metrics, sizeof(metrics));
		send_add_file(setup, "metrics", metrics, fd, &file);
	}
}

/* A newer process serves from now on. */
static void
leave(void *owner)
{
	struct program *program = owner;

	metrics_leave(program->metrics);
	control_socket_leave(program->socket);
	pidlock_leave(program->pidfile);
	program->pidfile = NULL;
	if (program->engine != NULL)
		engine_keep_files(program->engine);
	program->left = true;
}

/* A newer process has failed; it may have written its pid. */
static void
stay(void *owner)
{
	const struct program *program = owner;
	struct why why;

	if (program->pidfile != NULL &&
	    pidlock_write(program->pidfile, &why) < 0)
		log_error("%s", why.text);
}

static void
start_upgrades(struct program *program)
{
	program->control.upgrade.peers = (struct upgrade_peers){
		.guard = program->guard,
		.control = &program->control.mailbox,
		.owner = program,
		.describe = describe_files,
		.leave = leave,
		.stay = stay,
	};
}

/* Makes everything that the control thread's loop needs, so that it cannot run
 * out of memory later. */
static int
start_control(struct program *program)
{
	struct running *running = &program->control.running;
	int error;

	running->engine = program->engine;
	running->tables = &program->tables;
	running->logger = program->logger;
	running->prober = program->prober;
	running->options = program->options;
	running->version = program->version;
	running->config = program->config;
	running->shutdown_timeout_ms = program->config->shutdown_timeout_ms;
	error = control_start(&program->control);
	start_upgrades(program);
	if (error == 0 && program->socket != NULL)
		error = plug_socket(program);
	if (error == 0)
		carry_take(running, program->receive);
	return error == 0 ? 0
			  : start_failed("control: %s", why_no_thread(error));
}

/* After a handover, lb4 goes on without metrics if need be. */
static int
start_metrics(struct program *program)
{
	int error = metrics_start(program->metrics,
	    handle_of(&program->control.running));

	if (error == 0)
		return 0;
	if (program->given.channel < 0)
		return start_failed("metrics: %s", why_no_thread(error));
	log_error("metrics: %s", why_no_thread(error));
	return 0;
}

/* lb4 serves clients from here on: tells the parent process and the service
 * manager. */
static int
start_done(struct program *program)
{
	const struct config *config = program->config;
	size_t backends = 0;
	int error;

	for (size_t i = 0; i < config->services; i++)
		backends += config->service[i].backends;
	/* the log may have used one of them by its /dev/fd name */
	inherited_close_strays(&program->inherited);
	if (program->ready_fd >= 0) {
		error = daemon_ready(program->ready_fd);
		program->ready_fd = -1;
		if (error < 0)
			return start_failed("cannot go to the background: %s",
			    strerror(-error));
	} else if (program->options->background && chdir("/") < 0) {
		return start_failed("/: %s", strerror(errno));
	}
	log_notice("ready: %zu service%s, %zu backend%s, %u worker%s, "
		   "maxconn %" PRIu64,
	    config->services, plural(config->services), backends,
	    plural(backends), program->workers, plural(program->workers),
	    program->limits.maxconn);
	keep_begin(&program->control.running, &program->inherited);
	error = manager_ready(program->engine, &program->tables);
	if (error < 0)
		log_warning("cannot notify the service manager: %s",
		    strerror(-error));
	return 0;
}

static int
start(struct program *program, bool background)
{
	int status;

	status = start_process(program, background);
	if (status == 0)
		status = start_tables(program);
	if (status == 0)
		status = start_privileged(program);
	if (status == 0)
		status = start_threads(program);
	if (status == 0)
		status = start_control(program);
	if (status == 0)
		status = start_engine(program);
	if (status == 0) {
		replace_old(program);
		status = start_metrics(program);
	}
	if (status == 0)
		status = start_done(program);
	if (status == 0)
		guard_report(&program->given);
	return status;
}

static int
run(struct program *program)
{
	int error = control_run(&program->control);

	program->config = program->control.running.config; /* after reloads */
	if (error == 0)
		return EXIT_OK;
	log_error("control: %s", strerror(-error));
	return EXIT_RUNTIME;
}

static void
stop(struct program *program)
{
	if (program->control_up)
		upgrade_stop(&program->control.upgrade);
	/* a handover that has failed: the older process uses the files */
	if (program->receive != NULL)
		leave(program);
	metrics_free(program->metrics);
	control_socket_stop(program->socket);
	if (program->engine_up)
		engine_stop(program->engine);
	if (program->prober_up)
		prober_stop(program->prober);
	engine_free(program->engine);
	prober_free(program->prober);
	control_socket_free(program->socket);
	pidlock_remove(program->pidfile);
	places_done(&program->places);
	receive_free(program->receive);
	if (program->left)
		moving_end(&program->tables);
	if (program->tables_up)
		tables_done(&program->tables);
	if (program->engine_up)
		log_notice(program->left ? "left" : "stopped");
	if (program->logger != NULL)
		(void)logger_stop(program->logger);
	logger_free(program->logger);
	if (program->control_up)
		control_done(&program->control);
	inherited_done(&program->inherited);
	guard_free(program->guard);
	config_free(program->config);
}

int
serve(struct options *options, char **argv, const char *version)
{
	struct program program = {
		.ready_fd = -1,
		.options = options,
		.argv = argv,
		.version = version,
	};
	struct why why;
	int status;

	guard_take(&program.given);
	/* before lb4 opens anything that could take an announced number */
	if (inherited_take(&program.inherited, &why) < 0)
		return start_failed("inherited sockets: %s", why.text);
	if (program.given.channel >= 0 &&
	    receive_begin(&program.receive, program.given.channel, &why) < 0)
		return start_failed("handover: %s", why.text);
	status = options_fix_file(options);
	if (status < 0) {
		status = start_failed("%s: %s", options_source(options),
		    strerror(-status));
	} else {
		program.config = actions_load_to_serve(options);
		status = program.config == NULL
		    ? EXIT_START
		    : start(&program, options->background);
	}
	if (status == 0)
		status = run(&program);
	stop(&program);
	return status;
}
