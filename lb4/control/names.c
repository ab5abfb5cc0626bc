/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Host names of backends: see names.h. */
#include "lb4/control/names.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <bsd/string.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/timer.h"
#include "common/why.h"
#include "lb4/config/config.h"
#include "lb4/config/expand.h"
#include "lb4/control/change.h"
#include "lb4/control/events.h"
#include "lb4/control/running.h"
#include "lb4/table/table.h"

#define EVENTS_MAX 16

#define RESOLV_CONF "/etc/resolv.conf"

/* One question waits so long for each try, and tries so often. */
#define TRY_MS 2000
#define TRIES 2

/* After a failure: doubled each time, up to RETRY_MAX_MS. */
#define RETRY_MS 1000
#define RETRY_MAX_MS 30000

/* /etc/hosts has no time to live. */
#define FILE_TTL_S 30

enum { V4, V6, FAMILIES };

enum answer_state {
	ANSWER_NONE, /* not yet */
	ANSWER_GOOD,
	ANSWER_EMPTY, /* no such name, or no address of this family */
	ANSWER_FAILED,
};

struct host;

struct question {
	struct host *host;
	int family;
	uint64_t due_ms;
	bool asking;
	enum answer_state state;
	unsigned failures; /* in a row */
};

struct host {
	struct names_of_hosts *names;
	char name[CONFIG_DNS_MAX];
	bool used; /* by the configuration in force */
	bool ill;  /* said so in the log */
	struct question question[FAMILIES];
	struct host *next;
};

struct names_of_hosts {
	struct running *running;
	int epfd; /* the channel's sockets */
	ares_channel channel;
	bool open;
	struct addr server;   /* as the channel has it */
	struct timespec conf; /* when resolv.conf was changed */
	struct host *host;    /* owned list */
	uint64_t generation;
};

struct answer {
	struct addr addr[NAMES_ADDRESSES_MAX];
	size_t count;
	unsigned ttl_s;
};

/* ---- the channel --------------------------------------------------------- */

static void
on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
	struct names_of_hosts *names = data;
	const uint32_t events = (readable ? EPOLLIN : 0U) |
	    (writable ? EPOLLOUT : 0U);

	const uint64_t tag = loop_tag(0, (uint32_t)fd, 0);

	if (events == 0)
		(void)loop_remove(names->epfd, fd);
	else if (loop_modify(names->epfd, fd, events, tag) < 0 &&
	    loop_add(names->epfd, fd, events, tag) < 0)
		log_debug("names: a socket is not watched, its answer is late");
}

static void
close_channel(struct names_of_hosts *names)
{
	if (names->open)
		ares_destroy(names->channel); /* ends all questions */
	names->open = false;
}

/* A channel reads resolv.conf(5) once: when that has changed at a change of the
 * configuration, such as a reload, another one is opened. */
static bool
is_outdated(const struct names_of_hosts *names, const struct addr *server)
{
	struct stat status;

	if (!names->open || !addr_equal(&names->server, server))
		return true;
	return stat(RESOLV_CONF, &status) == 0 &&
	    (status.st_mtim.tv_sec != names->conf.tv_sec ||
		status.st_mtim.tv_nsec != names->conf.tv_nsec);
}

static void
note_conf(struct names_of_hosts *names)
{
	struct stat status;

	if (stat(RESOLV_CONF, &status) == 0)
		names->conf = status.st_mtim;
}

