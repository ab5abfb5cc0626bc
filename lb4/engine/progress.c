/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What the kernel holds of a conn, and who takes it: see progress.h. */
#include "lb4/engine/progress.h"

#include <inttypes.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/log.h"
#include "common/proc.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/types.h"
#include "lb4/engine/worker_warn.h"
#include "lb4/model/service.h"

/* Where tcp_mem cannot be read: the kernel's own formula for its first number,
 * 3/4 of 1/16 of all memory (net/ipv4/tcp.c), and half of that. */
#define TCP_MEM_LOW_PART 21
#define BOUND_PART 2

static uint64_t
queued(int fd, unsigned long what)
{
	int bytes;

	return fd >= 0 && ioctl(fd, what, &bytes) == 0 && bytes > 0
	    ? (uint64_t)bytes
	    : 0;
}

uint64_t
progress_unread(int fd)
{
	return queued(fd, SIOCINQ);
}

uint64_t
progress_unsent(int fd)
{
	return queued(fd, SIOCOUTQ);
}

/* The same without the FIN, which the kernel counts as one byte for TCP. */
static uint64_t
unsent_bytes(const struct side *side)
{
	const uint64_t unsent = progress_unsent(side->fd);

	return unsent > 0 && side->fin_sent ? unsent - 1 : unsent;
}

/* ---- looking ------------------------------------------------------------- */

static uint32_t
low_bits(uint64_t number)
{
	return (uint32_t)number;
}

static bool
look_at(const struct worker *worker, struct conn *conn, int side)
{
	const struct relay *relay = &conn_relays(conn)->from[1 - side];
	struct progress *progress = &conn->progress;
	const uint8_t bit = (uint8_t)(1U << side);
	const bool owed = (conn->owed & bit) != 0;
	uint64_t unsent;
	bool took;

	if (!owed && relay_held(relay) == 0 &&
	    progress->taken[side] == low_bits(relay->bytes))
		return false; /* nothing has been sent since */
	unsent = unsent_bytes(&conn->side[side]);
	took = progress->taken[side] != low_bits(relay->bytes - unsent);
	progress->taken[side] = low_bits(relay->bytes - unsent);
	if (took || !owed)
		progress->since[side] = low_bits(worker->now_ms);
	if (unsent + relay_held(relay) > 0)
		conn->owed |= bit;
	else
		conn->owed &= (uint8_t)~bit;
	return owed && took;
}

bool
progress_look(struct worker *worker, struct conn *conn)
{
	const bool client = look_at(worker, conn, CLIENT);

	return look_at(worker, conn, BACKEND) || client;
}

uint64_t
progress_pause_ms(const struct conn *conn, uint64_t limit_ms)
{
	uint64_t pause_ms = conn->owed != 0 ? PROGRESS_AGAIN_MS
					    : PROGRESS_LOOK_MS;
	uint64_t part_ms = limit_ms / 3;

	if (conn_settings(conn)->timeout_stall_ms != 0 &&
	    conn_settings(conn)->timeout_stall_ms < limit_ms)
		part_ms = conn_settings(conn)->timeout_stall_ms / 3;
	if (pause_ms > part_ms)
		pause_ms = part_ms;
	return pause_ms > 0 ? pause_ms : 1;
}

/* How long that side has taken nothing of what it is owed. */
static uint32_t
stalled_ms(const struct worker *worker, const struct conn *conn, int side)
{
	if ((conn->owed & 1U << side) == 0)
		return 0;
	return low_bits(worker->now_ms) - conn->progress.since[side];
}

int
progress_stalled(const struct worker *worker, const struct conn *conn)
{
	const uint32_t limit_ms = conn_settings(conn)->timeout_stall_ms;

	for (int s = CLIENT; limit_ms != 0 && s < SIDES; s++)
		if (stalled_ms(worker, conn, s) >= limit_ms)
			return s;
	return -1;
}

void
progress_excuse(const struct worker *worker, struct conn *conn)
{
	for (int s = CLIENT; s < SIDES; s++)
		conn->progress.since[s] = low_bits(worker->now_ms);
}

static bool
is_unix(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	    domain == AF_UNIX;
}

uint64_t
progress_undelivered(const struct conn *conn, int side)
{
	const uint64_t unsent = unsent_bytes(&conn->side[side]);
	const uint64_t relayed = conn_bytes_from(conn, 1 - side);

	if (unsent == 0 || is_unix(conn->side[side].fd))
		return 0;
	return unsent < relayed ? unsent : relayed;
}

/* ---- memory -------------------------------------------------------------- */

static uint64_t
memory_of(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == -1)
		return 0;
	/* for unix sockets the allocated bytes count, for TCP the queued ones
	 */
	return (uint64_t)info[SK_MEMINFO_RMEM_ALLOC] +
	    info[SK_MEMINFO_FWD_ALLOC] +
	    (info[SK_MEMINFO_WMEM_QUEUED] > info[SK_MEMINFO_WMEM_ALLOC]
		    ? info[SK_MEMINFO_WMEM_QUEUED]
		    : info[SK_MEMINFO_WMEM_ALLOC]);
}

