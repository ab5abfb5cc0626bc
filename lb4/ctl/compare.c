/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Comparing nodes: see compare.h. */
#include "lb4/ctl/compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "common/hash.h"

/* ---- what is accepted ---------------------------------------------------- */

enum member_kind {
	MEMBER_TEXT, /* printable ASCII: it may go to a terminal */
	MEMBER_TEXT_OR_NULL,
	MEMBER_NUMBER, /* no less than 0; sums of them fit */
	MEMBER_BOOL,
	MEMBER_LIST,
};

struct member {
	const char *name;
	enum member_kind kind;
};

static const struct member head_members[] = {
	{ "schema", MEMBER_TEXT },
	{ "version", MEMBER_TEXT },
	{ "zone", MEMBER_TEXT },
	{ "node", MEMBER_TEXT },
	{ "configuration_checksum", MEMBER_TEXT },
	{ "seed_checksum", MEMBER_TEXT_OR_NULL },
	{ "seed_random", MEMBER_BOOL },
	{ "services", MEMBER_LIST },
	{ NULL, MEMBER_TEXT },
};

static const struct member service_members[] = {
	{ "service", MEMBER_TEXT },
	{ "configuration_checksum", MEMBER_TEXT_OR_NULL },
	{ "table_checksum", MEMBER_TEXT },
	{ "available", MEMBER_NUMBER },
	{ "backends", MEMBER_LIST },
	{ NULL, MEMBER_TEXT },
};

static const struct member backend_members[] = {
	{ "backend", MEMBER_TEXT },
	{ "address", MEMBER_TEXT },
	{ "admin", MEMBER_TEXT },
	{ "health", MEMBER_TEXT },
	{ "weight", MEMBER_NUMBER },
	{ NULL, MEMBER_TEXT },
};

static bool
is_text(const json_t *value)
{
	const char *text = json_string_value(value);

	return text != NULL && escape_is_plain(text);
}

static bool
is_of_kind(const json_t *value, enum member_kind kind)
{
	switch (kind) {
	case MEMBER_TEXT_OR_NULL:
		return json_is_null(value) || is_text(value);
	case MEMBER_NUMBER:
		return json_is_integer(value) &&
		    json_integer_value(value) >= 0 &&
		    json_integer_value(value) <= UINT32_MAX;
	case MEMBER_BOOL:
		return json_is_boolean(value);
	case MEMBER_LIST:
		return json_is_array(value);
	case MEMBER_TEXT:
		break;
	}
	return is_text(value);
}

static bool __attribute__((format(printf, 3, 4)))
refuse(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, size, format, args);
	va_end(args);
	return false;
}

static bool
has_members(const json_t *object, const char *what,
    const struct member *members, char *why, size_t size)
{
	if (!json_is_object(object))
		return refuse(why, size, "%s is no JSON object", what);
	for (; members->name != NULL; members++) {
		const json_t *value = json_object_get(object, members->name);

		if (value == NULL)
			return refuse(why, size,
			    "%s has no %s: is its lb4 too old?", what,
			    members->name);
		if (!is_of_kind(value, members->kind))
			return refuse(why, size, "%s has a wrong %s", what,
			    members->name);
	}
	return true;
}

static bool
accepts_service(const json_t *service, char *why, size_t size)
{
	const json_t *backend;
	size_t i;

	if (!has_members(service, "a service", service_members, why, size))
		return false;
	json_array_foreach(json_object_get(service, "backends"), i, backend)
	{
		if (!has_members(backend, "a backend", backend_members, why,
			size))
			return false;
	}
	return true;
}

bool
compare_accepts(const json_t *status, char *why, size_t size)
{
	const char *schema = json_string_value(json_object_get(status,
	    "schema"));
	const json_t *service;
	size_t i;

	if (schema == NULL || strcmp(schema, "lb4.status/1") != 0)
		return refuse(why, size,
		    "the answer is not one to lb4ctl status --json");
	if (!has_members(status, "the answer", head_members, why, size))
		return false;
	json_array_foreach(json_object_get(status, "services"), i, service)
	{
		if (!accepts_service(service, why, size))
			return false;
	}
	return true;
}

/* ---- what the nodes have said -------------------------------------------- */

struct comparison {
	const struct compare_node *nodes;
	size_t count;
	json_t **services; /* of each node, by name; NULL: it was not asked */
	json_t **backends; /* of each node, by name, of one service */
	const json_t **values; /* of each node; NULL: takes no part */
	json_t *differences;
	bool agree;
	bool failed; /* no memory */
};

static const char *
text_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text != NULL ? text : "";
}

