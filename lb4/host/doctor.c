/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One function for each limit; each adds a finding where the limit is known.
 */
#include "lb4/host/doctor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/plural.h"
#include "lb4/engine/engine_limits.h"
#include "lb4/host/host.h"

/* Descriptors of an idle lb4, as /proc/PID/fd shows them: standard ones,
 * control, prober and log, with two log files and a pid file; and for each
 * worker, its epoll, mailbox and a pipe. */
#define FILES_OWN 14
#define FILES_WORKER 4

/* The control socket and what serves it, and some callers. */
#define FILES_CONTROL 16

/* Memory of a conn without bytes under way, measured on Linux 6.18 with 4,000
 * of them: 8.7 KiB of the kernel's slabs for two sockets, and 0.3 KiB of our
 * own. */
#define CONN_BYTES 9216

#define PAGE 4096
#define PIPE_PAGES 16 /* of a pipe of the usual size */

/* control, prober, log; and the workers.  With a control socket, readiness. */
#define THREADS_OWN 3

/* TCP_TIMEWAIT_LEN of the kernel: nothing sets it. */
#define TIME_WAIT_MS 60000
#define TW_REUSE_DELAY_MS 1000

struct examination {
	const struct config *config;
	const struct host *host;
	struct doctor_report *report;
	struct engine_limits limits;
	uint64_t workers;
	uint64_t open; /* conns, now */
	bool running;
	bool asked; /* the number of conns was: else, as many as fit */
};

const char *
doctor_severity_name(enum doctor_severity severity)
{
	static const char *const names[] = {
		[DOCTOR_BITES] = "bites",
		[DOCTOR_NOTE] = "note",
		[DOCTOR_FINE] = "fine",
	};

	static_assert(sizeof(names) / sizeof(names[0]) == DOCTOR_SEVERITY_COUNT,
	    "a name for each severity");
	return (unsigned)severity < DOCTOR_SEVERITY_COUNT ? names[severity]
							  : "?";
}

static struct doctor_finding *
add(struct examination *exam, enum doctor_severity severity, const char *what)
{
	struct doctor_report *report = exam->report;
	struct doctor_finding *finding = &report->finding[report->count++];

	assert(report->count <= DOCTOR_FINDINGS_MAX);
	*finding = (struct doctor_finding){
		.severity = severity,
		.what = what,
		.conns = DOCTOR_NO_WALL,
		.rate = DOCTOR_NO_WALL,
	};
	return finding;
}

static void __attribute__((format(printf, 2, 3)))
say(char *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, DOCTOR_TEXT_MAX, format, args);
	va_end(args);
}

/* A limit as text. */
struct number {
	char text[24];
};

static struct number
number(int64_t value)
{
	struct number number = { "unlimited" };

	if (value == HOST_UNKNOWN)
		(void)snprintf(number.text, sizeof(number.text), "unknown");
	else if (value != HOST_UNLIMITED)
		(void)snprintf(number.text, sizeof(number.text), "%" PRId64,
		    value);
	return number;
}

static bool
is_limit(int64_t value)
{
	return value != HOST_UNKNOWN && value != HOST_UNLIMITED;
}

static uint64_t
above_zero(int64_t value)
{
	return value > 0 ? (uint64_t)value : 0;
}

/* How bad a wall of so many conns is. */
static enum doctor_severity
judge(const struct examination *exam, uint64_t wall, uint64_t wanted)
{
	if (wall >= wanted)
		return DOCTOR_FINE;
	return exam->asked ? DOCTOR_BITES : DOCTOR_NOTE;
}

/* A finding with a wall of conns, for all services together. */
static struct doctor_finding *
add_wall(struct examination *exam, const char *what, uint64_t wall)
{
	struct doctor_finding *finding = add(exam,
	    judge(exam, wall, exam->report->wanted), what);

	finding->conns = wall;
	say(finding->wall, "%" PRIu64 " conn%s at once", wall, plural(wall));
	return finding;
}

/* ---- descriptors -------------------------------------------------------- */

