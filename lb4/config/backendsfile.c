/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The file of backends-file: see backendsfile.h. */
#include "lb4/config/backendsfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/why.h"
#include "lb4/config/errors.h"
#include "lb4/config/inifile.h"
#include "lb4/config/keys.h"
#include "lb4/config/settings.h"

#define BLANKS " \t\r"

/* Removes the backends of the file; returns how many are left.  The others keep
 * their order. */
static size_t
keep_own(struct config_service *service)
{
	size_t kept = 0;

	for (size_t i = 0; i < service->backends; i++)
		if (!service->backend[i].in_file)
			service->backend[kept++] = service->backend[i];
	service->backends = kept;
	return kept;
}

/* Cuts comment and blanks off; returns where the text begins. */
static char *
trim(char *line)
{
	char *end;

	line += strspn(line, BLANKS);
	if (line[0] == '#' || line[0] == ';')
		line[0] = '\0';
	for (char *at = line; (at = strchr(at, ';')) != NULL; at++)
		if (at > line && strchr(BLANKS, at[-1]) != NULL) {
			*at = '\0';
			break;
		}
	end = line + strlen(line);
	while (end > line && strchr(BLANKS, end[-1]) != NULL)
		*--end = '\0';
	return line;
}

/* The latest backend's name must be unique. */
static void
check_name(const struct config_service *service, struct errors *errors)
{
	const struct config_backend *last =
	    &service->backend[service->backends - 1];

	for (const struct config_backend *one = service->backend; one < last;
	     one++) {
		if (strcmp(one->name, last->name) != 0)
			continue;
		if (one->in_file)
			errors_add(errors, last->line, "backend",
			    "the name %s is taken by line %d: give another",
			    last->name, one->line);
		else
			errors_add(errors, last->line, "backend",
			    "the name %s is taken by a backend of the "
			    "configuration: give another",
			    last->name);
	}
}

/* Returns 0, -EINVAL if no more lines are to be read, or -ENOMEM. */
static int
read_line(struct config_service *service, char *text, int line,
    struct errors *errors)
{
	struct why why = { "" };
	int error;

	text = trim(text);
	if (text[0] == '\0')
		return 0;
	if (strlen(text) > INIFILE_LINE_MAX) {
		errors_add(errors, line, NULL,
		    "longer than %d characters: shorten it", INIFILE_LINE_MAX);
		return 0;
	}
	error = key_parse(keys_find(KEY_SERVICE, "backend"), service, text,
	    &why);
	if (error == -ENOMEM)
		return error;
	if (error != 0) {
		errors_add(errors, line, "backend", "%s", why.text);
		return error == -E2BIG ? -EINVAL : 0;
	}
	if (service->backend[service->backends - 1].of_name != 0) {
		errors_add(errors, line, "backend",
		    "a name that DNS resolves: give an address, or write the "
		    "line into the configuration");
		return 0;
	}
	service->backend[service->backends - 1].line = line;
	service->backend[service->backends - 1].in_file = true;
	check_name(service, errors);
	return 0;
}

static int
read_lines(struct config_service *service, char *text, size_t len,
    struct errors *errors)
{
	char *end = text + len, *next;
	int error = 0;

	for (int line = 1; text < end && error == 0; line++, text = next + 1) {
		next = memchr(text, '\n', (size_t)(end - text));
		if (next == NULL)
			next = end;
		*next = '\0'; /* there is room for one at the end */
		if (strlen(text) == (size_t)(next - text))
			error = read_line(service, text, line, errors);
		else
			errors_add(errors, line, NULL,
			    "a NUL byte: is this a text file?");
	}
	return error == -ENOMEM ? error : 0;
}

/* Numbers the backends of the file, in its order, after the others.  They have
 * no lines in the configuration file. */
static void
set_order(struct config_service *service, size_t own)
{
	for (size_t i = own; i < service->backends; i++) {
		service->backend[i].order = (unsigned)i;
		service->backend[i].line = 0;
	}
}

static int
read_text(struct config_service *service, char *text, size_t len,
    struct errors *errors)
{
	const size_t own = keep_own(service);
	int error = read_lines(service, text, len, errors);

	if (error == 0 && errors->list->count == 0 &&
	    service->backends == own) {
		if (!service->backends_file_empty)
			errors_add(errors, 0, NULL,
			    "no backend: add one, or set backends-file-empty = "
			    "yes");
		else if (own == 0)
			errors_add(errors, 0, NULL,
			    "no backend, and the service has no other: give it "
			    "one with backend = NAME ADDRESS, perhaps a backup");
	}
	set_order(service, own);
	return error;
}

/* The whole file, with a NUL at its end. */
static int
load(const char *path, char **text, size_t *len)
{
	const int fd = file_open(path, O_RDONLY, 0);
	int error = fd < 0 ? fd : file_read(fd, CONFIG_FILE_MAX, text, len);
	char *more;

	if (fd >= 0)
		(void)close(fd);
	if (error < 0)
		return error;
	more = realloc(*text, *len + 1);
	if (more == NULL) {
		free(*text);
		*text = NULL;
		return -ENOMEM;
	}
	more[*len] = '\0';
	*text = more;
	return 0;
}

int
backendsfile_read(struct config_service *service, struct config_errors *list)
{
	struct config_service next = *service;
	const size_t size = (service->backends + 1) * sizeof(*next.backend);
	struct errors errors;
	char *text = NULL;
	size_t len = 0;
	int error = load(service->backends_file, &text, &len);

	errors_init(&errors, service->backends_file, list);
	errors_service(&errors, service->name);
	if (error < 0)
		errors_add(&errors, 0, NULL, "%s", file_error(error));
	/* host names of its own, for lines that have any: these are refused */
	next.host = NULL;
	next.hosts = 0;
	next.backend = calloc(1, size);
	if (next.backend != NULL && error == 0) {
		if (service->backends > 0)
			memcpy(next.backend, service->backend,
			    service->backends * sizeof(*next.backend));
		error = read_text(&next, text, len, &errors);
	} else if (error == 0) {
		error = -ENOMEM;
	}
	free(text);
	free(next.host);
	next.host = service->host;
	next.hosts = service->hosts;
	errors_done(&errors);
	if (error == 0 && list->count > 0)
		error = -EINVAL;
	if (error == 0) {
		free(service->backend);
		*service = next;
	} else {
		free(next.backend);
	}
	return error == -ENOMEM || error == 0 ? error : -EINVAL;
}

static bool
is_equal(const struct config_backend *one, const struct config_backend *other)
{
	for (size_t i = 0; i < keys_count; i++)
		if (keys_table[i].section == KEY_BACKEND &&
		    !key_equal(&keys_table[i], one, other))
			return false;
	return one->order == other->order &&
	    addr_equal(&one->addr, &other->addr);
}

static const struct config_backend *
find(const struct config_service *service, const char *name)
{
	for (size_t i = 0; i < service->backends; i++)
		if (service->backend[i].in_file &&
		    strcmp(service->backend[i].name, name) == 0)
			return &service->backend[i];
	return NULL;
}

bool
backendsfile_equal(const struct config_service *one,
    const struct config_service *other)
{
	if (one->backends != other->backends)
		return false;
	for (size_t i = 0; i < one->backends; i++) {
		const struct config_backend *backend = &one->backend[i], *found;

		if (!backend->in_file)
			continue;
		found = find(other, backend->name);
		if (found == NULL || !is_equal(backend, found))
			return false;
	}
	return true;
}
