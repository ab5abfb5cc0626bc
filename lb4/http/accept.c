/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Parses the Accept field: see accept.h.  Called by metrics.c. */
#include "lb4/http/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define WEIGHT_MAX 1000 /* weights have at most three decimals */

/* A part of the field, without spaces around it. */
struct piece {
	const char *text;
	size_t len;
};

/* Cuts the text before the next `end` off `*rest`; false if nothing is left. */
static bool
next_piece(struct piece *rest, char end, struct piece *piece)
{
	const char *at;

	if (rest->text == NULL)
		return false;
	at = memchr(rest->text, end, rest->len);
	*piece = *rest;
	if (at == NULL) {
		rest->text = NULL;
	} else {
		piece->len = (size_t)(at - piece->text);
		rest->len -= piece->len + 1;
		rest->text = at + 1;
	}
	while (piece->len > 0 && strchr(" \t", piece->text[0]) != NULL) {
		piece->text++;
		piece->len--;
	}
	while (piece->len > 0 &&
	    strchr(" \t", piece->text[piece->len - 1]) != NULL)
		piece->len--;
	return true;
}

static bool
is(const struct piece *piece, const char *word)
{
	return piece->len == strlen(word) &&
	    strncasecmp(piece->text, word, piece->len) == 0;
}

static bool
begins(const struct piece *piece, const char *word)
{
	return piece->len >= strlen(word) &&
	    strncasecmp(piece->text, word, strlen(word)) == 0;
}

/* "0.75" in thousandths; an invalid weight counts as WEIGHT_MAX. */
static int
read_weight(const char *text, size_t len)
{
	int weight, unit = 100;

	if (len == 0 || len > 5 || (text[0] != '0' && text[0] != '1') ||
	    (len > 1 && text[1] != '.'))
		return WEIGHT_MAX;
	weight = (text[0] - '0') * WEIGHT_MAX;
	for (size_t i = 2; i < len; i++, unit /= 10) {
		if (text[i] < '0' || text[i] > '9')
			return WEIGHT_MAX;
		weight += (text[i] - '0') * unit;
	}
	return weight < WEIGHT_MAX ? weight : WEIGHT_MAX;
}

struct weights {
	int open, text, any; /* -1: not named */
};

static void
read_range(struct piece range, struct weights *weights)
{
	struct piece type, piece;
	int weight = WEIGHT_MAX;
	bool other = false; /* a version that lb4 does not write */

	(void)next_piece(&range, ';', &type);
	while (next_piece(&range, ';', &piece)) {
		if (begins(&piece, "q="))
			weight = read_weight(piece.text + 2, piece.len - 2);
		else if (begins(&piece, "version="))
			other = !is(&piece, "version=1.0.0") &&
			    !is(&piece, "version=\"1.0.0\"");
	}
	if (is(&type, "application/openmetrics-text") && !other &&
	    weight > weights->open)
		weights->open = weight;
	else if (is(&type, "text/plain") && weight > weights->text)
		weights->text = weight;
	else if ((is(&type, "text/*") || is(&type, "*/*")) &&
	    weight > weights->any)
		weights->any = weight;
}

bool
accept_openmetrics(const char *field)
{
	struct weights weights = { -1, -1, -1 };
	struct piece rest = { field, strlen(field) }, range;

	while (next_piece(&rest, ',', &range))
		read_range(range, &weights);
	return weights.open > 0 &&
	    weights.open >= (weights.text >= 0 ? weights.text : weights.any);
}
