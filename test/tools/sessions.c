/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * sessions: many random conns through a proxy, with both their ends in this
 * one process, to see that whatever one end does reaches the other. `sessions
 * -h` lists the options.
 *
 * A session is a conn between a client and a backend. A plan for it is drawn
 * from its own seed: how many bytes go each way, in which pieces, where readers
 * and writers stall, who waits for whom, how small the buffers are, and how it
 * ends. The client's stream begins with 16 bytes, the session's number and its
 * seed, by which the backend's end knows the plan. What must hold:
 *
 *   clean      both ends send all and a FIN. Each receives exactly the other's
 *              bytes, then a FIN, and no error.
 *   rst-mid    one end resets within its stream. The other receives a prefix
 *   rst-after  (rst-after: at most all) of it and then a reset, never a FIN.
 *   rst-acked  the same after its peer's kernel has acknowledged all. If the
 *              other end reads without a stall, it receives all, then a reset.
 *   fin-rst    one end sends all and a FIN, reads on for a while, and resets.
 *              The other, which sends without end, receives all and a FIN, or a
 *              prefix and a reset (the reset may overtake what is under way);
 *              either way its sending must come to an error.
 *   abort      likewise with close(2) in place of the reset: the kernel makes
 *              a reset of it when bytes are left unread or come later.
 *   mute-fin   the client sends nothing but a FIN. The backend, who cannot know
 *   mute-rst   the session, answers with a FIN. Or it resets at once: a backend
 *              may never hear of it, but must not see a FIN. Since these conns
 *              carry no number, the backend's ends are only counted.
 *
 * A reset also throws away what was not yet delivered. So a client's reset may
 * swallow the first 16 bytes: such a session ends when the client's part does
 * (it is counted as unseen), and the nameless end at the backend must see a
 * reset. EPIPE and ECONNRESET are both resets: the kernel says EPIPE where a
 * FIN came before. The kernel tells an error once, and says 0 afterwards; so a
 * 0 that follows a failed send(2) is a reset too.
 *
 * One thread, one epoll. Each end is registered one-shot, so that an end which
 * stalls is not woken by the HUP of its peer; end_run() does all it can do now
 * and arms the socket for what it waits for. Stalls are looked for in all live
 * ends once a turn: there are few.
 */

#include "test/tools/tool.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: sessions -t ADDR | -D  [option...]\n"
    "  -t ADDR  the proxy; -D: no proxy, connect to the backends' first address\n"
    "  -b ADDR  the backends listen here (127.0.0.1:0); more than one may be given\n"
    "  -p FILE  write the backends' ports there, a line each, as soon as they\n"
    "           listen; then wait up to 20 s for the proxy to answer\n"
    "  -n N     sessions (1000)\n"
    "  -c N     at once (64)\n"
    "  -s SEED  of the sessions' seeds (1)\n"
    "  -i SEED  play the one session of this seed, and say what it does\n"
    "  -x N     the most bytes each way (4M)\n"
    "  -T TIME  how long a session may stand still (20s)\n"
    "  -C       only clean ends: where no reset can be sent, as with unix:\n"
    "  -O       others connect to the backends too (health checks): conns that\n"
    "           bring no number are not judged, and none is made by -n\n"
    "  -v       say how each session went\n"
    "Prints one line, sessions= clean= resets= corrupt= short= hung= fin-as-rst=\n"
    "rst-as-fin= refused= seed= unseen= bytes= secs=, after the first 10 failures.\n"
    "Exit status: 0 if every session went as it must, 1 if not, 2: usage\n";

#define HEAD_SIZE 16
#define MAX_BACKENDS 64
#define MAX_STALLS 3
#define ENDLESS (1ULL << 40)
#define SCRATCH_SIZE 65536
#define CALLS_A_TURN 8
#define SHOWN_FAILURES 10
#define BATCH 256
#define NEVER INT64_MAX
#define PROBE_US (20 * 1000 * 1000)

enum side { CLIENT, BACKEND };

enum kind {
	KIND_CLEAN,
	KIND_RST_MID,
	KIND_RST_AFTER,
	KIND_RST_ACKED,
	KIND_FIN_RST,
	KIND_ABORT,
	KIND_MUTE_FIN,
	KIND_MUTE_RST
};

enum start { START_NOW, START_AFTER_BYTES, START_AFTER_EOF };

enum finish { FINISH_NOW, FINISH_GLUED, FINISH_LATE, FINISH_AFTER_EOF };

enum result {
	RESULT_NONE,
	RESULT_CLEAN,
	RESULT_RESET,
	RESULT_CORRUPT,
	RESULT_SHORT,
	RESULT_HUNG,
	RESULT_FIN_AS_RST,
	RESULT_RST_AS_FIN,
	RESULT_REFUSED,
	RESULT_COUNT
};

static const char *const side_names[] = { "client", "backend" };
static const char *const kind_names[] = { "clean", "rst-mid", "rst-after",
	"rst-acked", "fin-rst", "abort", "mute-fin", "mute-rst" };
static const unsigned kind_percent[] = { 50, 12, 9, 11, 8, 6, 2, 2 };
static const char *const start_names[] = { "now", "after-bytes", "after-eof" };
static const char *const finish_names[] = { "now", "glued", "late",
	"after-eof" };
static const char *const result_names[] = { "none", "clean", "resets",
	"corrupt", "short", "hung", "fin-as-rst", "rst-as-fin", "refused" };

static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == KIND_MUTE_RST + 1,
    "a name for each kind");
static_assert(sizeof(kind_percent) / sizeof(kind_percent[0]) ==
	KIND_MUTE_RST + 1,
    "a share for each kind");
static_assert(sizeof(result_names) / sizeof(result_names[0]) == RESULT_COUNT,
    "a name for each result");

struct stall {
	uint64_t at; /* after so many bytes */
	uint32_t ms;
};

