/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The settings: the configuration as a value, checked, with every default
 * filled in.  The control thread makes it at start and on reload (config.h);
 * the rest of the program only reads it.
 *
 * Sizes are bytes, times are milliseconds.  Addresses are numeric.
 */
#ifndef LB4_CONFIG_SETTINGS_H
#define LB4_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/hash.h"
#include "common/prefix.h"
#include "common/tuning.h"
#include "lb4/config/limits.h"

struct access_rules; /* access_rules.h */

/* How a service chooses among its backends. */
enum balance {
	BALANCE_4TUPLE,	    /* hash of client address and port */
	BALANCE_SOURCE,	    /* hash of client address: sticky */
	BALANCE_ROUNDROBIN, /* in turn, by weight */
	BALANCE_LEASTCONN,  /* fewest active conns per weight */
	BALANCE_RANDOM,	    /* the better of two random ones */
	BALANCE_FIRST,	    /* the first in the file's order */
	BALANCE_COUNT,
};

/* How bytes are moved; all except auto are for tests and troubleshooting. */
enum relay_way {
	RELAY_AUTO,   /* copy small amounts, splice bulk */
	RELAY_COPY,   /* recv(2) and send(2), leftovers in a pipe */
	RELAY_SPLICE, /* splice(2) always */
	RELAY_PEEK,   /* recv(2) with MSG_PEEK: no pipe at all */
	RELAY_WAY_COUNT,
};

enum check_kind {
	CHECK_NONE,
	CHECK_TCP,  /* connects */
	CHECK_HTTP, /* asks for a path, looks at the status */
	CHECK_REDIS,
	CHECK_POSTGRESQL,
	CHECK_MYSQL,
	CHECK_SMTP,
	CHECK_TLS,   /* a handshake */
	CHECK_HTTPS, /* http in TLS */
	CHECK_EXEC,  /* runs a program */
	CHECK_KIND_COUNT,
};

/* What a backend counts as when lb4 starts, until its checks say more. */
enum check_init {
	CHECK_INIT_UP,
	CHECK_INIT_DOWN,    /* until `rise` good checks */
	CHECK_INIT_CHECKED, /* gets no clients until its first check */
	CHECK_INIT_COUNT,
};

/* Which sides of a conn get SO_KEEPALIVE. */
enum keepalive {
	KEEPALIVE_NONE,
	KEEPALIVE_CLIENT,
	KEEPALIVE_BACKEND,
	KEEPALIVE_BOTH,
	KEEPALIVE_COUNT,
};

/* Which sides of a conn speak MPTCP. */
enum mptcp {
	MPTCP_NO,
	MPTCP_CLIENT,
	MPTCP_BACKEND,
	MPTCP_YES, /* both */
	MPTCP_COUNT,
};

/* Whether real traffic tells something about the health of backends. */
enum observe_mode {
	OBSERVE_OFF,
	OBSERVE_ON,
	OBSERVE_COUNT,
};

/* What happens to a backend's conns when its health goes down. */
enum on_down {
	ON_DOWN_KEEP,  /* they continue */
	ON_DOWN_IDLE,  /* idle ones are closed */
	ON_DOWN_ALL,   /* idle ones first, then the others */
	ON_DOWN_STUCK, /* those that prove that its host is dead */
	ON_DOWN_COUNT,
};

/* The header that lb4 sends to a backend before a client's first byte. */
enum send_proxy {
	SEND_PROXY_NO,
	SEND_PROXY_V1, /* of the PROXY protocol, version 1 */
	SEND_PROXY_V2,
	SEND_PROXY_COUNT,
};

/* What happens to a conn over a limit of conns or rates. */
enum over_limit {
	OVER_LIMIT_RESET,
	OVER_LIMIT_WAIT, /* in the queue */
	OVER_LIMIT_COUNT,
};

/* A limit of new conns: so many in that time in the long run, and so many at
 * once. */
struct rate_limit {
	unsigned conns; /* 0: no limit */
	unsigned per_ms;
	unsigned burst; /* at least 1 */
};

