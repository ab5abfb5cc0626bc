/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Giving everything to a new process: see send.h. */
#include "lb4/handover/send.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/mailbox.h"
#include "common/pulse.h"
#include "common/timer.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/moving.h"
#include "lb4/engine/places.h"
#include "lb4/handover/counts.h"
#include "lb4/handover/describe.h"
#include "lb4/handover/link.h"
#include "lb4/handover/moved.h"
#include "lb4/handover/pins.h"
#include "lb4/process/guard.h"

/* How long the new process may take to start, to take one conn, and to end the
 * handover. */
#define START_MS 60000
#define TAKE_MS 10000
#define END_MS 20000

/* After so much silence it is looked whether it gets a CPU. */
#define SILENCE_MS 1000

/* How many bytes of its complaints are told. */
#define SAID_MAX 400

struct send {
	struct send_setup setup;
	struct send_result result;
	struct link link;
	int theirs;   /* the new process's end of the link; -1: it has it */
	int messages; /* what the new process writes to its standard error */
	pthread_t thread;
	uint64_t began_ms;
	struct why ended; /* how the new process ended, if it was killed */
	bool killed;
	bool dead;		  /* ... and has ended: it says nothing more */
	_Atomic bool decided;	  /* to go on, or to stop: send_abort() */
	struct moved moved;	  /* conns that it has taken */
	struct places_drop *drop; /* owned; sockets that it does not take */
	size_t drops;

	/* the workers */
	struct moving *moving; /* owned; one per worker */
	unsigned workers;
	bool paused; /* they do not listen any more */
};

/* ---- workers ------------------------------------------------------------- */

static void
post(struct send *send, struct moving *moving)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	while (!engine_move(send->setup.engine, moving))
		(void)nanosleep(&pause, NULL);
}

/* The next moving that a worker has posted back. */
static struct moving *
await(struct send *send)
{
	struct pollfd pfd = { .fd = send->setup.replies->fd, .events = POLLIN };
	struct moving *moving;

	while (!mailbox_take(send->setup.replies, &moving)) {
		(void)poll(&pfd, 1, -1);
		mailbox_open(send->setup.replies);
	}
	return moving;
}

static int
prepare_workers(struct send *send)
{
	send->workers = engine_running(send->setup.engine);
	send->moving = calloc(send->workers, sizeof(*send->moving));
	if (send->moving == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < send->workers; i++) {
		send->moving[i].walk.worker = i;
		send->moving[i].walk.reply = send->setup.replies;
	}
	return 0;
}

/* The workers stop to listen.  Clients wait in the queues of the sockets, which
 * both processes hold. */
static void
pause_workers(struct send *send, uint64_t *last_conn)
{
	*last_conn = 0;
	for (unsigned i = 0; i < send->workers; i++) {
		send->moving[i].step = MOVING_PAUSE;
		post(send, &send->moving[i]);
	}
	for (unsigned i = 0; i < send->workers; i++) {
		const struct moving *moving = await(send);

		if (moving->last_conn > *last_conn)
			*last_conn = moving->last_conn;
	}
	send->paused = true;
}

/* ---- the new process ----------------------------------------------------- */

/* Once it has failed, it must not live on.  A guard that does not answer is no
 * excuse. */
static void
kill_new(struct send *send)
{
	if (send->result.pid <= 0 || send->killed)
		return;
	send->killed = true;
	if (guard_kill(send->setup.guard, &send->ended) == 0)
		send->dead = true;
	else
		(void)kill(send->result.pid, SIGKILL);
}

/* Receives the next message of a new process that was killed, until there is
 * none.  Of one that the guard has buried, all messages are here, even if
 * another process holds its end of the link. */
static int
receive_rest(struct send *send)
{
	int error;

	do
		error = link_receive(&send->link,
		    send->dead ? link_deadline(&send->link, 0) : LINK_FOREVER);
	while (error == -ECONNRESET);
	return error;
}

/* Kills it, and waits until it has gone: nobody else may own a conn when this
 * process takes it back. */
static void
bury_new(struct send *send)
{
	kill_new(send);
	if (send->result.pid <= 0)
		return;
	while (receive_rest(send) == 0)
		;
}

/* Whether the message is that step of the new process. */
static bool
is_step(const struct send *send, const char *name, struct handover_step *step)
{
	return link_is(&send->link, &handover_step_kind) &&
	    link_read(&send->link, &handover_step_kind, step) == 0 &&
	    strcmp(step->name, name) == 0;
}

/* Receives the next message.  The new process may be silent for `within_ms`;
 * the time in which it gets no CPU does not count. */