/* What one side sends, and how the other reads it. */
struct part {
	uint64_t bytes, seed;
	size_t write_chunk, read_chunk;
	struct stall write_stalls[MAX_STALLS], read_stalls[MAX_STALLS];
	int write_stall_count, read_stall_count;
	enum start start;
	uint64_t start_after; /* bytes of the other side */
	enum finish finish;
	uint32_t finish_ms;
	int sndbuf, rcvbuf; /* the writer's, the reader's; 0: the kernel's */
};

struct plan {
	uint64_t seed;
	enum kind kind;
	enum side breaker;   /* who resets, if anybody does */
	struct part part[2]; /* by who sends */
	uint64_t break_written, break_read;
	uint32_t break_ms;
	bool strict; /* rst-acked: all must arrive */
};

struct session;

/* One socket of a session. */
struct end {
	LIST_ENTRY(end) entry;
	int fd; /* -1: closed, freed after the turn */
	enum side side;
	struct session *session; /* NULL: a backend's end without its head */
	bool connected, armed;
	unsigned char head[HEAD_SIZE];
	size_t head_done;
	uint64_t written, read;
	int write_stall, read_stall; /* the next one */
	int64_t write_after, read_after, finish_at, break_at;
	int64_t deadline; /* of an end without a session */
	bool fin_sent;	  /* all is sent, and the FIN */
	bool write_error; /* send(2) told of a reset */
	bool eof_seen, reset_seen;
};

struct session {
	uint64_t id;
	struct plan plan;
	struct end *ends[2];
	bool over[2]; /* that end has done its part, and is closed */
	bool counted;
	int64_t deadline;
	enum result result;
	char why[256];
};

LIST_HEAD(end_list, end);

struct run {
	/* set from the command line */
	struct tool_addr target;
	struct tool_addr backends[MAX_BACKENDS];
	int backend_count;
	bool direct, clean_only, others, verbose, one;
	uint64_t count, at_once, seed, one_seed, max_bytes;
	int64_t limit_us;
	const char *port_file;
	/* the run */
	int epoll;
	int listeners[MAX_BACKENDS];
	struct end_list live, dead;
	struct session **sessions; /* count + 1: the last is for probes */
	uint64_t next, active;
	uint64_t results[RESULT_COUNT], bytes, unseen, shown;
	uint64_t mute_fins, nameless_fins;
	int64_t now, timers_at; /* the last time that timers were looked at */
	unsigned char scratch[SCRATCH_SIZE];
};

static void end_run(struct run *, struct end *, uint32_t);

static enum side
other(enum side side)
{
	return side == CLIENT ? BACKEND : CLIENT;
}

static bool
is_mute(enum kind kind)
{
	return kind == KIND_MUTE_FIN || kind == KIND_MUTE_RST;
}

/* True if the side ends its stream with no FIN but a reset. */
static bool
ends_by_reset(const struct plan *plan, enum side side)
{
	return side == plan->breaker &&
	    (plan->kind == KIND_RST_MID || plan->kind == KIND_RST_AFTER ||
		plan->kind == KIND_RST_ACKED || plan->kind == KIND_MUTE_RST);
}

/* True if the side may see a reset. */
static bool
may_be_reset(const struct plan *plan, enum side side)
{
	return side != plan->breaker && plan->kind != KIND_CLEAN &&
	    plan->kind != KIND_MUTE_FIN;
}

/* Drawing a plan. */

static bool
chance(uint64_t *random, unsigned percent)
{
	return tool_random_below(random, 100) < percent;
}

/* 1 to 2^bits, each power of two as likely as the next. */
static uint64_t
draw_log(uint64_t *random, unsigned bits)
{
	unsigned shift = (unsigned)tool_random_below(random, bits);

	return (1ULL << shift) + tool_random_below(random, 1ULL << shift);
}

static uint64_t
draw_bytes(uint64_t *random, uint64_t max)
{
	unsigned which = (unsigned)tool_random_below(random, 100);
	uint64_t bytes;

	if (which < 12)
		bytes = 0;
	else if (which < 50)
		bytes = draw_log(random, 11);
	else if (which < 80)
		bytes = draw_log(random, 16);
	else if (which < 95)
		bytes = draw_log(random, 20);
	else
		bytes = tool_random_below(random, max) + 1;
	return bytes < max ? bytes : max;
}

static int
draw_stalls(uint64_t *random, uint64_t bytes, struct stall *stalls)
{
	int count, i, j;
	struct stall swap;

	if (!chance(random, 30))
		return 0;
	count = 1 + (int)tool_random_below(random, MAX_STALLS);
	for (i = 0; i < count; i++) {
		stalls[i].at = tool_random_below(random, bytes + 1);
		stalls[i].ms = (uint32_t)draw_log(random, 8);
	}
	for (i = 0; i < count; i++)
		for (j = i + 1; j < count; j++)
			if (stalls[j].at < stalls[i].at) {
				swap = stalls[i];
				stalls[i] = stalls[j];
				stalls[j] = swap;
			}
	return count;
}

/* Small pieces only of what is small: nobody waits for 1,000,000 calls. */
static size_t
draw_chunk(uint64_t *random, uint64_t bytes)
{
	uint64_t least = bytes / 2000 + 1, chunk = draw_log(random, 16);

	if (chunk < least)
		chunk = least;
	return chunk < SCRATCH_SIZE ? (size_t)chunk : SCRATCH_SIZE;
}

static void
draw_part(uint64_t *random, uint64_t max, struct part *part)
{
	uint64_t size;

	part->seed = tool_random(random);
	part->bytes = draw_bytes(random, max);
	if (chance(random, 15))
		part->sndbuf = 4096 << tool_random_below(random, 5);
	/* A tiny window has the kernel send a little per timer tick. */
	if (chance(random, 20)) {
		part->rcvbuf = 4096 << tool_random_below(random, 5);
		size = (uint64_t)part->rcvbuf * 16;
		if (part->bytes > size)
			part->bytes = size;
	}
	part->write_chunk = draw_chunk(random, part->bytes);
	part->read_chunk = draw_chunk(random, part->bytes);
	part->write_stall_count = draw_stalls(random, part->bytes,
	    part->write_stalls);
	part->read_stall_count = draw_stalls(random, part->bytes,
	    part->read_stalls);
}

