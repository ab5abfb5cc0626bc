/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Wraps liburcu's QSBR flavour in lb4's calls, for the workers and the
 * prober (readers) and control (the writer).
 */
#include "lb4/model/rcu.h"

#include <urcu-qsbr.h>

#include "common/sanitize.h"

/* Stands for all grace periods; its value has no meaning and never changes. */
static char grace;

void
rcu_reader_start(void)
{
	rcu_register_thread();
}

void
rcu_reader_stop(void)
{
	sanitize_release(&grace);
	rcu_unregister_thread();
}

void
rcu_quiescent(void)
{
	sanitize_release(&grace);
	rcu_quiescent_state();
}

void
rcu_offline(void)
{
	sanitize_release(&grace);
	rcu_thread_offline();
}

void
rcu_online(void)
{
	rcu_thread_online();
}

void
rcu_wait(void)
{
	synchronize_rcu();
	sanitize_acquire(&grace);
}