enum access_format {
	ACCESS_KV,   /* key=value key=value ... */
	ACCESS_JSON, /* one object per line */
	ACCESS_FORMAT_COUNT,
};

/* Which addresses of a host name become backends. */
enum resolve {
	RESOLVE_DEFAULT, /* as RESOLVE_FIRST */
	RESOLVE_FIRST,	 /* one; it is kept as long as it is in the answer */
	RESOLVE_ALL,	 /* each one, with names of their own */
	RESOLVE_COUNT,
};

struct config_backend {
	char name[CONFIG_NAME_MAX];
	struct addr addr; /* port 0: the port that the client came to; len 0:
			   * its host name is not resolved yet */
	unsigned weight;  /* 0 to CONFIG_WEIGHT_MAX; 0: no new conns */
	unsigned maxconn; /* most conns there at a time; 0: no limit */
	char zone[CONFIG_NAME_MAX]; /* "": none */
	bool backup;		    /* used only when no other can serve */
	struct addr check_addr;	    /* len 0: addr */
	unsigned check_port;	    /* of either; 0: as it is */
	struct addr agent_addr;	    /* len 0: addr, with the next port */
	unsigned agent_port;	    /* 0: that of the service */
	unsigned send_proxy;	    /* enum send_proxy + 1; 0: as the service */
	char track[CONFIG_TRACK_MAX]; /* "SERVICE/BACKEND"; "": none */
	unsigned order; /* place among the service's lines: 0, ...; those of
			 * backends-file come last */
	bool in_file;	/* from backends-file */
	enum resolve resolve;
	unsigned of_name; /* made from service->host[of_name - 1]; 0: it has a
			   * line of its own */
	bool of_srv;	  /* ... which has srv=: made from an SRV record, ... */
	unsigned srv_weight; /* ... which gave it this weight */
	int line;	     /* of the configuration file; 0: none */
};

/* Bytes, which may be 0. */
struct config_text {
	size_t len;
	char byte[CONFIG_ARGS_MAX];
};

/* Ranges of HTTP statuses: see statuses.h. */
struct config_statuses {
	size_t count; /* 0: the default */
	struct {
		uint16_t low, high;
	} range[CONFIG_STATUSES_MAX];
};

/* The TLS of a check. */
struct config_tls {
	char sni[CONFIG_HOST_MAX];  /* "": from check-host, or none */
	char alpn[CONFIG_ALPN_MAX]; /* "h2,http/1.1"; "": none */
	char ca[CONFIG_PATH_MAX];   /* of a file; "": those of the system */
	bool verify;
	unsigned expiry_warn_ms; /* 0: no warning */
};

/* A line `backend` with a host name, or with the name of SRV records
 * (line.of_srv).  Its backends are expand.h's to make: one without an address
 * until the name is resolved. */
struct config_name {
	struct config_backend line;
	char host[CONFIG_DNS_MAX];
	uint16_t port; /* 0: the port that the client came to; of no matter
			* with srv= */
};

struct config_check {
	enum check_kind kind;
	char args[CONFIG_ARGS_MAX]; /* for the kind to read: see check.h */
	char host[CONFIG_HOST_MAX]; /* "": from the address */
	char headers[CONFIG_HEADERS_MAX]; /* "Name: value\r\n"... */
	struct config_statuses statuses;
	struct config_text body; /* to be found in the answer; len 0: none */
	struct config_tls tls;
	unsigned inter_ms;     /* from one check to the next */
	unsigned fastinter_ms; /* ... while it changes; 0: inter_ms */
	unsigned downinter_ms; /* ... while it is down; 0: inter_ms */
	enum check_init init;
	unsigned timeout_ms;   /* of one check */
	bool send_proxy;       /* checks send the header, as conns do ... */
	enum send_proxy proxy; /* ... this one, once the backend is known */
	/* Once it is known, too: where checks come from, port 0; family 0: the
	 * kernel's choice.  And their SO_MARK. */
	struct endpoint source;
	uint32_t mark;
	unsigned rise; /* good checks in a row to go up */
	unsigned fall; /* bad ones to go down */
	bool damping;  /* hold a backend that flaps down: damping.h */
};