/* Who begins when: at most one side waits for the other's bytes or FIN. */
static void
draw_order(uint64_t *random, struct plan *plan)
{
	enum side waits = chance(random, 75) ? BACKEND : CLIENT;
	struct part *part = &plan->part[waits];
	const struct part *before = &plan->part[other(waits)];

	part->finish = (enum finish)tool_random_below(random, 4);
	plan->part[other(waits)].finish = (enum finish)tool_random_below(random,
	    FINISH_AFTER_EOF);
	part->start = (enum start)tool_random_below(random, 3);
	part->start_after = tool_random_below(random, before->bytes + 1);
	part->finish_ms = (uint32_t)draw_log(random, 8);
	plan->part[other(waits)].finish_ms = (uint32_t)draw_log(random, 8);
}

/* How the breaker breaks; called after the order is drawn. */
static void
draw_break(uint64_t *random, struct plan *plan)
{
	struct part *mine = &plan->part[plan->breaker];
	struct part *theirs = &plan->part[other(plan->breaker)];

	plan->break_written = mine->bytes;
	if (plan->kind == KIND_RST_MID) {
		mine->bytes += 1;
		plan->break_written = tool_random_below(random, mine->bytes);
	}
	if (plan->kind == KIND_FIN_RST || plan->kind == KIND_ABORT) {
		theirs->bytes = ENDLESS;
		theirs->write_chunk |= 1024;
		theirs->read_chunk |= 1024;
		plan->break_read = tool_random_below(random, 262144);
	} else if (chance(random, 40)) {
		plan->break_read = tool_random_below(random, theirs->bytes + 1);
	}
	plan->break_ms = chance(random, 50) ? 0 : (uint32_t)draw_log(random, 7);
	/* Nobody waits for the end of a stream that the break may cut off. */
	theirs->start = START_NOW;
	if (theirs->finish == FINISH_AFTER_EOF)
		theirs->finish = FINISH_LATE;
	if (mine->start == START_AFTER_EOF)
		mine->start = START_NOW;
	if (mine->start_after > theirs->bytes)
		mine->start_after = theirs->bytes;
	mine->finish = mine->finish == FINISH_AFTER_EOF ? FINISH_NOW
							: mine->finish;
	if (plan->kind == KIND_RST_ACKED && chance(random, 60)) {
		plan->strict = true;
		mine->read_stall_count = 0;
		mine->rcvbuf = 0;
		mine->read_chunk |= 4096;
		if (mine->bytes > 131072)
			plan->break_written = mine->bytes = 131072;
	}
}

static void
draw_plan(const struct run *r, uint64_t seed, struct plan *plan)
{
	uint64_t random = seed;
	unsigned which = (unsigned)tool_random_below(&random, 100);
	enum kind kind;

	memset(plan, 0, sizeof(*plan));
	plan->seed = seed;
	draw_part(&random, r->max_bytes, &plan->part[CLIENT]);
	draw_part(&random, r->max_bytes, &plan->part[BACKEND]);
	draw_order(&random, plan);
	plan->breaker = chance(&random, 50) ? CLIENT : BACKEND;
	for (kind = KIND_CLEAN; which >= kind_percent[kind]; kind++)
		which -= kind_percent[kind];
	if (!r->clean_only && !(r->others && is_mute(kind)))
		plan->kind = kind;
	if (is_mute(plan->kind)) {
		plan->breaker = CLIENT;
		plan->part[CLIENT].bytes = plan->part[BACKEND].bytes = 0;
		plan->part[CLIENT].start = START_NOW;
		plan->part[CLIENT].finish = FINISH_NOW;
	} else if (plan->kind != KIND_CLEAN) {
		draw_break(&random, plan);
	}
}

static void
print_plan(const struct plan *plan)
{
	const struct part *part;
	int side, i;

	printf("  plan: %s", kind_names[plan->kind]);
	if (plan->kind != KIND_CLEAN && plan->kind != KIND_MUTE_FIN)
		printf(" by the %s after writing %llu, reading %llu, %u ms%s",
		    side_names[plan->breaker],
		    (unsigned long long)plan->break_written,
		    (unsigned long long)plan->break_read, plan->break_ms,
		    plan->strict ? ", all must arrive" : "");
	printf("\n");
	for (side = CLIENT; side <= BACKEND; side++) {
		part = &plan->part[side];
		printf(
		    "  %s sends %llu, pieces %zu read by %zu, starts %s(%llu)"
		    " fin %s(%u ms) sndbuf %d rcvbuf %d",
		    side_names[side], (unsigned long long)part->bytes,
		    part->write_chunk, part->read_chunk,
		    start_names[part->start],
		    (unsigned long long)part->start_after,
		    finish_names[part->finish], part->finish_ms, part->sndbuf,
		    part->rcvbuf);
		for (i = 0; i < part->write_stall_count; i++)
			printf(" w%llu:%ums",
			    (unsigned long long)part->write_stalls[i].at,
			    part->write_stalls[i].ms);
		for (i = 0; i < part->read_stall_count; i++)
			printf(" r%llu:%ums",
			    (unsigned long long)part->read_stalls[i].at,
			    part->read_stalls[i].ms);
		printf("\n");
	}
}

/* Sessions and their ends. */

