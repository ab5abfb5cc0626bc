/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Watches the files of the access rules, and brings changes into force: all
 * files or, when one of them has an error, none.  Nothing else of the
 * configuration is read again.
 *
 * inotify(7) reports what happens in the files' directories, so that a file
 * that was replaced by rename(2) is noticed too.  A look at the files every few
 * seconds finds what inotify cannot see: a change behind a symbolic link, or on
 * another machine's disk.  A file must be unchanged for a moment before it is
 * read, so that one that is being written is not read in part.
 */
#ifndef LB4_CONTROL_RULEFILES_H
#define LB4_CONTROL_RULEFILES_H

#include "common/attr.h"
#include "lb4/control/source.h"

struct rulefiles;
struct running;

/* Makes an event source for the control thread.  Returns 0 or -errno. */
must_check int rulefiles_new(struct rulefiles **out, struct running *running,
    struct source *source);

/* NULL is allowed. */
void rulefiles_free(struct rulefiles *files);

#endif