/* What is open without a conn. */
static uint64_t
files_own(const struct examination *exam)
{
	uint64_t files = FILES_OWN + exam->workers * FILES_WORKER;

	if (exam->config->control[0] != '\0')
		files += FILES_CONTROL;
	for (size_t i = 0; i < exam->config->services; i++) {
		const struct config_service *service =
		    &exam->config->service[i];

		files += service->listens * exam->workers;
		if (service->settings.check.kind != CHECK_NONE)
			files += service->backends;
	}
	return files;
}

static void
check_maxconn(struct examination *exam)
{
	struct doctor_finding *finding;

	if (!exam->asked)
		return;
	finding = add_wall(exam, "maxconn", exam->report->wanted);
	say(finding->value, "%" PRIu64, exam->report->wanted);
	say(finding->needs, "the configuration's own limit");
}

static void
check_nofile(struct examination *exam)
{
	const struct host *host = exam->host;
	const uint64_t own = files_own(exam);
	const uint64_t pipes = 2 * exam->limits.maxpipes;
	const uint64_t limit = above_zero(host->nofile_hard);
	const uint64_t wanted = exam->report->wanted;
	uint64_t needs = 2 * wanted + own + pipes;
	uint64_t wall = limit > own ? (limit - own) / 2 : 0;
	struct doctor_finding *finding;

	if (!is_limit(host->nofile_hard))
		return;
	/* maxconn = auto: what the engine makes of the limit. */
	if (!exam->asked && wall > wanted)
		wall = wanted;
	finding = add_wall(exam, "RLIMIT_NOFILE", wall);
	if (exam->limits.short_of_files && wall < wanted)
		finding->severity = DOCTOR_BITES;
	if (finding->severity == DOCTOR_FINE && needs > limit)
		finding->severity = DOCTOR_NOTE;
	say(finding->value, "soft %s, hard %s", number(host->nofile_soft).text,
	    number(host->nofile_hard).text);
	if (exam->config->maxconn == 0)
		say(finding->needs, "what there is, since maxconn = auto");
	else
		say(finding->needs,
		    "%" PRIu64 ": 2 for each conn, %" PRIu64 " for pipes, "
		    "%" PRIu64 " for the rest",
		    needs, pipes, own);
	if (finding->severity == DOCTOR_FINE)
		return;
	if (is_limit(host->nr_open) && needs > (uint64_t)host->nr_open)
		say(finding->set,
		    "fs.nr_open=%" PRIu64 ", then LimitNOFILE=%" PRIu64, needs,
		    needs);
	else
		say(finding->set,
		    "LimitNOFILE=%" PRIu64 " in the unit, or ulimit -n", needs);
}

static void
check_file_max(struct examination *exam)
{
	const struct host *host = exam->host;
	const uint64_t needs = 2 * exam->report->wanted + files_own(exam);
	struct doctor_finding *finding;
	uint64_t left;

	if (!is_limit(host->file_max) || !is_limit(host->files_used))
		return;
	left = above_zero(host->file_max - host->files_used) + 2 * exam->open;
	finding = add_wall(exam, "fs.file-max", left / 2);
	say(finding->value, "%" PRId64 ", of all processes %" PRId64 " in use",
	    host->file_max, host->files_used);
	say(finding->needs, "%" PRIu64, needs);
	if (finding->severity != DOCTOR_FINE)
		say(finding->set, "fs.file-max=%" PRIu64,
		    needs + above_zero(host->files_used));
}

/* ---- ports -------------------------------------------------------------- */

/* Ports that connecting sockets may get: a port that is listened on is not
 * among them. */
static uint64_t
ports_free(const struct examination *exam)
{
	struct host host = *exam->host;
	uint64_t count = 0;

	for (size_t i = 0; i < exam->config->services; i++) {
		const struct config_service *service =
		    &exam->config->service[i];

		for (size_t j = 0; j < service->listens; j++) {
			const uint16_t port = addr_port(&service->listen[j]);

			host.reserved[port / 8] |= (uint8_t)(1U << port % 8);
		}
	}
	for (uint32_t port = host.port_low; port <= host.port_high; port++)
		count += host_port_is_local(&host, (uint16_t)port);
	return count;
}

