/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The control socket: takes callers, lets their commands run (commands.h), one
 * line a command, and writes the answers.  Served by the control thread, in
 * turns of bounded length; no caller makes it wait, and what they cost is
 * bounded: so many callers, so many of a user and of a level (admit.h), so many
 * bytes of each.  Who sends what is no text, or too long a line, who does not
 * read, or does nothing for long, is closed and told why.
 *
 * Who may do what: root and the user that lb4 runs as are admins; the groups of
 * the configuration's control-read, control-operate and control-admin give
 * those levels (SO_PEERCRED, SO_PEERGROUPS); all others are turned away.
 */
#ifndef LB4_COMMAND_SOCKET_H
#define LB4_COMMAND_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/log.h"
#include "lb4/command/caller.h"

struct config;
struct control;
struct control_socket;

/*
 * Opens what `config` asks for; before root is dropped.  *out is NULL when it
 * asks for none.  Returns 0, or -errno with "cannot listen on ..." in `why`.
 */
int control_socket_open(struct control_socket **out,
    const struct config *config, char *why, size_t size);

/* Closes it and removes its file.  No worker and no prober may be left.  NULL
 * is fine. */
void control_socket_free(struct control_socket *socket);

/* Lets `control` be what the commands work on, and starts the thread that tells
 * its readiness.  0 or -errno. */
int control_socket_start(struct control_socket *socket,
    struct control *control);

/* Ends that thread, before what it looks at goes.  NULL is fine. */
void control_socket_stop(struct control_socket *socket);

/* Has the next turn look whether the socket's file is still there, and listen
 * anew if it is not.  NULL is fine. */
void control_socket_look(struct control_socket *socket);

/* Readable when there is something to do; for control's epoll. */
int control_socket_fd(const struct control_socket *socket);

/* How many milliseconds until something is due; -1: nothing is. */
int control_socket_sleep(const struct control_socket *socket, uint64_t now_ms);

/* The jobs that wait for others get so much more time: control did not look. */
void control_socket_give_time(struct control_socket *socket, uint64_t gap_ms);

/* Does what there is to do. */
void control_socket_turn(struct control_socket *socket, uint64_t now_ms);

/* For prober_set_news(): `socket` is one.  From any thread. */
void control_socket_news(void *socket, uint32_t backend);

/* Tells the monitors; `service` and `backend` may be NULL.  Jobs that wait are
 * tried again.  A NULL socket is fine. */
void control_socket_event(struct control_socket *socket, const char *event,
    const char *service, const char *backend, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Logs "control socket: uid 1, pid 2 " and the text, about a caller who is
 * refused or closed: at most 10 such lines in 5 s, and how many more there
 * were. */
void control_socket_log(struct control_socket *socket, enum log_level level,
    const struct caller *caller, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether the caller may have a pick explained now: its user, unless an admin,
 * has 10 a second. */
bool control_socket_may_explain(struct control_socket *socket,
    const struct caller *caller, uint64_t now_ms);

/* Sends the caller's sweep to its worker, or sees to it that its job is tried
 * again soon. */
void control_socket_sweep(struct control_socket *socket, struct caller *caller);

/* An eventfd(2), the caller's to close: written to, it has the jobs that wait
 * tried again.  It may outlive the socket.  -errno when there is none. */
int control_socket_bell(const struct control_socket *socket);

/* Whether the job of a caller has that step. */
bool control_socket_runs(const struct control_socket *socket,
    enum job_result (*step)(struct caller *caller));

/* How many callers there are. */
unsigned control_socket_callers(const struct control_socket *socket);

#endif
