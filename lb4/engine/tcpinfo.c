/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Samples of the way to the backends: see tcpinfo.h.  Called by conn.c and
 * conn_end.c. */
#include "lb4/engine/tcpinfo.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lb4/engine/conn_state.h"
#include "lb4/engine/types.h"
#include "lb4/model/backend.h"

#define MILLION UINT64_C(1000000)

int
tcpinfo_init(struct worker *worker)
{
	/* a page of it is touched only when a conn there is sampled */
	worker->seen = calloc(worker->conns.count, sizeof(*worker->seen));
	return worker->seen != NULL ? 0 : -ENOMEM;
}

void
tcpinfo_done(struct worker *worker)
{
	free(worker->seen);
	worker->seen = NULL;
}

static struct tcpinfo *
seen_of(const struct worker *worker, const struct conn *conn)
{
	return &worker->seen[slots_index(&worker->conns, conn)];
}

/* False if there is none, or if the kernel is older than 5.4 and lacks the last
 * of the fields. */
static bool
read_info(int fd, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0 &&
	    len >= offsetof(struct tcp_info, tcpi_rcv_ooopack) +
		sizeof(info->tcpi_rcv_ooopack);
}

static void
observe_share(struct histogram *histogram, uint32_t part, uint32_t whole)
{
	if (part > whole)
		part = whole; /* a SYN or FIN has no data */
	if (whole > 0)
		histogram_observe(histogram, &histogram_ratio,
		    part * MILLION / whole);
}

static void
observe(struct backend_stats *stats, const struct tcp_info *info,
    const struct tcpinfo *now, const struct tcpinfo *before)
{
	if (info->tcpi_rtt > 0)
		histogram_observe(&stats->rtt, &histogram_rtt, info->tcpi_rtt);
	observe_share(&stats->retransmitted,
	    now->retransmitted - before->retransmitted,
	    now->sent - before->sent);
	observe_share(&stats->disordered, now->disordered - before->disordered,
	    now->received - before->received);
	if (info->tcpi_delivery_rate > 0 &&
	    info->tcpi_delivery_rate_app_limited == 0)
		histogram_observe(&stats->delivery, &histogram_rate,
		    info->tcpi_delivery_rate);
}

void
tcpinfo_sample(struct worker *worker, struct conn *conn)
{
	struct backend_stats *stats = conn_backend_stats(worker, conn);
	struct tcpinfo now, before = { .sent = 0 };
	struct tcp_info info;

	if (worker->now_ms - stats->sampled_ms < TCPINFO_EVERY_MS)
		return;
	stats->sampled_ms = worker->now_ms;
	if (addr_is_unix(&conn->backend->addr) ||
	    !read_info(conn->side[BACKEND].fd, &info))
		return;
	now = (struct tcpinfo){
		.sent = info.tcpi_data_segs_out + 1, /* the SYN */
		.retransmitted = info.tcpi_total_retrans,
		.received = info.tcpi_data_segs_in,
		.disordered = info.tcpi_rcv_ooopack,
	};
	if (conn->seen)
		before = *seen_of(worker, conn);
	observe(stats, &info, &now, &before);
	*seen_of(worker, conn) = now;
	conn->seen = true;
}

struct tcpinfo
tcpinfo_leave(const struct worker *worker, const struct conn *conn)
{
	return conn->seen ? *seen_of(worker, conn)
			  : (struct tcpinfo){ .sent = 0 };
}

void
tcpinfo_enter(struct worker *worker, const struct conn *conn,
    const struct tcpinfo *seen)
{
	if (conn->seen)
		*seen_of(worker, conn) = *seen;
}
