/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * simulate: picks backends for the same clients from the tables of two
 * configurations, and counts the clients whose backend differs.
 *
 * The clients are given or drawn: addresses and ports from a fixed sequence of
 * pseudo-random numbers.  With N drawn clients, a share s is off by no more
 * than 4 x sqrt(s (1 - s) / N), except once in 16,000 times; with four million
 * clients, this is at most 0.1 points.
 *
 * If a policy ignores the client, conns arrive one after another and stay until
 * all backends are at their maxconn; the result is the shares.
 */
#include "lb4/whatif/offline.h"

#include <bsd/stdlib.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "lb4/balance/pick.h"
#include "lb4/balance/policy.h"
#include "lb4/config/route.h"

#define DRAWN 4000000
#define DRAWN_CONNS 100000 /* for a policy that counts conns */

struct clients {
	struct endpoint *given; /* owned; NULL: drawn */
	size_t count;
	size_t room;
};

/* Where a client that gets no backend is counted, behind the backends. */
enum other_place {
	PLACE_NONE,
	PLACE_REFUSED, /* by an access rule */
	OTHER_PLACES,
};

/* One service, before and after. */
struct comparison {
	const struct service *side[2];
	uint32_t *picked[2]; /* owned; by backend, then by other place */
	uint64_t picks[2];
	uint64_t moved;
};

static int
clients_add(struct clients *clients, const struct endpoint *client)
{
	if (clients->count == clients->room) {
		size_t room = 2 * clients->room + 1024;
		struct endpoint *given = reallocarray(clients->given, room,
		    sizeof(*given));

		if (given == NULL)
			return -ENOMEM;
		clients->given = given;
		clients->room = room;
	}
	clients->given[clients->count++] = *client;
	return 0;
}

static int
clients_read(struct clients *clients, FILE *in, const char *name, FILE *err)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	unsigned long number = 0;
	int error = 0;

	while (error == 0 && (len = getline(&line, &room, in)) >= 0) {
		struct endpoint client;
		const char *why = NULL;

		number++;
		if (len > 0 && line[len - 1] == '\n')
			line[len - 1] = '\0';
		error = offline_client_parse(&client, line, &why);
		if (error == 0)
			error = clients_add(clients, &client);
		if (error < 0)
			escape_line(err, "lb4: %s: line %lu: %s", name, number,
			    why != NULL ? why : strerror(-error));
	}
	if (error == 0 && !feof(in)) {
		error = errno != 0 ? -errno : -EIO;
		fprintf(err, "lb4: %s: %s\n", name, strerror(-error));
	}
	free(line);
	if (error == 0 && clients->count == 0) {
		escape_line(err, "lb4: %s: no client in it", name);
		error = -EINVAL;
	}
	return error;
}

static int
clients_load(struct clients *clients, const char *path, FILE *err)
{
	FILE *in;
	int error;

	if (path == NULL)
		return 0;
	in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (in == NULL) {
		error = -errno;
		escape_line(err, "lb4: %s: %s", path, strerror(-error));
		return error;
	}
	error = clients_read(clients, in, path, err);
	if (in != stdin)
		fclose(in);
	return error;
}

/* The n-th client, given or drawn; so is its port. */
static void
clients_get(const struct clients *clients, uint64_t n, struct pick *pick)
{
	uint64_t random = hash_mix(n);
	uint16_t port = (uint16_t)(1024 + (random >> 32) % 64512);

	memset(pick, 0, sizeof(*pick));
	pick->conn = n;
	if (clients->given != NULL) {
		pick->client = clients->given[n % clients->count];
		if (pick->client.port == 0)
			pick->client.port = port;
		return;
	}
	pick->client.family = AF_INET;
	pick->client.ip[10] = pick->client.ip[11] = 0xff;
	for (int i = 0; i < 4; i++)
		pick->client.ip[12 + i] = (uint8_t)(random >> 8 * i);
	pick->client.port = port;
}

static size_t
other_place(const struct service *service, enum other_place other)
{
	return service->backends + other;
}

/* The client has got that backend, or none. */
static size_t
place_of(const struct service *service, int index)
{
	return index < 0 ? other_place(service, PLACE_NONE) : (size_t)index;
}

static void
count_pick(struct comparison *comparison, int side, size_t place)
{
	comparison->picked[side][place]++;
	comparison->picks[side]++;
}

/* A backend with the same name but another address is another backend: it has
 * no session. */