/* Different addresses to connect to; 0: some need no port. */
static uint64_t
addresses(const struct config_service *service)
{
	uint64_t count = 0;

	for (size_t i = 0; i < service->backends; i++) {
		const struct config_backend *backend = &service->backend[i];
		bool seen = backend->weight == 0;

		if (addr_is_unix(&backend->addr) && !seen)
			return 0;
		for (size_t j = 0; j < i && !seen; j++)
			seen = service->backend[j].weight != 0 &&
			    addr_equal(&backend->addr,
				&service->backend[j].addr);
		count += !seen;
	}
	return count;
}

/* What a service may ask for. */
static uint64_t
service_wanted(const struct examination *exam,
    const struct config_service *service)
{
	const uint64_t all = exam->report->wanted;

	return service->settings.maxconn != 0 && service->settings.maxconn < all
	    ? service->settings.maxconn
	    : all;
}

/* The service that runs out of ports first, seen what it may ask for. */
static const struct config_service *
tightest(const struct examination *exam, uint64_t ports, uint64_t *many)
{
	const struct config_service *found = NULL;
	double best = 0;

	for (size_t i = 0; i < exam->config->services; i++) {
		const struct config_service *service =
		    &exam->config->service[i];
		const uint64_t count = addresses(service);
		const double share = (double)(ports * count) /
		    (double)service_wanted(exam, service);

		if (count == 0 || (found != NULL && share >= best))
			continue;
		found = service;
		best = share;
		*many = count;
	}
	return found;
}

static bool
is_loopback(const struct addr *addr)
{
	if (addr->sa.sa_family == AF_INET)
		return ntohl(addr->in.sin_addr.s_addr) >> 24 == 127;
	return addr->sa.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
}

/* A port that closed first rests in TIME_WAIT, unless it may be used again. */
static uint64_t
port_rest_ms(const struct examination *exam,
    const struct config_service *service)
{
	const struct host *host = exam->host;
	bool reuse = host->tw_reuse == 1;

	if (host->tw_reuse == 2) {
		reuse = true;
		for (size_t i = 0; i < service->backends; i++)
			reuse &= is_loopback(&service->backend[i].addr);
	}
	if (!reuse)
		return TIME_WAIT_MS;
	return host->tw_reuse_delay_ms > 0 ? (uint64_t)host->tw_reuse_delay_ms
					   : TW_REUSE_DELAY_MS;
}

static void
check_time_wait(struct examination *exam, const struct config_service *service,
    uint64_t ports, uint64_t many)
{
	const uint64_t rest_ms = port_rest_ms(exam, service);
	const bool reuse = rest_ms != TIME_WAIT_MS;
	struct doctor_finding *finding;

	if (exam->host->tw_reuse == HOST_UNKNOWN)
		return;
	finding = add(exam, reuse ? DOCTOR_FINE : DOCTOR_NOTE,
	    "net.ipv4.tcp_tw_reuse");
	finding->rate = ports * many * 1000 / rest_ms;
	say(finding->value, "%" PRId64, exam->host->tw_reuse);
	say(finding->needs,
	    "a port for each new conn, and one that carried a conn to service "
	    "%s rests for %g s",
	    service->name, (double)rest_ms / 1000);
	say(finding->wall, "%" PRIu64 " new conns/s", finding->rate);
	if (!reuse)
		say(finding->set, "net.ipv4.tcp_tw_reuse=1");
}

