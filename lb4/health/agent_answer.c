/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The answer of a backend's agent: see agent_answer.h. */
#include "lb4/health/agent_answer.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS " \t,"
#define MAXCONN "maxconn:"

static const struct {
	const char *text;
	enum agent_word word;
} words[] = {
	{ "up", AGENT_WORD_UP },
	{ "down", AGENT_WORD_DOWN },
	{ "fail", AGENT_WORD_FAIL },
	{ "stopped", AGENT_WORD_STOPPED },
};

static const struct {
	const char *text;
	enum agent_mode mode;
} modes[] = {
	{ "ready", AGENT_MODE_READY },
	{ "drain", AGENT_MODE_DRAIN },
	{ "maint", AGENT_MODE_MAINT },
};

static void
copy_plain(char *buf, size_t size, const char *bytes, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < len && used < size - 1; i++)
		buf[used++] = isprint((unsigned char)bytes[i]) ? bytes[i] : '?';
	buf[used] = '\0';
}

static bool
is(const char *bytes, size_t len, const char *word)
{
	return strlen(word) == len && strncasecmp(bytes, word, len) == 0;
}

/* A number of decimal digits, at most `most`; false for all else. */
static bool
read_number(const char *bytes, size_t len, unsigned most, unsigned *number)
{
	unsigned value = 0;

	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)bytes[i]))
			return false;
		value = 10 * value + (unsigned)(bytes[i] - '0');
		if (value > most)
			return false;
	}
	*number = value;
	return len > 0;
}

static bool
read_word(struct agent_answer *answer, const char *bytes, size_t len)
{
	const size_t prefix = strlen(MAXCONN);
	struct agent_said *said = &answer->said;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is(bytes, len, words[i].text)) {
			answer->has_word = true;
			said->word = words[i].word;
			return true;
		}
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (is(bytes, len, modes[i].text)) {
			answer->has_mode = true;
			said->mode = modes[i].mode;
			return true;
		}
	if (bytes[len - 1] == '%' &&
	    read_number(bytes, len - 1, AGENT_PERCENT_MAX, &said->percent)) {
		said->has_percent = true;
		return true;
	}
	if (len > prefix && strncasecmp(bytes, MAXCONN, prefix) == 0 &&
	    read_number(bytes + prefix, len - prefix, AGENT_MAXCONN_MAX,
		&said->maxconn)) {
		said->has_maxconn = true;
		return true;
	}
	return false;
}

bool
agent_answer_read(struct agent_answer *answer, const char *line, size_t len)
{
	const char *end = line + len;
	size_t word;

	*answer = (struct agent_answer){ .has_word = false };
	copy_plain(answer->text, sizeof(answer->text), line, len);
	while (line < end && *line != '#') {
		for (word = 0; line + word < end && line[word] != '#'; word++)
			if (line[word] != '\0' &&
			    strchr(SEPARATORS, line[word]) != NULL)
				break;
		if (word > 0 && read_word(answer, line, word))
			answer->said.answered = true;
		else if (word > 0 && answer->unknown[0] == '\0')
			copy_plain(answer->unknown, sizeof(answer->unknown),
			    line, word);
		line += word;
		if (line < end && *line != '#')
			line++; /* the separator */
	}
	return answer->said.answered;
}

void
agent_answer_add(const struct agent_answer *answer, struct agent_said *said)
{
	const struct agent_said *news = &answer->said;

	said->answered |= news->answered;
	if (answer->has_word)
		said->word = news->word;
	if (answer->has_mode)
		said->mode = news->mode;
	if (news->has_percent) {
		said->has_percent = true;
		said->percent = news->percent;
	}
	if (news->has_maxconn) {
		said->has_maxconn = true;
		said->maxconn = news->maxconn;
	}
}
