/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Queues of clients, and tables of the kernel: see exam.h. */
#include "lb4/host/exam.h"

#include <inttypes.h>

#include "lb4/host/host.h"

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
check_backlog(struct exam *exam)
{
	const struct host *host = exam->host;
	const unsigned backlog = highest_backlog(exam->config);
	struct doctor_finding *finding;

	if (exam_is_limit(host->somaxconn)) {
		finding = exam_add(exam,
		    host->somaxconn < backlog ? DOCTOR_BITES : DOCTOR_FINE,
		    "net.core.somaxconn");
		exam_say(finding->value, "%" PRId64, host->somaxconn);
		exam_say(finding->needs, "backlog = %u", backlog);
		exam_say(finding->wall,
		    "%" PRId64 " clients wait at a listener, others must retry "
		    "after a second",
		    host->somaxconn < backlog ? host->somaxconn : backlog);
		if (finding->severity == DOCTOR_BITES)
			exam_say(finding->set, "net.core.somaxconn=%u",
			    backlog);
	}
	/* With cookies, the queue of half-open connections has no limit of its
	 * own; without them, its last quarter is kept for known peers. */
	if (host->syncookies != 0 || !exam_is_limit(host->syn_backlog))
		return;
	finding = exam_add(exam,
	    host->syn_backlog < backlog ? DOCTOR_BITES : DOCTOR_FINE,
	    "net.ipv4.tcp_max_syn_backlog");
	exam_say(finding->value, "%" PRId64 ", without tcp_syncookies",
	    host->syn_backlog);
	exam_say(finding->needs, "backlog = %u", backlog);
	exam_say(finding->wall, "%" PRId64 " half-open clients at a listener",
	    host->syn_backlog - host->syn_backlog / 4);
	if (finding->severity == DOCTOR_BITES)
		exam_say(finding->set, "net.ipv4.tcp_syncookies=1");
}

static void
check_migrate(struct exam *exam)
{
	struct doctor_finding *finding;

	if (exam->host->migrate_req == HOST_UNKNOWN || exam->workers < 2)
		return;
	finding = exam_add(exam,
	    exam->host->migrate_req == 1 ? DOCTOR_FINE : DOCTOR_NOTE,
	    "net.ipv4.tcp_migrate_req");
	exam_say(finding->value, "%" PRId64, exam->host->migrate_req);
	exam_say(finding->needs,
	    "1, to keep clients that arrive while a listener closes");
	exam_say(finding->wall, "%s",
	    exam->host->migrate_req == 1 ? "no wall" : "they are reset");
	if (exam->host->migrate_req != 1)
		exam_say(finding->set, "net.ipv4.tcp_migrate_req=1");
}

static void
check_conntrack(struct exam *exam)
{
	const struct host *host = exam->host;
	const uint64_t needs = 2 * exam->report->wanted;
	struct doctor_finding *finding;
	uint64_t left;

	/* No count: conntrack is loaded but tracks nothing here. */
	if (!exam_is_limit(host->conntrack_max) || host->conntrack_used <= 0)
		return;
	left = exam_above_zero(host->conntrack_max - host->conntrack_used) +
	    2 * exam->open;
	finding = exam_add_wall(exam, "net.netfilter.nf_conntrack_max",
	    left / 2);
	exam_say(finding->value, "%" PRId64 ", %" PRId64 " in use",
	    host->conntrack_max, host->conntrack_used);
	exam_say(finding->needs, "%" PRIu64 ": 2 for each conn", needs);
	if (finding->severity != DOCTOR_FINE)
		exam_say(finding->set,
		    "net.netfilter.nf_conntrack_max=%" PRIu64
		    ", or a notrack rule for lb4's ports",
		    needs + exam_above_zero(host->conntrack_used));
}

static void
check_orphans(struct exam *exam)
{
	const uint64_t needs = 2 * exam->report->wanted;
	const int64_t orphans = exam->host->max_orphans;
	struct doctor_finding *finding;

	if (!exam_is_limit(orphans))
		return;
	finding = exam_add(exam,
	    (uint64_t)orphans < needs ? DOCTOR_NOTE : DOCTOR_FINE,
	    "net.ipv4.tcp_max_orphans");
	exam_say(finding->value, "%" PRId64, orphans);
	exam_say(finding->needs,
	    "%" PRIu64 " if all conns end at once with bytes to be sent",
	    needs);
	exam_say(finding->wall, "%" PRId64 " closed sockets, others are reset",
	    orphans);
	if (finding->severity != DOCTOR_FINE)
		exam_say(finding->set, "net.ipv4.tcp_max_orphans=%" PRIu64,
		    needs);
}

static void
check_mptcp(struct exam *exam)
{
	const struct config *config = exam->config;
	const bool has = exam->host->mptcp == 1;
	struct doctor_finding *finding;

	for (size_t i = 0; i < config->services; i++) {
		if (config->service[i].settings.mptcp == MPTCP_NO)
			continue;
		finding = exam_add(exam, has ? DOCTOR_FINE : DOCTOR_NOTE,
		    "net.mptcp.enabled");
		exam_say(finding->value, "%s",
		    has				 ? "1"
			: exam->host->mptcp == 0 ? "0"
						 : "not in this kernel");
		exam_say(finding->needs, "1, for mptcp of service %s",
		    config->service[i].name);
		exam_say(finding->wall, "%s",
		    has ? "no wall" : "all connections use TCP");
		if (!has)
			exam_say(finding->set, "net.mptcp.enabled=1");
		return;
	}
}

static void
check_netns(struct exam *exam)
{
	struct doctor_finding *finding;

	if (!exam->host->own_netns)
		return;
	finding = exam_add(exam, DOCTOR_FINE, "network namespace");
	exam_say(finding->value, "not the one of process 1");
	exam_say(finding->needs, "its own net.* settings");
	exam_say(finding->wall, "no wall");
}

void
exam_network(struct exam *exam)
{
	check_backlog(exam);
	check_migrate(exam);
	check_conntrack(exam);
	check_orphans(exam);
	check_mptcp(exam);
	check_netns(exam);
}
