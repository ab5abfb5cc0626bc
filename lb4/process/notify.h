/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Tells the service manager our state, by the protocol of sd_notify(3): a
 * datagram of VARIABLE=VALUE lines to the unix socket that $NOTIFY_SOCKET names
 * (a path, or "@name" for an abstract one).
 */
#ifndef LB4_PROCESS_NOTIFY_H
#define LB4_PROCESS_NOTIFY_H

/*
 * Sends the formatted text, such as "READY=1\nSTATUS=%u services".  Returns 1
 * when it was sent, 0 when the variable is not set, or -errno.  Waits for at
 * most a second if the queue of the manager is full.
 */
int notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
