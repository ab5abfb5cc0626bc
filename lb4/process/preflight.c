/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What a start would stumble over: see preflight.h. */
#include "lb4/process/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpus.h"
#include "common/escape.h"
#include "common/here.h"
#include "common/log.h"
#include "common/proc.h"
#include "common/sockfile.h"
#include "common/user.h"
#include "common/why.h"
#include "lb4/config/advice.h"
#include "lb4/config/errors.h"
#include "lb4/config/loops.h"
#include "lb4/process/capabilities.h"
#include "lb4/process/daemon.h"
#include "lb4/process/options.h"
#include "lb4/process/pidlock.h"

struct preflight {
	const struct config *config;
	const struct options *options;
	FILE *out;
	unsigned found;
};

static void __attribute__((format(printf, 4, 5)))
complain(struct preflight *look, const char *section, const char *key,
    const char *format, ...)
{
	char text[CONFIG_ERROR_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	escape_line(look->out, "%s: [%s] %s: %s", options_source(look->options),
	    section, key, text);
	look->found++;
}

/* ---- files -------------------------------------------------------------- */

/* Whether a file can be created or removed there; 0 or -errno. */
static int
check_directory(const char *path)
{
	char dir[CONFIG_PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL && slash > path ? (size_t)(slash - path) : 1;
	struct stat st;

	(void)snprintf(dir, sizeof(dir), "%.*s", (int)len,
	    slash != NULL ? path : ".");
	if (stat(dir, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0 ? -errno
								     : 0;
}

/* Opens an existing file, but not a fifo: its reader would notice. */
static int
check_log_file(const char *path)
{
	struct stat st;
	int fd;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? check_directory(path) : -errno;
	if (S_ISFIFO(st.st_mode))
		return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 ? -errno
								       : 0;
	fd = open(path,
	    O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	(void)close(fd);
	return 0;
}

static void
check_log(struct preflight *look, const char *key, const char *name)
{
	int error;

	name = options_destination(look->options, name);
	if (name[0] != '/')
		return;
	error = check_log_file(name);
	if (error < 0)
		complain(look, "global", key, "cannot open %s: %s", name,
		    strerror(-error));
}

static void
check_pidfile(struct preflight *look)
{
	const char *path = look->config->pidfile;
	struct why why;
	struct stat st;
	int error;

	if (path[0] == '\0')
		return;
	if (pidlock_check(path, &why) < 0) {
		complain(look, "global", "pidfile", "%s", why.text);
	} else if (lstat(path, &st) < 0) {
		error = check_directory(path);
		if (error < 0)
			complain(look, "global", "pidfile",
			    "cannot write %s: %s", path, strerror(-error));
	}
}

/* ---- sockets ------------------------------------------------------------ */

/* Whether a unix socket could be bound there; 0 or -errno. */
static int
check_socket_path(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	return check_directory(path);
}

static void
check_group(struct preflight *look, const char *key, const char *name)
{
	struct why why = { "" };
	gid_t gid;

	if (name[0] != '\0' && user_find_group(&gid, name, &why) < 0)
		complain(look, "global", key, "%s", why.text);
}

static void
check_control(struct preflight *look)
{
	const struct config *config = look->config;
	struct user user;
	struct why why = { "" };
	int error;

	if (config->control[0] == '\0')
		return;
	if (config->control_owner[0] != '\0' &&
	    user_find(&user, config->control_owner, &why) < 0)
		complain(look, "global", "control-owner", "%s", why.text);
	check_group(look, "control-group", config->control_group);
	check_group(look, "control-read", config->control_read);
	check_group(look, "control-operate", config->control_operate);
	check_group(look, "control-admin", config->control_admin);
	error = check_socket_path(config->control);
	if (error < 0)
		complain(look, "global", "control", "cannot listen on %s: %s",
		    config->control, strerror(-error));
}

/* The first port that needs no privilege. */
static unsigned
first_free_port(void)
{
	const int64_t port = proc_sysctl("",
	    "net/ipv4/ip_unprivileged_port_start", 0);

	return port >= 0 ? (unsigned)port : 1024;
}

/* Whether somebody listens on that port: a running lb4, or a service manager
 * that will pass the socket on. */
static bool
is_listened_on(const char *table, unsigned port)
{
	FILE *file = fopen(table, "re");
	char line[256];
	unsigned local, state;
	bool found = false;

	if (file == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x",
			    &local, &state) == 2 &&
		    local == port && state == 0x0a;
	(void)fclose(file);
	return found;
}

/* 0 or -errno. */
static int
check_listen(const struct addr *addr)
{
	const unsigned port = addr_port(addr);

	if (addr_is_inherited(addr))
		return 0;
	if (addr_is_unix(addr))
		return addr->un.sun_path[0] == '\0'
		    ? 0
		    : check_socket_path(addr->un.sun_path);
	if (port == 0 || port >= first_free_port() ||
	    capabilities_have(UINT64_C(1) << CAP_NET_BIND_SERVICE) ||
	    is_listened_on("/proc/net/tcp", port) ||
	    is_listened_on("/proc/net/tcp6", port))
		return 0;
	return -EACCES;
}

static void
check_metrics(struct preflight *look)
{
	const struct addr *addr = &look->config->metrics;
	const int error = addr->len == 0 ? 0 : check_listen(addr);
	char text[ADDR_TEXT_MAX];

	if (error < 0)
		complain(look, "global", "metrics", "cannot listen on %s: %s",
		    addr_format(addr, text, sizeof(text)), strerror(-error));
}

static void
check_service(struct preflight *look, const struct config_service *service)
{
	char section[CONFIG_NAME_MAX + sizeof("service ")];
	char text[ADDR_TEXT_MAX];
	struct why why = { "" };
	struct user user;
	gid_t gid;

	(void)snprintf(section, sizeof(section), "service %s", service->name);
	if (service->settings.listen_owner[0] != '\0' &&
	    user_find(&user, service->settings.listen_owner, &why) < 0)
		complain(look, section, "listen-owner", "%s", why.text);
	if (service->settings.listen_group[0] != '\0' &&
	    user_find_group(&gid, service->settings.listen_group, &why) < 0)
		complain(look, section, "listen-group", "%s", why.text);
	for (size_t i = 0; i < service->listens; i++) {
		const struct addr *addr = &service->listen[i];
		int error = check_listen(addr);

		if (error == 0)
			continue;
		complain(look, section, "listen", "cannot listen on %s: %s",
		    addr_format(addr, text, sizeof(text)), strerror(-error));
		i += addr->ahead; /* one complaint for a range */
	}
}

/* Each port to listen on takes a descriptor for each worker. */
static void
check_sockets(const struct config *config, struct errors *errors)
{
	const unsigned workers = config->workers != 0 ? config->workers
						      : cpus_usable();
	const struct config_service *most = config->service;
	struct rlimit limit;
	uint64_t ports = 0;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		most = service->listens > most->listens ? service : most;
		ports += service->listens;
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_max > ports * workers)
		return;
	errors_service(errors, most->name);
	errors_add(errors, most->line, "listen",
	    "the services listen on %" PRIu64 " ports, each of which takes a "
	    "descriptor for each of %u workers, but this process may have "
	    "only %" PRIu64 ": listen on fewer ports, or raise RLIMIT_NOFILE",
	    ports, workers, (uint64_t)limit.rlim_max);
}

#define NET_RAW \
	"the capability CAP_NET_RAW: start lb4 as root, which keeps it, or " \
	"give it to the service with AmbientCapabilities"

/* After lb4 has dropped root it has what it has kept. */
static void
check_capability(const struct config *config, struct errors *errors)
{
	if (capabilities_have(capabilities_wanted(config)))
		return;
	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		errors_service(errors, service->name);
		if (service->settings.source.client)
			errors_add(errors, service->line, "source",
			    "client needs " NET_RAW);
		if (service->settings.tuning.mark != 0)
			errors_add(errors, service->line, "mark",
			    "needs " NET_RAW);
	}
}

void
preflight_here(const struct config *config, const struct options *options,
    struct config_errors *list)
{
	struct errors errors;

	errors_init(&errors,
	    options->services == 0 ? options_source(options) : NULL, list);
	if (loops_check(config, NULL, here_has, &errors) < 0)
		errors_add(&errors, 0, NULL, "out of memory");
	check_sockets(config, &errors);
	check_capability(config, &errors);
	errors_done(&errors);
}

void
preflight_warn(const struct config *config, const struct options *options)
{
	struct config_errors warnings;

	advice_give(config,
	    options->file != NULL ? options_source(options) : NULL,
	    ADVICE_FOR_LOG, &warnings);
	for (size_t i = 0; i < warnings.count; i++)
		log_warning("%s", warnings.text[i]);
	config_errors_done(&warnings);
}

static void
check_loops(struct preflight *look)
{
	struct config_errors list;

	preflight_here(look->config, look->options, &list);
	for (size_t i = 0; i < list.count; i++)
		escape_line(look->out, "%s", list.text[i]);
	look->found += (unsigned)list.count;
	config_errors_done(&list);
}

/* The program is run as the user whom lb4 has become. */
static void
check_on_change(struct preflight *look)
{
	const char *path = look->config->on_change;
	struct stat st;
	int error = 0;

	if (path[0] == '\0')
		return;
	if (stat(path, &st) < 0 ||
	    faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = EACCES;
	if (error != 0)
		complain(look, "global", "on-change", "cannot run %s: %s", path,
		    strerror(error));
}

/* ---- who --------------------------------------------------------------- */

const char *
preflight_root_warning(const struct config *config)
{
	if (geteuid() != 0 || config->user[0] != '\0')
		return NULL;
	return "running as root: set user, or -u, to whom lb4 is to become; "
	       "user = root says that root is meant";
}

/* A reload reads the file again, as the user. */
static void
check_file(struct preflight *look)
{
	const char *file = options_source(look->options);

	if (options_can_reload(look->options) &&
	    faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) < 0)
		escape_line(look->out,
		    "%s: warning: user %s cannot read it: %s; a reload will "
		    "be refused",
		    file, look->config->user, strerror(errno));
}

unsigned
preflight(const struct config *config, const struct options *options, FILE *out)
{
	struct preflight look = { config, options, out, 0 };
	const char *warning = preflight_root_warning(config);
	struct daemon_user user;
	struct why why;
	bool changes; /* who we are */

	if (warning != NULL)
		escape_line(out, "%s: warning: [global] user: %s",
		    options_source(options), warning);
	if (daemon_user_find(&user, config->user, &why) < 0) {
		complain(&look, "global", "user", "%s", why.text);
		user.name[0] = '\0';
	}
	changes = user.name[0] != '\0' && user.uid != geteuid();
	if (changes && geteuid() != 0) {
		/* root may do all of this; a check as root would prove
		 * nothing */
		escape_line(out,
		    "%s: warning: [global] user: only root can become %s, and "
		    "only root can check the rest",
		    options_source(options), user.name);
		return look.found;
	}
	check_loops(&look);
	check_pidfile(&look);
	check_control(&look);
	check_metrics(&look);
	for (size_t i = 0; i < config->services; i++)
		check_service(&look, &config->service[i]);
	if (changes && daemon_become(&user, false, &why) < 0)
		complain(&look, "global", "user", "%s", why.text);
	check_log(&look, "log", config->log);
	check_log(&look, "access-log", config->access_log);
	check_on_change(&look);
	if (changes)
		check_file(&look);
	return look.found;
}