static struct end *
end_open(struct run *r, int fd, enum side side, struct session *session)
{
	struct epoll_event event = { .events = EPOLLONESHOT };
	struct end *end = calloc(1, sizeof(*end));

	if (end == NULL)
		tool_die("out of memory");
	end->fd = fd;
	end->side = side;
	end->session = session;
	end->finish_at = end->break_at = NEVER;
	end->deadline = r->now + r->limit_us;
	event.data.ptr = end;
	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		tool_die("epoll_ctl: %s", strerror(errno));
	LIST_INSERT_HEAD(&r->live, end, entry);
	return end;
}

/* Closes the socket, with a reset if asked for. The end itself is dead until
   the turn is over, since an event may still name it. */
static void
end_close(struct run *r, struct end *end, bool reset)
{
	if (end->fd < 0)
		return;
	if (reset)
		tool_close_rst(end->fd);
	else
		close(end->fd);
	end->fd = -1;
	r->bytes += end->read;
	if (end->session != NULL)
		end->session->ends[end->side] = NULL;
	LIST_REMOVE(end, entry);
	LIST_INSERT_HEAD(&r->dead, end, entry);
}

static void
bury(struct run *r)
{
	struct end *end;

	while ((end = LIST_FIRST(&r->dead)) != NULL) {
		LIST_REMOVE(end, entry);
		free(end);
	}
}

/* Counts the session's result once. The probe's is only looked at. */
static void
session_count(struct run *r, struct session *session, enum result result)
{
	bool good = result == RESULT_CLEAN || result == RESULT_RESET;

	session->counted = true;
	session->result = result;
	if (session->id == r->count)
		return;
	r->active--;
	r->results[result]++;
	if (r->verbose || (!good && r->shown < SHOWN_FAILURES)) {
		printf("session %llu (-i %#llx): %s%s%s\n",
		    (unsigned long long)session->id,
		    (unsigned long long)session->plan.seed,
		    result_names[result], good ? "" : ": ", session->why);
		if (!good || r->one)
			print_plan(&session->plan);
	}
	if (!good)
		r->shown++;
}

/* A late failure of a session that was counted as good already. */
static void
session_recount(struct run *r, struct session *session, enum result result)
{
	if (session->id != r->count) {
		r->results[session->result]--;
		r->active++;
	}
	session_count(r, session, result);
}

static void session_fail(struct run *, struct session *, enum result,
    const char *, ...) __attribute__((format(printf, 4, 5)));

/* Ends the session, which has gone wrong, and keeps the first reason. */
static void
session_fail(struct run *r, struct session *session, enum result result,
    const char *format, ...)
{
	va_list ap;
	int side;

	if (session->why[0] == '\0') {
		va_start(ap, format);
		vsnprintf(session->why, sizeof(session->why), format, ap);
		va_end(ap);
		if (session->counted)
			session_recount(r, session, result);
		else
			session_count(r, session, result);
	}
	for (side = CLIENT; side <= BACKEND; side++) {
		session->over[side] = true;
		if (session->ends[side] != NULL)
			end_close(r, session->ends[side], true);
	}
}

/* One end has done its part well. */
static void
end_over(struct run *r, struct end *end, bool reset)
{
	struct session *session = end->session;
	enum kind kind = session->plan.kind;
	bool unseen;

	session->over[end->side] = true;
	end_close(r, end, reset);
	unseen = end->side == CLIENT && session->ends[BACKEND] == NULL &&
	    !session->over[BACKEND] && kind != KIND_CLEAN;
	if (unseen && !is_mute(kind))
		r->unseen++;
	if (unseen || (session->over[CLIENT] && session->over[BACKEND])) {
		if (!session->counted)
			session_count(r, session,
			    kind == KIND_CLEAN || kind == KIND_MUTE_FIN
				? RESULT_CLEAN
				: RESULT_RESET);
	}
}

/* Draws the plan, or for a probe the shortest clean one, and connects. */
static void
session_start(struct run *r, uint64_t id, uint64_t seed)
{
	struct session *session = calloc(1, sizeof(*session));
	const struct part *part;
	struct end *end;
	int fd;

	if (session == NULL)
		tool_die("out of memory");
	session->id = id;
	if (id < r->count) {
		draw_plan(r, seed, &session->plan);
	} else {
		session->plan.seed = seed;
		session->plan.part[CLIENT].read_chunk = 1;
		session->plan.part[BACKEND].read_chunk = 1;
	}
	session->deadline = r->now + r->limit_us;
	free(r->sessions[id]);
	r->sessions[id] = session;
	if (id < r->count) {
		r->active++;
		r->mute_fins += session->plan.kind == KIND_MUTE_FIN;
	}
	part = session->plan.part;
	fd = tool_socket(&r->target, NULL, part[BACKEND].rcvbuf,
	    part[CLIENT].sndbuf);
	if (fd < 0)
		tool_die("socket: %s", strerror(-fd));
	if (connect(fd, (struct sockaddr *)&r->target.ss, r->target.len) != 0 &&
	    errno != EINPROGRESS) {
		session_fail(r, session, RESULT_REFUSED, "connect: %s",
		    strerror(errno));
		close(fd);
		return;
	}
	end = end_open(r, fd, CLIENT, session);
	session->ends[CLIENT] = end;
	if (is_mute(session->plan.kind))
		end->head_done = HEAD_SIZE;
	end_run(r, end, 0);
}

/* What an end sees. */

static void
on_eof(struct run *r, struct end *end)
{
	struct session *session = end->session;
	const struct plan *plan = &session->plan;
	const struct part *part = &plan->part[other(end->side)];

	end->eof_seen = true;
	if (ends_by_reset(plan, other(end->side)))
		session_fail(r, session, RESULT_RST_AS_FIN,
		    "the %s's reset came to the %s as a FIN after %llu bytes",
		    side_names[other(end->side)], side_names[end->side],
		    (unsigned long long)end->read);
	else if (end->read < part->bytes)
		session_fail(r, session, RESULT_SHORT,
		    "the %s received a FIN after %llu of %llu bytes",
		    side_names[end->side], (unsigned long long)end->read,
		    (unsigned long long)part->bytes);
}

