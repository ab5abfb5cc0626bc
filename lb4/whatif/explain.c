/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * lb4 --explain: makes a pick and describes it, or makes many picks, one per
 * line.
 */
#include "lb4/whatif/offline.h"

#include <bsd/stdlib.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "lb4/balance/pick.h"
#include "lb4/balance/policy.h"
#include "lb4/balance/trace.h"
#include "lb4/config/access_rules.h"
#include "lb4/config/names.h"
#include "lb4/config/route.h"

#define WAITS ": none is available, the client waits for one (wait-for-backend)"

const char *
offline_address(const struct service *service, const struct offline_pick *asked,
    char *buf, size_t size)
{
	struct addr addr = service->backend[asked->index].backend->addr;

	if (addr_port(&addr) == 0)
		addr_set_port(&addr, asked->port);
	return addr_format(&addr, buf, size);
}

static void
print_backend(const struct service *service, const struct offline_pick *asked,
    FILE *out)
{
	const int index = asked->index;
	char addr[ADDR_TEXT_MAX];

	if (index < 0) {
		fprintf(out, "backend    none%s\n",
		    index == PICK_DOWN ? WAITS : "");
		return;
	}
	fprintf(out, "backend    %s %s\n",
	    service->backend[index].backend->name,
	    offline_address(service, asked, addr, sizeof(addr)));
	if (service->backend[index].send_proxy != SEND_PROXY_NO)
		fprintf(out, "send-proxy %s\n",
		    send_proxy_name(service->backend[index].send_proxy));
}

/* Who gets a copy of what the client sends. */
static void
print_mirror(const struct service *service, FILE *out)
{
	const struct config_mirror *mirror = &service->settings.mirror;
	char addr[ADDR_TEXT_MAX];

	if (mirror->addr.len > 0)
		fprintf(out, "mirror     %s %s: a copy of the client's bytes\n",
		    mirror->name,
		    addr_format(&mirror->addr, addr, sizeof(addr)));
}

/* Every backend in the set that the pick used, whether the pick considered it
 * or not. */
static void
print_all(const struct service *service, const struct pick *pick, FILE *out)
{
	const struct scope scope = {
		.set = pick->trace->set,
		.check_health = pick->trace->check_health,
	};

	for (unsigned i = 0; i < service->backends; i++) {
		const struct service_backend *one = &service->backend[i];
		enum skip skip = candidate_skip(service, pick, i, &scope);

		fprintf(out, "           %s (weight %u", one->backend->name,
		    one->weight);
		if (service_backend_percent(one) != 100)
			fprintf(out, ", its agent sets %u%% of it",
			    service_backend_percent(one));
		fprintf(out, "): %s\n", candidate_skip_name(skip));
	}
}

/* Which backends the pick considers. */
static void
print_set(const struct service *service, enum backend_set set,
    bool check_health, FILE *out)
{
	static const char *const names[BACKEND_SETS] = {
		[SET_NEAR] = "the backends of the node's zone",
		[SET_FAR] = "the backends of other zones",
		[SET_BACKUP] = "the backups",
	};
	bool all = service->zones == 0 && set == SET_NEAR;

	fprintf(out, "among      %s%s\n", all ? "the backends" : names[set],
	    check_health ? "" : ", whatever the checks say, as too few are up");
}

static void
print_steps(const struct service *service, const struct pick_trace *trace,
    FILE *out)
{
	for (unsigned i = 0; i < trace->steps; i++) {
		const struct trace_step *step = &trace->step[i];

		if (i == 0 || step->set != step[-1].set ||
		    step->check_health != step[-1].check_health)
			print_set(service, step->set, step->check_health, out);
		fprintf(out, "slot       %" PRIu32 " of %" PRIu32 ": %s: %s\n",
		    step->slot, step->slots,
		    service->backend[step->index].backend->name,
		    candidate_skip_name(step->skip));
	}
}

static void
print_hash(const struct pick_trace *trace, FILE *out)
{
	fprintf(out, "key        ");
	for (size_t i = 0; i < trace->key_len; i++)
		fprintf(out, "%02x", trace->key[i]);
	fprintf(out, "\nhash       %016" PRIx64 "\n", trace->hash);
}

