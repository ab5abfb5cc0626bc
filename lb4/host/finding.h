/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What the doctor finds: one limit of the machine, and all of them. */
#ifndef LB4_HOST_FINDING_H
#define LB4_HOST_FINDING_H

#include <stddef.h>
#include <stdint.h>

#define DOCTOR_TEXT_MAX 192
#define DOCTOR_FINDINGS_MAX 24

/* There is no such wall. */
#define DOCTOR_NO_WALL UINT64_MAX

enum doctor_severity {
	DOCTOR_BITES, /* the configuration asks for more than there is */
	DOCTOR_NOTE,  /* nobody asked for more, or it depends on the traffic */
	DOCTOR_FINE,
	DOCTOR_SEVERITY_COUNT,
};

struct doctor_finding {
	enum doctor_severity severity;
	const char *what;	     /* "RLIMIT_NOFILE"; constant */
	char value[DOCTOR_TEXT_MAX]; /* what it is here */
	char needs[DOCTOR_TEXT_MAX]; /* what the configuration needs */
	char wall[DOCTOR_TEXT_MAX];  /* what happens there, with its figure */
	char set[DOCTOR_TEXT_MAX];   /* what to set; "": nothing */
	uint64_t conns; /* so many conns at once; or DOCTOR_NO_WALL */
	uint64_t rate;	/* so many new conns a second; or DOCTOR_NO_WALL */
};

struct doctor_report {
	/* The worst first; those of one severity by their `conns`. */
	struct doctor_finding finding[DOCTOR_FINDINGS_MAX];
	size_t count;
	size_t bites;	 /* how many of them do */
	uint64_t wanted; /* conns at once that the configuration asks for, or
			  * allows itself when it says nothing */
	size_t first; /* finding with the lowest wall of conns; count: none */
};

#endif