static bool
is_same_backend(const struct comparison *comparison, const size_t place[2])
{
	const struct service *const *side = comparison->side;
	const struct backend *backend[2];

	for (int i = 0; i < 2; i++) {
		if (place[i] >= side[i]->backends)
			return place[0] - side[0]->backends ==
			    place[1] - side[1]->backends;
		backend[i] = side[i]->backend[place[i]].backend;
	}
	return strcmp(backend[0]->name, backend[1]->name) == 0 &&
	    addr_equal(&backend[0]->addr, &backend[1]->addr);
}

static bool
is_by_client(const struct service *service)
{
	return policy_of(service->settings.balance)->by_client;
}

/* Whether the caller has given up; checked now and then. */
static bool
is_stopped(const _Atomic bool *stop, uint64_t n)
{
	return stop != NULL && n % 4096 == 0 &&
	    atomic_load_explicit(stop, memory_order_relaxed);
}

static void
end_conns(const struct service *service)
{
	for (size_t i = 0; i < service->backends; i++)
		atomic_store_explicit(&service->backend[i].backend->active, 0,
		    memory_order_relaxed);
}

/* Conns arrive and stay until there is no room; then it starts again. */
static int
run_conns(struct comparison *comparison, int side,
    const struct clients *clients, const _Atomic bool *stop)
{
	const struct service *service = comparison->side[side];

	for (uint64_t n = 0; n < DRAWN_CONNS; n++) {
		struct pick pick;
		int index;

		if (is_stopped(stop, n))
			return -ECANCELED;
		clients_get(clients, n, &pick);
		if (offline_refuses(service, &pick.client)) {
			count_pick(comparison, side,
			    other_place(service, PLACE_REFUSED));
			continue;
		}
		index = pick_find(service, &pick);
		if (index == PICK_FULL) {
			end_conns(service);
			index = pick_find(service, &pick);
		}
		count_pick(comparison, side, place_of(service, index));
		if (index >= 0)
			atomic_fetch_add_explicit(&service->backend[index]
						       .backend->active,
			    1, memory_order_relaxed);
	}
	return 0;
}

/* The place of a client of a policy that hashes it. */
static size_t
place_client(const struct service *service, struct pick *pick)
{
	if (offline_refuses(service, &pick->client))
		return other_place(service, PLACE_REFUSED);
	return place_of(service, pick_find(service, pick));
}

static int
run_clients(struct comparison *comparison, const struct clients *clients,
    const _Atomic bool *stop)
{
	uint64_t count = clients->given != NULL ? clients->count : DRAWN;
	bool by_client[2];
	int error = 0;

	for (int i = 0; i < 2; i++) {
		by_client[i] = is_by_client(comparison->side[i]);
		if (error == 0 && !by_client[i])
			error = run_conns(comparison, i, clients, stop);
	}
	if (error < 0 || !(by_client[0] || by_client[1]))
		return error;
	for (uint64_t n = 0; n < count; n++) {
		struct pick pick;
		size_t place[2];

		if (is_stopped(stop, n))
			return -ECANCELED;
		clients_get(clients, n, &pick);
		for (int i = 0; i < 2; i++) {
			if (!by_client[i])
				continue;
			place[i] = place_client(comparison->side[i], &pick);
			count_pick(comparison, i, place[i]);
		}
		if (by_client[0] && by_client[1] &&
		    !is_same_backend(comparison, place))
			comparison->moved++;
	}
	return 0;
}

/* The place of the backend with that name, or a place that does not exist. */
static size_t
index_of(const struct service *service, const char *name)
{
	for (size_t i = 0; i < service->backends; i++)
		if (strcmp(service->backend[i].backend->name, name) == 0)
			return i;
	return SIZE_MAX;
}

static double
share(const struct comparison *comparison, int side, size_t index)
{
	if (index == SIZE_MAX)
		return SIMULATED_NOT_THERE;
	return 100.0 * comparison->picked[side][index] /
	    (double)comparison->picks[side];
}

static void
tell_backend(const struct comparison *comparison, const char *name,
    struct simulated *told)
{
	told->backend[told->backends++] = (struct simulated_backend){
		.name = name,
		.percent = { share(comparison, 0,
				 index_of(comparison->side[0], name)),
		    share(comparison, 1, index_of(comparison->side[1], name)) },
	};
}

