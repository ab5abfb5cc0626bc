/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Where backends come from: see origins.h. */
#include "lb4/command/origins.h"

#include <stdio.h>

#include "lb4/command/answer.h"
#include "lb4/command/caller.h"
#include "lb4/config/settings.h"
#include "lb4/control/find.h"
#include "lb4/control/follow.h"
#include "lb4/control/handle.h"
#include "lb4/control/names.h"

static const struct config_service *
configured(const struct caller *caller, const char *service)
{
	return find_config_service(handle_config(caller->handle), service);
}

/* ---- a service ----------------------------------------------------------- */

/* How much of a text of that length fits. */
static size_t
written(int len, size_t size)
{
	if (len < 0 || size == 0)
		return 0;
	return (size_t)len < size ? (size_t)len : size - 1;
}

static size_t
format_name(const struct caller *caller, const struct config_name *line,
    char *text, size_t size)
{
	struct names_sight sight;
	size_t len;

	names_look(caller->handle->names, line, &sight);
	len = written(snprintf(text, size, ", %s from %s%s", line->line.name,
			  line->line.of_srv ? "SRV records of " : "",
			  line->host),
	    size);
	if (sight.none)
		len += written(snprintf(text + len, size - len,
				   ": no such service"),
		    size - len);
	if (sight.ill.text[0] != '\0')
		len += written(snprintf(text + len, size - len,
				   ", not resolved: %s", sight.ill.text),
		    size - len);
	return len;
}

void
origins_format(const struct caller *caller, const char *service, char *line,
    size_t size)
{
	const struct config_service *config = configured(caller, service);
	const char *error,
	    *path = follow_file(caller->handle->follow, service, &error);
	size_t len = 0;

	line[0] = '\0';
	if (path != NULL)
		len = written(snprintf(line, size, ", backends from %s%s%s",
				  path, error[0] != '\0' ? ", refused: " : "",
				  error),
		    size);
	for (size_t i = 0; config != NULL && i < config->hosts; i++)
		len += format_name(caller, &config->host[i], line + len,
		    size - len);
}

json_t *
origins_file(const struct caller *caller, const char *service)
{
	const char *error,
	    *path = follow_file(caller->handle->follow, service, &error);

	if (path == NULL)
		return json_null();
	return json_pack("{s:o,s:o}", "path", answer_value(path), "refused",
	    error[0] != '\0' ? answer_value(error) : json_null());
}

static const char *
kind_of(const struct config_name *line)
{
	return line->line.of_srv ? "srv" : "host";
}

static json_t *
name_object(const struct caller *caller, const struct config_name *line)
{
	struct names_sight sight;

	names_look(caller->handle->names, line, &sight);
	return json_pack("{s:s,s:s,s:s,s:o,s:b,s:o}", "backend",
	    line->line.name, "kind", kind_of(line), "name", line->host,
	    "records",
	    line->line.of_srv ? json_integer((json_int_t)sight.records)
			      : json_null(),
	    "no_service", sight.none, "unresolved",
	    sight.ill.text[0] != '\0' ? answer_value(sight.ill.text)
				      : json_null());
}

json_t *
origins_names(const struct caller *caller, const char *service)
{
	const struct config_service *config = configured(caller, service);
	json_t *list = json_array();
	int error = 0;

	for (size_t i = 0; config != NULL && i < config->hosts; i++)
		error |= json_array_append_new(list,
		    name_object(caller, &config->host[i]));
	if (error == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* ---- a backend ----------------------------------------------------------- */

struct origin {
	const char *kind; /* NULL: a line of its own */
	const char *name;
};

static struct origin
find_origin(const struct caller *caller, const char *service,
    const char *backend)
{
	const struct config_service *config = configured(caller, service);
	const struct config_backend *found = find_config_backend(config,
	    backend);
	const struct config_name *line;

	if (found != NULL && found->in_file)
		return (struct origin){ "backends-file",
			config->backends_file };
	if (found == NULL || found->of_name == 0)
		return (struct origin){ NULL, NULL };
	line = &config->host[found->of_name - 1];
	return (struct origin){ kind_of(line), line->host };
}

json_t *
origins_of(const struct caller *caller, const char *service,
    const char *backend)
{
	const struct origin origin = find_origin(caller, service, backend);

	if (origin.kind == NULL)
		return json_null();
	return json_pack("{s:s,s:o}", "kind", origin.kind, "name",
	    answer_value(origin.name));
}

const char *
origins_text(const struct caller *caller, const char *service,
    const char *backend, char *buf, size_t size)
{
	const struct origin origin = find_origin(caller, service, backend);

	buf[0] = '\0';
	if (origin.kind != NULL)
		(void)snprintf(buf, size, "%s%s",
		    origin.kind[0] == 's' ? "SRV records of " : "",
		    origin.name);
	return buf;
}
