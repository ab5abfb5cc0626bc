/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How long the texts of a configuration are at most, and how many of each thing
 * it has.
 */
#ifndef LB4_CONFIG_LIMITS_H
#define LB4_CONFIG_LIMITS_H

/* The longest name of a service or backend, with its end.  Names consist of
 * letters, digits and "-_.", and begin with a letter or digit. */
#define CONFIG_NAME_MAX 64

#define CONFIG_TRACK_MAX (2 * CONFIG_NAME_MAX)
#define CONFIG_PATH_MAX 256
#define CONFIG_ARGS_MAX 200 /* of a check; a line is no longer */
#define CONFIG_HOST_MAX 128
#define CONFIG_DNS_MAX 254	/* of a host name that is resolved */
#define CONFIG_HEADERS_MAX 1024 /* of a check, all of them */
#define CONFIG_STATUSES_MAX 12
#define CONFIG_ALPN_MAX 64
#define CONFIG_FILE_MAX (16 << 20) /* bytes of a file */
#define CONFIG_LISTENS_MAX 4096	   /* of one service; each port counts */
#define CONFIG_BACKENDS_MAX 1000   /* of one service */
#define CONFIG_SERVICES_MAX 1000
#define CONFIG_WEIGHT_MAX 256
#define CONFIG_RETRIES_MAX 7
#define CONFIG_PROXIES_MAX 64  /* prefixes of accept-proxy */
#define CONFIG_SOURCES_MAX 16  /* addresses to connect from, of one service */
#define CONFIG_ROUTES_MAX 1000 /* of one service */
#define CONFIG_ROUTE_REFUSE "refuse" /* in place of a service: none */

#endif
