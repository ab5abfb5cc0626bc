/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Names in the store of the service manager: see stored_name.h. */
#include "lb4/process/stored_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "lb4,"
#define UNIX "unix,"

/* Appends the character as it may stand in a name.  Returns the new length, or
 * 0 if there is no room. */
static size_t
append(char *name, size_t size, size_t len, char c)
{
	char text[4] = { c == ':' ? ',' : c };

	if (c <= ' ' || c > '~' || c == ',' || c == '%')
		(void)snprintf(text, sizeof(text), "%%%02X", (unsigned char)c);
	if (len == 0 || len + strlen(text) >= size)
		return 0;
	memcpy(name + len, text, strlen(text) + 1);
	return len + strlen(text);
}

int
stored_name_format(char *name, size_t size, const struct addr *addr,
    const struct sockfile_id *file)
{
	char text[ADDR_TEXT_MAX];
	size_t len = sizeof(PREFIX) - 1;
	int n;

	(void)snprintf(name, size, PREFIX);
	addr_format(addr, text, sizeof(text));
	for (const char *c = text; *c != '\0'; c++)
		len = append(name, size, len, *c);
	if (len == 0)
		return -ENAMETOOLONG;
	if (file->ino == 0)
		return 0;
	n = snprintf(name + len, size - len, ",%llx,%llx",
	    (unsigned long long)file->dev, (unsigned long long)file->ino);
	return n < 0 || (size_t)n >= size - len ? -ENAMETOOLONG : 0;
}

bool
stored_name_parse(const char *name, struct sockfile_id *file)
{
	unsigned long long dev, ino;
	const char *at;
	int end = 0;

	memset(file, 0, sizeof(*file));
	if (strncmp(name, PREFIX, sizeof(PREFIX) - 1) != 0)
		return false;
	name += sizeof(PREFIX) - 1;
	if (strncmp(name, UNIX, sizeof(UNIX) - 1) != 0)
		return true;
	at = strchr(name + sizeof(UNIX) - 1, ',');
	if (at != NULL && sscanf(at, ",%llx,%llx%n", &dev, &ino, &end) == 2 &&
	    at[end] == '\0') {
		file->dev = (dev_t)dev;
		file->ino = (ino_t)ino;
	}
	return true;
}
