/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Memory, threads and CPUs: see exam.h. */
#include "lb4/host/exam.h"

#include <inttypes.h>

#include "lb4/host/host.h"

/* The memory of a conn with no bytes in flight, measured on Linux 6.18 with
 * 4,000 of them: 8.7 KiB of kernel slabs for two sockets, and 0.3 KiB of our
 * own. */
#define CONN_BYTES 9216

#define PAGE 4096

/* control, prober and log; workers come on top, and readiness if there is a
 * control socket */
#define THREADS_OWN 3

static void
check_memory(struct exam *exam)
{
	const struct host *host = exam->host;
	const uint64_t needs = exam->report->wanted * CONN_BYTES;
	const bool group = exam_is_limit(host->cgroup_mem_left) &&
	    (!exam_is_limit(host->mem_available) ||
		host->cgroup_mem_left < host->mem_available);
	const int64_t left = group ? host->cgroup_mem_left
				   : host->mem_available;
	struct doctor_finding *finding;

	if (!exam_is_limit(left))
		return;
	finding = exam_add_wall(exam, group ? "memory.max" : "memory",
	    exam_above_zero(left) / CONN_BYTES + exam->open);
	exam_say(finding->value, "%" PRId64 " MiB left%s", left >> 20,
	    group ? " to the control group" : "");
	exam_say(finding->needs,
	    "%" PRIu64
	    " MiB: 9 KiB for each idle conn, and the bytes in flight",
	    needs >> 20);
	if (finding->severity != DOCTOR_FINE)
		exam_say(finding->set, "a lower maxconn, or more memory");
}

/* The size that the buffer of a socket may reach: twice the configured size, or
 * the maximum of the kernel; HOST_UNKNOWN if that is not known. */
static int64_t
buffer_most(unsigned set, int64_t automatic)
{
	return set != 0 ? 2 * (int64_t)set : automatic;
}

/* How much a conn may hold if its client or its backend does not read: the send
 * buffer on that side, and the receive buffer on the other.  The maximum of all
 * services; 0: unknown. */
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
			if (exam_is_limit(sndbuf[d]) &&
			    exam_is_limit(rcvbuf[d]) &&
			    sndbuf[d] + rcvbuf[d] > most)
				most = sndbuf[d] + rcvbuf[d];
	}
	return (uint64_t)most;
}

/* The amount of memory above which stalled conns are shed
 * (lb4/engine/progress.h); 0: unknown. */
static uint64_t
stalled_bound(const struct config *config, const struct host *host)
{
	if (config->stalled_memory != 0)
		return config->stalled_memory;
	return exam_is_limit(host->tcp_mem_low)
	    ? exam_above_zero(host->tcp_mem_low) / 2 * PAGE
	    : 0;
}

/* A conn with bytes in flight takes at least a page on each socket; one whose
 * reader has stopped takes its buffers. */
static void
check_tcp_mem(struct exam *exam)
{
	const int64_t pages = exam->host->tcp_mem_pages;
	const uint64_t needs = 2 * exam->report->wanted;
	const uint64_t each = stalled_conn_most(exam->config, exam->host);
	const uint64_t bound = stalled_bound(exam->config, exam->host);
	struct doctor_finding *finding;
	uint64_t have;

	if (!exam_is_limit(pages))
		return;
	have = exam_above_zero(pages) * PAGE;
	finding = exam_add(exam,
	    exam->config->stalled_memory > have ? DOCTOR_BITES
		: (uint64_t)pages < needs	? DOCTOR_NOTE
						: DOCTOR_FINE,
	    "net.ipv4.tcp_mem");
	exam_say(finding->value, "%" PRId64 " pages", pages);
	exam_say(finding->needs,
	    "%" PRIu64 ": 2 for each conn with bytes, or up to %" PRIu64
	    " KiB if its reader stops",
	    needs, each >> 10);
	exam_say(finding->wall,
	    "%" PRIu64 " conns with bytes at once, or %" PRIu64
	    " with stopped readers, which are reset above %" PRIu64 " MiB",
	    exam_above_zero(pages) / 2, each > 0 ? have / each : 0,
	    bound >> 20);
	if (finding->severity == DOCTOR_BITES)
		exam_say(finding->set, "stalled-memory below %" PRIu64 " MiB",
		    have >> 20);
	else if (finding->severity == DOCTOR_NOTE)
		exam_say(finding->set,
		    "a third number of net.ipv4.tcp_mem of "
		    "%" PRIu64,
		    needs);
}

static void
check_threads(struct exam *exam)
{
	const struct host *host = exam->host;
	const uint64_t needs = THREADS_OWN +
	    (exam->config->control[0] != '\0') + exam->workers;
	const bool bound = !host->is_root || exam->config->user[0] != '\0';
	const char *what = "kernel.threads-max";
	int64_t least = host->threads_max;
	struct doctor_finding *finding;

	if (exam_is_limit(host->cgroup_pids_left) &&
	    (!exam_is_limit(least) || host->cgroup_pids_left < least)) {
		what = "pids.max";
		least = host->cgroup_pids_left;
	}
	if (bound && exam_is_limit(host->nproc) &&
	    (!exam_is_limit(least) || host->nproc < least)) {
		what = "RLIMIT_NPROC";
		least = host->nproc;
	}
	if (!exam_is_limit(least))
		return;
	/* A running process has its threads already. */
	finding = exam_add(exam,
	    (uint64_t)least < needs && !exam->running ? DOCTOR_BITES
						      : DOCTOR_FINE,
	    what);
	exam_say(finding->value, "%" PRId64, least);
	exam_say(finding->needs, "%" PRIu64 " threads", needs);
	exam_say(finding->wall, "%s",
	    finding->severity == DOCTOR_FINE ? "no wall"
					     : "lb4 does not start");
	if (finding->severity != DOCTOR_FINE)
		exam_say(finding->set, "%s=%" PRIu64 " or more", what, needs);
}

/* When the quota is used up, all threads of the control group stop until the
 * next period, usually 100 ms: all conns at once. */
static void
check_cpu_quota(struct exam *exam)
{
	const int64_t quota = exam->host->cpu_quota;
	struct doctor_finding *finding;
	const bool fits = quota >= (int64_t)exam->workers * 1000;

	if (!exam_is_limit(quota) || quota <= 0)
		return;
	finding = exam_add(exam, fits ? DOCTOR_FINE : DOCTOR_NOTE, "CPU quota");
	exam_say(finding->value, "%.2f CPUs", (double)quota / 1000);
	exam_say(finding->needs, "%" PRIu64 " for the workers", exam->workers);
	exam_say(finding->wall,
	    "when it is used up, all conns stall for up to a period");
	if (!fits)
		exam_say(finding->set,
		    "CPUQuota=%" PRIu64 "00%%, or workers=%" PRId64,
		    exam->workers, quota < 1000 ? 1 : quota / 1000);
}

void
exam_process(struct exam *exam)
{
	check_memory(exam);
	check_tcp_mem(exam);
	check_threads(exam);
	check_cpu_quota(exam);
}
