/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The configuration as a value: what one INI file says, checked, with every
 * default filled in.  Pure: nothing is opened, no name is resolved, nothing is
 * logged, nobody exits.  Made by the control thread, at start and on reload;
 * the rest of the program only reads it.
 *
 * Sizes are bytes, times are milliseconds.  Addresses are numeric.
 */
#ifndef LB4_CONFIG_CONFIG_H
#define LB4_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/addr.h"
#include "common/hash.h"

/* Longest name of a service or backend, with its end.  Names are letters,
 * digits and "-_.", and begin with a letter or digit. */
#define CONFIG_NAME_MAX 64

#define CONFIG_PATH_MAX 256
#define CONFIG_HOST_MAX 128
#define CONFIG_FILE_MAX (16 << 20) /* bytes of a file */
#define CONFIG_LISTENS_MAX 1000	   /* of one service */
#define CONFIG_BACKENDS_MAX 1000   /* of one service */
#define CONFIG_SERVICES_MAX 1000
#define CONFIG_WEIGHT_MAX 256
#define CONFIG_RETRIES_MAX 7

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

/* How bytes are moved; all but auto are for tests and for trouble. */
enum relay_way {
	RELAY_AUTO,   /* copy what is small, splice what is bulk */
	RELAY_COPY,   /* recv(2) and send(2), leftovers in a pipe */
	RELAY_SPLICE, /* splice(2) always */
	RELAY_PEEK,   /* recv(2) with MSG_PEEK: no pipe at all */
	RELAY_WAY_COUNT,
};

enum check_kind {
	CHECK_NONE,
	CHECK_TCP,  /* connects */
	CHECK_HTTP, /* asks for a path, wants a status of 200 to 399 */
	CHECK_KIND_COUNT,
};

/* Which sides of a conn get SO_KEEPALIVE. */
enum keepalive {
	KEEPALIVE_NONE,
	KEEPALIVE_CLIENT,
	KEEPALIVE_BACKEND,
	KEEPALIVE_BOTH,
	KEEPALIVE_COUNT,
};

/* What becomes of a backend's conns when its health goes down. */
enum on_down {
	ON_DOWN_KEEP, /* they go on */
	ON_DOWN_IDLE, /* idle ones are closed */
	ON_DOWN_ALL,  /* idle ones first, then the others, too */
	ON_DOWN_COUNT,
};

enum access_format {
	ACCESS_KV,   /* key=value key=value ... */
	ACCESS_JSON, /* one object a line */
	ACCESS_FORMAT_COUNT,
};

struct config_backend {
	char name[CONFIG_NAME_MAX];
	struct addr addr; /* port 0: the port that the client came to */
	unsigned weight;  /* 0 to CONFIG_WEIGHT_MAX; 0: no new conns */
	unsigned maxconn; /* most conns there at a time; 0: no limit */
	char zone[CONFIG_NAME_MAX]; /* "": none */
	bool backup;		    /* serves only when no other can */
	struct addr check_addr;	    /* len 0: addr */
	unsigned order; /* place among the service's lines: 0, ... */
	int line;
};

struct config_check {
	enum check_kind kind;
	char method[16];	    /* HTTP */
	char path[CONFIG_PATH_MAX]; /* HTTP */
	char host[CONFIG_HOST_MAX]; /* HTTP; "": from the address */
	unsigned inter_ms;	    /* from one check to the next */
	unsigned timeout_ms;	    /* of one check */
	unsigned rise;		    /* good checks in a row to go up */
	unsigned fall;		    /* bad ones to go down */
};

struct config_service {
	char name[CONFIG_NAME_MAX];
	struct addr *listen; /* owned; `listens` of them */
	size_t listens;
	struct config_backend *backend; /* owned; sorted by name */
	size_t backends;
	enum balance balance;
	unsigned source_prefix4; /* bits of a client's address that count */
	unsigned source_prefix6;
	bool zone_affinity;	   /* zones for 4tuple and source, too */
	unsigned max_load;	   /* percent of the fair load; 0: no bound */
	unsigned pin_on_change_ms; /* 0: off */
	uint32_t pin_clients;	   /* active ones that are reckoned with */
	unsigned slowstart_ms; /* from available to full weight; 0: at once */
	unsigned retries;      /* further backends after a failed connect */
	uint64_t maxconn;      /* 0: no limit but the global one */
	uint64_t queue;	       /* conns that may wait for a backend */
	unsigned backlog;      /* of each listener, cut by net.core.somaxconn */
	bool freebind;	       /* listen on addresses that are not here (yet) */
	char listen_owner[CONFIG_NAME_MAX]; /* of unix sockets; "": ours */
	char listen_group[CONFIG_NAME_MAX];
	unsigned listen_mode; /* 0: as the umask has it */
	bool nodelay;	      /* TCP_NODELAY, both sides */
	enum keepalive keepalive;
	unsigned user_timeout_ms; /* TCP_USER_TIMEOUT; 0: the kernel's way */
	unsigned timeout_connect_ms;
	unsigned timeout_queue_ms; /* 0: timeout_connect_ms */
	unsigned timeout_idle_ms;
	unsigned timeout_half_close_ms;
	unsigned timeout_stall_ms; /* 0: none */
	bool abort_on_close;	   /* a FIN before a backend: it has gone */
	unsigned sndbuf_client;	   /* bytes, SO_SNDBUF; 0: the kernel's way */
	unsigned sndbuf_backend;
	unsigned rcvbuf_client; /* ... SO_RCVBUF */
	unsigned rcvbuf_backend;
	unsigned notsent_lowat_client; /* ... TCP_NOTSENT_LOWAT */
	unsigned notsent_lowat_backend;
	unsigned reset_linger_ms;
	unsigned max_lifetime_ms; /* 0: none */
	enum on_down on_down;
	unsigned on_down_rate; /* conns closed a second, of each backend */
	struct config_check check;
	int line;
};