static int
open_channel(struct names_of_hosts *names, const struct addr *server)
{
	struct ares_options options = {
		.timeout = TRY_MS,
		.tries = TRIES,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = names,
	};
	char text[ADDR_TEXT_MAX];
	int status;

	close_channel(names);
	note_conf(names);
	status = ares_init_options(&names->channel, &options,
	    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (status == ARES_SUCCESS && server->len > 0) {
		status = ares_set_servers_ports_csv(names->channel,
		    addr_format(server, text, sizeof(text)));
		if (status != ARES_SUCCESS)
			ares_destroy(names->channel);
	}
	if (status != ARES_SUCCESS) {
		log_error("names cannot be resolved: %s",
		    ares_strerror(status));
		return -EIO;
	}
	names->open = true;
	names->server = *server;
	return 0;
}

/* ---- what is told -------------------------------------------------------- */

static void
tell(struct host *host, const char *why)
{
	const struct question *q = host->question;
	const bool ill = q[V4].state == ANSWER_FAILED ||
	    q[V6].state == ANSWER_FAILED ||
	    (q[V4].state == ANSWER_EMPTY && q[V6].state == ANSWER_EMPTY);
	const bool complete = q[V4].state == ANSWER_GOOD ||
	    q[V6].state == ANSWER_GOOD;

	if (ill && !host->ill) {
		log_error("%s cannot be resolved: %s: its backends keep the "
			  "addresses that they have",
		    host->name, why);
		host->ill = true;
	} else if (!ill && host->ill && complete) {
		log_notice("%s is resolved again", host->name);
		host->ill = false;
	}
}

/* ---- applying ------------------------------------------------------------ */

static int
family_of(const struct addr *addr)
{
	return addr->sa.sa_family == AF_INET6 ? V6 : V4;
}

static int
compare_addr(const void *a, const void *b)
{
	const struct addr *x = a, *y = b;

	if (family_of(x) != family_of(y))
		return family_of(x) - family_of(y);
	return family_of(x) == V4
	    ? memcmp(&x->in.sin_addr, &y->in.sin_addr, sizeof(x->in.sin_addr))
	    : memcmp(&x->in6.sin6_addr, &y->in6.sin6_addr,
		  sizeof(x->in6.sin6_addr));
}

static bool
has(const struct answer *answer, const struct addr *addr)
{
	for (size_t i = 0; i < answer->count; i++)
		if (compare_addr(&answer->addr[i], addr) == 0)
			return true;
	return false;
}

/* The one address of a line: the one that it has while it is in the answer;
 * one of the other family stays while that family has any. */
static size_t
choose(const struct question *question, const struct answer *answer,
    const struct addr *now, size_t count, struct addr *out)
{
	const struct question *other =
	    &question->host->question[!question->family];

	*out = count > 0 ? *now : answer->addr[0];
	if (count == 0)
		return answer->count > 0;
	if (family_of(now) == question->family
		? !has(answer, now) && answer->count > 0
		: other->state == ANSWER_EMPTY && answer->count > 0)
		*out = answer->addr[0];
	return 1;
}

/* All addresses: those of the answer, and those of the other family. */
static size_t
merge(const struct question *question, const struct answer *answer,
    const struct addr *now, size_t count, struct addr *out)
{
	size_t made = 0;

	for (size_t i = 0; i < count; i++)
		if (family_of(&now[i]) != question->family)
			out[made++] = now[i];
	if (answer->count == 0 && made == 0) { /* empty: they stay */
		memcpy(out, now, count * sizeof(*out));
		return count;
	}
	for (size_t i = 0; i < answer->count; i++)
		out[made++] = answer->addr[i];
	qsort(out, made, sizeof(*out), compare_addr);
	return made;
}

static int
apply_to(struct config_service *service, size_t index,
    const struct question *question, const struct answer *answer, bool *changed)
{
	struct addr now[2 * NAMES_ADDRESSES_MAX], next[4 * NAMES_ADDRESSES_MAX];
	size_t count = expand_get(service, index, now, 2 * NAMES_ADDRESSES_MAX);
	bool one;
	int error;

	count = service->host[index].line.resolve == RESOLVE_ALL
	    ? merge(question, answer, now, count, next)
	    : choose(question, answer, now, count, next);
	error = expand_set(service, index, next, count, &one);
	*changed |= one;
	return error;
}

static int
apply_all(struct config *config, const struct question *question,
    const struct answer *answer, bool *changed)
{
	int error = 0;

	for (size_t i = 0; i < config->services; i++)
		for (size_t j = 0; error == 0 && j < config->service[i].hosts;
		     j++)
			if (strcmp(config->service[i].host[j].host,
				question->host->name) == 0)
				error = apply_to(&config->service[i], j,
				    question, answer, changed);
	return error;
}

/* Returns 0, -EBUSY, or another -errno with why. */
static int
apply(const struct question *question, const struct answer *answer,
    struct why *why)
{
	struct running *running = question->host->names->running;
	struct config_errors errors = { .count = 0 };
	struct config *config = change_begin(running);
	bool changed = false;
	int error = config == NULL
	    ? -ENOMEM
	    : apply_all(config, question, answer, &changed);

	if (error < 0 || !changed) {
		config_free(config);
		return error < 0 ? why_fail(why, error, "%s",
				       error == -E2BIG ? "too many backends"
						       : strerror(-error))
				 : 0;
	}
	error = change_apply(running, config, CHANGE_COPY, &errors);
	if (error < 0)
		(void)why_fail(why, error, "%s", errors.text[0]);
	else
		log_notice("%s has %zu IPv%d address%s now",
		    question->host->name, answer->count,
		    question->family == V6 ? 6 : 4,
		    answer->count == 1 ? "" : "es");
	config_errors_done(&errors);
	return error;
}

/* ---- answers ------------------------------------------------------------- */

static uint64_t
bounded(const struct names_of_hosts *names, uint64_t ms)
{
	const struct config *config = names->running->config;

	if (ms > config->resolve_max_ms)
		ms = config->resolve_max_ms;
	return ms > config->resolve_min_ms ? ms : config->resolve_min_ms;
}

static void
on_failure(struct question *question, enum answer_state state, const char *why)
{
	uint64_t again_ms = RETRY_MS
	    << (question->failures < 5 ? question->failures : 5);

	if (again_ms > RETRY_MAX_MS)
		again_ms = RETRY_MAX_MS;
	question->failures++;
	question->state = state;
	question->due_ms = timer_now_ms() +
	    bounded(question->host->names, again_ms);
	tell(question->host, why);
}

static void
on_answer(struct question *question, const struct answer *answer)
{
	struct why why = { "" };
	int error = apply(question, answer, &why);

	if (error == -EBUSY) {
		question->due_ms = timer_now_ms() + RETRY_MS;
		return;
	}
	if (error < 0) {
		on_failure(question, ANSWER_FAILED, why.text);
		return;
	}
	if (answer->count == 0) {
		on_failure(question, ANSWER_EMPTY, "it has no address");
		return;
	}
	question->failures = 0;
	question->state = ANSWER_GOOD;
	question->due_ms = timer_now_ms() +
	    bounded(question->host->names, answer->ttl_s * UINT64_C(1000));
	tell(question->host, "");
}

static void
add(struct answer *answer, int family, const void *ip, int ttl_s)
{
	struct addr *addr = &answer->addr[answer->count++];

	memset(addr, 0, sizeof(*addr));
	if (family == V4) {
		addr->in.sin_family = AF_INET;
		memcpy(&addr->in.sin_addr, ip, sizeof(addr->in.sin_addr));
		addr->len = sizeof(addr->in);
	} else {
		addr->in6.sin6_family = AF_INET6;
		memcpy(&addr->in6.sin6_addr, ip, sizeof(addr->in6.sin6_addr));
		addr->len = sizeof(addr->in6);
	}
	if (ttl_s >= 0 && (unsigned)ttl_s < answer->ttl_s)
		answer->ttl_s = (unsigned)ttl_s;
}

/* Returns an error of c-ares, or ARES_EBADRESP if there are too many. */
static int
parse(const struct question *question, const unsigned char *buf, int len,
    struct answer *answer)
{
	struct ares_addrttl v4[NAMES_ADDRESSES_MAX + 1];
	struct ares_addr6ttl v6[NAMES_ADDRESSES_MAX + 1];
	int count = NAMES_ADDRESSES_MAX + 1, status;

	status = question->family == V4
	    ? ares_parse_a_reply(buf, len, NULL, v4, &count)
	    : ares_parse_aaaa_reply(buf, len, NULL, v6, &count);
	if (status != ARES_SUCCESS)
		return status;
	if (count > NAMES_ADDRESSES_MAX)
		return ARES_EBADRESP;
	for (int i = 0; i < count; i++)
		if (question->family == V4)
			add(answer, V4, &v4[i].ipaddr, v4[i].ttl);
		else
			add(answer, V6, &v6[i].ip6addr, v6[i].ttl);
	return ARES_SUCCESS;
}

static void
on_reply(void *arg, int status, int timeouts, unsigned char *buf, int len)
{
	struct question *question = arg;
	struct answer *answer;

	(void)timeouts;
	question->asking = false;
	if (status == ARES_EDESTRUCTION)
		return;
	answer = calloc(1, sizeof(*answer));
	if (answer == NULL)
		status = ARES_ENOMEM;
	else
		answer->ttl_s = UINT32_MAX;
	if (status == ARES_SUCCESS)
		status = parse(question, buf, len, answer);
	if (status == ARES_SUCCESS || status == ARES_ENODATA ||
	    status == ARES_ENOTFOUND)
		on_answer(question, answer);
	else
		on_failure(question, ANSWER_FAILED,
		    status == ARES_EBADRESP
			? "the answer is wrong, or has more than 256 addresses"
			: ares_strerror(status));
	free(answer);
}

/* ---- questions ----------------------------------------------------------- */

/* /etc/hosts; false: it does not have the name. */
static bool
ask_file(struct question *question)
{
	struct hostent *entry[FAMILIES] = { NULL, NULL };
	struct answer *answer = calloc(1, sizeof(*answer));
	ares_channel channel = question->host->names->channel;
	const char *name = question->host->name;
	const int family = question->family;
	bool found;

	(void)ares_gethostbyname_file(channel, name, AF_INET, &entry[V4]);
	(void)ares_gethostbyname_file(channel, name, AF_INET6, &entry[V6]);
	found = answer != NULL && (entry[V4] != NULL || entry[V6] != NULL);
	if (found) {
		answer->ttl_s = FILE_TTL_S;
		for (int i = 0; entry[family] != NULL &&
		     entry[family]->h_addr_list[i] != NULL &&
		     i < NAMES_ADDRESSES_MAX;
		     i++)
			add(answer, family, entry[family]->h_addr_list[i], -1);
		on_answer(question, answer);
	}
	for (int i = 0; i < FAMILIES; i++)
		if (entry[i] != NULL)
			ares_free_hostent(entry[i]);
	free(answer);
	return found;
}

static void
ask(struct question *question)
{
	if (ask_file(question))
		return;
	question->asking = true;
	ares_search(question->host->names->channel, question->host->name,
	    ns_c_in, question->family == V4 ? ns_t_a : ns_t_aaaa, on_reply,
	    question);
}

static struct host *
find_host(const struct names_of_hosts *names, const char *name)
{
	struct host *host = names->host;

	while (host != NULL && strcmp(host->name, name) != 0)
		host = host->next;
	return host;
}

static void
use_host(struct names_of_hosts *names, const char *name)
{
	struct host *host = find_host(names, name);

	if (host == NULL) {
		host = calloc(1, sizeof(*host));
		if (host == NULL)
			return; /* the next change lists it again */
		(void)strlcpy(host->name, name, sizeof(host->name));
		host->names = names;
		for (int i = 0; i < FAMILIES; i++) {
			host->question[i].host = host;
			host->question[i].family = i;
		}
		host->next = names->host;
		names->host = host;
	}
	host->used = true;
}

/* Lists the names of the configuration in force. */
static void
list_hosts(struct names_of_hosts *names)
{
	const struct config *config = names->running->config;
	struct host **link = &names->host, *host;

	for (host = names->host; host != NULL; host = host->next)
		host->used = false;
	for (size_t i = 0; i < config->services; i++)
		for (size_t j = 0; j < config->service[i].hosts; j++)
			use_host(names, config->service[i].host[j].host);
	while ((host = *link) != NULL) {
		if (host->used || host->question[V4].asking ||
		    host->question[V6].asking) {
			link = &host->next;
			continue;
		}
		*link = host->next;
		free(host);
	}
	names->generation = names->running->tables->generation;
}

/* ---- the loop ------------------------------------------------------------ */

static bool
is_due(const struct question *question, uint64_t now_ms)
{
	return question->host->used && !question->asking &&
	    question->due_ms <= now_ms;
}

static void
ask_all(struct names_of_hosts *names, uint64_t now_ms)
{
	for (struct host *host = names->host; host != NULL; host = host->next)
		for (int i = 0; i < FAMILIES; i++)
			if (is_due(&host->question[i], now_ms))
				ask(&host->question[i]);
}

static int
sleep_ms(const void *owner, uint64_t now_ms)
{
	const struct names_of_hosts *names = owner;
	struct timeval room, *wait;
	int sleep = -1;

	if (names->generation != names->running->tables->generation)
		return 0;
	for (const struct host *host = names->host; host != NULL;
	     host = host->next)
		for (int i = 0; i < FAMILIES; i++) {
			const struct question *q = &host->question[i];

			if (host->used && !q->asking)
				sleep = loop_sooner(sleep,
				    q->due_ms > now_ms
					? (int)(q->due_ms - now_ms)
					: 0);
		}
	wait = names->open ? ares_timeout(names->channel, NULL, &room) : NULL;
	if (wait != NULL)
		sleep = loop_sooner(sleep,
		    (int)(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1));
	return sleep;
}

static void
serve_sockets(const struct names_of_hosts *names)
{
	struct epoll_event event[EVENTS_MAX];
	int count = loop_wait(names->epfd, event, EVENTS_MAX, 0);

	for (int i = 0; i < count; i++) {
		const int fd = (int)loop_tag_index(event[i].data.u64);
		const uint32_t events = event[i].events;

		ares_process_fd(names->channel,
		    (events & ~(uint32_t)EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD,
		    (events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
	}
	/* those that have waited for too long */
	ares_process_fd(names->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void
turn(void *owner, uint64_t now_ms)
{
	struct names_of_hosts *names = owner;
	const struct addr *server = &names->running->config->resolver;
	const bool changed = names->generation !=
	    names->running->tables->generation;

	if (changed)
		list_hosts(names);
	if (names->host == NULL)
		return;
	if ((!names->open || (changed && is_outdated(names, server))) &&
	    open_channel(names, server) < 0)
		return;
	serve_sockets(names);
	ask_all(names, now_ms);
}

int
names_new(struct names_of_hosts **out, struct running *running,
    struct source *source)
{
	struct names_of_hosts *names = calloc(1, sizeof(*names));

	if (names == NULL || ares_library_init(ARES_LIB_INIT_ALL) != 0) {
		free(names);
		return -ENOMEM;
	}
	names->running = running;
	names->epfd = loop_open();
	if (names->epfd < 0) {
		const int error = names->epfd;

		free(names);
		return error;
	}
	*source = (struct source){ names, names->epfd, sleep_ms, NULL, turn };
	*out = names;
	return 0;
}

void
names_free(struct names_of_hosts *names)
{
	struct host *host;

	if (names == NULL)
		return;
	close_channel(names);
	while ((host = names->host) != NULL) {
		names->host = host->next;
		free(host);
	}
	(void)close(names->epfd);
	free(names);
}