/* A reset ends both directions, whichever call told of it. */
static void
on_reset(struct run *r, struct end *end, int error)
{
	struct session *session = end->session;
	const struct plan *plan = &session->plan;
	const struct part *part = &plan->part[other(end->side)];

	end->reset_seen = true;
	if (end->side == CLIENT && session->ends[BACKEND] == NULL &&
	    !session->over[BACKEND]) {
		session_fail(r, session, RESULT_REFUSED,
		    "the client met %s before a backend heard of it",
		    strerror(error));
	} else if (!may_be_reset(plan, end->side)) {
		session_fail(r, session, RESULT_FIN_AS_RST,
		    "the %s met %s after %llu of %llu bytes in, %llu out",
		    side_names[end->side], strerror(error),
		    (unsigned long long)end->read,
		    (unsigned long long)part->bytes,
		    (unsigned long long)end->written);
	} else if (plan->strict && end->read < part->bytes && !end->eof_seen) {
		session_fail(r, session, RESULT_SHORT,
		    "the %s received %llu of %llu bytes, all acknowledged"
		    " before the reset",
		    side_names[end->side], (unsigned long long)end->read,
		    (unsigned long long)part->bytes);
	} else if (!session->over[other(end->side)]) {
		session_fail(r, session, RESULT_FIN_AS_RST,
		    "the %s met %s before the %s broke off",
		    side_names[end->side], strerror(error),
		    side_names[other(end->side)]);
	}
}

static bool
is_reset(int error)
{
	return error == ECONNRESET || error == EPIPE;
}

static void
on_error(struct run *r, struct end *end, int error)
{
	if (is_reset(error))
		on_reset(r, end, error);
	else
		session_fail(r, end->session, RESULT_FIN_AS_RST, "the %s: %s",
		    side_names[end->side], strerror(error));
}

/* The end of a backend's conn that never said whose it is. */
static void
on_nameless_end(struct run *r, struct end *end, bool eof)
{
	if (eof)
		r->nameless_fins++;
	if (eof && end->head_done > 0 && !r->others) {
		printf("short: a FIN came after %zu of the first 16 bytes\n",
		    end->head_done);
		r->results[RESULT_SHORT]++;
	}
	end_close(r, end, false);
}

/* The first 16 bytes are there: which session is it? */
static void
on_head(struct run *r, struct end *end)
{
	struct session *session = NULL;
	uint64_t id, seed;

	memcpy(&id, end->head, 8);
	memcpy(&seed, end->head + 8, 8);
	id = be64toh(id);
	if (id <= r->count)
		session = r->sessions[id];
	if (id == r->count && session->plan.seed != be64toh(seed)) {
		end_close(r, end, true); /* an earlier probe, given up */
		return;
	}
	if (session == NULL || session->plan.seed != be64toh(seed) ||
	    session->ends[BACKEND] != NULL || session->over[BACKEND]) {
		/* Of a session that failed, the backend's end may be late. */
		if (session == NULL || session->why[0] == '\0') {
			printf(
			    "corrupt: a backend's conn began with a wrong head\n");
			r->results[RESULT_CORRUPT]++;
		}
		end_close(r, end, true);
		return;
	}
	session->ends[BACKEND] = end;
	end->session = session;
	if (session->counted) {
		session->deadline = r->now + r->limit_us;
		r->unseen--;
	}
	tool_set_buffers(end->fd, session->plan.part[CLIENT].rcvbuf,
	    session->plan.part[BACKEND].sndbuf);
}

static void
recv_head(struct run *r, struct end *end)
{
	ssize_t n;

	n = recv(end->fd, end->head + end->head_done,
	    HEAD_SIZE - end->head_done, 0);
	if (n > 0) {
		end->head_done += (size_t)n;
		if (end->head_done == HEAD_SIZE)
			on_head(r, end);
	} else if (n == 0 || errno != EAGAIN) {
		on_nameless_end(r, end, n == 0);
	}
}

/* The most that the next call may move before a stall; 0: the stall is due. */
static size_t
until_stall(const struct stall *stalls, int count, int next, uint64_t done,
    size_t chunk)
{
	uint64_t left;

	if (next == count)
		return chunk;
	left = stalls[next].at > done ? stalls[next].at - done : 0;
	return left < chunk ? (size_t)left : chunk;
}

static void
recv_data(struct run *r, struct end *end, size_t len)
{
	const struct part *part = &end->session->plan.part[other(end->side)];
	size_t good;

	if (end->read + len > part->bytes) {
		session_fail(r, end->session, RESULT_CORRUPT,
		    "the %s received more than %llu bytes",
		    side_names[end->side], (unsigned long long)part->bytes);
		return;
	}
	good = tool_stream_check(r->scratch, len, part->seed, end->read);
	end->read += len;
	end->session->deadline = r->now + r->limit_us;
	if (good < len)
		session_fail(r, end->session, RESULT_CORRUPT,
		    "the %s received a wrong byte at %llu of %llu",
		    side_names[end->side],
		    (unsigned long long)(end->read - len + good),
		    (unsigned long long)part->bytes);
}

static bool
reads_now(const struct run *r, const struct end *end)
{
	return end->fd >= 0 && !end->eof_seen && !end->reset_seen &&
	    r->now >= end->read_after;
}

static void
run_reader(struct run *r, struct end *end)
{
	const struct part *part;
	size_t len;
	ssize_t n;
	int i;

	for (i = 0; i < CALLS_A_TURN && reads_now(r, end); i++) {
		if (end->session == NULL) {
			recv_head(r, end);
			return; /* the writer may have work first */
		}
		part = &end->session->plan.part[other(end->side)];
		len = until_stall(part->read_stalls, part->read_stall_count,
		    end->read_stall, end->read, part->read_chunk);
		if (len == 0) {
			end->read_after = r->now +
			    part->read_stalls[end->read_stall++].ms * 1000;
			return;
		}
		n = recv(end->fd, r->scratch, len, 0);
		if (n > 0)
			recv_data(r, end, (size_t)n);
		else if (n < 0 && errno == EAGAIN)
			return;
		else if (n < 0)
			on_error(r, end, errno);
		else if (end->write_error)
			on_reset(r, end, ECONNRESET);
		else
			on_eof(r, end);
	}
}