static int
receive(struct send *send, unsigned within_ms)
{
	const uint64_t since_ms = link_deadline(&send->link, 0);
	struct pulse_sight sight = { .due_ms = 0 };
	struct pulse_times times;
	uint64_t silent_ms;
	bool known;
	int error;

	do {
		error = link_receive(&send->link,
		    link_deadline(&send->link, SILENCE_MS));
		if (error != -ETIMEDOUT)
			return error;
		known = pulse_read_process(send->result.pid, &times);
		silent_ms = pulse_age(&sight, since_ms,
		    link_deadline(&send->link, 0), known ? &times : NULL);
	} while (silent_ms < within_ms);
	return -ETIMEDOUT;
}

/* Waits for that step.  A newer version may say other things before. */
static int
hear(struct send *send, const char *name, unsigned within_ms,
    struct handover_step *step)
{
	int error;

	do
		error = receive(send, within_ms);
	while (error == 0 && !is_step(send, name, step));
	return error;
}

/* ---- conns --------------------------------------------------------------- */

static int
send_conn(struct send *send, const struct conn *conn)
{
	struct conn_record record;
	int fd[CONN_RECORD_FDS];
	const unsigned fds = conn_record_describe(conn, &record, fd);

	return link_send_fds(&send->link, &handover_conn_kind, &record, fd,
	    fds);
}

/* Waits until the conns of the piece are taken.  After an error the new process
 * is killed first, and everything that it has said is read: what it had not
 * taken by then is this process's for good. */
static int
await_piece(struct send *send, struct moving *moving, int error)
{
	struct handover_step step;
	unsigned taken = 0;

	while (error == 0 && taken < moving->conns) {
		error = hear(send, "taken", TAKE_MS, &step);
		moving->gone[taken] = error == 0;
		taken += error == 0;
	}
	if (error != 0)
		kill_new(send);
	while (taken < moving->conns && receive_rest(send) == 0)
		if (is_step(send, "taken", &step))
			moving->gone[taken++] = true;
	send->result.conns += taken;
	return error;
}

/* Sends the conns of one piece.  Those that were taken are gone. */
static int
send_piece(struct send *send, struct moving *moving)
{
	uint64_t still_us;
	/* memory for some is enough: once they have gone, it serves others */
	int error = moving->failed && moving->conns == 0 ? -ENOMEM : 0;

	for (unsigned i = 0; error == 0 && i < moving->conns; i++)
		error = send_conn(send, moving->conn[i]);
	error = await_piece(send, moving, error);
	still_us = timer_now_us() - moving->since_us;
	if (moving->conns > 0 && still_us > send->result.still_us)
		send->result.still_us = still_us;
	return error;
}

/* Whether the worker has no conns any more, or has taken them back. */
static bool
is_over(const struct moving *moving)
{
	return moving->conns == 0 && !moving->failed &&
	    (moving->walk.at_end || moving->step == MOVING_SETTLE);
}

/* Moves the conns of one worker once, piece by piece.  After an error the rest
 * stays.  Returns when the worker has settled. */
static int
move_from(struct send *send, struct moving *moving)
{
	int error = 0;

	moving->step = MOVING_TAKE;
	moving->walk.cursor = 0;
	post(send, moving);
	while (!is_over(await(send))) {
		if (error == 0)
			error = moved_make_room(&send->moved);
		if (error == 0) {
			error = send_piece(send, moving);
			moved_note(&send->moved, moving);
		}
		moving->step = error == 0 ? MOVING_TAKE : MOVING_SETTLE;
		post(send, moving);
	}
	return error;
}

/* One worker after another, so that few conns stand still at a time, however
 * many workers there are. */
static int
move_all(struct send *send)
{
	int error = 0;

	for (unsigned i = 0; error == 0 && i < send->workers; i++)
		error = move_from(send, &send->moving[i]);
	return error;
}

/* Moves the conns until none is left: one that went from worker to worker
 * meanwhile may have been missed.  By the last time, each worker has published
 * what it had counted. */
static int
move_conns(struct send *send, struct why *why)
{
	uint64_t before;
	int error;

	do {
		before = send->result.conns;
		error = move_all(send);
	} while (error == 0 &&
	    (send->result.conns > before ||
		engine_conns(send->setup.engine) > 0));
	if (error == -ETIMEDOUT)
		return why_fail(why, error, "it has taken no conn for %d s",
		    TAKE_MS / 1000);
	return error;
}

/* ---- the steps ----------------------------------------------------------- */