struct config {
	unsigned workers;	 /* 0: one per CPU that we may use */
	bool cpu_affinity;	 /* pin worker i to the i-th of them */
	uint64_t maxconn;	 /* 0: what the descriptor limit allows */
	uint64_t maxpipes;	 /* 0: from the limits */
	size_t pipe_size;	 /* bytes, wanted for busy pipes */
	uint64_t stalled_memory; /* bytes; 0: from tcp_mem */
	enum relay_way relay;
	struct hash_key hash_seed;
	bool hash_seed_set; /* false: hash_seed is 0, the caller draws one */
	bool hash_seed_exposed; /* everybody may read it, in config_load()'s */
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
	char log[CONFIG_PATH_MAX];	  /* "stderr", "syslog" or a path */
	int log_level;			  /* enum log_level */
	char access_log[CONFIG_PATH_MAX]; /* "off", "stderr", "syslog", path */
	enum access_format access_format;
	unsigned shutdown_timeout_ms;
	char zone[CONFIG_NAME_MAX]; /* of this node, "": none; not the file's
				     * to say, and not in the dump */
	struct config_service *service; /* owned; in the file's order */
	size_t services;
};

/* One complaint, as it is to be printed: "file:line: [section] key: what is
 * wrong", or without the parts that do not apply. */
#define CONFIG_ERROR_MAX 512
struct config_errors {
	char (*text)[CONFIG_ERROR_MAX]; /* owned; `count` of them, in order */
	size_t count;
	char spare[CONFIG_ERROR_MAX]; /* the only one when there is no memory */
};

/*
 * Reads the regular file at `path` ("-": standard input).  Returns a
 * configuration that the caller frees, or NULL with at least one error, also
 * without memory.  All errors of a file are reported, not only the first.  A
 * fifo, a device or a socket is an error: nothing is waited for.  The file that
 * hash-seed-file names is read, too: see seedfile.h.
 */
struct config *config_load(const char *path, struct config_errors *errors);

/* The same, and waits for what a pipe has to say: for a process that does
 * nothing else. */
struct config *config_load_stream(const char *path,
    struct config_errors *errors);

/* The same from memory, and from no other file: hash-seed-file leaves
 * hash_seed_set false; `name` stands for the file's name in errors. */
struct config *config_parse(const char *name, const char *text, size_t len,
    struct config_errors *errors);

/*
 * The ad hoc configuration of `lb4 -l ADDR BACKEND...`: services named
 * "adhoc", "adhoc2", ..., one for each call, backends named b1, b2, ...
 * Starts from `config`, or from the defaults when that is NULL.  NULL with
 * errors when an address is wrong; `config` is freed then.
 */
struct config *config_adhoc(struct config *config, const char *listen,
    const char *const *backends, size_t count, struct config_errors *errors);

/* What works and is not as it should be; false when there is nothing.  It is to
 * stand behind the file's name. */
bool config_warning(const struct config *config, char text[CONFIG_ERROR_MAX]);

void config_free(struct config *config);

/* A copy of its own; NULL without memory. */
struct config *config_copy(const struct config *config);

/* Adds a complaint to a list that starts as zeros; without memory for a longer
 * list only the first one is kept. */
void config_errors_add(struct config_errors *errors, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void config_errors_done(struct config_errors *errors);

/* Writes the effective configuration: every key with its value, in a form
 * that config_parse() reads back to an equal configuration. */
void config_dump(const struct config *config, FILE *out);

/* Writes "section key" for every key there is, one a line; backend options
 * as "backend key".  For the lint that holds the manual against the code. */
void config_keys_list(FILE *out);

/* Names as the file writes them; for any value of the enum. */
const char *balance_name(enum balance balance);

/* Whether it hashes the client: 4tuple and source. */
bool balance_hashes(enum balance balance);
const char *relay_way_name(enum relay_way way);
const char *check_kind_name(enum check_kind kind);
const char *keepalive_name(enum keepalive keepalive);
const char *access_format_name(enum access_format format);

/* The way of that name, or -1: for the command line. */
int relay_way_parse(const char *name);

#endif
