/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * The version of lb4 after this one, as far as a handover can tell: this one,
 * linked with the functions below in place of some of its own (ld's --wrap).
 * What it says differs from what this version says as two releases may differ:
 *
 *	- A record of a conn has a field that this version does not know, and
 *	  lacks one that it does.  The fields come in another order.
 *	- Between records come records of a kind that this version does not
 *	  know, with a descriptor.  The new process sends such steps, too.
 *
 * It ends itself if what it reads of its own field is wrong.
 *
 * NEXT_FAULT="HOW POINT FILE" in the environment, for a new process only, is a
 * fault at a point of the handover.  Points are counted from 1, one before and
 * one after each call that sends or receives a record.  FILE tells how many
 * there were until the new process said "done", and how many conns it had
 * taken.  HOW is
 *	none	nothing happens: for the count
 *	kill	it gets SIGKILL
 *	stop	it gets SIGSTOP
 *	late	it gets SIGSTOP before it says "done", whatever the point
 *	files	it may open no further descriptor
 *	memory	it gets no further memory, until it says "done"
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lb4/engine/conn_record.h"
#include "lb4/handover/link.h"
#include "lb4/handover/record.h"
#include "lb4/handover/records.h"

/* The wrapped functions, and those that wrap them. */
int __real_link_send(struct link *link, const struct record_kind *kind,
    const void *value);
int __real_link_send_fds(struct link *link, const struct record_kind *kind,
    const void *value, const int *fd, unsigned fds);
int __real_link_receive(struct link *link, uint64_t deadline_ms);
int __real_record_write(const struct record_kind *kind, const void *value,
    unsigned char *buf, size_t size);
int __real_record_read(const struct record_kind *kind, const unsigned char *buf,
    size_t len, void *value);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
int __wrap_link_send(struct link *link, const struct record_kind *kind,
    const void *value);
int __wrap_link_send_fds(struct link *link, const struct record_kind *kind,
    const void *value, const int *fd, unsigned fds);
int __wrap_link_receive(struct link *link, uint64_t deadline_ms);
int __wrap_record_write(const struct record_kind *kind, const void *value,
    unsigned char *buf, size_t size);
int __wrap_record_read(const struct record_kind *kind, const unsigned char *buf,
    size_t len, void *value);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

/* ---- faults -------------------------------------------------------------- */

static char how[16];
static unsigned long point_of_fault, points, taken;
static int report = -1;
static _Atomic bool without_memory;

static void __attribute__((constructor)) begin(void)
{
	const char *fault = getenv("NEXT_FAULT");
	char file[256];

	if (fault != NULL &&
	    sscanf(fault, "%15s %lu %255s", how, &point_of_fault, file) == 3)
		report = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	/* not for the process after this one */
	(void)unsetenv("NEXT_FAULT");
}

static void
allow_no_file(void)
{
	const int next = dup(STDIN_FILENO);
	const struct rlimit limit = { (rlim_t)next, (rlim_t)next };

	(void)close(next);
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void
strike(void)
{
	if (strcmp(how, "kill") == 0)
		(void)kill(getpid(), SIGKILL);
	else if (strcmp(how, "stop") == 0)
		(void)kill(getpid(), SIGSTOP);
	else if (strcmp(how, "files") == 0)
		allow_no_file();
	else if (strcmp(how, "memory") == 0)
		atomic_store(&without_memory, true);
}

static void
point(void)
{
	char text[64];
	int len;

	if (report < 0)
		return;
	points++;
	len = snprintf(text, sizeof(text), "%lu %lu\n", points, taken);
	if (pwrite(report, text, (size_t)len, 0) != len)
		abort();
	if (points == point_of_fault)
		strike();
}

/* The new process has said something. */
static void
on_said(const struct record_kind *kind, const void *value)
{
	const struct handover_step *step = value;

	if (kind != &handover_step_kind)
		return;
	taken += strcmp(step->name, "taken") == 0;
}

static void
on_to_say(const struct record_kind *kind, const void *value)
{
	const struct handover_step *step = value;

	point();
	if (kind == &handover_step_kind && strcmp(step->name, "done") == 0 &&
	    report >= 0) {
		(void)close(report);
		report = -1;
		if (strcmp(how, "late") == 0)
			(void)kill(getpid(), SIGSTOP);
		atomic_store(&without_memory, false);
	}
}

static bool
lacks_memory(void)
{
	if (!atomic_load(&without_memory))
		return false;
	errno = ENOMEM;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return lacks_memory() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return lacks_memory() ? NULL : __real_calloc(count, size);
}

void *
__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return lacks_memory() ? NULL : __real_reallocarray(old, count, size);
}

void *
__wrap_aligned_alloc(size_t align, size_t size)
{
	return lacks_memory() ? NULL : __real_aligned_alloc(align, size);
}

/* ---- another kind -------------------------------------------------------- */

struct weather {
	uint64_t degrees;
	char text[16];
};

static const struct record_field weather_fields[] = {
	RECORD_FIELD(weather, degrees, RECORD_UINT),
	RECORD_FIELD(weather, text, RECORD_TEXT),
};
static RECORD_KIND(weather_kind, "weather", weather, weather_fields);

/* A record and a step that this version of lb4 does not know.  If they cannot
 * be sent, neither can what follows. */
static void
chat(struct link *link)
{
	static const struct weather weather = { 21, "sunny" };
	static const struct handover_step step = { .name = "progress" };
	const int fd = STDIN_FILENO;

	if (__real_link_send_fds(link, &weather_kind, &weather, &fd, 1) < 0 ||
	    __real_link_send(link, &handover_step_kind, &step) < 0)
		return;
}

int
__wrap_link_send(struct link *link, const struct record_kind *kind,
    const void *value)
{
	int error;

	chat(link);
	on_to_say(kind, value);
	error = __real_link_send(link, kind, value);
	if (error == 0)
		on_said(kind, value);
	point();
	return error;
}

int
__wrap_link_send_fds(struct link *link, const struct record_kind *kind,
    const void *value, const int *fd, unsigned fds)
{
	chat(link);
	return __real_link_send_fds(link, kind, value, fd, fds);
}

int
__wrap_link_receive(struct link *link, uint64_t deadline_ms)
{
	int error;

	point();
	error = __real_link_receive(link, deadline_ms);
	point();
	return error;
}

/* ---- another kind of conn ------------------------------------------------ */

#define FIELDS_MAX 256

/* The field of a conn that this version does not send any more. */
#define DROPPED "relay[0].streak"

struct next_conn {
	struct conn_record conn;
	uint64_t mood; /* the field that is new */
};

/* Only the thread that hands over, or takes over, uses it. */
static struct record_field next_fields[FIELDS_MAX];

static struct record_kind
next_kind(void)
{
	const struct record_kind *kind = &handover_conn_kind;
	struct record_kind next = {
		.name = kind->name,
		.size = sizeof(struct next_conn),
		.field = next_fields,
	};

	next_fields[next.fields++] = (struct record_field)
	    RECORD_FIELD(next_conn, mood, RECORD_UINT);
	for (size_t i = kind->fields; i-- > 0;) {
		if (strcmp(kind->field[i].name, DROPPED) == 0)
			continue;
		if (next.fields == FIELDS_MAX)
			abort();
		next_fields[next.fields++] = kind->field[i];
	}
	if (next.fields != kind->fields) /* one more, and one less */
		abort();
	return next;
}

static uint64_t
mood_of(const struct conn_record *conn)
{
	return ~conn->id;
}

int
__wrap_record_write(const struct record_kind *kind, const void *value,
    unsigned char *buf, size_t size)
{
	struct record_kind next;
	struct next_conn conn;

	if (kind != &handover_conn_kind)
		return __real_record_write(kind, value, buf, size);
	next = next_kind();
	memcpy(&conn.conn, value, sizeof(conn.conn));
	conn.mood = mood_of(&conn.conn);
	return __real_record_write(&next, &conn, buf, size);
}

int
__wrap_record_read(const struct record_kind *kind, const unsigned char *buf,
    size_t len, void *value)
{
	struct record_kind next;
	struct next_conn conn;
	int error;

	if (kind != &handover_conn_kind)
		return __real_record_read(kind, buf, len, value);
	next = next_kind();
	error = __real_record_read(&next, buf, len, &conn);
	if (error == 0 && conn.mood != 0 && conn.mood != mood_of(&conn.conn))
		abort();
	memcpy(value, &conn.conn, sizeof(conn.conn));
	return error;
}
