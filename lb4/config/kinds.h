/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The kinds of values.  The table of keys points at them.
 */
#ifndef LB4_CONFIG_KINDS_H
#define LB4_CONFIG_KINDS_H

#include "common/addr.h"
#include "common/attr.h"
#include "lb4/config/key.h"

struct hash_key;

/* kinds.c: one field of the object each.  Integers may be 4 or 8 bytes. */
extern const struct kind kind_number;
extern const struct kind kind_port; /* a number; 0: it is absent */
extern const struct kind kind_time; /* milliseconds */
extern const struct kind kind_size; /* bytes */
extern const struct kind kind_percent;
extern const struct kind kind_rate;   /* per second */
extern const struct kind kind_sample; /* one in so many */
extern const struct kind kind_yesno;
extern const struct kind kind_flag;   /* its bare name is "yes" */
extern const struct kind kind_names;  /* one of key->names */
extern const struct kind kind_choice; /* the same, plus 1; 0: it is absent */
extern const struct kind kind_level;  /* a log level */
extern const struct kind kind_user;   /* the name of a user or a group */
extern const struct kind kind_mode;   /* of a file: 0660 */
extern const struct kind kind_socket; /* the path of a unix socket */
extern const struct kind kind_resolve;
extern const struct kind kind_srv;	/* a name of SRV records */
extern const struct kind kind_resolver; /* a name server */
extern const struct kind kind_name;	/* of a service, backend or zone */
extern const struct kind kind_target;	/* one of key->names, or a path */

/* kinds_listen.c: addresses, and ranges of ports. */
extern const struct kind kind_listen;

/* kinds_service.c: several fields of the object. */
extern const struct kind kind_seed;
extern const struct kind kind_backend;
extern const struct kind kind_check;
extern const struct kind kind_host; /* as in the Host field of HTTP */
extern const struct kind kind_addr;
extern const struct kind kind_server; /* an address that lb4 listens on */

/* kinds_tuning.c: names that this machine gives. */
extern const struct kind kind_device;	  /* of a network interface */
extern const struct kind kind_congestion; /* of a congestion control */

/* kinds_mirror.c */
extern const struct kind kind_mirror;

/* kinds_rate.c: a struct rate_limit. */
extern const struct kind kind_limit;

/* kinds_access.c: a service's access rules. */
extern const struct kind kind_allow;
extern const struct kind kind_deny;

/* kinds_routes.c */
extern const struct kind kind_route;

/* kinds_proxies.c */
extern const struct kind kind_proxies; /* the peers that send PROXY headers */
/* kinds_check.c */
extern const struct kind kind_header;	/* of HTTP */
extern const struct kind kind_statuses; /* of HTTP */
extern const struct kind kind_text;	/* any bytes: a struct config_text */
extern const struct kind kind_sni;	/* a host name */
extern const struct kind kind_alpn;	/* names of protocols in TLS */
extern const struct kind kind_track;	/* SERVICE/BACKEND */

/* kinds_source.c */
extern const struct kind kind_source;
extern const struct kind kind_ports; /* a range of them */

/* Reads 32 hexadecimal digits as bytes, the first one lowest.  Returns false
 * for any other text and leaves the seed unchanged. */
bool kinds_read_seed(const char *text, struct hash_key *seed);

/* What parse returns for a key that already has its `most` values: -E2BIG, with
 * the reason. */
int kinds_too_many(int most, struct why *why);

/* The reason why `text` is not an address, as addr_parse() tells it.  Returns
 * -EINVAL. */
int kinds_no_addr(const char *text, const char *reason, struct why *why);

/* True for a valid name of a service, backend or zone (settings.h). */
bool kinds_is_name(const char *text);

/* Whether a word that names a backend looks like a host name, and not like an
 * address. */
bool kinds_is_host(const char *text);

/* Reads an address to connect to, which is no wildcard.  0, or -EINVAL with the
 * reason. */
must_check int kinds_read_target(const char *text, struct addr *out,
    enum addr_port port, struct why *why);

/* Reads HOST or HOST:PORT into the name.  0, or -EINVAL with the reason. */
struct config_name;
must_check int kinds_read_host(const char *text, struct config_name *name,
    struct why *why);

/* Whether a word in the place of a backend's address is "srv=..."; if so,
 * *text is the rest of it. */
bool kinds_is_srv(const char **text);

/* Reads the name of SRV records into the name; as kinds_read_host(). */
must_check int kinds_read_srv(const char *text, struct config_name *name,
    struct why *why);

/* Judges what only a name has, or must not have; the same. */
must_check int kinds_judge_name(const struct config_name *name,
    struct why *why);
#define KINDS_NAME_RULE \
	"letters, digits and -_. after a letter or digit, at most 63"

#endif
