/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A conn changes its worker: see conn_give.h. */
#include "lb4/engine/conn_give.h"

#include <stddef.h>

#include "lb4/engine/conn.h"
#include "lb4/engine/types.h"
#include "lb4/engine/worker_post.h"

bool
conn_give(struct worker *worker, struct conn *conn, struct worker *to)
{
	struct worker_message attach = { .kind = WORKER_ATTACH };

	if ((attach.conn = conn_detach(worker, conn)) == NULL)
		return false;
	if (worker_try_post(to, &attach)) {
		worker->moved++;
		return true;
	}
	conn_attach(worker, attach.conn);
	return false;
}
