/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Sets of HTTP statuses: see statuses.h.
 */
#include "lb4/config/statuses.h"

#include <stdio.h>
#include <string.h>

#define LOW 100
#define HIGH 999

static const struct config_statuses preset = { 1, { { 200, 399 } } };

/* Reads three digits off *text; 0 if there are none. */
static uint16_t
read_status(const char **text)
{
	unsigned status = 0;

	if (strspn(*text, "0123456789") != 3)
		return 0;
	for (size_t i = 0; i < 3; i++)
		status = status * 10 + (unsigned)(*(*text)++ - '0');
	return status >= LOW ? (uint16_t)status : 0;
}

static int
read_range(const char **text, struct config_statuses *out)
{
	uint16_t low = read_status(text);
	uint16_t high = low;

	if (**text == '-') {
		(*text)++;
		high = read_status(text);
	}
	if (low == 0 || high < low)
		return -1;
	out->range[out->count].low = low;
	out->range[out->count].high = high;
	out->count++;
	return 0;
}

int
statuses_parse(const char *text, struct config_statuses *out, struct why *why)
{
	struct config_statuses found;
	const char *at = text;

	memset(&found, 0, sizeof(found)); /* it is compared whole */
	for (;;) {
		if (found.count == CONFIG_STATUSES_MAX)
			return why_set(why, "more than %d statuses: use ranges",
			    CONFIG_STATUSES_MAX);
		if (read_range(&at, &found) < 0 || (*at != ',' && *at != '\0'))
			return why_set(why,
			    "\"%.64s\" is not a list of HTTP statuses: give "
			    "statuses of %d to %d and ranges, such as "
			    "200,204,300-399",
			    text, LOW, HIGH);
		if (*at++ == '\0')
			break;
	}
	*out = found;
	return 0;
}

static const struct config_statuses *
or_preset(const struct config_statuses *statuses)
{
	return statuses->count > 0 ? statuses : &preset;
}

const char *
statuses_format(const struct config_statuses *statuses, char *buf, size_t size)
{
	size_t len = 0;

	statuses = or_preset(statuses);
	for (size_t i = 0; i < statuses->count && len < size; i++) {
		const char *between = i > 0 ? "," : "";
		const unsigned low = statuses->range[i].low;
		const unsigned high = statuses->range[i].high;

		if (low == high)
			len += (size_t)snprintf(buf + len, size - len, "%s%u",
			    between, low);
		else
			len += (size_t)snprintf(buf + len, size - len,
			    "%s%u-%u", between, low, high);
	}
	return buf;
}

bool
statuses_have(const struct config_statuses *statuses, uint16_t status)
{
	statuses = or_preset(statuses);
	for (size_t i = 0; i < statuses->count; i++)
		if (status >= statuses->range[i].low &&
		    status <= statuses->range[i].high)
			return true;
	return false;
}
