/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What lb4 and the process that runs programs for it (programs_process.h) say
 * to each other on their SOCK_SEQPACKET socket.  Both are always of one
 * version, except in parent mode: see guard_message.h.
 */
#ifndef LB4_PROCESS_PROGRAM_MESSAGE_H
#define LB4_PROCESS_PROGRAM_MESSAGE_H

#include <stdint.h>

#define PROGRAM_TEXT_MAX 2048
#define PROGRAM_LINE_MAX 128

enum program_kind {
	PROGRAM_RUN,
	PROGRAM_KILL, /* with its process group; there is no answer */
};

struct program_request {
	uint64_t number; /* of this run */
	uint32_t kind;
	uint32_t words;	    /* the arguments, of which the first is the path */
	uint32_t variables; /* "NAME=value", for the environment */
	uint32_t len;
	char text[PROGRAM_TEXT_MAX]; /* all of them, each with its NUL */
};

/* A program has ended. */
struct program_answer {
	uint64_t number;
	int32_t error;		     /* -errno: it could not be started */
	int32_t status;		     /* as waitpid(2) has it */
	char line[PROGRAM_LINE_MAX]; /* the first of its output, cut */
};

#endif
