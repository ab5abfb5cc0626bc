/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Read-copy-update: a thin wrapper of liburcu's QSBR flavour.
 *
 * Workers read the table on every new conn and must never wait for the thread
 * that replaces it.  A reader (worker, prober) reads without a lock.  Once in
 * each turn of its loop, when it holds nothing from the table, it passes a
 * quiescent state; during epoll_wait(2) it is offline, which is one long
 * quiescent state.  The writer (control) publishes a new table with a release
 * store and then calls rcu_wait().  When that returns, every reader has been
 * quiescent since, so no reader can still see the old table, and control frees
 * it.
 *
 * ThreadSanitizer does not see liburcu's grace periods, so this wrapper tells
 * it: what a reader did before it went quiescent happens before rcu_wait()
 * returns.  No suppression is needed.
 */
#ifndef LB4_MODEL_RCU_H
#define LB4_MODEL_RCU_H

/* Each reading thread calls these once, before its first read and after its
 * last.  A thread starts online. */
void rcu_reader_start(void);
void rcu_reader_stop(void);

/* The calling reader holds nothing that it read before this call. */
void rcu_quiescent(void);

/* Before and after a long wait.  The thread reads nothing in between. */
void rcu_offline(void);
void rcu_online(void);

/* For the writer, which must not be a reader: waits until every reader has been
 * quiescent or offline since the call. */
void rcu_wait(void);

#endif
