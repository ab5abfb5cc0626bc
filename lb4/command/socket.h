/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The control socket: takes callers, lets their commands run (commands.h), one
 * line a command, and writes the answers.  Served by the control thread, in
 * turns of bounded length; no caller makes it wait, and what they cost is
 * bounded: so many callers, so many of a user and of a level (admit.h), so many
 * bytes of each.  Who sends what is no text, or too long a line, who does not
 * read, or does nothing for long, is closed and told why.
 */
#ifndef LB4_COMMAND_SOCKET_H
#define LB4_COMMAND_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "lb4/control/handle.h"

struct config;
struct control_socket;
struct event;
struct source;

/*
 * Opens what `config` asks for; before root is dropped.  *out is NULL when it
 * asks for none.  Returns 0, or -errno with "cannot listen on ..." in `why`.
 */
int control_socket_open(struct control_socket **out,
    const struct config *config, char *why, size_t size);

/* Closes it and removes its file.  No worker and no prober may be left.  NULL
 * is fine. */
void control_socket_free(struct control_socket *socket);

/* Lets the handle be what the commands work on, starts the readiness thread,
 * and says how control's loop is to serve the socket.  0 or -errno. */
int control_socket_start(struct control_socket *socket, struct handle handle,
    struct source *source);

/* Ends that thread, before what it looks at goes.  NULL is fine. */
void control_socket_stop(struct control_socket *socket);

/* For events_subscribe(): tells the monitors.  After a reload, the next turn
 * looks whether the socket's file is still there, and listens anew if it is
 * not. */
void control_socket_event(void *socket, const struct event *event,
    const char *text);

/* For prober_set_news(): `socket` is one.  From any thread. */
void control_socket_news(void *socket, uint32_t backend);

/* How many callers there are. */
unsigned control_socket_callers(const struct control_socket *socket);

#endif