static void
check_ports(struct examination *exam)
{
	const struct host *host = exam->host;
	const struct config_service *service;
	struct doctor_finding *finding;
	uint64_t ports, many = 0, wanted, wall;

	if (host->port_low == 0)
		return;
	ports = ports_free(exam);
	service = tightest(exam, ports, &many);
	if (service == NULL)
		return;
	wanted = service_wanted(exam, service);
	wall = ports * many;
	finding = add(exam, judge(exam, wall, wanted),
	    "net.ipv4.ip_local_port_range");
	/* A service's own maxconn may be the lower wall. */
	finding->conns = wall < wanted ? wall : DOCTOR_NO_WALL;
	say(finding->value,
	    "%u to %u, %" PRIu64 " of them free to connect from",
	    host->port_low, host->port_high, ports);
	say(finding->needs,
	    "%" PRIu64 " conn%s of service %s over %" PRIu64
	    " backend address%s",
	    wanted, plural(wanted), service->name, many, many == 1 ? "" : "es");
	say(finding->wall, "%" PRIu64 " conn%s at once", wall, plural(wall));
	if (finding->severity != DOCTOR_FINE)
		say(finding->set, "%s",
		    host->port_low > 1024 && host->port_high < 65535
			? "net.ipv4.ip_local_port_range='1024 65535', or more "
			  "backend addresses"
			: "more backend addresses");
	check_time_wait(exam, service, ports, many);
}

/* While such a backend is down, the kernel may give its port to the very
 * socket that connects to it. */
static void
check_own_backends(struct examination *exam)
{
	const struct config *config = exam->config;

	for (size_t i = 0; i < config->services; i++) {
		for (size_t j = 0; j < config->service[i].backends; j++) {
			const struct config_backend *backend =
			    &config->service[i].backend[j];
			const uint16_t port = addr_port(&backend->addr);
			struct doctor_finding *finding;

			if (!is_loopback(&backend->addr) || port == 0 ||
			    !host_port_is_local(exam->host, port))
				continue;
			finding = add(exam, DOCTOR_NOTE,
			    "net.ipv4.ip_local_reserved_ports");
			say(finding->value, "without port %u", port);
			say(finding->needs,
			    "backend %s of service %s listens there, on this "
			    "machine, in the range to connect from",
			    backend->name, config->service[i].name);
			say(finding->wall,
			    "a conn may take the port while it is down");
			say(finding->set, "net.ipv4.ip_local_reserved_ports=%u",
			    port);
			return; /* one is enough to be told */
		}
	}
}

/* ---- queues of clients -------------------------------------------------- */

static unsigned
highest_backlog(const struct config *config)
{
	unsigned backlog = 0;

	for (size_t i = 0; i < config->services; i++)
		if (config->service[i].settings.backlog > backlog)
			backlog = config->service[i].settings.backlog;
	return backlog;
}

static void
check_backlog(struct examination *exam)
{
	const struct host *host = exam->host;
	const unsigned backlog = highest_backlog(exam->config);
	struct doctor_finding *finding;

	if (is_limit(host->somaxconn)) {
		finding = add(exam,
		    host->somaxconn < backlog ? DOCTOR_BITES : DOCTOR_FINE,
		    "net.core.somaxconn");
		say(finding->value, "%" PRId64, host->somaxconn);
		say(finding->needs, "backlog = %u", backlog);
		say(finding->wall,
		    "%" PRId64 " clients wait at a listener, others are turned "
		    "away for a second",
		    host->somaxconn < backlog ? host->somaxconn : backlog);
		if (finding->severity == DOCTOR_BITES)
			say(finding->set, "net.core.somaxconn=%u", backlog);
	}
	/* With cookies, the queue of half-open ones has no limit of its own;
	 * else the last quarter is kept for known peers. */
	if (host->syncookies != 0 || !is_limit(host->syn_backlog))
		return;
	finding = add(exam,
	    host->syn_backlog < backlog ? DOCTOR_BITES : DOCTOR_FINE,
	    "net.ipv4.tcp_max_syn_backlog");
	say(finding->value, "%" PRId64 ", without tcp_syncookies",
	    host->syn_backlog);
	say(finding->needs, "backlog = %u", backlog);
	say(finding->wall, "%" PRId64 " clients half open at a listener",
	    host->syn_backlog - host->syn_backlog / 4);
	if (finding->severity == DOCTOR_BITES)
		say(finding->set, "net.ipv4.tcp_syncookies=1");
}