/* The agents of a service's backends: lb4/health/agents.h. */
struct config_agent {
	unsigned port;		 /* at each backend's address; 0: none */
	unsigned inter_ms;	 /* 0: that of the checks */
	struct config_text send; /* len 0: nothing */
};

/* Where connections to backends come from. */
struct config_source {
	bool client; /* from each client's own address */
	unsigned
	    count; /* of addresses; 0, and not client: the kernel's choice */
	struct endpoint address[CONFIG_SOURCES_MAX]; /* port 0 */
	unsigned port_low;			     /* the ports of each; */
	unsigned port_high; /* 0: net.ipv4.ip_local_port_range */
};

/* The server that gets a copy of what clients send. */
struct config_mirror {
	char name[CONFIG_NAME_MAX];
	struct addr addr; /* len 0: there is none */
};

/* The keys of a service that each conn keeps as they were at its start: see
 * lb4/model/terms.h. */
struct conn_settings {
	unsigned timeout_connect_ms;
	unsigned timeout_queue_ms;    /* 0: timeout_connect_ms */
	unsigned wait_for_backend_ms; /* 0: none is waited for */
	unsigned timeout_proxy_ms;
	unsigned timeout_hello_ms;
	unsigned timeout_idle_ms;
	unsigned timeout_half_close_ms;
	unsigned timeout_stall_ms; /* 0: none */
	unsigned reset_linger_ms;
	unsigned max_lifetime_ms; /* 0: none */
	bool abort_on_close; /* a FIN before a backend answers: it has left */
};

/* The peers whose connections begin with a PROXY header. */
struct config_proxies {
	bool local; /* those that come by a unix socket */
	unsigned count;
	struct prefix prefix[CONFIG_PROXIES_MAX];
};

/* The keys of a service, except its listeners and backends.  The table's
 * service has a copy, and its conns share a copy of the part that they need. */
struct service_settings {
	enum balance balance;
	unsigned source_prefix4; /* bits of a client's address that count */
	unsigned source_prefix6;
	bool zone_affinity;	   /* zones for 4tuple and source, too */
	unsigned max_load;	   /* percent of the fair load; 0: no bound */
	unsigned pin_on_change_ms; /* 0: off */
	uint32_t pin_clients;	   /* active clients to expect */
	unsigned slowstart_ms; /* time from available to full weight; 0: none */
	unsigned retries;      /* more backends to try after a failed connect */
	uint64_t maxconn;      /* 0: only the global limit */
	uint64_t queue;	       /* conns that may wait for a backend */
	struct rate_limit rate;
	struct rate_limit source_rate; /* of each source */
	unsigned source_maxconn;       /* ... 0: no limit */
	enum over_limit over_limit;
	bool nodelay; /* TCP_NODELAY, both sides */
	struct config_proxies accept_proxy;
	enum send_proxy send_proxy; /* unless a backend has its own */
	enum keepalive keepalive;
	enum mptcp mptcp;
	unsigned user_timeout_ms; /* TCP_USER_TIMEOUT; 0: the kernel's */
	unsigned sndbuf_client;	  /* bytes, SO_SNDBUF; 0: the kernel's */
	unsigned sndbuf_backend;
	unsigned rcvbuf_client; /* ... SO_RCVBUF */
	unsigned rcvbuf_backend;
	unsigned notsent_lowat_client; /* ... TCP_NOTSENT_LOWAT */
	unsigned notsent_lowat_backend;
	struct tuning tuning;
	struct conn_settings conn;
	enum observe_mode observe;
	unsigned observe_fall; /* failed conns in a row that eject */
	unsigned eject_time_ms;
	unsigned max_eject; /* percent of the backends */
	unsigned panic;	    /* ... if fewer are available; 0: never */
	struct config_source source;
	struct config_mirror mirror;
	enum on_down on_down;
	unsigned on_down_rate; /* conns closed per second, for each backend */
	unsigned backlog;      /* of each listener, cut by net.core.somaxconn */
	bool freebind; /* listen on addresses that the host lacks (yet) */
	char listen_owner[CONFIG_NAME_MAX]; /* of unix sockets; "": ours */
	char listen_group[CONFIG_NAME_MAX];
	unsigned listen_mode; /* 0: set by the umask */
	struct config_check check;
	struct config_agent agent;
};

