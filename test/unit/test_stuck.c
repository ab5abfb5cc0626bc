/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What proves that a backend is dead: silence, and retransmissions or probes
 * without an answer.  Each alone does not.
 */
#include "lb4/engine/stuck.h"

#include <check.h>
#include <linux/tcp.h>
#include <stdlib.h>

START_TEST(proofs)
{
	static const struct {
		uint32_t silent_ms, unacked;
		uint8_t backoff, probes;
		bool proof;
	} cases[] = {
		{ 0, 0, 0, 0, false },
		{ 86400000, 0, 0, 0, false }, /* idle for a day */
		{ 86400000, 0, 9, 0, false },
		{ 5000, 10, 2, 0, false }, /* lost twice */
		{ 5000, 10, 3, 0, true }, { 999, 10, 3, 0, false },
		{ 10, 10, 9, 0, false }, /* a bad link, but it answers */
		{ 5000, 0, 0, 2, false },
		{ 5000, 0, 0, 3, true }, /* keepalives */
		{ 5000, 10, 0, 3, true },
		{ 500, 0, 6, 6, false }, /* a closed window, and answers */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tcp_info info = {
			.tcpi_last_ack_recv = cases[i].silent_ms,
			.tcpi_unacked = cases[i].unacked,
			.tcpi_backoff = cases[i].backoff,
			.tcpi_probes = cases[i].probes,
		};

		ck_assert_msg(stuck_is_proof(&info) == cases[i].proof,
		    "case %zu", i);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stuck");
	TCase *tc = tcase_create("stuck");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, proofs);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