/* How many bytes the side writes before its FIN or its breaking off. */
static uint64_t
write_total(const struct plan *plan, enum side side)
{
	if (plan->kind == KIND_RST_MID && side == plan->breaker)
		return plan->break_written;
	return plan->part[side].bytes;
}

static bool
may_start(const struct end *end, const struct part *part)
{
	switch (part->start) {
	case START_NOW:
		return true;
	case START_AFTER_BYTES:
		return end->read >= part->start_after || end->eof_seen;
	case START_AFTER_EOF:
		return end->eof_seen;
	}
	return true;
}

static bool
writes_now(const struct run *r, const struct end *end)
{
	const struct plan *plan;

	if (end->fd < 0 || end->session == NULL || end->write_error ||
	    end->reset_seen || end->fin_sent || r->now < end->write_after)
		return false;
	plan = &end->session->plan;
	if (end->side == CLIENT && end->head_done < HEAD_SIZE)
		return true;
	return end->written < write_total(plan, end->side) &&
	    may_start(end, &plan->part[end->side]);
}

/* Sends once. False: nothing more goes now. */
static bool
send_once(struct run *r, struct end *end, const void *from, size_t len,
    int flags, size_t *sent)
{
	ssize_t n = send(end->fd, from, len, MSG_NOSIGNAL | flags);

	*sent = n > 0 ? (size_t)n : 0;
	if (n >= 0 || errno == EAGAIN)
		return n >= 0;
	if (!is_reset(errno)) {
		on_error(r, end, errno);
		return false;
	}
	end->write_error = true;
	/* After a FIN nobody reads on to meet the reset. */
	if (end->eof_seen)
		on_reset(r, end, errno);
	return false;
}

static bool
send_head(struct run *r, struct end *end)
{
	uint64_t words[2] = { htobe64(end->session->id),
		htobe64(end->session->plan.seed) };
	size_t sent;

	if (!send_once(r, end, (const char *)words + end->head_done,
		HEAD_SIZE - end->head_done, 0, &sent))
		return false;
	end->head_done += sent;
	return true;
}

static void
run_writer(struct run *r, struct end *end)
{
	const struct part *part;
	uint64_t left;
	size_t len, sent;
	int i, flags;

	for (i = 0; i < CALLS_A_TURN && writes_now(r, end); i++) {
		if (end->side == CLIENT && end->head_done < HEAD_SIZE) {
			if (!send_head(r, end))
				return;
			continue;
		}
		part = &end->session->plan.part[end->side];
		left = write_total(&end->session->plan, end->side) -
		    end->written;
		len = until_stall(part->write_stalls, part->write_stall_count,
		    end->write_stall, end->written, part->write_chunk);
		if (len == 0) {
			end->write_after = r->now +
			    part->write_stalls[end->write_stall++].ms * 1000;
			return;
		}
		if (len > left)
			len = (size_t)left;
		flags = part->finish == FINISH_GLUED && len == left &&
			!ends_by_reset(&end->session->plan, end->side)
		    ? MSG_MORE
		    : 0;
		tool_stream_fill(r->scratch, len, part->seed, end->written);
		if (!send_once(r, end, r->scratch, len, flags, &sent))
			return;
		end->written += sent;
		end->session->deadline = r->now + r->limit_us;
	}
}

/* Sends the FIN when all is written and its time has come. */
static void
run_finish(struct run *r, struct end *end)
{
	const struct plan *plan;
	const struct part *part;

	if (end->fd < 0 || end->session == NULL || end->fin_sent ||
	    end->write_error || end->reset_seen)
		return;
	plan = &end->session->plan;
	part = &plan->part[end->side];
	if (ends_by_reset(plan, end->side) || end->written < part->bytes ||
	    (end->side == CLIENT && end->head_done < HEAD_SIZE) ||
	    !may_start(end, part))
		return;
	if (part->finish == FINISH_AFTER_EOF && !end->eof_seen)
		return;
	if (part->finish == FINISH_LATE) {
		if (end->finish_at == NEVER)
			end->finish_at = r->now + part->finish_ms * 1000;
		if (r->now < end->finish_at)
			return;
	}
	if (shutdown(end->fd, SHUT_WR) == 0) {
		end->fin_sent = true;
		return;
	}
	/* ENOTCONN: a reset came before */
	end->write_error = true;
	if (end->eof_seen)
		on_reset(r, end, ECONNRESET);
}

/* The breaker breaks off when its conditions are met. */
static void
run_break(struct run *r, struct end *end)
{
	const struct plan *plan;
	bool fin_first;

	if (end->fd < 0 || end->session == NULL)
		return;
	plan = &end->session->plan;
	if (end->side != plan->breaker || plan->kind == KIND_CLEAN ||
	    plan->kind == KIND_MUTE_FIN)
		return;
	fin_first = plan->kind == KIND_FIN_RST;
	if ((end->side == CLIENT && end->head_done < HEAD_SIZE) ||
	    end->written < plan->break_written ||
	    end->read < plan->break_read || (fin_first && !end->fin_sent))
		return;
	if (end->break_at == NEVER)
		end->break_at = r->now + plan->break_ms * 1000;
	if (plan->kind == KIND_RST_ACKED && tool_outq(end->fd) > 0)
		end->break_at = r->now + 1000;
	if (r->now >= end->break_at)
		end_over(r, end, plan->kind != KIND_ABORT);
}

