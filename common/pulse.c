/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Heartbeats: see pulse.h. */
#include "common/pulse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/proc.h"

void
pulse_start(struct pulse *pulse)
{
	atomic_store_explicit(&pulse->due_ms, 0, memory_order_relaxed);
	atomic_store_explicit(&pulse->tid, gettid(), memory_order_relaxed);
}

/* `of`: the directory in /proc that has the task's directory. */
static bool
read_task(const char *of, pid_t tid, const char *name, char *text, size_t size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%s%d/%s", of, (int)tid, name);
	return proc_text("", path, text, size);
}

static bool
read_times(const char *of, pid_t tid, struct pulse_times *times)
{
	uint64_t ran_ns, waited_ns;
	char text[512];
	const char *name_end;

	/* "RAN WAITED TURNS" in ns; "TID (NAME) STATE ..." */
	if (!read_task(of, tid, "schedstat", text, sizeof(text)) ||
	    sscanf(text, "%" SCNu64 " %" SCNu64, &ran_ns, &waited_ns) != 2 ||
	    !read_task(of, tid, "stat", text, sizeof(text)))
		return false;
	name_end = strrchr(text, ')');
	if (name_end == NULL || name_end[1] != ' ')
		return false;
	times->ran_ms = ran_ns / 1000000;
	times->waited_ms = waited_ns / 1000000;
	times->ready = name_end[2] == 'R';
	return true;
}

bool
pulse_read(pid_t tid, struct pulse_times *times)
{
	return read_times("self/task/", tid, times);
}

bool
pulse_read_process(pid_t pid, struct pulse_times *times)
{
	return read_times("", pid, times);
}

/* a - b, but not below 0. */
static uint64_t
less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

uint64_t
pulse_age(struct pulse_sight *sight, uint64_t due_ms, uint64_t now_ms,
    const struct pulse_times *times)
{
	uint64_t passed_ms, ran_ms, waited_ms;

	/* it may have started since the caller read the clock */
	if (due_ms == 0 || due_ms >= now_ms) {
		sight->due_ms = 0;
		return 0;
	}
	if (times == NULL)
		return now_ms - due_ms;
	if (sight->due_ms != due_ms) {
		sight->due_ms = due_ms;
		sight->at_ms = now_ms;
		sight->before_ms = times->ready ? 0 : now_ms - due_ms;
		sight->times = *times;
		return sight->before_ms;
	}
	passed_ms = less(now_ms, sight->at_ms);
	ran_ms = less(times->ran_ms, sight->times.ran_ms);
	waited_ms = less(times->waited_ms, sight->times.waited_ms);
	if (times->ready)
		return sight->before_ms + ran_ms;
	return sight->before_ms + less(passed_ms, waited_ms);
}

uint64_t
pulse_judge(struct pulse_sight *sight, const _Atomic uint64_t *due, pid_t tid,
    uint64_t now_ms)
{
	uint64_t due_ms = atomic_load_explicit(due, memory_order_relaxed);
	struct pulse_times times;
	bool known = false;

	if (due_ms != 0 && due_ms < now_ms)
		known = pulse_read(tid, &times);
	/* if the thread has moved on, these times are useless */
	if (atomic_load_explicit(due, memory_order_relaxed) != due_ms)
		due_ms = 0;
	return pulse_age(sight, due_ms, now_ms, known ? &times : NULL);
}