/* A list as an object: members are found by the text of their `key`. */
static json_t *
by_name(const json_t *list, const char *key)
{
	json_t *object = json_object();
	json_t *value;
	size_t i;

	json_array_foreach(list, i, value)
	{
		if (json_object_set(object, text_of(value, key), value) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

/* What is compared: something of each node, of a service (`backend` NULL), or
 * of a backend. */
struct subject {
	const char *what;
	const char *service; /* NULL: of the node */
	const char *backend;
	bool warning; /* a difference does not count as disagreement */
};

/* Adds a difference of what is in `values`, if there is one. */
static void
compare_values(struct comparison *comparison, const struct subject *subject)
{
	json_t *groups = json_array();
	json_t *difference = NULL;

	for (size_t i = 0; i < comparison->count; i++) {
		const json_t *value = comparison->values[i];
		json_t *group = NULL, *one;
		size_t j;

		if (value == NULL)
			continue;
		json_array_foreach(groups, j, one)
		{
			if (json_equal(json_object_get(one, "value"), value))
				group = one;
		}
		if (group == NULL) {
			group = json_pack("{s:O,s:[]}", "value", value,
			    "nodes");
			if (json_array_append_new(groups, group) != 0)
				comparison->failed = true;
		}
		if (json_array_append_new(json_object_get(group, "nodes"),
			json_string(comparison->nodes[i].name)) != 0)
			comparison->failed = true;
	}
	if (json_array_size(groups) > 1) {
		comparison->agree &= subject->warning;
		difference = json_pack("{s:s,s:s*,s:s*,s:b,s:O}", "what",
		    subject->what, "service", subject->service, "backend",
		    subject->backend, "warning", subject->warning, "values",
		    groups);
		if (json_array_append_new(comparison->differences,
			difference) != 0)
			comparison->failed = true;
	}
	json_decref(groups);
}

/* The list in which the i-th node has the subject; NULL: it has none. */
static json_t *
list_of(const struct comparison *comparison, const struct subject *subject,
    size_t i)
{
	return subject->backend != NULL ? comparison->backends[i]
					: comparison->services[i];
}

static const json_t *
row_of(const struct comparison *comparison, const struct subject *subject,
    size_t i)
{
	if (subject->service == NULL)
		return comparison->nodes[i].status;
	return json_object_get(list_of(comparison, subject, i),
	    subject->backend != NULL ? subject->backend : subject->service);
}

static void
compare_member(struct comparison *comparison, const struct subject *subject,
    const char *member)
{
	for (size_t i = 0; i < comparison->count; i++)
		comparison->values[i] = json_object_get(row_of(comparison,
							    subject, i),
		    member);
	compare_values(comparison, subject);
}

/* Compares whether each node has the service or the backend. */
static void
compare_presence(struct comparison *comparison, const struct subject *subject)
{
	for (size_t i = 0; i < comparison->count; i++)
		comparison->values[i] = list_of(comparison, subject, i) == NULL
		    ? NULL
		    : row_of(comparison, subject, i) != NULL ? json_true()
							     : json_false();
	compare_values(comparison, subject);
}

/* A node that has no result yet, or does not check, is left out. */
static void
compare_health(struct comparison *comparison, const char *service,
    const char *name)
{
	const struct subject subject = { "health", service, name, true };

	for (size_t i = 0; i < comparison->count; i++) {
		const json_t *health = json_object_get(row_of(comparison,
							   &subject, i),
		    "health");
		const char *text = json_string_value(health);
		const bool checked = text != NULL &&
		    (strcmp(text, "up") == 0 || strcmp(text, "down") == 0);

		comparison->values[i] = checked ? health : NULL;
	}
	compare_values(comparison, &subject);
}

static void
compare_backend(struct comparison *comparison, const char *service,
    const char *name)
{
	const struct subject members[] = {
		{ "address", service, name, false },
		{ "weight", service, name, false },
		{ "admin", service, name, true },
	};

	compare_presence(comparison,
	    &(struct subject){ "backend", service, name, false });
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		compare_member(comparison, &members[i], members[i].what);
	compare_health(comparison, service, name);
}

/* Calls `each` once for every name that is in one of the objects. */
static void
for_each_name(struct comparison *comparison, json_t **objects,
    const char *service,
    void (*each)(struct comparison *comparison, const char *service,
	const char *name))
{
	json_t *seen = json_object();

	for (size_t i = 0; i < comparison->count; i++) {
		const char *name;
		json_t *value;

		json_object_foreach(objects[i], name, value)
		{
			if (json_object_get(seen, name) != NULL)
				continue;
			if (json_object_set_new(seen, name, json_true()) != 0)
				comparison->failed = true;
			each(comparison, service, name);
		}
	}
	json_decref(seen);
}

static void
compare_service(struct comparison *comparison, const char *unused,
    const char *name)
{
	(void)unused;
	compare_presence(comparison,
	    &(struct subject){ "service", name, NULL, false });
	compare_member(comparison,
	    &(struct subject){ "configuration", name, NULL, false },
	    "configuration_checksum");
	compare_member(comparison,
	    &(struct subject){ "table", name, NULL, false }, "table_checksum");
	for (size_t i = 0; i < comparison->count; i++) {
		const json_t *service = json_object_get(comparison->services[i],
		    name);

		comparison->backends[i] = NULL;
		if (service == NULL)
			continue;
		comparison->backends[i] = by_name(json_object_get(service,
						      "backends"),
		    "backend");
		comparison->failed |= comparison->backends[i] == NULL;
	}
	for_each_name(comparison, comparison->backends, name, compare_backend);
	for (size_t i = 0; i < comparison->count; i++)
		json_decref(comparison->backends[i]);
}

/* A node on which the seed has no effect is left out. */
static void
compare_seeds(struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->count; i++) {
		const json_t *seed =
		    json_object_get(comparison->nodes[i].status,
			"seed_checksum");

		comparison->values[i] = json_is_null(seed) ? NULL : seed;
	}
	compare_values(comparison,
	    &(struct subject){ "seed", NULL, NULL, false });
}

/* ---- what comes of it ---------------------------------------------------- */

/* Mixes a part into a checksum; the order of the parts does not matter. */
static uint64_t
mix(const char *name, const json_t *checksum)
{
	static const struct hash_key key = { 0x6c6234, 2 };
	const char *text = json_string_value(checksum);

	return hash_sip(&key, name, strlen(name)) ^
	    hash_mix(text != NULL ? hash_sip(&key, text, strlen(text)) : 0);
}

static json_t *
node_object(const struct compare_node *node)
{
	const json_t *status = node->status, *service;
	uint64_t configuration = 0, tables = 0;
	json_int_t available = 0, backends = 0;
	size_t i;

	if (status == NULL)
		return json_pack("{s:s,s:b,s:s}", "node", node->name,
		    "answered", false, "why", node->why);
	configuration = mix("",
	    json_object_get(status, "configuration_checksum"));
	json_array_foreach(json_object_get(status, "services"), i, service)
	{
		const char *name = text_of(service, "service");

		configuration += mix(name,
		    json_object_get(service, "configuration_checksum"));
		tables += mix(name, json_object_get(service, "table_checksum"));
		available += json_integer_value(json_object_get(service,
		    "available"));
		backends += (json_int_t)json_array_size(json_object_get(service,
		    "backends"));
	}
	return json_pack(
	    "{s:s,s:b,s:s,s:O,s:O,s:O,s:o,s:O,s:O,s:o,s:I,s:I,s:I}", "node",
	    node->name, "answered", true, "why", "", "version",
	    json_object_get(status, "version"), "zone",
	    json_object_get(status, "zone"), "state",
	    json_object_get(status, "node"), "configuration_checksum",
	    json_sprintf("%016" PRIx64, configuration), "seed_checksum",
	    json_object_get(status, "seed_checksum"), "seed_random",
	    json_object_get(status, "seed_random"), "tables_checksum",
	    json_sprintf("%016" PRIx64, tables), "services",
	    (json_int_t)json_array_size(json_object_get(status, "services")),
	    "backends", backends, "available", available);
}

static json_t *
compare_all(struct comparison *comparison)
{
	json_t *nodes = json_array();

	for (size_t i = 0; i < comparison->count; i++) {
		const struct compare_node *node = &comparison->nodes[i];

		if (json_array_append_new(nodes, node_object(node)) != 0)
			comparison->failed = true;
		comparison->agree &= node->status != NULL;
		if (node->status == NULL)
			continue;
		comparison->services[i] = by_name(json_object_get(node->status,
						      "services"),
		    "service");
		comparison->failed |= comparison->services[i] == NULL;
	}
	compare_member(comparison,
	    &(struct subject){ "version", NULL, NULL, false }, "version");
	compare_member(comparison,
	    &(struct subject){ "node", NULL, NULL, true }, "node");
	compare_member(comparison,
	    &(struct subject){ "configuration", NULL, NULL, false },
	    "configuration_checksum");
	compare_seeds(comparison);
	for_each_name(comparison, comparison->services, NULL, compare_service);
	for (size_t i = 0; i < comparison->count; i++)
		json_decref(comparison->services[i]);
	return json_pack("{s:s,s:b,s:o,s:O}", "schema", "lb4.cluster/1",
	    "agree", comparison->agree, "nodes", nodes, "differences",
	    comparison->differences);
}

json_t *
compare_nodes(const struct compare_node *nodes, size_t count)
{
	struct comparison comparison = {
		.nodes = nodes,
		.count = count,
		.services = calloc(count, sizeof(json_t *)),
		.backends = calloc(count, sizeof(json_t *)),
		.values = calloc(count, sizeof(json_t *)),
		.differences = json_array(),
		.agree = true,
	};
	json_t *result = NULL;

	comparison.failed = comparison.services == NULL ||
	    comparison.backends == NULL || comparison.values == NULL;
	if (!comparison.failed)
		result = compare_all(&comparison);
	if (comparison.failed) {
		json_decref(result);
		result = NULL;
	}
	json_decref(comparison.differences);
	free(comparison.services);
	free(comparison.backends);
	free(comparison.values);
	return result;
}
