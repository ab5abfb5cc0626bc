/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Warns before the local ports for a backend run out.
 */
#ifndef LB4_CONTROL_PORTS_H
#define LB4_CONTROL_PORTS_H

struct running;

/* Looks at each backend; control calls it about once a second.  Logs a backend
 * of which four fifths of the ports are in use, and again when it is fewer than
 * seven tenths. */
void ports_look(const struct running *running);

#endif