static void
check_migrate(struct examination *exam)
{
	struct doctor_finding *finding;

	if (exam->host->migrate_req == HOST_UNKNOWN || exam->workers < 2)
		return;
	finding = add(exam,
	    exam->host->migrate_req == 1 ? DOCTOR_FINE : DOCTOR_NOTE,
	    "net.ipv4.tcp_migrate_req");
	say(finding->value, "%" PRId64, exam->host->migrate_req);
	say(finding->needs,
	    "1, for clients who come as one of several listeners closes");
	say(finding->wall, "%s",
	    exam->host->migrate_req == 1 ? "no wall" : "they are reset");
	if (exam->host->migrate_req != 1)
		say(finding->set, "net.ipv4.tcp_migrate_req=1");
}

/* ---- the kernel's tables ------------------------------------------------ */

static void
check_conntrack(struct examination *exam)
{
	const struct host *host = exam->host;
	const uint64_t needs = 2 * exam->report->wanted;
	struct doctor_finding *finding;
	uint64_t left;

	/* No count: it is loaded, and follows nothing here. */
	if (!is_limit(host->conntrack_max) || host->conntrack_used <= 0)
		return;
	left = above_zero(host->conntrack_max - host->conntrack_used) +
	    2 * exam->open;
	finding = add_wall(exam, "net.netfilter.nf_conntrack_max", left / 2);
	say(finding->value, "%" PRId64 ", %" PRId64 " in use",
	    host->conntrack_max, host->conntrack_used);
	say(finding->needs, "%" PRIu64 ": 2 for each conn", needs);
	if (finding->severity != DOCTOR_FINE)
		say(finding->set,
		    "net.netfilter.nf_conntrack_max=%" PRIu64
		    ", or a notrack rule for lb4's ports",
		    needs + above_zero(host->conntrack_used));
}

static void
check_orphans(struct examination *exam)
{
	const uint64_t needs = 2 * exam->report->wanted;
	const int64_t orphans = exam->host->max_orphans;
	struct doctor_finding *finding;

	if (!is_limit(orphans))
		return;
	finding = add(exam,
	    (uint64_t)orphans < needs ? DOCTOR_NOTE : DOCTOR_FINE,
	    "net.ipv4.tcp_max_orphans");
	say(finding->value, "%" PRId64, orphans);
	say(finding->needs,
	    "%" PRIu64 " if all conns end at once with bytes to be sent",
	    needs);
	say(finding->wall, "%" PRId64 " closed sockets, others are reset",
	    orphans);
	if (finding->severity != DOCTOR_FINE)
		say(finding->set, "net.ipv4.tcp_max_orphans=%" PRIu64, needs);
}

/* ---- memory ------------------------------------------------------------- */

static void
check_memory(struct examination *exam)
{
	const struct host *host = exam->host;
	const uint64_t needs = exam->report->wanted * CONN_BYTES;
	const bool group = is_limit(host->cgroup_mem_left) &&
	    (!is_limit(host->mem_available) ||
		host->cgroup_mem_left < host->mem_available);
	const int64_t left = group ? host->cgroup_mem_left
				   : host->mem_available;
	struct doctor_finding *finding;

	if (!is_limit(left))
		return;
	finding = add_wall(exam, group ? "memory.max" : "memory",
	    above_zero(left) / CONN_BYTES + exam->open);
	say(finding->value, "%" PRId64 " MiB left%s", left >> 20,
	    group ? " to the control group" : "");
	say(finding->needs,
	    "%" PRIu64 " MiB: 9 KiB for each idle conn, and what is under way",
	    needs >> 20);
	if (finding->severity != DOCTOR_FINE)
		say(finding->set, "a lower maxconn, or more memory");
}

/* What a socket's buffer may grow to: twice what was set, or what the kernel lets
 * it have; HOST_UNKNOWN if that is not known. */
static int64_t
buffer_most(unsigned set, int64_t automatic)
{
	return set != 0 ? 2 * (int64_t)set : automatic;
}

/* What a conn may hold whose client does not read, or whose backend does not:
 * the send buffer on that side, and the receive buffer on the other.  The most
 * of all services; 0: unknown. */
