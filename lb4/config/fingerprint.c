/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checksums of the configuration: see fingerprint.h.  Each line of a section,
 * as the dump writes it, is hashed, and the sum of the hashes does not depend
 * on their order.
 */
#include "lb4/config/fingerprint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/textbuf.h"
#include "lb4/config/keys.h"
#include "lb4/config/kinds.h"
#include "lb4/config/settings.h"

/* The same on every node: not a secret. */
static const struct hash_key line_key = { 0x6c6234, 1 };

static uint64_t
add_lines(const char *text)
{
	uint64_t sum = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		sum += hash_sip(&line_key, text, len);
		text += len + (text[len] == '\n');
	}
	return sum;
}

static int
sum_section(enum key_section section, const char *name, const void *object,
    uint64_t *sum)
{
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);

	if (out == NULL)
		return textbuf_close(&buf);
	fprintf(out, "[%s %s]\n", keys_section_name(section), name);
	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys_table[i];

		if (key->section != section || key->local ||
		    key->kind == &kind_seed)
			continue;
		for (size_t j = 0; j < key_count(key, object); j++) {
			key_print_line(key, object, j, out);
			fputc('\n', out);
		}
	}
	if (textbuf_close(&buf) < 0)
		return -ENOMEM;
	*sum = add_lines(buf.text);
	textbuf_done(&buf);
	return 0;
}

int
fingerprint_global(const struct config *config, uint64_t *sum)
{
	return sum_section(KEY_GLOBAL, "", config, sum);
}

int
fingerprint_service(const struct config_service *service, uint64_t *sum)
{
	return sum_section(KEY_SERVICE, service->name, service, sum);
}

uint64_t
fingerprint_seed(const struct config *config)
{
	static const char text[] = "which seed is it?";

	return hash_sip(&config->hash_seed, text, strlen(text));
}

bool
fingerprint_seed_matters(const struct config *config)
{
	for (size_t i = 0; i < config->services; i++)
		if (balance_hashes(config->service[i].settings.balance))
			return true;
	return false;
}