static int
say(struct send *send, const char *name)
{
	struct handover_step step = { .name = "" };

	(void)snprintf(step.name, sizeof(step.name), "%s", name);
	return link_send(&send->link, &handover_step_kind, &step);
}

static int
note_drop(struct send *send)
{
	struct places_drop *more = reallocarray(send->drop, send->drops + 1,
	    sizeof(*more));
	struct handover_drop record;
	int error;

	if (more == NULL)
		return -ENOMEM;
	send->drop = more;
	error = link_read(&send->link, &handover_drop_kind, &record);
	more[send->drops++] = (struct places_drop){
		.place = record.place,
		.socket = record.socket,
	};
	return error;
}

/* Waits for "ready", and notes which sockets the new process does not take. */
static int
hear_ready(struct send *send, struct handover_step *step)
{
	int error;

	do {
		error = receive(send, START_MS);
		if (error == 0 && link_is(&send->link, &handover_drop_kind))
			error = note_drop(send);
	} while (error == 0 && !is_step(send, "ready", step));
	return error;
}

static int
start_new(struct send *send, struct why *why)
{
	const int pid = guard_spawn(send->setup.guard, send->setup.path,
	    send->theirs, send->messages, why);

	(void)close(send->theirs);
	send->theirs = -1;
	if (pid < 0)
		return pid;
	send->result.pid = pid;
	return 0;
}

/* Until the new process is ready to serve. */
static int
prepare_new(struct send *send, struct why *why)
{
	const struct send_setup *setup = &send->setup;
	struct handover_step step;
	int error = link_send(&send->link, &handover_hello_kind, &setup->hello);

	for (size_t i = 0; error == 0 && i < setup->files; i++)
		error = link_send_fds(&send->link, &handover_file_kind,
		    &setup->file[i].record, &setup->file[i].fd, 1);
	if (error == 0)
		error = describe_places(&send->link,
		    engine_places(setup->engine));
	if (error == 0)
		error = describe_table(&send->link, setup->tables);
	if (error == 0)
		error = describe_pasts(&send->link, setup->tables);
	for (size_t i = 0; error == 0 && i < setup->orders; i++)
		error = link_send(&send->link, &handover_order_kind,
		    &setup->order[i]);
	for (size_t i = 0; error == 0 && i < setup->events; i++)
		error = link_send(&send->link, &handover_event_kind,
		    &setup->event[i]);
	for (size_t i = 0; error == 0 && i < setup->srvs; i++)
		error = link_send(&send->link, &handover_srv_kind,
		    &setup->srv[i]);
	for (size_t i = 0; error == 0 && i < setup->names; i++)
		error = link_send(&send->link, &handover_name_kind,
		    &setup->name[i]);
	if (error == 0)
		error = say(send, "prepare");
	if (error == 0)
		error = hear_ready(send, &step);
	if (error < 0 && atomic_load(&send->decided))
		return why_fail(why, -ECANCELED, "lb4 is to stop");
	if (error == -ETIMEDOUT)
		return why_fail(why, error, "it did not get ready within %d s",
		    START_MS / 1000);
	if (error < 0)
		return why_fail(why, error, "it did not get ready");
	(void)snprintf(send->result.version, sizeof(send->result.version), "%s",
	    step.version);
	return 0;
}

static int
let_go(struct send *send)
{
	uint64_t last_conn;
	int error;

	if (atomic_exchange(&send->decided, true))
		return -ECANCELED;
	engine_drop(send->setup.engine, send->drop, send->drops);
	pause_workers(send, &last_conn);
	error = describe_reserves(&send->link, send->setup.engine,
	    send->setup.tables, last_conn);
	if (error == 0)
		error = describe_pins(&send->link, send->setup.tables);
	return error == 0 ? say(send, "go") : error;
}

static int
finish(struct send *send, struct why *why)
{
	struct handover_step step;
	int error = describe_counts(&send->link, send->setup.engine,
	    send->setup.tables);

	if (error == 0)
		error = say(send, "end");
	if (error == 0)
		error = hear(send, "done", END_MS, &step);
	if (error == -ETIMEDOUT)
		return why_fail(why, error,
		    "it did not end the handover within %d s", END_MS / 1000);
	return error;
}

/* ---- failure ------------------------------------------------------------- */

/* The last lines that the new process has written. */
static void
read_said(const struct send *send, char *text, size_t size)
{
	const off_t end = lseek(send->messages, 0, SEEK_END);
	const off_t from = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
	ssize_t n = pread(send->messages, text, size - 1, from);

	text[n > 0 ? n : 0] = '\0';
	for (char *at = text; *at != '\0'; at++)
		if (*at == '\n')
			*at = at[1] == '\0' ? '\0' : ' ';
}

