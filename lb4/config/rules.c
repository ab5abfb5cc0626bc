/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Rules between keys: they refuse only what cannot work.
 */
#include "lb4/config/rules.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/access_rules.h"
#include "lb4/config/agents.h"
#include "lb4/config/check.h"
#include "lb4/config/keys.h"
#include "lb4/config/loops.h"
#include "lb4/config/names.h"
#include "lb4/config/tracks.h"

/* The largest Maglev table has 2,000,003 slots and needs 100 per unit of
 * weight. */
#define HASH_WEIGHT_MAX 20000

/* A ClientHello has up to 32 KiB, and the kernel uses a part of the buffer for
 * itself. */
#define ROUTE_RCVBUF_MIN 65536

/* A listener and where it stands. */
struct place {
	const struct addr *addr;
	const struct config_service *service;
	size_t order;	/* as they were given */
	int line;	/* 0: unknown */
	bool continues; /* the range of the one before */
};

static int
compare_numbers(int a, int b)
{
	return (a > b) - (a < b);
}

/* By port, ":80" first because it conflicts with more than its equals; equal
 * addresses are neighbours. */
static int
compare_places(const void *left, const void *right)
{
	const struct place *a = left;
	const struct place *b = right;
	int order = compare_numbers(addr_port(a->addr), addr_port(b->addr));

	if (order == 0)
		order = compare_numbers(!a->addr->dual, !b->addr->dual);
	if (order == 0)
		order = compare_numbers((int)a->addr->len, (int)b->addr->len);
	if (order == 0)
		order = memcmp(&a->addr->un, &b->addr->un, a->addr->len);
	if (order == 0)
		order = a->order < b->order ? -1 : 1;
	return order;
}

/* With port 0, each listener gets a port of its own. */
static bool
is_conflict(const struct addr *a, const struct addr *b)
{
	if (!addr_is_unix(a) && !addr_is_inherited(a) && addr_port(a) == 0)
		return false;
	if (addr_equal(a, b))
		return true;
	return (a->dual || b->dual) && addr_is_wildcard(a) &&
	    addr_is_wildcard(b) && addr_port(a) == addr_port(b);
}

static void
complain_taken(struct errors *errors, const struct place *a,
    const struct place *b)
{
	const struct place *first = a->order < b->order ? a : b;
	const struct place *later = first == a ? b : a;
	char addr[ADDR_TEXT_MAX];
	char line[32] = "";

	if (first->continues && later->continues)
		return; /* so do the ports below, which were complained of */
	if (first->line > 0)
		snprintf(line, sizeof(line), "line %d, ", first->line);
	errors_service(errors, later->service->name);
	errors_add(errors, later->line, "listen",
	    "%s is taken by %s[service %s]: remove one of them",
	    addr_format(later->addr, addr, sizeof(addr)), line,
	    first->service->name);
}

static size_t
list_places(const struct config *config, const struct rules_source *sources,
    struct place *places)
{
	size_t count = 0;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		if (sources != NULL && sources[i].broken)
			continue;
		for (size_t j = 0; j < service->listens; j++) {
			places[count].addr = &service->listen[j];
			places[count].service = service;
			places[count].order = count;
			places[count].continues = j > 0 &&
			    service->listen[j - 1].ahead > 0;
			if (sources != NULL)
				places[count].line = sources[i].listen_line[j];
			count++;
		}
	}
	return count;
}

static int
check_listeners(const struct config *config, const struct rules_source *sources,
    struct errors *errors)
{
	struct place *places;
	size_t count = 0;
	size_t dual = 0;

	for (size_t i = 0; i < config->services; i++)
		count += config->service[i].listens;
	places = calloc(count + 1, sizeof(*places));
	if (places == NULL)
		return -ENOMEM;
	count = list_places(config, sources, places);
	qsort(places, count, sizeof(*places), compare_places);
	for (size_t i = 1; i < count; i++) {
		if (places[i - 1].addr->dual)
			dual = i - 1;
		if (is_conflict(places[i - 1].addr, places[i].addr))
			complain_taken(errors, &places[i - 1], &places[i]);
		else if (is_conflict(places[dual].addr, places[i].addr))
			complain_taken(errors, &places[dual], &places[i]);
	}
	free(places);
	return 0;
}

