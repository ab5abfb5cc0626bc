/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Tells the service manager our state, by the protocol of sd_notify(3): a
 * datagram of VARIABLE=VALUE lines to the unix socket that $NOTIFY_SOCKET names
 * (a path, or "@name" for an abstract one).
 */
#ifndef LB4_PROCESS_NOTIFY_H
#define LB4_PROCESS_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>

/* At most FDPASS_MAX (common/fdpass.h). */
#define NOTIFY_FDS_MAX 128

/* Whether the variable is set. */
bool notify_is_wanted(void);

/*
 * Sends the formatted text, such as "READY=1\nSTATUS=%u services".  Returns 1
 * when it was sent, 0 when the variable is not set, or -errno.  Waits for at
 * most a second if the queue of the manager is full.
 */
int notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with `count` <= NOTIFY_FDS_MAX descriptors, for FDSTORE=1. */
int notify_send_fds(const int *fds, size_t count, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Waits until the manager has processed all messages so far, but for at most
 * `wait_ms` (sd_notify_barrier(3)).  Returns as notify_send(). */
int notify_barrier(int wait_ms);

#endif