static void
run_over(struct run *r, struct end *end)
{
	if (end->fd < 0 || end->session == NULL)
		return;
	if (end->reset_seen || (end->eof_seen && end->fin_sent))
		end_over(r, end, false);
}

/* Arms the socket for what the end now waits for. */
static void
end_arm(struct run *r, struct end *end)
{
	struct epoll_event event = { .events = 0, .data.ptr = end };

	if (end->fd < 0)
		return;
	if (!end->connected)
		event.events = EPOLLOUT;
	else if (reads_now(r, end))
		event.events |= EPOLLIN;
	if (end->connected && writes_now(r, end))
		event.events |= EPOLLOUT;
	if (event.events == 0 && !end->armed)
		return;
	end->armed = event.events != 0;
	event.events |= EPOLLONESHOT;
	if (epoll_ctl(r->epoll, EPOLL_CTL_MOD, end->fd, &event) != 0)
		tool_die("epoll_ctl: %s", strerror(errno));
}

/* True if the client's socket is connected; else it waits, or has failed. */
static bool
run_connect(struct run *r, struct end *end, uint32_t events)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (end->side == BACKEND || end->connected) {
		end->connected = true;
		return true;
	}
	if (events == 0)
		return false;
	if (events & (EPOLLERR | EPOLLHUP)) {
		/* Asking for the error takes it away: hence no recv(2). */
		getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		end->connected = true;
		if (error == ECONNREFUSED || error == ETIMEDOUT || error == 0)
			session_fail(r, end->session, RESULT_REFUSED,
			    "connect: %s", strerror(error));
		else
			on_error(r, end, error);
		return false;
	}
	end->connected = true;
	return true;
}

static void
end_run(struct run *r, struct end *end, uint32_t events)
{
	if (end->fd < 0)
		return;
	if (events != 0)
		end->armed = false;
	if (run_connect(r, end, events)) {
		run_reader(r, end);
		run_writer(r, end);
		run_finish(r, end);
		run_break(r, end);
	}
	run_over(r, end);
	end_arm(r, end);
}

/* The loop. */

static void
on_accept(struct run *r, int listener)
{
	int fd;

	while ((fd = tool_accept(listener)) >= 0)
		end_run(r, end_open(r, fd, BACKEND, NULL), 0);
}

/* The first moment after now at which the end has something to do. */
static int64_t
end_due(const struct run *r, const struct end *end)
{
	const int64_t times[] = { end->read_after, end->write_after,
		end->finish_at, end->break_at };
	int64_t due = NEVER;
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (times[i] > r->now && times[i] < due)
			due = times[i];
	return due;
}

static void
end_hung(struct run *r, struct end *end)
{
	struct session *session = end->session;
	const struct end *back;

	if (session == NULL) {
		if (!r->others) {
			printf(
			    "hung: a backend's conn said nothing, and did not"
			    " end\n");
			r->results[RESULT_HUNG]++;
		}
		end_close(r, end, true);
		return;
	}
	back = session->ends[other(end->side)];
	session_fail(r, session, RESULT_HUNG,
	    "the %s: %llu in%s, %llu out%s; the %s%s: %llu in, %llu out",
	    side_names[end->side], (unsigned long long)end->read,
	    end->eof_seen ? " and FIN" : "", (unsigned long long)end->written,
	    end->fin_sent ? " and FIN" : "", side_names[other(end->side)],
	    back == NULL ? " is not there" : "",
	    (unsigned long long)(back != NULL ? back->read : 0),
	    (unsigned long long)(back != NULL ? back->written : 0));
}

/* True if a moment has come since timers were looked at last. */
static bool
has_come(const struct run *r, int64_t moment)
{
	return moment > r->timers_at && moment <= r->now;
}

/* Runs the ends whose stall is over; the next moment at which one is. */
static int64_t
run_timers(struct run *r)
{
	struct end *end, *next;
	int64_t due, first = NEVER;

	for (end = LIST_FIRST(&r->live); end != NULL; end = next) {
		if (r->now > (end->session != NULL ? end->session->deadline
						   : end->deadline))
			end_hung(r, end);
		else if (has_come(r, end->read_after) ||
		    has_come(r, end->write_after) ||
		    has_come(r, end->finish_at) || has_come(r, end->break_at))
			end_run(r, end, 0);
		if (end->fd < 0) {
			/* Others may have been closed with it: once more. */
			next = LIST_FIRST(&r->live);
			first = NEVER;
			continue;
		}
		next = LIST_NEXT(end, entry);
		due = end_due(r, end);
		if (due < first)
			first = due;
	}
	r->timers_at = r->now;
	return first;
}

/* One turn: timers, events, the dead. */
static void
turn(struct run *r)
{
	struct epoll_event events[BATCH];
	int i, n, timeout_ms = 100;
	int64_t first;

	r->now = tool_now_us();
	first = run_timers(r);
	bury(r);
	if (first != NEVER && first - r->now < 100 * 1000)
		timeout_ms = (int)((first - r->now + 999) / 1000);
	n = epoll_wait(r->epoll, events, BATCH, timeout_ms);
	r->now = tool_now_us();
	for (i = 0; i < n; i++) {
		if (events[i].data.u64 < MAX_BACKENDS)
			on_accept(r, r->listeners[events[i].data.u64]);
		else
			end_run(r, events[i].data.ptr, events[i].events);
	}
	bury(r);
}

/* Sends sessions without a byte until one comes through the proxy. */
static void
wait_for_proxy(struct run *r)
{
	uint64_t seed = 0;
	struct session *probe;
	int64_t until, pause;

	r->now = tool_now_us();
	until = r->now + PROBE_US;
	for (;;) {
		session_start(r, r->count, ++seed);
		probe = r->sessions[r->count];
		while (!probe->counted)
			turn(r);
		if (probe->result == RESULT_CLEAN)
			break;
		if (r->now > until)
			tool_die("the proxy does not answer: %s", probe->why);
		pause = r->now + 20000;
		while (r->now < pause) {
			poll(NULL, 0, 20);
			turn(r);
		}
	}
	r->nameless_fins = 0;
	r->bytes = 0;
}

