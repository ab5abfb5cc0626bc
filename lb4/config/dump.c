/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The configuration as text: all keys of the table.
 */
#include <stdio.h>

#include "lb4/config/config.h"
#include "lb4/config/keys.h"

static void
dump_section(enum key_section section, const void *object, FILE *out)
{
	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys_table[i];
		size_t count = key->section == section ? key_count(key, object)
						       : 0;

		for (size_t j = 0; j < count; j++) {
			key_print_line(key, object, j, out);
			fputc('\n', out);
		}
		if (count == 0 && key->section == section)
			fprintf(out, "; %s = (%s)\n", key->name, key->absent);
	}
}

void
config_dump(const struct config *config, FILE *out)
{
	fprintf(out, "[global]\n");
	dump_section(KEY_GLOBAL, config, out);
	for (size_t i = 0; i < config->services; i++) {
		fprintf(out, "\n[service %s]\n", config->service[i].name);
		dump_section(KEY_SERVICE, &config->service[i], out);
	}
}

void
config_keys_list(FILE *out)
{
	for (size_t i = 0; i < keys_count; i++)
		fprintf(out, "%s %s\n",
		    keys_section_name(keys_table[i].section),
		    keys_table[i].name);
}
