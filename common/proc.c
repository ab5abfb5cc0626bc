/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Files of /proc and /sys: see proc.h. */
#include "common/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
join(char full[PATH_MAX], const char *root, const char *path)
{
	return snprintf(full, PATH_MAX, "%s%s", root, path) < PATH_MAX;
}

bool
proc_text(const char *root, const char *path, char *text, size_t size)
{
	char full[PATH_MAX];
	ssize_t len = -1;
	int fd;

	text[0] = '\0';
	if (!join(full, root, path))
		return false;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	do
		len = read(fd, text, size - 1);
	while (len < 0 && errno == EINTR);
	(void)close(fd);
	text[len > 0 ? len : 0] = '\0';
	return len > 0;
}

bool
proc_line(const char *root, const char *path, char *line, size_t size)
{
	const bool found = proc_text(root, path, line, size);

	line[strcspn(line, "\n")] = '\0';
	return found;
}

int64_t
proc_number(const char *root, const char *path, unsigned n)
{
	char line[256];
	char *word, *rest = line, *end;
	int64_t value;

	if (!proc_line(root, path, line, sizeof(line)))
		return PROC_UNKNOWN;
	do
		word = strtok_r(rest, " \t", &rest);
	while (word != NULL && n-- > 0);
	if (word == NULL)
		return PROC_UNKNOWN;
	if (strcmp(word, "max") == 0)
		return PROC_UNLIMITED;
	value = strtoll(word, &end, 10);
	return end == word || value < 0 ? PROC_UNKNOWN : value;
}

int64_t
proc_sysctl(const char *root, const char *name, unsigned n)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/proc/sys/%s", name);
	return proc_number(root, path, n);
}

char *
proc_field(const char *root, const char *path, const char *name, char *line,
    int size)
{
	const size_t len = strlen(name);
	char full[PATH_MAX];
	char *found = NULL;
	FILE *file;

	if (!join(full, root, path))
		return NULL;
	file = fopen(full, "re");
	if (file == NULL)
		return NULL;
	while (found == NULL && fgets(line, size, file) != NULL)
		if (strncmp(line, name, len) == 0)
			found = line + len;
	(void)fclose(file);
	return found;
}

/* ---- control groups ------------------------------------------------------ */

/* Whether `word` is one of the words between commas. */
static bool
has_word(const char *list, const char *word)
{
	const size_t len = strlen(word);

	for (; *list != '\0'; list += strspn(list, ",")) {
		const size_t next = strcspn(list, ",");

		if (next == len && strncmp(list, word, len) == 0)
			return true;
		list += next;
	}
	return false;
}

/* From the group "/a/b" up to the root of its hierarchy, `top`. */
static void
climb(const char *top, char *group,
    void (*visit)(void *owner, const char *dir, bool v2), void *owner, bool v2)
{
	char dir[PROC_GROUP_MAX];
	char *slash;

	if (strcmp(group, "/") == 0)
		group[0] = '\0';
	do {
		if (snprintf(dir, sizeof(dir), "%s%s", top, group) >=
		    (int)sizeof(dir))
			return;
		visit(owner, dir, v2);
		slash = strrchr(group, '/');
		if (slash != NULL)
			*slash = '\0';
	} while (slash != NULL);
}

void
proc_groups(const char *root, const char *controller,
    void (*visit)(void *owner, const char *dir, bool v2), void *owner)
{
	char full[PATH_MAX], line[PATH_MAX], top[64];
	FILE *file = NULL;

	if (join(full, root, "/proc/self/cgroup"))
		file = fopen(full, "re");
	if (file == NULL)
		return;
	/* "4:cpu,cpuacct:/a/b", or "0::/a/b" of version 2 */
	while (fgets(line, sizeof(line), file) != NULL) {
		char *list = strchr(line, ':');
		char *group = list != NULL ? strchr(++list, ':') : NULL;
		bool v2;

		if (group == NULL)
			continue;
		*group++ = '\0';
		group[strcspn(group, "\n")] = '\0';
		v2 = list[0] == '\0';
		if (!v2 && !has_word(list, controller))
			continue;
		(void)snprintf(top, sizeof(top), "/sys/fs/cgroup%s%s",
		    v2 ? "" : "/", v2 ? "" : controller);
		climb(top, group, visit, owner, v2);
	}
	(void)fclose(file);
}