/* Ends the new process, goes on serving, and tells why. */
static void
fail(struct send *send, int error, const struct why *why)
{
	char said[SAID_MAX] = "";

	bury_new(send);
	if (send->messages >= 0)
		read_said(send, said, sizeof(said));
	if (send->paused)
		engine_listen_again(send->setup.engine);
	moved_give_up(&send->moved, send->setup.engine, send->setup.tables);
	send->result.lost = send->result.conns;
	(void)why_set(&send->result.why, "%s%s%s%s%s",
	    why->text[0] != '\0' ? why->text : strerror(-error),
	    send->ended.text[0] != '\0' ? ": the new process ended with " : "",
	    send->ended.text, said[0] != '\0' ? ": " : "", said);
}

/* ---- the thread ---------------------------------------------------------- */

static int
hand_over(struct send *send, struct why *why)
{
	int error = prepare_workers(send);

	if (error == 0)
		error = start_new(send, why);
	if (error == 0)
		error = prepare_new(send, why);
	if (error == 0)
		error = let_go(send);
	if (error == 0)
		error = move_conns(send, why);
	if (error == 0)
		error = finish(send, why);
	return error;
}

static void *
send_main(void *argument)
{
	struct send *sending = argument;
	struct why why = { "" };
	const int error = hand_over(sending, &why);

	sending->result.ok = error == 0;
	if (error < 0)
		fail(sending, error, &why);
	sending->result.took_ms = timer_now_ms() - sending->began_ms;
	sending->setup.ended(sending->setup.owner);
	return NULL;
}

void
send_add_file(struct send_setup *setup, const char *what, const char *name,
    int fd, const struct sockfile_id *file)
{
	struct send_file *more = &setup->file[setup->files];

	assert(setup->files < SEND_FILES_MAX);
	*more = (struct send_file){ .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0) };
	(void)snprintf(more->record.what, sizeof(more->record.what), "%s",
	    what);
	(void)snprintf(more->record.name, sizeof(more->record.name), "%s",
	    name);
	more->record.dev = file->dev;
	more->record.ino = file->ino;
	setup->files++;
}

/* Makes the link before the thread runs: send_abort() needs it. */
static int
open_channel(struct send *send)
{
	int ends[2];

	send->messages = memfd_create("lb4-messages", MFD_CLOEXEC);
	if (send->messages < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	send->link.fd = ends[0];
	send->theirs = ends[1];
	return 0;
}

static void
close_files(struct send_setup *setup)
{
	for (size_t i = 0; i < setup->files; i++)
		if (setup->file[i].fd >= 0)
			(void)close(setup->file[i].fd);
	setup->files = 0;
}

/* Whether send_add_file() could duplicate them all. */
static bool
has_files(const struct send_setup *setup)
{
	for (size_t i = 0; i < setup->files; i++)
		if (setup->file[i].fd < 0)
			return false;
	return true;
}

static void
setup_done(struct send_setup *setup)
{
	close_files(setup);
	free(setup->order);
	free(setup->event);
	free(setup->srv);
	free(setup->name);
}

int
send_begin(struct send **out, struct send_setup *setup)
{
	struct send *sending = aligned_alloc(_Alignof(struct send),
	    sizeof(*sending));
	int error;

	if (sending == NULL) {
		setup_done(setup);
		return -ENOMEM;
	}
	memset(sending, 0, sizeof(*sending));
	sending->setup = *setup;
	sending->link.fd = sending->theirs = sending->messages = -1;
	sending->began_ms = timer_now_ms();
	error = has_files(setup) ? open_channel(sending) : -EMFILE;
	if (error == 0)
		error = -pthread_create(&sending->thread, NULL, send_main,
		    sending);
	if (error < 0) {
		send_free(sending);
		return error;
	}
	*out = sending;
	return 0;
}

void
send_abort(struct send *send)
{
	if (!atomic_exchange(&send->decided, true))
		(void)shutdown(send->link.fd, SHUT_RDWR);
}

const struct send_result *
send_wait(struct send *send)
{
	(void)pthread_join(send->thread, NULL);
	return &send->result;
}

void
send_free(struct send *send)
{
	link_drop_fds(&send->link);
	if (send->link.fd >= 0)
		(void)close(send->link.fd);
	if (send->theirs >= 0)
		(void)close(send->theirs);
	if (send->messages >= 0)
		(void)close(send->messages);
	moved_done(&send->moved);
	setup_done(&send->setup);
	free(send->drop);
	free(send->moving);
	free(send);
}
