/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Runs programs: asks the process that guard_programs() has started for it.
 * Nothing here waits.  For one thread.
 */
#ifndef LB4_PROCESS_PROGRAMS_H
#define LB4_PROCESS_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/process/program_message.h"

/* Begins a request to run a program. */
void programs_begin(struct program_request *request, uint64_t number);

/* Adds an argument; the first one is the absolute path of the program.  All
 * arguments come before the variables.  False if there is no room. */
must_check bool programs_argument(struct program_request *request,
    const char *word);

/* Adds a variable of the environment. */
must_check bool programs_variable(struct program_request *request,
    const char *name, const char *value);

/* Sends the request to `socket`.  0 or -errno. */
must_check int programs_run(int socket, const struct program_request *request);

/* Has a program killed, with its process group; there will be no answer, unless
 * it is on its way. */
void programs_kill(int socket, uint64_t number);

/* Receives an answer.  1; 0: there is none yet; or -errno, -EPIPE when that
 * process has ended. */
must_check int programs_receive(int socket, struct program_answer *answer);

#endif