static uint64_t
stalled_conn_most(const struct config *config, const struct host *host)
{
	int64_t most = 0;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];
		const int64_t sndbuf[] = {
			buffer_most(service->settings.sndbuf_client,
			    host->tcp_wmem_most),
			buffer_most(service->settings.sndbuf_backend,
			    host->tcp_wmem_most),
		};
		const int64_t rcvbuf[] = {
			buffer_most(service->settings.rcvbuf_backend,
			    host->tcp_rmem_most),
			buffer_most(service->settings.rcvbuf_client,
			    host->tcp_rmem_most),
		};

		for (size_t d = 0; d < 2; d++)
			if (is_limit(sndbuf[d]) && is_limit(rcvbuf[d]) &&
			    sndbuf[d] + rcvbuf[d] > most)
				most = sndbuf[d] + rcvbuf[d];
	}
	return (uint64_t)most;
}

/* From where on stalled conns are shed (lb4/engine/progress.h); 0: unknown. */
static uint64_t
stalled_bound(const struct config *config, const struct host *host)
{
	if (config->stalled_memory != 0)
		return config->stalled_memory;
	return is_limit(host->tcp_mem_low)
	    ? above_zero(host->tcp_mem_low) / 2 * PAGE
	    : 0;
}

/* Conns whose bytes flow take a page at least on either socket; those whose
 * reader has stopped, their buffers. */
static void
check_tcp_mem(struct examination *exam)
{
	const int64_t pages = exam->host->tcp_mem_pages;
	const uint64_t needs = 2 * exam->report->wanted;
	const uint64_t each = stalled_conn_most(exam->config, exam->host);
	const uint64_t bound = stalled_bound(exam->config, exam->host);
	struct doctor_finding *finding;
	uint64_t have;

	if (!is_limit(pages))
		return;
	have = above_zero(pages) * PAGE;
	finding = add(exam,
	    exam->config->stalled_memory > have ? DOCTOR_BITES
		: (uint64_t)pages < needs	? DOCTOR_NOTE
						: DOCTOR_FINE,
	    "net.ipv4.tcp_mem");
	say(finding->value, "%" PRId64 " pages", pages);
	say(finding->needs,
	    "%" PRIu64 ": 2 for each conn with bytes, or up to %" PRIu64
	    " KiB if its reader stops",
	    needs, each >> 10);
	say(finding->wall,
	    "%" PRIu64 " conns with bytes at once, or %" PRIu64
	    " whose readers stop, which are reset above %" PRIu64 " MiB",
	    above_zero(pages) / 2, each > 0 ? have / each : 0, bound >> 20);
	if (finding->severity == DOCTOR_BITES)
		say(finding->set, "stalled-memory below %" PRIu64 " MiB",
		    have >> 20);
	else if (finding->severity == DOCTOR_NOTE)
		say(finding->set,
		    "a third number of net.ipv4.tcp_mem of "
		    "%" PRIu64,
		    needs);
}

/* ---- pipes and threads -------------------------------------------------- */

/* The user whom lb4 becomes may do what root may not keep. */
static bool
stays_privileged(const struct examination *exam)
{
	const char *user = exam->config->user;

	return exam->host->privileged &&
	    (user[0] == '\0' || strcmp(user, "root") == 0);
}

/* The user's budget: past the soft one pipes are too small to splice with,
 * past the hard one there are none. */