static uint32_t
longest_stall_ms(const struct worker *worker, const struct conn *conn)
{
	const uint32_t client = stalled_ms(worker, conn, CLIENT);
	const uint32_t backend = stalled_ms(worker, conn, BACKEND);

	return client > backend ? client : backend;
}

static void
set_stalled(struct worker *worker, struct conn *conn, uint32_t kb)
{
	struct stalled *stalled = &worker->shared->stalled;
	const uint32_t before = conn->progress.stalled_kb;

	if (kb == before)
		return;
	/* modulo 2^64 */
	atomic_fetch_add(&stalled->kb, (uint64_t)kb - before);
	if ((kb == 0) != (before == 0))
		atomic_fetch_add(&stalled->conns,
		    kb == 0 ? UINT64_MAX : UINT64_C(1));
	conn->progress.stalled_kb = kb;
}

void
progress_forget(struct worker *worker, struct conn *conn)
{
	set_stalled(worker, conn, 0);
}

static bool
is_above_bound(const struct worker *worker)
{
	struct stalled *stalled = &worker->shared->stalled;

	return atomic_load(&stalled->kb) >
	    atomic_load_explicit(&stalled->most_kb, memory_order_relaxed);
}

/* How much the conn costs: KiB x ms. */
static uint64_t
badness(const struct worker *worker, const struct conn *conn)
{
	if (conn->state != CONN_RELAYING || conn->progress.stalled_kb == 0)
		return 0;
	return (uint64_t)conn->progress.stalled_kb *
	    longest_stall_ms(worker, conn);
}

static const struct conn *
find_worst(const struct worker *worker)
{
	const struct conn *conn, *worst = NULL;
	uint32_t i = 0;

	while ((conn = slots_each(&worker->conns, &i)) != NULL)
		if (badness(worker, conn) > 0 &&
		    (worst == NULL ||
			badness(worker, conn) > badness(worker, worst)))
			worst = conn;
	return worst;
}

static void
warn_of_shedding(struct worker *worker, const struct conn *worst)
{
	struct stalled *stalled = &worker->shared->stalled;
	char client[ENDPOINT_TEXT_MAX];

	if (worker_may_warn(worker))
		log_warning("stalled conns hold %" PRIu64
			    " KiB, more than stalled-memory (%" PRIu64
			    " KiB): resetting the worst, beginning with one of "
			    "service %s, client %s, %" PRIu32 " KiB",
		    atomic_load(&stalled->kb),
		    atomic_load_explicit(&stalled->most_kb,
			memory_order_relaxed),
		    worst->service->name,
		    endpoint_format(&worst->client, client, sizeof(client)),
		    worst->progress.stalled_kb);
}

/* Sets the badness from which this worker sheds conns: half of its worst
 * conn's.  Returns false if it sheds none: another worker has the worst ones.
 */
static bool
begin_shedding(struct worker *worker, struct shedding *shedding)
{
	struct stalled *stalled = &worker->shared->stalled;
	const uint64_t kb = atomic_load(&stalled->kb);
	const uint64_t conns = atomic_load(&stalled->conns);
	const struct conn *worst = find_worst(worker);

	if (worst == NULL || worst->progress.stalled_kb * conns * 2 < kb)
		return false;
	*shedding = (struct shedding){
		.least = badness(worker, worst) / 2 + 1,
	};
	warn_of_shedding(worker, worst);
	return true;
}

struct conn *
progress_shed_next(const struct worker *worker, struct shedding *shedding)
{
	struct conn *conn;

	while (is_above_bound(worker) &&
	    (conn = slots_each(&worker->conns, &shedding->slot)) != NULL)
		if (badness(worker, conn) >= shedding->least)
			return conn;
	return NULL;
}

bool
progress_account(struct worker *worker, struct conn *conn,
    struct shedding *shedding)
{
	uint64_t bytes = 0;

	if (longest_stall_ms(worker, conn) < PROGRESS_STALLED_MS) {
		set_stalled(worker, conn, 0);
		return false;
	}
	for (int s = CLIENT; s < SIDES; s++)
		bytes += memory_of(conn->side[s].fd) + conn_held_from(conn, s);
	set_stalled(worker, conn, (uint32_t)(bytes >> 10) + 1);
	if (!is_above_bound(worker) || worker->shed_turn == worker->turn)
		return false;
	worker->shed_turn = worker->turn; /* only once: it looks at all conns */
	return begin_shedding(worker, shedding);
}

uint64_t
progress_bound_kb(const struct config *config)
{
	const uint64_t page_kb = (uint64_t)sysconf(_SC_PAGESIZE) >> 10;
	uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES) / TCP_MEM_LOW_PART;
	int64_t low;

	if (config->stalled_memory != 0)
		return config->stalled_memory >> 10;
	/* only the first network namespace has the file; it applies to all */
	low = proc_sysctl("", "net/ipv4/tcp_mem", 0);
	if (low >= 0)
		pages = (uint64_t)low;
	return pages / BOUND_PART * page_kb;
}