static int
compare_backends(const void *left, const void *right)
{
	const struct config_backend *a = left;
	const struct config_backend *b = right;
	int order = strcmp(a->name, b->name);

	return order != 0 ? order : compare_numbers(a->line, b->line);
}

static void
check_names(struct config_service *service, struct errors *errors)
{
	if (service->backends > 0)
		qsort(service->backend, service->backends,
		    sizeof(*service->backend), compare_backends);
	for (size_t i = 1; i < service->backends; i++) {
		const struct config_backend *a = &service->backend[i - 1];
		const struct config_backend *b = &service->backend[i];

		if (strcmp(a->name, b->name) == 0)
			errors_add(errors, b->line, "backend",
			    "the name %s is taken by line %d: give another",
			    b->name, a->line);
	}
}

static bool
has_port(const struct config_service *service,
    const struct config_backend *backend)
{
	if (backend->of_srv || addr_is_unix(&backend->addr))
		return true; /* it comes with the record, or none is needed */
	return backend->of_name != 0
	    ? service->host[backend->of_name - 1].port != 0
	    : addr_port(&backend->addr) != 0;
}

/* A backend without a port gets the port that the client connected to. */
static void
check_ports(const struct config_service *service, struct errors *errors)
{
	const char *portless = NULL; /* the listener that passes no port on */

	for (size_t i = 0; i < service->listens; i++) {
		if (addr_is_unix(&service->listen[i]))
			portless = "a unix socket has none to pass on";
		else if (addr_is_inherited(&service->listen[i]))
			portless =
			    "an inherited socket may have none to pass on";
	}
	for (size_t i = 0; i < service->backends; i++) {
		const struct config_backend *backend = &service->backend[i];

		if (has_port(service, backend))
			continue;
		if (portless != NULL)
			errors_add(errors, backend->line, "backend",
			    "%s has no port, and %s: give it one",
			    backend->name, portless);
		else if (service->settings.check.kind != CHECK_NONE &&
		    backend->check_addr.len == 0 && backend->check_port == 0 &&
		    backend->track[0] == '\0')
			errors_add(errors, backend->line, "backend",
			    "%s has no port to check: add "
			    "check-port=PORT or check-addr=ADDRESS:PORT",
			    backend->name);
	}
}

static void
check_check_ports(const struct config_service *service, struct errors *errors)
{
	for (size_t i = 0; i < service->backends; i++) {
		const struct config_backend *backend = &service->backend[i];

		if (backend->check_port == 0)
			continue;
		if (backend->check_addr.len != 0)
			errors_add(errors, backend->line, "backend",
			    "%s has a check-addr with a port, and a "
			    "check-port: remove the latter",
			    backend->name);
		else if (addr_is_unix(&backend->addr))
			errors_add(errors, backend->line, "backend",
			    "%s has the address of a unix socket, where "
			    "check-port means nothing: remove it",
			    backend->name);
	}
}

/* accept-proxy and the clients that can come. */
static void
check_proxies(const struct config_service *service, struct errors *errors)
{
	const struct config_proxies *proxies = &service->settings.accept_proxy;
	size_t local = 0, unknown = 0;

	if (proxies->count == 0 && !proxies->local)
		return;
	for (size_t i = 0; i < service->listens; i++) {
		local += addr_is_unix(&service->listen[i]);
		unknown += addr_is_inherited(&service->listen[i]);
	}
	if (proxies->local && local + unknown == 0)
		errors_add(errors, service->line, "accept-proxy",
		    "unix has no effect without a unix socket to listen on: "
		    "remove it");
	if (!proxies->local && local > 0)
		errors_add(errors, service->line, "accept-proxy",
		    "all clients of the unix socket would be refused: add "
		    "accept-proxy = unix, or listen there in another service");
}

static bool
has_source_for(const struct config_source *source, const struct addr *addr)
{
	for (unsigned i = 0; i < source->count; i++)
		if (source->address[i].family == addr->sa.sa_family)
			return true;
	return source->count == 0;
}

