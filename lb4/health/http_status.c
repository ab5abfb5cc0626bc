/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Parses the status line byte by byte (RFC 9112, section 4).  The reason phrase
 * may be missing, and the space before it with it; all else is required.
 */
#include "lb4/health/http_status.h"

/* A 0 stands for any digit.  The three digits of the code begin at CODE_AT. */
static const char pattern[] = "HTTP/0.0 000";

#define CODE_AT 9
#define CODE_END 12

#define SWITCHING_PROTOCOLS 101

/* Skips the rest of an interim response, up to its empty line. */
static enum http_status_state
skip(struct http_status *status, unsigned char byte)
{
	if (++status->skipped > HTTP_STATUS_INTERIM_MAX)
		return HTTP_STATUS_GARBLED;
	if (byte == '\n' && status->empty) {
		status->interim = false;
		status->at = 0;
		status->code = 0;
	} else if (byte != '\r') {
		status->empty = byte == '\n';
	}
	return HTTP_STATUS_MORE;
}

/* Takes the byte after the code; the code is complete if `byte` may follow. */
static enum http_status_state
end_code(struct http_status *status, unsigned char byte)
{
	if (byte != ' ' && byte != '\r' && byte != '\n')
		return HTTP_STATUS_GARBLED;
	if (status->code >= 200 || status->code == SWITCHING_PROTOCOLS)
		return HTTP_STATUS_DONE;
	status->interim = true;
	status->empty = byte == '\n';
	return HTTP_STATUS_MORE;
}

static enum http_status_state
http_status_step(struct http_status *status, unsigned char byte)
{
	unsigned at;

	if (status->interim)
		return skip(status, byte);
	at = status->at++;
	if (at == CODE_END)
		return end_code(status, byte);
	if (pattern[at] != '0')
		return byte == (unsigned char)pattern[at] ? HTTP_STATUS_MORE
							  : HTTP_STATUS_GARBLED;
	if (byte < '0' || byte > '9' || (at == CODE_AT && byte == '0'))
		return HTTP_STATUS_GARBLED;
	if (at >= CODE_AT)
		status->code = (uint16_t)(status->code * 10 + byte - '0');
	return HTTP_STATUS_MORE;
}

enum http_status_state
http_status_feed(struct http_status *status, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len && status->state == HTTP_STATUS_MORE; i++)
		status->state = http_status_step(status, bytes[i]);
	return status->state;
}
