/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Names of backends: see names.h. */
#include "lb4/control/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/timer.h"
#include "lb4/config/config.h"
#include "lb4/config/expand.h"
#include "lb4/control/change.h"
#include "lb4/control/lookup.h"
#include "lb4/control/names_srv.h"
#include "lb4/control/question.h"
#include "lb4/control/resolver.h"
#include "lb4/control/running.h"
#include "lb4/table/table.h"

/* A name of the configuration: of a host, or of SRV records. */
struct host {
	struct names_of_hosts *names;
	char name[CONFIG_DNS_MAX];
	bool used; /* by the configuration in force */
	struct lookup lookup;
	struct srv_name *srv; /* owned; NULL: it is a host */
	struct host *next;
};

struct names_of_hosts {
	struct running *running;
	struct resolver resolver;
	struct asker asker;
	struct host *host; /* owned list */
	uint64_t generation;
	uint64_t retry_ms; /* the resolver failed: not to be tried before */
};

/* After a failure of the resolver itself, such as a lack of memory. */
#define RESOLVER_RETRY_MS 10000

/* ---- applying ------------------------------------------------------------ */

/* All addresses: those of the answer, and those of the other family. */
static size_t
merge(const struct lookup_answer *answer, const struct addr *now, size_t count,
    struct addr *out)
{
	size_t made = 0;

	for (size_t i = 0; i < count; i++)
		if (lookup_family(&now[i]) != answer->family)
			out[made++] = now[i];
	if (answer->count == 0 && made == 0) { /* empty: they stay */
		memcpy(out, now, count * sizeof(*out));
		return count;
	}
	for (size_t i = 0; i < answer->count; i++)
		out[made++] = answer->addr[i];
	qsort(out, made, sizeof(*out), lookup_compare);
	return made;
}

static int
apply_to(struct config_service *service, size_t index,
    const struct lookup *lookup, const struct lookup_answer *answer,
    bool *changed)
{
	enum { MOST = 2 * LOOKUP_ADDRESSES_MAX };
	struct addr now[MOST], next[2 * MOST];
	size_t count = expand_get(service, index, now, MOST);
	bool one;
	int error;

	if (service->host[index].line.resolve == RESOLVE_ALL)
		count = merge(answer, now, count, next);
	else
		count = lookup_choose(lookup, answer, count > 0 ? now : NULL,
		    next);
	error = expand_set(service, index, next, count, &one);
	*changed |= one;
	return error;
}

static int
apply_all(struct config *config, const struct lookup *lookup,
    const struct lookup_answer *answer, bool *changed)
{
	int error = 0;

	for (size_t i = 0; i < config->services; i++) {
		struct config_service *service = &config->service[i];

		for (size_t j = 0; error == 0 && j < service->hosts; j++)
			if (!service->host[j].line.of_srv &&
			    strcmp(service->host[j].host, lookup->name) == 0)
				error = apply_to(service, j, lookup, answer,
				    changed);
	}
	return error;
}

/* Returns 0, -EBUSY, or another -errno with why. */
static int
apply(struct lookup *lookup, const struct lookup_answer *answer,
    struct why *why)
{
	const struct host *host = lookup->owner;
	struct running *running = host->names->running;
	struct config *config = change_begin(running);
	bool changed = false;
	int result = config == NULL
	    ? -ENOMEM
	    : apply_all(config, lookup, answer, &changed);

	result = change_edited(running, config, result, changed, why);
	if (result > 0)
		log_notice("%s has %zu IPv%d address%s now", lookup->name,
		    answer->count, answer->family == LOOKUP_V6 ? 6 : 4,
		    answer->count == 1 ? "" : "es");
	return result < 0 ? result : 0;
}

/* ---- the list ------------------------------------------------------------ */

static struct host *
find_host(const struct names_of_hosts *names, const struct config_name *line)
{
	struct host *host = names->host;

	while (host != NULL &&
	    ((host->srv != NULL) != line->line.of_srv ||
		strcmp(host->name, line->host) != 0))
		host = host->next;
	return host;
}

/* NULL without memory. */
static struct host *
host_new(struct names_of_hosts *names, const struct config_name *line)
{
	struct host *host = calloc(1, sizeof(*host));

	if (host == NULL)
		return NULL;
	host->names = names;
	memcpy(host->name, line->host, sizeof(host->name));
	lookup_init(&host->lookup,
	    &(struct lookup_setup){ &names->asker, host->name, false, apply,
		host });
	if (line->line.of_srv) {
		host->srv = srv_name_new(names->running, &names->asker,
		    host->name);
		if (host->srv == NULL) {
			free(host);
			return NULL;
		}
	}
	return host;
}

static void
host_free(struct host *host)
{
	srv_name_free(host->srv);
	free(host);
}