/* Which access rule decides about the client. */
static void
print_rule(const struct service *service, const struct access_prefix *prefix,
    FILE *out)
{
	const struct access_rule *rule = &service->access->rule[prefix->rule];
	char text[PREFIX_TEXT_MAX];

	fprintf(out, "rule       %s %s, ", access_rule_verb(rule),
	    prefix_format(&prefix->prefix, text, sizeof(text)));
	if (rule->path != NULL)
		fprintf(out, "from %s:%" PRIu32 "\n", rule->path, prefix->line);
	else
		fprintf(out, "from %s = %s\n", access_rule_verb(rule),
		    rule->text);
}

/* How far the client's source is from its limits. */
static void
print_sight(const struct throttle_sight *sight, FILE *out)
{
	fprintf(out, "source     %" PRIu32, sight->conns);
	if (sight->maxconn != 0)
		fprintf(out, " of %" PRIu32, sight->maxconn);
	fprintf(out, " conns");
	if (sight->maxconn != 0 && sight->conns >= sight->maxconn)
		fprintf(out, ": over source-maxconn");
	if (sight->wait_ms > 0)
		fprintf(out, ": over source-rate for %" PRIu64 " ms",
		    sight->wait_ms);
	fputc('\n', out);
}

void
offline_print_pick(const struct service *service,
    const struct offline_pick *asked, FILE *out)
{
	const struct policy *policy = policy_of(service->settings.balance);
	const struct pick *pick = &asked->pick;
	const struct pick_trace *trace = &asked->trace;

	if (asked->front_prefix != NULL)
		print_rule(asked->front, asked->front_prefix, out);
	if (asked->route != NULL)
		fprintf(out, "route      %s %s\n", asked->route->match,
		    service->state->name);
	fprintf(out, "service    %s\nbalance    %s\n", service->state->name,
	    policy->name);
	fprintf(out, "checksum   %016" PRIx64 "\nclient     %s\n",
	    service->checksum, asked->client);
	if (asked->prefix != NULL)
		print_rule(service, asked->prefix, out);
	if (asked->sight.limited)
		print_sight(&asked->sight, out);
	if (asked->refused) {
		fprintf(out, "backend    none: the rule refuses the client\n");
		return;
	}
	if (!policy->by_client) {
		print_set(service, trace->set, trace->check_health, out);
		print_all(service, pick, out);
		if (asked->index == PICK_DOWN)
			print_backend(service, asked, out);
		else
			fprintf(out,
			    "backend    any of the usable ones: who the client "
			    "is does not count\n");
		print_mirror(service, out);
		return;
	}
	print_hash(trace, out);
	print_steps(service, trace, out);
	if (trace->spread) {
		fprintf(out,
		    "spread     by the hash over all that are usable\n");
		print_all(service, pick, out);
	}
	if (trace->kept)
		fprintf(out, "kept       where it was before a change\n");
	print_backend(service, asked, out);
	print_mirror(service, out);
}

/* Whether the place of this client can be known; if not, a constant sentence
 * why. */
static const char *
client_of(const struct service *service, const char *text, struct pick *pick)
{
	const char *why = NULL;

	memset(pick, 0, sizeof(*pick));
	if (offline_client_parse(&pick->client, text, &why) < 0)
		return why;
	if (service->settings.balance == BALANCE_4TUPLE &&
	    pick->client.port == 0)
		return "balance = 4tuple needs the client's port: write "
		       "ADDRESS:PORT";
	return NULL;
}

const char *
offline_pick(const struct service *service, const char *client, uint64_t now_ms,
    struct offline_pick *asked)
{
	const char *why;

	memset(asked, 0, sizeof(*asked));
	why = client_of(service, client, &asked->pick);
	if (why != NULL)
		return why;
	asked->client = client;
	asked->pick.trace = &asked->trace;
	asked->pick.now_ms = now_ms;
	asked->pick.waits = service->settings.conn.wait_for_backend_ms > 0;
	asked->prefix = access_rules_judge(service->access,
	    &asked->pick.client);
	asked->refused = access_rules_refuse(service->access, asked->prefix);
	asked->index = asked->refused ? PICK_NONE
				      : pick_find(service, &asked->pick);
	return NULL;
}

/* Whether a listener of the service may have that port. */
static bool
listens_on(const struct config_service *service, unsigned port)
{
	for (size_t i = 0; i < service->listens; i++) {
		const struct addr *addr = &service->listen[i];

		if (!addr_is_unix(addr) &&
		    (addr_port(addr) == port || addr_port(addr) == 0))
			return true;
	}
	return false;
}