/* Both are sorted by name, and so is the result. */
static void
tell_backends(const struct comparison *comparison, struct simulated *told)
{
	const struct service *before = comparison->side[0];
	const struct service *after = comparison->side[1];
	size_t i = 0, j = 0;

	while (i < before->backends || j < after->backends) {
		int order = i == before->backends ? 1
		    : j == after->backends
		    ? -1
		    : strcmp(before->backend[i].backend->name,
			  after->backend[j].backend->name);

		tell_backend(comparison,
		    order <= 0 ? before->backend[i].backend->name
			       : after->backend[j].backend->name,
		    told);
		i += order <= 0;
		j += order >= 0;
	}
	for (int side = 0; side < 2; side++) {
		const struct service *service = comparison->side[side];

		told->none_percent[side] = share(comparison, side,
		    other_place(service, PLACE_NONE));
		told->refused_percent[side] = share(comparison, side,
		    other_place(service, PLACE_REFUSED));
	}
}

/* Where that side's route for what it matches leads; NULL: there is none. */
static const char *
route_to(const struct service *service, const char *match)
{
	for (size_t i = 0; i < service->routes; i++) {
		const struct service_route *route = &service->route[i];

		if (strcmp(route->match, match) == 0)
			return route->state != NULL ? route->state->name
						    : CONFIG_ROUTE_REFUSE;
	}
	return NULL;
}

/* Those that lead elsewhere: first those of before, then the new ones. */
static void
tell_routes(const struct comparison *comparison, struct simulated *told)
{
	for (int side = 0; side < 2; side++) {
		const struct service *service = comparison->side[side];

		for (size_t i = 0; i < service->routes; i++) {
			const char *match = service->route[i].match;
			const char *before = route_to(comparison->side[0],
			    match);
			const char *after = route_to(comparison->side[1],
			    match);

			if (side == 1
				? before != NULL
				: after != NULL && strcmp(before, after) == 0)
				continue;
			told->route[told->routes++] = (struct simulated_route){
				.match = match,
				.to = { before, after },
			};
		}
	}
}

static int
tell(const struct comparison *comparison, const struct clients *clients,
    const struct offline_simulate *question)
{
	const struct service *const *side = comparison->side;
	struct simulated told = {
		.service = side[1]->state->name,
		.change = SIMULATED_STAYS,
		.by_client = is_by_client(side[0]) && is_by_client(side[1]),
		.moved = comparison->moved,
		.clients = clients->given != NULL ? clients->count : DRAWN,
	};
	int error = -ENOMEM;

	for (int i = 0; i < 2; i++) {
		told.balance[i] = policy_of(side[i]->settings.balance)->name;
		told.checksum[i] = side[i]->checksum;
	}
	told.backend = calloc(side[0]->backends + side[1]->backends,
	    sizeof(*told.backend));
	told.route = calloc(side[0]->routes + side[1]->routes + 1,
	    sizeof(*told.route));
	if (told.backend != NULL && told.route != NULL) {
		tell_backends(comparison, &told);
		tell_routes(comparison, &told);
		question->tell(question->owner, &told);
		error = 0;
	}
	free(told.backend);
	free(told.route);
	return error;
}

static int
compare(const struct service *before, const struct service *after,
    const struct clients *clients, const struct offline_simulate *question)
{
	struct comparison comparison = { .side = { before, after } };
	int error = -ENOMEM;

	for (int i = 0; i < 2; i++)
		comparison.picked[i] = calloc(comparison.side[i]->backends +
			OTHER_PLACES,
		    sizeof(*comparison.picked[i]));
	if (comparison.picked[0] != NULL && comparison.picked[1] != NULL)
		error = run_clients(&comparison, clients, question->stop);
	if (error == 0)
		error = tell(&comparison, clients, question);
	free(comparison.picked[0]);
	free(comparison.picked[1]);
	return error;
}

static void
tell_change(const struct offline_simulate *question, const char *service,
    enum simulated_change change)
{
	const struct simulated told = { .service = service, .change = change };

	question->tell(question->owner, &told);
}

static int
compare_all(const struct offline side[2], const struct clients *clients,
    const struct offline_simulate *question)
{
	const struct config *before = side[0].config;
	const struct config *after = side[1].config;
	int error = 0;

	for (size_t i = 0; i < before->services; i++)
		if (offline_service(&side[1], before->service[i].name) == NULL)
			tell_change(question, before->service[i].name,
			    SIMULATED_REMOVED);
	for (size_t i = 0; error == 0 && i < after->services; i++) {
		const char *name = after->service[i].name;
		const struct service *old = offline_service(&side[0], name);

		if (old == NULL)
			tell_change(question, name, SIMULATED_ADDED);
		else
			error = compare(old, offline_service(&side[1], name),
			    clients, question);
	}
	return error;
}

/* ---- as text ------------------------------------------------------------- */

static void
print_share(double percent, FILE *out)
{
	if (percent == SIMULATED_NOT_THERE)
		fprintf(out, " %9s", "-");
	else
		fprintf(out, " %7.2f %%", percent);
}

