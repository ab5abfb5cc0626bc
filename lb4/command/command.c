/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Lines of the control socket: see command.h. */
#include "lb4/command/command.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lb4/config/values.h"

/* A path may contain non-ASCII bytes; control characters are refused. */
static bool
is_text(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)line[i];

		if ((byte < ' ' && byte != '\t') || byte == 0x7f)
			return false;
	}
	return true;
}

int
command_parse(struct command *command, const char *line, size_t len,
    struct why *why)
{
	char text[COMMAND_LINE_MAX + 1];
	const char *at = text;
	char word[COMMAND_WORD_MAX];
	int error;

	command->words = 0;
	command->json = false;
	if (len > COMMAND_LINE_MAX)
		return why_set(why, "the line is longer than %d bytes",
		    COMMAND_LINE_MAX);
	if (!is_text(line, len))
		return why_set(why,
		    "the line is not text: write bytes below a space as \\xHH");
	memcpy(text, line, len);
	text[len] = '\0';
	for (;;) {
		error = value_word(&at, word, sizeof(word), why);
		if (error != 0)
			return error;
		if (word[0] == '\0')
			return 0;
		if (strcmp(word, "--json") == 0) {
			command->json = true;
			continue;
		}
		if (command->words == COMMAND_WORDS_MAX)
			return why_set(why, "more than %d words",
			    COMMAND_WORDS_MAX);
		memcpy(command->word[command->words++], word, strlen(word) + 1);
	}
}

const char *
command_option_value(const char *word, const char *name)
{
	size_t len = 0;

	while (isalpha((unsigned char)word[len]) || word[len] == '-')
		len++;
	if (len == 0 || word[len] != '=')
		return NULL;
	if (name != NULL &&
	    (strlen(name) != len || strncmp(name, word, len) != 0))
		return NULL;
	return word + len + 1;
}

const char *
command_option(const struct command *command, const char *name)
{
	const char *found = NULL;

	for (unsigned i = 1; i < command->words; i++) {
		const char *value = command_option_value(command->word[i],
		    name);

		found = value != NULL ? value : found;
	}
	return found;
}

const char *
command_argument(const struct command *command, unsigned n)
{
	for (unsigned i = 1; i < command->words; i++)
		if (command_option_value(command->word[i], NULL) == NULL &&
		    n-- == 0)
			return command->word[i];
	return NULL;
}

unsigned
command_arguments(const struct command *command)
{
	unsigned count = 0;

	while (command_argument(command, count) != NULL)
		count++;
	return count;
}