static void
check_pipes(struct examination *exam)
{
	const struct host *host = exam->host;
	const uint64_t needs = exam->limits.maxpipes * PIPE_PAGES;
	const bool asked = exam->config->maxpipes != 0;
	struct {
		const char *what;
		int64_t pages;
	} budget[] = {
		{ "fs.pipe-user-pages-soft", host->pipe_pages_soft },
		{ "fs.pipe-user-pages-hard", host->pipe_pages_hard },
	};

	for (size_t i = 0; i < 2; i++) {
		struct doctor_finding *finding;
		bool enough;

		if (!is_limit(budget[i].pages) || budget[i].pages == 0)
			continue; /* 0: no limit */
		enough = stays_privileged(exam) ||
		    (uint64_t)budget[i].pages >= needs;
		finding = add(exam,
		    enough	? DOCTOR_FINE
			: asked ? DOCTOR_BITES
				: DOCTOR_NOTE,
		    budget[i].what);
		say(finding->value, "%" PRId64 "%s", budget[i].pages,
		    stays_privileged(exam) ? ", which does not bind root" : "");
		say(finding->needs, "%" PRIu64 " for %" PRIu64 " pipes", needs,
		    exam->limits.maxpipes);
		say(finding->wall,
		    "%" PRId64 " pipes with bytes under way at once",
		    enough ? (int64_t)exam->limits.maxpipes
			   : budget[i].pages / PIPE_PAGES);
		if (!enough)
			say(finding->set, "%s=%" PRIu64, budget[i].what, needs);
	}
}

static void
check_pipe_size(struct examination *exam)
{
	const int64_t most = exam->host->pipe_max_size;
	struct doctor_finding *finding;
	bool enough;

	if (!is_limit(most))
		return;
	enough = stays_privileged(exam) ||
	    (uint64_t)most >= exam->config->pipe_size;
	finding = add(exam, enough ? DOCTOR_FINE : DOCTOR_BITES,
	    "fs.pipe-max-size");
	say(finding->value, "%" PRId64, most);
	say(finding->needs, "pipe-size = %zu", exam->config->pipe_size);
	say(finding->wall, "%s",
	    enough ? "no wall" : "pipes stay at 64 KiB: more turns for bulk");
	if (!enough)
		say(finding->set, "fs.pipe-max-size=%zu",
		    exam->config->pipe_size);
}

static void
check_threads(struct examination *exam)
{
	const struct host *host = exam->host;
	const uint64_t needs = THREADS_OWN +
	    (exam->config->control[0] != '\0') + exam->workers;
	const bool bound = !host->is_root || exam->config->user[0] != '\0';
	const char *what = "kernel.threads-max";
	int64_t least = host->threads_max;
	struct doctor_finding *finding;

	if (is_limit(host->cgroup_pids_left) &&
	    (!is_limit(least) || host->cgroup_pids_left < least)) {
		what = "pids.max";
		least = host->cgroup_pids_left;
	}
	if (bound && is_limit(host->nproc) &&
	    (!is_limit(least) || host->nproc < least)) {
		what = "RLIMIT_NPROC";
		least = host->nproc;
	}
	if (!is_limit(least))
		return;
	/* A process that runs has its threads. */
	finding = add(exam,
	    (uint64_t)least < needs && !exam->running ? DOCTOR_BITES
						      : DOCTOR_FINE,
	    what);
	say(finding->value, "%" PRId64, least);
	say(finding->needs, "%" PRIu64 " threads", needs);
	say(finding->wall, "%s",
	    finding->severity == DOCTOR_FINE ? "no wall"
					     : "lb4 does not start");
	if (finding->severity != DOCTOR_FINE)
		say(finding->set, "%s=%" PRIu64 " or more", what, needs);
}

/* Past its quota every thread of the control group stands still until the next
 * period, 100 ms mostly: all conns at once. */
static void
check_cpu_quota(struct examination *exam)
{
	const int64_t quota = exam->host->cpu_quota;
	struct doctor_finding *finding;
	const bool fits = quota >= (int64_t)exam->workers * 1000;

	if (!is_limit(quota) || quota <= 0)
		return;
	finding = add(exam, fits ? DOCTOR_FINE : DOCTOR_NOTE, "CPU quota");
	say(finding->value, "%.2f CPUs", (double)quota / 1000);
	say(finding->needs, "%" PRIu64 " for as many workers", exam->workers);
	say(finding->wall, "past it all conns stand still for up to a period");
	if (!fits)
		say(finding->set,
		    "CPUQuota=%" PRIu64 "00%%, or workers=%" PRId64,
		    exam->workers, quota < 1000 ? 1 : quota / 1000);
}