/* Where a client goes by its ClientHello. */
struct config_route {
	char match[CONFIG_ARGS_MAX]; /* route.h */
	char service[CONFIG_NAME_MAX];
};

struct config_service {
	char name[CONFIG_NAME_MAX];
	struct addr *listen; /* owned; `listens` of them, one for each port */
	size_t listens;
	struct config_backend *backend; /* owned; sorted by name */
	size_t backends;
	struct access_rules *access; /* a reference; NULL: no rules */
	struct config_name *host;    /* owned; lines with names */
	size_t hosts;
	char backends_file[CONFIG_PATH_MAX]; /* has more of them; "": none */
	bool backends_file_empty;	     /* it may have none */
	struct config_route *route; /* owned; the first that matches counts */
	size_t routes;
	struct service_settings settings;
	int line;
};

struct config {
	int line;		 /* of [global]; 0: none */
	unsigned workers;	 /* 0: one per CPU that we may use */
	bool cpu_affinity;	 /* pin worker i to the i-th of them */
	bool worker_rebalance;	 /* conns move to workers with less to do */
	bool incoming_cpu;	 /* conns go to the worker of the CPU where they
				  * come in */
	unsigned spin_us;	 /* before a worker sleeps; 0: off */
	unsigned busy_poll_us;	 /* in the kernel, before it does; 0: off */
	uint64_t maxconn;	 /* 0: what the descriptor limit allows */
	struct rate_limit rate;	 /* of all services */
	uint64_t maxpipes;	 /* 0: from the limits */
	size_t pipe_size;	 /* bytes, wanted for busy pipes */
	uint64_t stalled_memory; /* bytes; 0: from tcp_mem */
	enum relay_way relay;
	struct hash_key hash_seed;
	bool hash_seed_set;	/* false: it is 0, the caller generates one */
	bool hash_seed_exposed; /* every user can read it in the file */
	char hash_seed_file[CONFIG_PATH_MAX]; /* where it is from; "": none */
	char user[CONFIG_NAME_MAX];	      /* "": stay */
	char pidfile[CONFIG_PATH_MAX];	      /* "": none */
	char control[CONFIG_PATH_MAX];	      /* control socket; "": none */
	char control_owner[CONFIG_NAME_MAX];  /* of its file; "": who starts */
	char control_group[CONFIG_NAME_MAX];
	unsigned control_mode;
	char control_read[CONFIG_NAME_MAX]; /* groups with these levels; "": */
	char control_operate[CONFIG_NAME_MAX]; /* none */
	char control_admin[CONFIG_NAME_MAX];
	struct addr metrics;	   /* of the metrics server; len 0: none */
	char log[CONFIG_PATH_MAX]; /* "stderr", "syslog" or a path */
	int log_level;		   /* enum log_level */
	char access_log[CONFIG_PATH_MAX]; /* "off", "stderr", "syslog", path */
	enum access_format access_format;
	bool access_start;	  /* a line when a backend has answered */
	unsigned access_every_ms; /* a line of each conn so often; 0: none */
	unsigned access_sample;	  /* log one in so many conns that end well */
	unsigned shutdown_timeout_ms;
	char on_change[CONFIG_PATH_MAX]; /* runs at each change; "": nothing */
	unsigned on_change_timeout_ms;
	struct addr resolver;	 /* the name server; len 0: resolv.conf(5) */
	unsigned resolve_min_ms; /* bounds of the answers' times to live */
	unsigned resolve_max_ms;
	char zone[CONFIG_NAME_MAX]; /* of this node, "": none; not the file's
				     * to say, and not in the dump */
	struct config_service *service; /* owned; in the file's order */
	size_t services;
};

/* The header that conns to this backend of the service begin with. */
enum send_proxy config_send_proxy(const struct config_service *service,
    const struct config_backend *backend);

/* NULL is allowed. */
void config_free(struct config *config);

/* A deep copy; NULL without memory. */
struct config *config_copy(const struct config *config);

#endif
