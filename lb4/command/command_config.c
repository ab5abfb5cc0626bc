/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * config: the configuration in force in the format of a file, including changes
 * by commands.  Only admins see the hash-seed: with it, one can choose clients
 * that all get the same backend.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/command/answer.h"
#include "lb4/command/commands.h"
#include "lb4/config/config.h"
#include "lb4/control/handle.h"

static bool
is_seed(const char *line)
{
	static const char key[] = "hash-seed = ";

	return strncmp(line, key, strlen(key)) == 0;
}

/* Replaces empty lines, which would end the answer, and hides the seed from
 * callers below admin. */
static void
print_config(const struct config *config, bool admin, char *text, FILE *out)
{
	char *line, *at = text;

	if (!config->hash_seed_set)
		admin = true;
	while ((line = strsep(&at, "\n")) != NULL && at != NULL) {
		if (!admin && is_seed(line))
			fputs("; hash-seed is set, and shown to callers of the "
			      "level admin\n",
			    out);
		else
			fprintf(out, "%s\n", line[0] != '\0' ? line : ";");
	}
}

/* Returns text for the caller to free, or NULL without memory. */
static char *
config_text(const struct caller *caller)
{
	const struct config *config = handle_config(caller->handle);
	char *dump = NULL, *text = NULL;
	size_t dump_len = 0, len = 0;
	FILE *out = open_memstream(&dump, &dump_len);

	if (out == NULL)
		return NULL;
	config_dump(config, out);
	if (fclose(out) == 0 && (out = open_memstream(&text, &len)) != NULL) {
		print_config(config, caller->level >= LEVEL_ADMIN, dump, out);
		if (fclose(out) != 0) {
			free(text);
			text = NULL;
		}
	}
	free(dump);
	return text;
}

void
command_config(struct caller *caller, const struct command *command)
{
	char *text = config_text(caller);

	(void)command;
	if (text == NULL)
		answer_error(caller, "failed", "no memory");
	else if (caller->json)
		answer_object(caller, "lb4.config/1",
		    json_pack("{s:s}", "text", text));
	else
		answer_text(caller, text);
	free(text);
}