static void
check_netns(struct examination *exam)
{
	struct doctor_finding *finding;

	if (!exam->host->own_netns)
		return;
	finding = add(exam, DOCTOR_FINE, "network namespace");
	say(finding->value, "not the one of process 1");
	say(finding->needs, "what begins with net. is of this namespace alone");
	say(finding->wall, "no wall");
}

/* ---- all of it ---------------------------------------------------------- */

/* The conns at once that the file asks for; 0: it leaves that open. */
static uint64_t
asked_for(const struct config *config)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < config->services; i++) {
		if (config->service[i].settings.maxconn == 0)
			return config->maxconn;
		sum += config->service[i].settings.maxconn;
	}
	return config->maxconn != 0 && config->maxconn < sum ? config->maxconn
							     : sum;
}

static int
compare(const void *left, const void *right)
{
	const struct doctor_finding *a = left;
	const struct doctor_finding *b = right;

	if (a->severity != b->severity)
		return a->severity < b->severity ? -1 : 1;
	if (a->conns != b->conns)
		return a->conns < b->conns ? -1 : 1;
	return strcmp(a->what, b->what);
}

static void
find_first(struct doctor_report *report)
{
	report->first = report->count;
	report->bites = 0;
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_finding *finding = &report->finding[i];

		report->bites += finding->severity == DOCTOR_BITES;
		if (finding->conns != DOCTOR_NO_WALL &&
		    (report->first == report->count ||
			finding->conns < report->finding[report->first].conns))
			report->first = i;
	}
}

void
doctor_examine(const struct config *config, const struct host *host,
    uint64_t conns, struct doctor_report *report)
{
	struct examination exam = {
		.config = config,
		.host = host,
		.report = report,
		.workers = engine_workers(config),
		.open = conns != DOCTOR_NOT_RUNNING ? conns : 0,
		.running = conns != DOCTOR_NOT_RUNNING,
	};
	const uint64_t asked = asked_for(config);

	memset(report, 0, sizeof(*report));
	engine_limits_within(config,
	    is_limit(host->nofile_hard) ? (uint64_t)host->nofile_hard
					: UINT32_MAX,
	    &exam.limits);
	exam.asked = asked != 0;
	report->wanted = exam.asked ? asked : exam.limits.maxconn;

	check_maxconn(&exam);
	check_nofile(&exam);
	check_file_max(&exam);
	check_ports(&exam);
	check_own_backends(&exam);
	check_backlog(&exam);
	check_migrate(&exam);
	check_conntrack(&exam);
	check_orphans(&exam);
	check_memory(&exam);
	check_tcp_mem(&exam);
	check_pipes(&exam);
	check_pipe_size(&exam);
	check_threads(&exam);
	check_cpu_quota(&exam);
	check_netns(&exam);
	qsort(report->finding, report->count, sizeof(report->finding[0]),
	    compare);
	find_first(report);
}

void
doctor_add_thread(struct doctor_report *report, const char *name, uint64_t ms)
{
	struct examination exam = { .report = report };
	struct doctor_finding *finding = add(&exam, DOCTOR_BITES, "a thread");

	say(finding->value,
	    "%s has been in one turn of its loop for %" PRIu64 " ms", name, ms);
	say(finding->needs, "turns that end");
	say(finding->wall, "what it is for is not done");
	qsort(report->finding, report->count, sizeof(report->finding[0]),
	    compare);
	find_first(report);
}

void
doctor_print(const struct doctor_report *report, FILE *out)
{
	if (report->first < report->count)
		fprintf(out, "first wall: %" PRIu64 " conn%s at once, by %s\n",
		    report->finding[report->first].conns,
		    plural(report->finding[report->first].conns),
		    report->finding[report->first].what);
	else
		fprintf(out, "first wall: none is known\n");
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_finding *finding = &report->finding[i];

		fprintf(out, "%s: %s: %s; needs %s; %s",
		    doctor_severity_name(finding->severity), finding->what,
		    finding->value, finding->needs, finding->wall);
		if (finding->set[0] != '\0')
			fprintf(out, "; set %s", finding->set);
		fputc('\n', out);
	}
}
