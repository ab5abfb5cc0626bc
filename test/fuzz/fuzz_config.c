/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Any bytes as a configuration: parsed or complained about, never both; and
 * what was parsed comes back from its dump, which is then a fixed point.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/* Each complaint is one line, and begins with the file's name. */
static void
check_errors(const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		const char *text = errors->text[i];

		require(memchr(text, '\0', CONFIG_ERROR_MAX) != NULL,
		    "a complaint ends");
		require(strncmp(text, "t.ini:", strlen("t.ini:")) == 0,
		    "a complaint begins with the file");
		for (; *text != '\0'; text++)
			require(!iscntrl((unsigned char)*text),
			    "a complaint is one line");
	}
}

static struct config *
parse(const char *text, size_t len)
{
	struct config_errors errors;
	struct config *config = config_parse("t.ini", text, len, &errors);

	require((config != NULL) == (errors.count == 0),
	    "a configuration or complaints");
	check_errors(&errors);
	config_errors_done(&errors);
	return config;
}

static char *
dump(const struct config *config, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	require(out != NULL, "there is memory");
	config_dump(config, out);
	require(fclose(out) == 0, "a dump is written");
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = parse((const char *)data, size);
	struct config *back;
	char *first;
	char *second;
	size_t first_len;
	size_t second_len;

	if (config == NULL)
		return 0;
	first = dump(config, &first_len);
	back = parse(first, first_len);
	require(back != NULL, "a dump can be parsed");
	second = dump(back, &second_len);
	require(first_len == second_len &&
		memcmp(first, second, first_len) == 0,
	    "a dump's dump is the same");
	config_free(config);
	config_free(back);
	free(first);
	free(second);
	return 0;
}