static void
print_shares(const char *name, const double percent[2], FILE *out)
{
	fprintf(out, "  %-20s", name);
	print_share(percent[0], out);
	print_share(percent[1], out);
	fputc('\n', out);
}

static void
print_routes(const struct simulated *told, FILE *out)
{
	for (size_t i = 0; i < told->routes; i++) {
		const struct simulated_route *route = &told->route[i];

		fprintf(out, "  route    %s: %s -> %s\n", route->match,
		    route->to[0] != NULL ? route->to[0] : "-",
		    route->to[1] != NULL ? route->to[1] : "-");
	}
}

void
offline_print_simulated(void *out_arg, const struct simulated *told)
{
	static const char *const changes[] = {
		[SIMULATED_ADDED] = "added",
		[SIMULATED_REMOVED] = "removed",
	};
	FILE *out = out_arg;

	if (told->change != SIMULATED_STAYS) {
		fprintf(out, "service %s: %s\n", told->service,
		    changes[told->change]);
		return;
	}
	fprintf(out, "service %s\n", told->service);
	fprintf(out, "  balance  %s -> %s\n", told->balance[0],
	    told->balance[1]);
	fprintf(out, "  checksum %016" PRIx64 " -> %016" PRIx64 "\n",
	    told->checksum[0], told->checksum[1]);
	if (told->by_client)
		fprintf(out, "  moved    %.2f %% of %" PRIu64 " clients\n",
		    100.0 * (double)told->moved / (double)told->clients,
		    told->clients);
	else
		fprintf(out,
		    "  moved    no client has a backend of its own "
		    "before and after\n");
	print_routes(told, out);
	fprintf(out, "  %-20s %9s %9s\n", "backend", "before", "after");
	for (size_t i = 0; i < told->backends; i++)
		print_shares(told->backend[i].name, told->backend[i].percent,
		    out);
	if (told->none_percent[0] + told->none_percent[1] > 0)
		print_shares("(none)", told->none_percent, out);
	if (told->refused_percent[0] + told->refused_percent[1] > 0)
		print_shares("(refused)", told->refused_percent, out);
}

/* ---- the question -------------------------------------------------------- */

/* A backend that is down is down before and after. */
static int
set_down(struct offline side[2], const struct config *config, const char *name,
    FILE *err)
{
	char meant[OFFLINE_MEANT_MAX];
	int before = offline_set_down(&side[0], name);
	int after = offline_set_down(&side[1], name);

	if (before == 0 || after == 0)
		return 0;
	escape_line(err, "lb4: %s: no such SERVICE/BACKEND%s", name,
	    offline_meant(config, name, meant, sizeof(meant)));
	return -ENOENT;
}

/* Up before, and down after. */
static int
set_down_after(struct offline *after, const struct config *config,
    const char *name, FILE *err)
{
	char meant[OFFLINE_MEANT_MAX];
	int error = offline_set_down(after, name);

	if (error < 0)
		escape_line(err, "lb4: %s: no such SERVICE/BACKEND%s", name,
		    offline_meant(config, name, meant, sizeof(meant)));
	return error;
}

static int
simulate(struct offline side[2], const struct offline_simulate *question,
    FILE *err)
{
	struct clients clients = { .given = NULL };
	int error = clients_load(&clients, question->clients, err);

	for (size_t i = 0; error == 0 && i < question->downs; i++)
		error = set_down(side, question->before, question->down[i],
		    err);
	for (size_t i = 0; error == 0 && i < question->downs_after; i++)
		error = set_down_after(&side[1], question->after,
		    question->down_after[i], err);
	if (error == 0) {
		error = compare_all(side, &clients, question);
		if (error < 0)
			escape_line(err, "lb4: %s", strerror(-error));
	}
	free(clients.given);
	return error;
}

int
offline_simulate(const struct offline_simulate *question, FILE *err)
{
	const struct config *config[2] = { question->before, question->after };
	struct offline side[2];
	struct hash_key seed;
	int done = 0;
	int error = 0;

	/* A reload without a new seed keeps the old one. */
	arc4random_buf(&seed, sizeof(seed));
	if (config[0]->hash_seed_set)
		seed = config[0]->hash_seed;
	for (; error == 0 && done < 2; done += error == 0) {
		error = offline_init(&side[done], config[done], &seed);
		if (error < 0)
			escape_line(err, "lb4: table: %s", strerror(-error));
	}
	if (error == 0)
		error = simulate(side, question, err);
	while (done > 0)
		offline_done(&side[--done]);
	return error;
}
