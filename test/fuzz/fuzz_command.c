/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The parser of the control socket's lines: whatever comes, it stays within its
 * bounds, and what it takes apart means the same when it is written again.
 */
#include "lb4/command/command.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* Every word is an argument or an option, and found as such. */
static void
look_up(const struct command *command)
{
	unsigned options = 0;

	for (unsigned i = 1; i < command->words; i++) {
		const char *word = command->word[i];
		const char *value = command_option_value(word, NULL);
		char name[COMMAND_WORD_MAX];

		require(word[0] != '\0' && strlen(word) < COMMAND_WORD_MAX);
		if (value == NULL)
			continue;
		options++;
		(void)snprintf(name, sizeof(name), "%.*s",
		    (int)(value - word - 1), word);
		require(command_option_value(word, name) == value);
		require(command_option(command, name) != NULL);
	}
	if (command->words > 0)
		require(command_arguments(command) + options + 1 ==
		    command->words);
	require(command_argument(command, command_arguments(command)) == NULL);
}

/* Writes it as a line; NULL when that is longer than a line may be. */
static char *
write_again(const struct command *command, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	require(out != NULL);
	for (unsigned i = 0; i < command->words; i++) {
		value_print_word(command->word[i], out);
		fputc(' ', out);
	}
	if (command->json)
		fputs("--json", out);
	require(fclose(out) == 0);
	if (*len <= COMMAND_LINE_MAX)
		return text;
	free(text);
	return NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct command first, second;
	struct why why = { "" };
	size_t len;
	char *text;

	if (command_parse(&first, (const char *)data, size, &why) != 0) {
		require(why.text[0] != '\0');
		return 0;
	}
	require(first.words <= COMMAND_WORDS_MAX);
	look_up(&first);
	text = write_again(&first, &len);
	if (text == NULL)
		return 0;
	require(command_parse(&second, text, len, &why) == 0);
	require(first.words == second.words && first.json == second.json);
	for (unsigned i = 0; i < first.words; i++)
		require(strcmp(first.word[i], second.word[i]) == 0);
	free(text);
	return 0;
}
