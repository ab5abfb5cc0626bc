/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Options of TCP sockets beyond those that sock.h always sets: tcp(7), ip(7),
 * ipv6(7), socket(7).  A field that is 0 leaves the kernel's default.
 */
#ifndef COMMON_TUNING_H
#define COMMON_TUNING_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"

/* The kernel's TCP_CA_NAME_MAX. */
#define TUNING_CONGESTION_MAX 16

struct tuning {
	/* of listeners, and so of the sockets accepted from them, and of
	 * sockets that connect */
	unsigned keepalive_idle_ms;	/* TCP_KEEPIDLE, whole seconds */
	unsigned keepalive_interval_ms; /* TCP_KEEPINTVL, the same */
	unsigned keepalive_count;	/* TCP_KEEPCNT */
	unsigned tos;			/* IP_TOS, IPV6_TCLASS */
	char congestion[TUNING_CONGESTION_MAX]; /* TCP_CONGESTION; "": none */

	/* of listeners alone */
	unsigned fastopen;	  /* TCP_FASTOPEN: pending requests */
	unsigned defer_accept_ms; /* TCP_DEFER_ACCEPT, whole seconds */
	char device[IFNAMSIZ];	  /* SO_BINDTODEVICE; "": any */

	/* of sockets that connect alone */
	uint32_t mark; /* SO_MARK: CAP_NET_RAW (Linux 5.17) */
};

/* Sets the options of a socket that has none of them yet.  0 or -errno. */
must_check int tuning_set(int fd, bool listens, const struct tuning *tuning);

/* Sets those of a listener that may have others.  What is 0 becomes the default
 * of new sockets again.  0 or -errno. */
must_check int tuning_change(int fd, const struct tuning *tuning);

/* Binds a socket to the device, before bind(2).  0 or -errno. */
must_check int tuning_bind(int fd, const struct tuning *tuning);

/* What a refused setsockopt(2) means: -error, or 0 for an option that the
 * kernel's MPTCP lacks (sock.h). */
int tuning_refused(int fd, int error);

/* Whether this process may use that algorithm: 0, -ENOENT if the kernel has
 * none of that name, -EPERM if only root may use it, or another -errno. */
must_check int tuning_has_congestion(const char *name);

#endif
