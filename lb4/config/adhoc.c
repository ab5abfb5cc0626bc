/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A service without a file: the command line's `-l ADDR BACKEND...`.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/textbuf.h"
#include "lb4/config/build.h"
#include "lb4/config/config.h"
#include "lb4/config/errors.h"
#include "lb4/config/keys.h"
#include "lb4/config/rules.h"

/* "adhoc", or the first of "adhoc2", "adhoc3", ... that is free. */
static void
choose_name(const struct config *config, char *name)
{
	snprintf(name, CONFIG_NAME_MAX, "adhoc");
	for (size_t n = 2; build_find_service(config, name) != NULL; n++)
		snprintf(name, CONFIG_NAME_MAX, "adhoc%zu", n);
}

/* Writes `prefix`, the number and the argument as in a file. */
static char *
as_value(const char *prefix, size_t number, const char *text)
{
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);

	if (out != NULL && prefix != NULL)
		fprintf(out, "%s%zu ", prefix, number);
	if (out != NULL)
		value_print_word(text, out);
	return textbuf_close(&buf) == 0 ? buf.text : NULL;
}

static void
add_value(struct config_service *service, const char *key_name, size_t backend,
    const char *text, struct errors *errors)
{
	const struct key *key = keys_find(KEY_SERVICE, key_name);
	struct why why = { "" };
	char *value = as_value(backend > 0 ? "b" : NULL, backend, text);
	int error = value != NULL ? key_parse(key, service, value, &why)
				  : -ENOMEM;

	if (error == -ENOMEM)
		(void)why_set(&why, "out of memory");
	if (error != 0)
		errors_add(errors, 0, key_name, "%s", why.text);
	free(value);
}

static void
fill_service(struct config_service *service, const char *listen,
    const char *const *backends, size_t count, struct errors *errors)
{
	errors_service(errors, service->name);
	add_value(service, "listen", 0, listen, errors);
	for (size_t i = 0; i < count; i++)
		add_value(service, "backend", i + 1, backends[i], errors);
	if (count == 0)
		errors_add(errors, 0, "backend",
		    "missing: give at least one address");
}

struct config *
config_adhoc(struct config *config, const char *listen,
    const char *const *backends, size_t count, struct config_errors *errors)
{
	struct errors complaints;
	struct config_service *service = NULL;
	char name[CONFIG_NAME_MAX];
	int error = -ENOMEM;

	errors_init(&complaints, NULL, errors);
	if (config == NULL)
		config = build_new();
	if (config != NULL) {
		choose_name(config, name);
		service = build_add_service(config, name, 0);
	}
	if (service != NULL) {
		fill_service(service, listen, backends, count, &complaints);
		error = errors->count > 0
		    ? 0
		    : rules_check(config, NULL, &complaints);
	}
	errors_section(&complaints, NULL);
	if (error != 0)
		errors_add(&complaints, 0, NULL, "out of memory");
	errors_done(&complaints);
	if (errors->count == 0)
		return config;
	config_free(config);
	return NULL;
}
