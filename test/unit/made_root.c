/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A made-up /proc and /sys: see made_root.h. */
#include "made_root.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char made_root[64];

void
made_root_setup(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(made_root, sizeof(made_root), "%s/lb4-test-root.XXXXXX",
	    base != NULL ? base : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(made_root));
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
made_root_teardown(void)
{
	(void)nftw(made_root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *
made_root_path(const char *path)
{
	static char full[512];

	snprintf(full, sizeof(full), "%s%s", made_root, path);
	for (char *slash = full + strlen(made_root) + 1;
	     (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		ck_assert(mkdir(full, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	return full;
}

void
made_root_put(const char *path, const char *text)
{
	FILE *file = fopen(made_root_path(path), "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}
