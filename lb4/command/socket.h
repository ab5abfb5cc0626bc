/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The control socket: accepts callers, runs their commands (commands.h), one
 * per line, and writes the answers.  The control thread serves it in turns of
 * bounded length; no caller makes it wait.  The cost is bounded: the number of
 * callers, of callers per user and level (admit.h), and bytes per caller.  A
 * caller that sends an invalid or too long a line, does not read, or is idle
 * for long is told why and closed.
 */
#ifndef LB4_COMMAND_SOCKET_H
#define LB4_COMMAND_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/sockfile.h"
#include "lb4/control/handle.h"

struct config;
struct control_socket;
struct event;
struct receive;
struct send_setup;
struct source;
struct why;

/*
 * Opens the socket that `config` names, before root is dropped, or takes the
 * one that an older process had (NULL: there is none).  *out is NULL when
 * `config` names none.  Returns 0, or -errno with the reason in `why`.
 */
must_check int control_socket_open(struct control_socket **out,
    const struct config *config, struct receive *receive, struct why *why);

/* Its descriptor, and which file it is, for a newer process. */
must_check int control_socket_fd(const struct control_socket *socket,
    struct sockfile_id *file);

/* A newer process accepts the callers from now on.  Those that are here stay
 * until the end, and the file stays.  Accepts NULL. */
void control_socket_leave(struct control_socket *socket);

/* Closes the socket and removes its file.  Workers and prober must have ended.
 * Accepts NULL. */
void control_socket_free(struct control_socket *socket);

/* Gives the commands their handle, starts the readiness thread, and fills in
 * the source for control's loop.  Returns 0 or -errno. */
must_check int control_socket_start(struct control_socket *socket,
    struct handle handle, struct source *source);

/* Ends the readiness thread, before the data that it reads is freed.  Accepts
 * NULL. */
void control_socket_stop(struct control_socket *socket);

/* For events_subscribe(): tells the monitors.  After a reload, the next turn
 * listens again if the socket's file is gone. */
void control_socket_event(void *socket, const struct event *event,
    const char *text);

/* Over an upgrade: the events that are known so far go to a newer process, and
 * come from an older one.  Before events_subscribe(). */
void control_socket_give_events(const struct control_socket *socket,
    struct send_setup *setup);
void control_socket_take_events(struct control_socket *socket,
    const struct receive *receive);

/* For prober_set_news(); `socket` is a struct control_socket.  From any
 * thread. */
void control_socket_news(void *socket, uint32_t backend);

/* How many callers there are. */
unsigned control_socket_callers(const struct control_socket *socket);

#endif