/* A line that has come later than the name's last answer needs it now. */
static void
hurry(struct host *host)
{
	if (host->srv != NULL)
		srv_name_hurry(host->srv);
	else if (lookup_is_complete(&host->lookup) &&
	    host->lookup.ill.text[0] == '\0')
		lookup_hurry(&host->lookup);
}

static void
use_line(struct names_of_hosts *names, const struct config_service *service,
    size_t index)
{
	struct host *host = find_host(names, &service->host[index]);
	struct addr addr;

	if (host == NULL) {
		host = host_new(names, &service->host[index]);
		if (host == NULL)
			return; /* the next change lists it again */
		host->next = names->host;
		names->host = host;
	} else if (expand_get(service, index, &addr, 1) == 0) {
		hurry(host);
	}
	host->used = true;
}

static bool
is_asking(const struct host *host)
{
	return host->srv != NULL ? srv_name_is_asking(host->srv)
				 : lookup_is_asking(&host->lookup);
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
			use_line(names, &config->service[i], j);
	while ((host = *link) != NULL) {
		if (host->used || is_asking(host)) {
			link = &host->next;
			continue;
		}
		*link = host->next;
		host_free(host);
	}
	names->generation = names->running->tables->generation;
}

void
names_look(const struct names_of_hosts *names, const struct config_name *line,
    struct names_sight *out)
{
	const struct host *host = find_host(names, line);

	memset(out, 0, sizeof(*out));
	if (host == NULL)
		return;
	if (host->srv == NULL) {
		out->ill = host->lookup.ill;
		return;
	}
	(void)srv_name_is_ill(host->srv, &out->ill);
	out->records = srv_name_records(host->srv, &out->none);
}

/* Sets the gauge of each service. */
static void
count_unresolved(const struct names_of_hosts *names)
{
	const struct running *running = names->running;
	const struct config *config = running->config;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];
		struct service_state *state = tables_state(running->tables,
		    service->name);
		uint64_t count = 0;

		for (size_t j = 0; j < service->hosts; j++) {
			struct names_sight sight;

			names_look(names, &service->host[j], &sight);
			count += sight.ill.text[0] != '\0';
		}
		if (state != NULL)
			atomic_store_explicit(&state->unresolved, count,
			    memory_order_relaxed);
	}
}

/* ---- the loop ------------------------------------------------------------ */

static int
sleep_ms(const void *owner, uint64_t now_ms)
{
	const struct names_of_hosts *names = owner;
	int sleep = -1;

	if (names->generation != names->running->tables->generation)
		return 0;
	if (names->retry_ms > now_ms)
		return (int)(names->retry_ms - now_ms);
	for (const struct host *host = names->host; host != NULL;
	     host = host->next)
		if (host->used)
			sleep = loop_sooner(sleep,
			    host->srv != NULL
				? srv_name_sleep_ms(host->srv, now_ms)
				: lookup_sleep_ms(&host->lookup, now_ms));
	return loop_sooner(sleep, resolver_sleep_ms(&names->resolver));
}

static void
ask(struct names_of_hosts *names, uint64_t now_ms, bool changed)
{
	if (names->host == NULL || (names->retry_ms > now_ms && !changed))
		return;
	names->retry_ms = 0;
	if (resolver_follow(&names->resolver, &names->running->config->resolver,
		changed) < 0) {
		names->retry_ms = now_ms + RESOLVER_RETRY_MS;
		return;
	}
	resolver_serve(&names->resolver);
	for (struct host *host = names->host; host != NULL; host = host->next)
		if (host->used && host->srv != NULL)
			srv_name_turn(host->srv, now_ms);
		else if (host->used)
			lookup_turn(&host->lookup, now_ms);
}

static void
turn(void *owner, uint64_t now_ms)
{
	struct names_of_hosts *names = owner;
	const bool changed = names->generation !=
	    names->running->tables->generation;

	if (changed)
		list_hosts(names);
	ask(names, now_ms, changed);
	if (changed || names->asker.told)
		count_unresolved(names);
	names->asker.told = false;
}

int
names_new(struct names_of_hosts **out, struct running *running,
    struct source *source)
{
	struct names_of_hosts *names = calloc(1, sizeof(*names));
	int error;

	if (names == NULL)
		return -ENOMEM;
	error = resolver_init(&names->resolver);
	if (error < 0) {
		free(names);
		return error;
	}
	names->running = running;
	names->asker = (struct asker){ running, &names->resolver, false };
	*source = (struct source){ names, names->resolver.epfd, sleep_ms, NULL,
		turn };
	*out = names;
	return 0;
}

void
names_free(struct names_of_hosts *names)
{
	struct host *host;

	if (names == NULL)
		return;
	resolver_done(&names->resolver); /* no question is open any more */
	while ((host = names->host) != NULL) {
		names->host = host->next;
		host_free(host);
	}
	free(names);
}