static void
check_source(const struct config_service *service, struct errors *errors)
{
	const struct config_source *source = &service->settings.source;

	for (size_t i = 0; i < service->backends; i++) {
		const struct config_backend *backend = &service->backend[i];

		if (backend->addr.len == 0)
			continue; /* its name is not resolved yet */
		if (addr_is_unix(&backend->addr)) {
			if (source->client)
				errors_add(errors, service->line, "source",
				    "the unix socket of backend %s is told no "
				    "client's address: remove source = client, "
				    "or that backend",
				    backend->name);
		} else if (!has_source_for(source, &backend->addr)) {
			errors_add(errors, service->line, "source",
			    "has no %s address to connect to backend %s from: "
			    "add one",
			    backend->addr.sa.sa_family == AF_INET ? "IPv4"
								  : "IPv6",
			    backend->name);
		}
	}
}

/* A mirror that would be one of the service's own backends. */
static void
check_mirror(const struct config_service *service, struct errors *errors)
{
	const struct config_mirror *mirror = &service->settings.mirror;

	for (size_t i = 0; mirror->addr.len > 0 && i < service->backends; i++) {
		const struct config_backend *backend = &service->backend[i];

		if (strcmp(backend->name, mirror->name) == 0)
			errors_add(errors, service->line, "mirror",
			    "the name %s is taken by a backend: give another",
			    mirror->name);
		else if (addr_equal(&backend->addr, &mirror->addr))
			errors_add(errors, service->line, "mirror",
			    "%s has the address of backend %s, which would get "
			    "the bytes of its clients twice: give another",
			    mirror->name, backend->name);
	}
}

static const struct config_service *
find_service(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->services; i++)
		if (strcmp(config->service[i].name, name) == 0)
			return &config->service[i];
	return NULL;
}

/* Whether a route of another service leads to it. */
static bool
is_led_to(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		for (size_t j = 0; j < service->routes; j++)
			if (strcmp(service->route[j].service, name) == 0)
				return true;
	}
	return false;
}

/* A service that nobody can reach. */
static void
check_reach(const struct config *config, const struct config_service *service,
    const struct rules_source *source, struct errors *errors)
{
	if (service->listens == 0 &&
	    (source == NULL || !source->listen_given) &&
	    !is_led_to(config, service->name))
		errors_add(errors, service->line, "listen",
		    "missing: add at least one");
}

static void
check_routes(const struct config *config, const struct config_service *service,
    struct errors *errors)
{
	const unsigned room = service->settings.rcvbuf_client;

	for (size_t i = 0; i < service->routes; i++) {
		const char *name = service->route[i].service;
		const struct config_service *to = find_service(config, name);

		if (strcmp(name, CONFIG_ROUTE_REFUSE) == 0)
			continue;
		if (to == NULL)
			errors_add(errors, service->line, "route",
			    "there is no [service %s]: add it, or write "
			    "refuse",
			    name);
		else if (to == service)
			errors_add(errors, service->line, "route",
			    "leads to its own service: remove it, as clients "
			    "that no route matches stay here");
		else if (to->routes > 0)
			errors_add(errors, service->line, "route",
			    "[service %s] has routes of its own, which have "
			    "no effect for these clients: lead to another "
			    "service",
			    name);
	}
	if (service->routes > 0 && room != 0 && room < ROUTE_RCVBUF_MIN)
		errors_add(errors, service->line, "rcvbuf-client",
		    "has no room for a ClientHello: give at least 64k, or "
		    "auto");
}

