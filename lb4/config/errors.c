/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The list of errors of a configuration.
 */
#include "lb4/config/errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"

void
errors_init(struct errors *errors, const char *file, struct config_errors *list)
{
	memset(errors, 0, sizeof(*errors));
	memset(list, 0, sizeof(*list));
	errors->file = file;
	errors->list = list;
}

void
errors_done(struct errors *errors)
{
	free(errors->line);
	errors->line = NULL;
}

void
config_errors_done(struct config_errors *errors)
{
	if (errors->text != &errors->spare)
		free(errors->text);
	errors->text = NULL;
	errors->count = 0;
}

/* The first error has room even without memory for a list. */
static char *
use_spare(struct config_errors *list)
{
	if (list->count > 0)
		return NULL;
	free(list->text);
	list->text = &list->spare;
	list->count = 1;
	return list->spare;
}

void
config_errors_add(struct config_errors *errors, const char *format, ...)
{
	char(*grown)[CONFIG_ERROR_MAX] = NULL;
	char *text;
	va_list args;

	if (errors->text != &errors->spare)
		grown = reallocarray(errors->text, errors->count + 1,
		    sizeof(*grown));
	if (grown != NULL)
		errors->text = grown;
	text = grown != NULL ? grown[errors->count++] : use_spare(errors);
	if (text == NULL)
		return;
	va_start(args, format);
	vsnprintf(text, CONFIG_ERROR_MAX, format, args);
	va_end(args);
}

static bool
make_room(struct errors *errors)
{
	size_t room = errors->room > 0 ? 2 * errors->room : 8;
	void *grown;

	if (errors->list->count < errors->room)
		return true;
	if (errors->list->text == &errors->list->spare)
		return false;
	grown = reallocarray(errors->list->text, room, CONFIG_ERROR_MAX);
	if (grown == NULL)
		return false;
	errors->list->text = grown;
	grown = reallocarray(errors->line, room, sizeof(*errors->line));
	if (grown == NULL)
		return false;
	errors->line = grown;
	errors->room = room;
	return true;
}

/* Makes room after all errors about the same line or an earlier one; errors
 * about the file as a whole (line 0) stay where they are. */
static char *
insert(struct errors *errors, int line)
{
	struct config_errors *list = errors->list;
	size_t at = list->count;

	while (line > 0 && at > 0 && errors->line[at - 1] > line)
		at--;
	memmove(list->text + at + 1, list->text + at,
	    (list->count - at) * sizeof(*list->text));
	memmove(errors->line + at + 1, errors->line + at,
	    (list->count - at) * sizeof(*errors->line));
	errors->line[at] = line;
	list->count++;
	return list->text[at];
}

void
errors_section(struct errors *errors, const char *section)
{
	errors->in_section = section != NULL;
	if (section != NULL)
		(void)snprintf(errors->section, sizeof(errors->section), "%s",
		    section);
}

void
errors_service(struct errors *errors, const char *service)
{
	errors->in_section = true;
	(void)snprintf(errors->section, sizeof(errors->section), "service %s",
	    service);
}

/* Writes the error up to "what"; returns the length. */
static size_t
write_place(char *text, const struct errors *errors, int line, const char *key)
{
	const char *file = errors->file;
	const char *section = errors->in_section ? errors->section : NULL;
	char number[16] = "";

	if (line > 0)
		snprintf(number, sizeof(number), ":%d", line);
	snprintf(text, CONFIG_ERROR_MAX, "%.255s%s%s%s%s%s%s%.40s%s",
	    file != NULL ? file : "", file != NULL ? number : "",
	    file != NULL ? ": " : "", errors->are_warnings ? "warning: " : "",
	    section != NULL ? "[" : "", section != NULL ? section : "",
	    section == NULL   ? ""
		: key == NULL ? "]: "
			      : "] ",
	    key != NULL ? key : "", key != NULL ? ": " : "");
	return strlen(text);
}

void
errors_add(struct errors *errors, int line, const char *key, const char *format,
    ...)
{
	char raw[CONFIG_ERROR_MAX];
	va_list args;
	char *text;
	size_t len;

	if (errors->list->count > ERRORS_MAX)
		return;
	if (!make_room(errors)) {
		text = use_spare(errors->list);
		if (text == NULL)
			return;
	} else if (errors->list->count == ERRORS_MAX) {
		errors->in_section = false;
		text = insert(errors, 0);
		len = write_place(text, errors, 0, NULL);
		snprintf(text + len, CONFIG_ERROR_MAX - len,
		    "more than %d errors: correct these first", ERRORS_MAX);
		return;
	} else {
		text = insert(errors, line);
	}
	len = write_place(raw, errors, line, key);
	va_start(args, format);
	vsnprintf(raw + len, sizeof(raw) - len, format, args);
	va_end(args);
	for (char *tab = raw; (tab = strchr(tab, '\t')) != NULL;)
		*tab = ' ';
	(void)escape_text(raw, strlen(raw), text, CONFIG_ERROR_MAX);
}
