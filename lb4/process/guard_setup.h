/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What the guard needs at its start: see guard.h. */
#ifndef LB4_PROCESS_GUARD_SETUP_H
#define LB4_PROCESS_GUARD_SETUP_H

#include <stdbool.h>

struct daemon_user;
struct guard_given;

struct guard_setup {
	const struct daemon_user *user; /* to become */
	bool core;	  /* allow core dumps, as in daemon_become() */
	bool background;  /* standard input, output and error: /dev/null */
	bool parent;	  /* parent mode */
	char **argv;	  /* of main() */
	const char *path; /* of the running executable: guard_path() */
	struct guard_given *given;   /* from guard_take() */
	void (*forget)(void *owner); /* frees what the guard does not need */
	void *owner;
};

#endif