static unsigned
divisor(unsigned a, unsigned b)
{
	while (b != 0) {
		unsigned rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* The weights of the backups, or of the others; returns their sum. */
static unsigned
check_weights_of(const struct config_service *service, bool backup,
    struct errors *errors)
{
	unsigned common = 0;
	unsigned sum = 0;

	for (size_t i = 0; i < service->backends; i++) {
		if (service->backend[i].backup != backup)
			continue;
		common = divisor(service->backend[i].weight, common);
		sum += service->backend[i].weight;
	}
	if (sum > 0 && balance_hashes(service->settings.balance) &&
	    sum / common > HASH_WEIGHT_MAX)
		errors_add(errors, service->line, "balance",
		    "the sum of the %sweights, %u divided by their common "
		    "divisor %u, is above %u: give smaller weights, or set "
		    "balance = roundrobin",
		    backup ? "backups' " : "", sum, common, HASH_WEIGHT_MAX);
	return sum;
}

static void
check_weights(const struct config_service *service, struct errors *errors)
{
	unsigned sum = check_weights_of(service, false, errors);

	sum += check_weights_of(service, true, errors);
	if (sum == 0)
		errors_add(errors, service->line, "backend",
		    "no backend has a weight above 0: raise the weight of at "
		    "least one");
}

/* Keys that would have no effect. */
static void
check_balance(const struct config_service *service, struct errors *errors)
{
	enum balance balance = service->settings.balance;

	if (service->settings.max_load != 0 && !balance_hashes(balance))
		errors_add(errors, service->line, "max-load",
		    "has no effect with balance = %s: remove it, or set "
		    "balance = source or 4tuple",
		    balance_name(balance));
	if (service->settings.pin_on_change_ms != 0 &&
	    balance != BALANCE_SOURCE)
		errors_add(errors, service->line, "pin-on-change",
		    "has no effect with balance = %s: remove it, or set "
		    "balance = source",
		    balance_name(balance));
	if (service->settings.slowstart_ms != 0 &&
	    (balance_hashes(balance) || balance == BALANCE_FIRST))
		errors_add(errors, service->line, "slowstart",
		    "has no effect with balance = %s: remove it, or set "
		    "balance = roundrobin, leastconn or random",
		    balance_name(balance));
}

/* Keys that only some ways of checking take. */
static const struct {
	unsigned keys;
	const char *usage; /* of a way that takes them */
	const char *name[5];
} check_keys[] = {
	{ CHECK_KEYS_HTTP, "http GET /path",
	    { "check-host", "check-header", "check-status", "check-body" } },
	{ CHECK_KEYS_TLS, "tls", { "check-sni", "check-alpn", "check-ca" } },
};
#define CHECK_KEYS (sizeof(check_keys) / sizeof(check_keys[0]))

static void
check_useless(const struct config_service *service, unsigned taken, size_t of,
    struct errors *errors)
{
	for (const char *const *name = check_keys[of].name; *name; name++) {
		const struct key *key = keys_find(KEY_SERVICE, *name);

		if ((taken & check_keys[of].keys) == 0 &&
		    key_count(key, service) > 0)
			errors_add(errors, service->line, *name,
			    "has no effect with check = %s: remove it, or set "
			    "check = %s",
			    check_kind_name(service->settings.check.kind),
			    check_keys[of].usage);
	}
}

static void
check_checks(const struct config_service *service, struct errors *errors)
{
	const struct config_check *check = &service->settings.check;
	const struct check_way *way = check_way(check->kind);
	struct why why = { "" };
	const char *key;

	for (size_t i = 0; i < CHECK_KEYS; i++)
		check_useless(service, way != NULL ? way->keys : 0, i, errors);
	if (check->init != CHECK_INIT_UP && way == NULL)
		errors_add(errors, service->line, "init",
		    "does nothing with check = none: remove it, or give a "
		    "check");
	if (way != NULL && way->judge != NULL &&
	    way->judge(check, &key, &why) < 0)
		errors_add(errors, service->line, key, "%s", why.text);
}

/* Whether a client of the service has an IP address. */
static bool
has_ip_listener(const struct config_service *service)
{
	for (size_t i = 0; i < service->listens; i++)
		if (!addr_is_unix(&service->listen[i]))
			return true;
	return service->listens == 0;
}

static bool
has_ip_backend(const struct config_service *service)
{
	for (size_t i = 0; i < service->backends; i++)
		if (!addr_is_unix(&service->backend[i].addr))
			return true;
	return service->backends == 0;
}

/* Rules that would decide nothing. */
static void
check_access(const struct config_service *service, struct errors *errors)
{
	const struct access_rules *rules = service->access;
	bool denies = false;

	for (size_t i = 0; rules != NULL && i < rules->rules; i++)
		denies = denies || rules->rule[i].deny;
	if (rules == NULL || rules->rules == 0)
		return;
	if (!denies)
		errors_add(errors, service->line, "allow",
		    "has no effect without deny, as all others may come in "
		    "too: add deny = all");
	else if (!has_ip_listener(service))
		errors_add(errors, service->line, "deny",
		    "has no effect, as clients of a unix socket have no "
		    "address: remove it, or see listen-mode");
}

/* Waiting without a queue, or for a limit that does not exist. */
static void
check_limits(const struct config *config, const struct config_service *service,
    struct errors *errors)
{
	const struct service_settings *settings = &service->settings;

	if (settings->over_limit != OVER_LIMIT_WAIT)
		return;
	if (settings->queue == 0)
		errors_add(errors, service->line, "over-limit",
		    "wait needs a queue: raise queue above 0, or set "
		    "over-limit = reset");
	else if (settings->source_maxconn == 0 &&
	    settings->source_rate.conns == 0 && settings->rate.conns == 0 &&
	    config->rate.conns == 0)
		errors_add(errors, service->line, "over-limit",
		    "wait has no effect without a limit: remove it, or give "
		    "source-maxconn, source-rate or rate");
}

/* Options of sockets that no socket would have. */
static void
check_tuning(const struct config_service *service, struct errors *errors)
{
	const struct tuning *tuning = &service->settings.tuning;
	const bool listens = has_ip_listener(service);
	const char *idle = tuning->device[0] != '\0' ? "device"
	    : tuning->fastopen > 0		     ? "tcp-fastopen"
	    : tuning->defer_accept_ms > 0	     ? "defer-accept"
						     : NULL;
	const bool times = tuning->keepalive_idle_ms > 0 ||
	    tuning->keepalive_interval_ms > 0 || tuning->keepalive_count > 0;

	if (idle != NULL && !listens)
		errors_add(errors, service->line, idle,
		    "has no effect on a unix socket: remove it");
	if (times && service->settings.keepalive == KEEPALIVE_NONE)
		errors_add(errors, service->line, "keepalive",
		    "none leaves keepalive-idle, keepalive-interval and "
		    "keepalive-count without effect: remove them, or set "
		    "keepalive = client, backend or both");
	if (service->settings.mptcp == MPTCP_CLIENT && !listens)
		errors_add(errors, service->line, "mptcp",
		    "has no effect on a unix socket: remove it");
	if (tuning->mark != 0 && !has_ip_backend(service))
		errors_add(errors, service->line, "mark",
		    "has no effect on connections to unix sockets: remove it");
	if ((tuning->tos & 3) != 0)
		errors_add(errors, service->line, "tos",
		    "%u sets bits of ECN, which belong to the kernel: give a "
		    "multiple of 4, which is 4 times the DSCP",
		    tuning->tos);
}

static void
check_global(const struct config *config, struct errors *errors)
{
	if (!config->incoming_cpu || config->cpu_affinity)
		return;
	errors_section(errors, "global");
	errors_add(errors, config->line, "incoming-cpu",
	    "has no effect while workers may run on any CPU: set cpu-affinity "
	    "= yes, or remove it");
}

int
rules_check(struct config *config, const struct rules_source *sources,
    struct errors *errors)
{
	int error;

	check_global(config, errors);
	for (size_t i = 0; i < config->services; i++) {
		struct config_service *service = &config->service[i];

		errors_service(errors, service->name);
		if (sources != NULL && sources[i].broken)
			continue;
		check_names(service, errors);
		check_ports(service, errors);
		check_check_ports(service, errors);
		agents_check(service, errors);
		check_proxies(service, errors);
		check_source(service, errors);
		check_mirror(service, errors);
		check_reach(config, service,
		    sources != NULL ? &sources[i] : NULL, errors);
		check_routes(config, service, errors);
		check_balance(service, errors);
		check_checks(service, errors);
		check_access(service, errors);
		check_limits(config, service, errors);
		check_tuning(service, errors);
		if (access_rules_build(service->access) < 0)
			return -ENOMEM;
		/* If a backend was refused, the sum is not the intended one. */
		if (service->backends > 0 &&
		    (sources == NULL ||
			sources[i].backend_lines == service->backends))
			check_weights(service, errors);
	}
	tracks_check(config, sources, errors);
	error = check_listeners(config, sources, errors);
	return error == 0 ? loops_check(config, sources, NULL, errors) : error;
}