static void
run_all(struct run *r)
{
	uint64_t seed;

	r->now = tool_now_us();
	while (r->next < r->count || r->active > 0 || !LIST_EMPTY(&r->live)) {
		while (r->next < r->count && r->active < r->at_once) {
			seed = r->seed << 32 ^ r->next;
			seed = r->one ? r->one_seed : tool_random(&seed);
			session_start(r, r->next++, seed);
		}
		turn(r);
	}
	if (!r->others && r->nameless_fins > r->mute_fins) {
		printf(
		    "rst-as-fin: %llu conns of clients who reset ended at a backend"
		    " with a FIN\n",
		    (unsigned long long)(r->nameless_fins - r->mute_fins));
		r->results[RESULT_RST_AS_FIN] += r->nameless_fins -
		    r->mute_fins;
	}
}

/* Prints the line of results; the exit status. */
static int
report(const struct run *r, int64_t took_us)
{
	uint64_t bad = 0;
	int i;

	printf("sessions=%llu", (unsigned long long)r->count);
	for (i = RESULT_CLEAN; i < RESULT_COUNT; i++) {
		printf(" %s=%llu", result_names[i],
		    (unsigned long long)r->results[i]);
		if (i >= RESULT_CORRUPT)
			bad += r->results[i];
	}
	printf(" seed=%llu unseen=%llu bytes=%llu secs=%.1f\n",
	    (unsigned long long)r->seed, (unsigned long long)r->unseen,
	    (unsigned long long)r->bytes, (double)took_us / 1e6);
	return bad == 0 ? 0 : 1;
}

static void
listen_all(struct run *r)
{
	char ports[MAX_BACKENDS * 8] = "";
	struct epoll_event event = { .events = EPOLLIN };
	size_t used = 0;
	int i;

	for (i = 0; i < r->backend_count; i++) {
		r->listeners[i] = tool_listen(&r->backends[i], 4096, 0);
		if (r->listeners[i] < 0)
			tool_die("-b: %s", strerror(-r->listeners[i]));
		event.data.u64 = (uint64_t)i;
		if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->listeners[i],
			&event) != 0)
			tool_die("epoll_ctl: %s", strerror(errno));
		r->backends[i] = tool_addr_local(r->listeners[i]);
		used += (size_t)snprintf(ports + used, sizeof(ports) - used,
		    "%u\n", tool_addr_port(&r->backends[i]));
		if (r->backends[i].ss.ss_family == AF_UNIX)
			r->clean_only = true;
	}
	if (r->direct)
		r->target = r->backends[0];
	if (r->target.ss.ss_family == AF_UNIX)
		r->clean_only = true;
	if (r->port_file != NULL)
		tool_write_file(r->port_file, "%s", ports);
}

static void __attribute__((noreturn)) usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static void
number_option(struct run *r, int option, const char *value)
{
	const char name[] = { '-', (char)option, '\0' };
	uint64_t number = tool_size_arg(name, value);

	switch (option) {
	case 'n':
		r->count = number;
		break;
	case 'c':
		r->at_once = number;
		break;
	case 's':
		r->seed = number;
		break;
	case 'i':
		r->one_seed = number;
		r->one = true;
		break;
	case 'x':
		r->max_bytes = number;
		break;
	}
}

static void
flag_option(struct run *r, int option, const char *value)
{
	switch (option) {
	case 't':
		r->target = tool_addr_arg(value);
		break;
	case 'b':
		if (r->backend_count == MAX_BACKENDS)
			usage();
		r->backends[r->backend_count++] = tool_addr_arg(value);
		break;
	case 'p':
		r->port_file = value;
		break;
	case 'T':
		r->limit_us = tool_ms_arg("-T", value) * 1000;
		break;
	case 'D':
		r->direct = true;
		break;
	case 'C':
		r->clean_only = true;
		break;
	case 'O':
		r->others = true;
		break;
	case 'v':
		r->verbose = true;
		break;
	default:
		usage();
	}
}

static void
parse(struct run *r, int argc, char **argv)
{
	int option;

	r->count = 1000;
	r->at_once = 64;
	r->seed = 1;
	r->max_bytes = 4 << 20;
	r->limit_us = 20 * 1000 * 1000;
	while ((option = getopt(argc, argv, "t:b:p:n:c:s:i:x:T:DCOvh")) != -1) {
		if (option == 'h') {
			fputs(usage_text, stdout);
			exit(0);
		}
		if (strchr("ncsix", option) != NULL)
			number_option(r, option, optarg);
		else
			flag_option(r, option, optarg);
	}
	if (optind != argc || r->direct == (r->target.len > 0) ||
	    r->at_once == 0)
		usage();
	if (r->one) {
		r->count = 1;
		r->verbose = true;
	}
	if (r->backend_count == 0)
		r->backends[r->backend_count++] = tool_addr_arg("127.0.0.1:0");
}

int
main(int argc, char **argv)
{
	static struct run r;
	int64_t begun;
	uint64_t i;
	int status;

	parse(&r, argc, argv);
	tool_nofile(20000);
	r.sessions = calloc(r.count + 1, sizeof(struct session *));
	r.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r.sessions == NULL || r.epoll < 0)
		tool_die("no memory, or no epoll");
	LIST_INIT(&r.live);
	LIST_INIT(&r.dead);
	setvbuf(stdout, NULL, _IOLBF, 0);
	listen_all(&r);
	wait_for_proxy(&r);
	begun = tool_now_us();
	run_all(&r);
	status = report(&r, tool_now_us() - begun);
	for (i = 0; i <= r.count; i++)
		free(r.sessions[i]);
	free(r.sessions);
	return status;
}
