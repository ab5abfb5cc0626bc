/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Facts about the machine.  The names of loaded library files carry their
 * versions: these are the libraries that run, not those that lb4 was compiled
 * with.
 */
#include "lb4/host/facts.h"

#include <fcntl.h>
#include <gnu/libc-version.h>
#include <inttypes.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/cpus.h"
#include "common/log.h"
#include "common/proc.h"
#include "lb4/engine/engine_limits.h"
#include "lb4/engine/pipes.h"
#include "lb4/engine/relay.h"
#include "lb4/process/preflight.h"

/* Reads the first line of /proc/sys/`name`; false when there is none. */
static bool
read_sysctl(const char *name, char *text, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	if (!proc_line("", path, text, size))
		return false;
	for (char *tab = text; (tab = strchr(tab, '\t')) != NULL;)
		*tab = ' ';
	return true;
}

static void
print_kernel(FILE *out)
{
	static const char *const names[] = {
		"fs/pipe-max-size",
		"fs/pipe-user-pages-soft",
		"fs/pipe-user-pages-hard",
		"net/core/somaxconn",
		"net/ipv4/ip_local_port_range",
		"net/ipv4/tcp_fin_timeout",
		"net/ipv4/tcp_migrate_req",
	};
	char text[64];
	struct utsname kernel;

	if (uname(&kernel) == 0)
		fprintf(out, "kernel: %s %s %s\n", kernel.sysname,
		    kernel.release, kernel.machine);
	fprintf(out, "splice: %s\n", relay_has_splice() == 0 ? "yes" : "no");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (read_sysctl(names[i], text, sizeof(text)))
			fprintf(out, "%s: %s\n", names[i], text);
}

static void
print_limit(FILE *out, const char *name, rlim_t value)
{
	if (value == RLIM_INFINITY)
		fprintf(out, "%s: unlimited\n", name);
	else
		fprintf(out, "%s: %" PRIu64 "\n", name, (uint64_t)value);
}

static void
print_limits(FILE *out, const struct config *config)
{
	struct engine_limits limits;
	const int64_t quota = cpus_quota("");
	struct rlimit nofile;

	if (getrlimit(RLIMIT_NOFILE, &nofile) == 0) {
		print_limit(out, "nofile soft", nofile.rlim_cur);
		print_limit(out, "nofile hard", nofile.rlim_max);
	}
	engine_limits(config, &limits);
	fprintf(out, "cpus allowed: %u\n", cpus_allowed());
	if (quota != CPUS_NO_QUOTA)
		fprintf(out, "cpu quota: %.2f\n", (double)quota / 1000);
	fprintf(out, "workers: %u\n", engine_workers(config));
	fprintf(out, "maxconn: %" PRIu64 "%s\n", limits.maxconn,
	    limits.short_of_files ? " (nofile is too low for that)" : "");
	fprintf(out, "maxpipes: %" PRIu64 "\n", limits.maxpipes);
}

static int
print_library(struct dl_phdr_info *info, size_t size, void *arg)
{
	char *path;

	(void)size;
	if (strstr(info->dlpi_name, ".so") == NULL)
		return 0;
	path = realpath(info->dlpi_name, NULL);
	if (path != NULL)
		fprintf(arg, "library: %s\n", path);
	free(path);
	return 0;
}

void
facts_print(FILE *out, const struct config *config)
{
	print_kernel(out);
	print_limits(out, config);
	fprintf(out, "compiler: %s\n", __VERSION__);
	fprintf(out, "libc: %s\n", gnu_get_libc_version());
	(void)dl_iterate_phdr(print_library, out);
}

/* Whether a backend of any service is in the node's zone. */
static bool
zone_has_backends(const struct config *config)
{
	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		for (size_t j = 0; j < service->backends; j++)
			if (strcmp(service->backend[j].zone, config->zone) == 0)
				return true;
	}
	return false;
}

void
facts_warn(const struct config *config, const struct engine_limits *limits)
{
	const bool root = geteuid() == 0 &&
	    (config->user[0] == '\0' || strcmp(config->user, "root") == 0);
	const char *warning = preflight_root_warning(config);
	const int64_t pages = proc_sysctl("", "fs/pipe-user-pages-soft", 0);

	if (limits->short_of_files)
		log_warning("maxconn %" PRIu64 " needs more than the %" PRIu64
			    " descriptors allowed (RLIMIT_NOFILE)",
		    limits->maxconn, limits->nofile);
	if (!root && pages > 0 &&
	    limits->maxpipes * PIPE_PAGES_MIN > (uint64_t)pages)
		log_warning("fs.pipe-user-pages-soft %" PRId64
			    " is enough for %" PRId64 " of %" PRIu64
			    " pipes: the others will be too small for splicing",
		    pages, pages / PIPE_PAGES_MIN, limits->maxpipes);
	if (config->zone[0] != '\0' && !zone_has_backends(config))
		log_warning("-z %s: no backend is in that zone", config->zone);
	if (warning != NULL)
		log_warning("%s", warning);
}