const char *
offline_read_port(const struct config *config, const char *service,
    const char *text, uint16_t *port)
{
	const char *wrong = NULL;

	*port = 0;
	if (text == NULL)
		return NULL;
	*port = (uint16_t)strtonum(text, 1, UINT16_MAX, &wrong);
	if (wrong != NULL)
		return "port must be 1 to 65535";
	for (size_t i = 0; i < config->services; i++)
		if (strcmp(config->service[i].name, service) == 0 &&
		    listens_on(&config->service[i], *port))
			return NULL;
	return "the service does not listen on that port";
}

void
offline_lead(struct offline_pick *asked, const struct service *front,
    const struct service_route *route)
{
	if (route == NULL)
		return;
	asked->route = route;
	asked->front = front;
	asked->front_prefix = access_rules_judge(front->access,
	    &asked->pick.client);
	if (!access_rules_refuse(front->access, asked->front_prefix))
		return;
	asked->refused = true;
	asked->prefix = NULL;
	asked->index = PICK_NONE;
}

const struct service_route *
offline_find_route(const struct service *service, const char *sni,
    const char *alpn)
{
	char name[256] = "";
	unsigned char protocols[256];
	struct route_facts facts = { .alpn = protocols };
	size_t len = alpn != NULL ? strlen(alpn) : 0;

	for (size_t i = 0; sni != NULL && sni[i] != '\0' && i < 255; i++)
		name[i] = (char)tolower((unsigned char)sni[i]);
	facts.name = name;
	if (len > 0 && len < sizeof(protocols)) {
		protocols[0] = (unsigned char)len;
		/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes */
		memcpy(protocols + 1, alpn, len);
		facts.alpn_len = len + 1;
	}
	return service_find_route(service, &facts);
}

/* The configuration as it is and, if backends go down, after that. */
struct sides {
	struct offline offline[2];
	const struct service *service[2];
	const struct service *front[2]; /* that is asked about; */
	const struct service_route
	    *route[2]; /* its route to `service`, or NULL */
	uint16_t port; /* that the client comes to; 0: not told */
	int count;
};

static void
print_line(const struct sides *sides, const char *client, struct pick *pick,
    FILE *out)
{
	fputs(client, out);
	for (int i = 0; i < sides->count; i++) {
		const struct service *service = sides->service[i];
		const int index = offline_refuses(sides->front[i],
				      &pick->client) ||
			offline_refuses(service, &pick->client)
		    ? PICK_NONE
		    : pick_find(service, pick);

		fprintf(out, " %s",
		    index < 0 ? "-" : service->backend[index].backend->name);
	}
	fputc('\n', out);
}

static int
explain_lines(const struct sides *sides, FILE *in, FILE *out, FILE *err)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	unsigned long number = 0;
	const char *why = NULL;
	int error = 0;

	while (why == NULL && (len = getline(&line, &room, in)) >= 0) {
		struct pick pick;

		number++;
		if (len > 0 && line[len - 1] == '\n')
			line[len - 1] = '\0';
		why = client_of(sides->service[0], line, &pick);
		if (why != NULL) {
			escape_line(err, "lb4: line %lu: %s", number, why);
			break;
		}
		print_line(sides, line, &pick, out);
	}
	free(line);
	if (why == NULL && !feof(in)) {
		error = errno != 0 ? -errno : -EIO;
		fprintf(err, "lb4: standard input: %s\n", strerror(-error));
	}
	return why == NULL ? error : -EINVAL;
}

void
offline_print_downs_after(const char *const *down, size_t downs, FILE *out)
{
	fputs("after", out);
	for (size_t i = 0; i < downs; i++)
		fprintf(out, "%s %s", i == 0 ? "     " : ",", down[i]);
	fprintf(out, " %s down\n", downs == 1 ? "is" : "are");
}

/* The pick of one client on one side. */
static int
explain_client(const struct sides *sides, int i,
    const struct offline_explain *question, FILE *out, FILE *err)
{
	const struct service *service = sides->service[i];
	struct offline_pick asked;
	const char *why = offline_pick(service, question->client, 0, &asked);

	if (why != NULL) {
		escape_line(err, "lb4: %s: %s", question->client, why);
		return -EINVAL;
	}
	offline_lead(&asked, sides->front[i], sides->route[i]);
	asked.port = sides->port;
	offline_print_pick(service, &asked, out);
	return 0;
}

/* One client: its pick, and the pick after backends have gone down. */
static int
explain_one(struct sides *sides, const struct offline_explain *question,
    FILE *out, FILE *err)
{
	const char *why = offline_read_port(sides->offline[0].config,
	    question->service, question->port, &sides->port);
	int error;

	if (why != NULL) {
		escape_line(err, "lb4: %s: %s", question->port, why);
		return -EINVAL;
	}
	error = explain_client(sides, 0, question, out, err);
	if (error < 0 || sides->count == 1)
		return error;
	fputc('\n', out);
	offline_print_downs_after(question->down_after, question->downs_after,
	    out);
	return explain_client(sides, 1, question, out, err);
}

static int
explain_service(struct sides *sides, const struct offline_explain *question,
    FILE *out, FILE *err)
{
	const struct service *service = sides->service[0];
	bool by_client = policy_of(service->settings.balance)->by_client;

	if (!sides->offline[0].config->hash_seed_set && by_client)
		fprintf(err,
		    "lb4: no hash-seed in the configuration: the answer "
		    "is for one drawn now, a running lb4 has another\n");
	if (strcmp(question->client, "-") != 0)
		return explain_one(sides, question, out, err);
	if (by_client)
		return explain_lines(sides, question->in, out, err);
	fprintf(err,
	    "lb4: %s: balance = %s: who the client is does not tell "
	    "its backend\n",
	    question->service, policy_of(service->settings.balance)->name);
	return -EINVAL;
}

/* Marks the named backends as down on that side. */
static int
set_downs(struct offline *offline, const char *const *down, size_t downs,
    FILE *err)
{
	char meant[OFFLINE_MEANT_MAX];
	int error = 0;

	for (size_t i = 0; error == 0 && i < downs; i++) {
		error = offline_set_down(offline, down[i]);
		if (error < 0)
			escape_line(err, "lb4: %s: no such SERVICE/BACKEND%s",
			    down[i],
			    offline_meant(offline->config, down[i], meant,
				sizeof(meant)));
	}
	return error;
}

/* Goes on with the service that the client's route leads to.  Returns -ENOENT
 * if the route refuses the client. */
static int
follow_route(struct sides *sides, int i, const struct offline_explain *question,
    FILE *out)
{
	const struct service_route *route =
	    offline_find_route(sides->service[i], question->sni,
		question->alpn);

	sides->front[i] = sides->service[i];
	sides->route[i] = route;
	if (route == NULL)
		return 0;
	if (route->state == NULL) {
		if (i == 0)
			fprintf(out, "route      %s " CONFIG_ROUTE_REFUSE "\n",
			    route->match);
		return -ENOENT;
	}
	sides->service[i] = offline_service(&sides->offline[i],
	    route->state->name);
	return 0;
}

static int
explain(struct sides *sides, const struct offline_explain *question, FILE *out,
    FILE *err)
{
	const struct config *config = sides->offline[0].config;
	char meant[OFFLINE_MEANT_MAX];
	int error = 0;

	for (int i = 0; error == 0 && i < sides->count; i++) {
		struct offline *offline = &sides->offline[i];

		error = set_downs(offline, question->down, question->downs,
		    err);
		if (error == 0 && i == 1)
			error = set_downs(offline, question->down_after,
			    question->downs_after, err);
		sides->service[i] = offline_service(offline, question->service);
		if (error == 0 && sides->service[i] != NULL)
			error = follow_route(sides, i, question, out);
	}
	if (error == 0 && sides->service[0] == NULL) {
		escape_line(err, "lb4: %s: no such service%s",
		    question->service,
		    offline_meant(config, question->service, meant,
			sizeof(meant)));
		error = -ENOENT;
	}
	return error == 0 ? explain_service(sides, question, out, err) : error;
}

int
offline_explain(const struct config *config,
    const struct offline_explain *question, FILE *out, FILE *err)
{
	const int count = question->downs_after > 0 ? 2 : 1;
	struct sides sides = { .count = 0 };
	struct hash_key seed;
	int error = 0;

	arc4random_buf(&seed, sizeof(seed));
	while (error == 0 && sides.count < count) {
		error = offline_init(&sides.offline[sides.count], config,
		    &seed);
		if (error < 0)
			escape_line(err, "lb4: table: %s", strerror(-error));
		else
			sides.count++;
	}
	if (error == 0)
		error = explain(&sides, question, out, err);
	while (sides.count > 0)
		offline_done(&sides.offline[--sides.count]);
	return error;
}
