/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Listeners in the service manager: see keep.h. */
#include "lb4/control/keep.h"

#include <string.h>

#include "common/log.h"
#include "lb4/control/running.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/places.h"
#include "lb4/process/fdstore.h"
#include "lb4/process/notify.h"

/* A list that is being made. */
struct making {
	struct fdstore list;
	int error;
};

static void
add(void *owner, const struct addr *bound, const struct sockfile_id *file,
    int fd)
{
	struct making *making = owner;

	if (making->error == 0)
		making->error = fdstore_add(&making->list, bound, file, fd);
}

static void
tell(struct running *running, struct making *making)
{
	if (making->error == 0)
		making->error = fdstore_change(&running->kept, &making->list);
	else
		fdstore_done(&making->list);
	if (making->error < 0)
		log_warning("cannot store the listeners in the service "
			    "manager: %s",
		    strerror(-making->error));
}

void
keep_received(struct running *running, const struct places *places)
{
	struct making making = { .list = running->kept };

	if (!notify_is_wanted())
		return;
	places_each_socket(places, add, &making);
	running->kept = making.list;
	if (making.error < 0)
		log_warning("cannot list the listeners that the service "
			    "manager has: %s",
		    strerror(-making.error));
}

void
keep_begin(struct running *running, const struct inherited *inherited)
{
	struct making making = { .error = 0 };

	if (!notify_is_wanted())
		return;
	making.error = fdstore_add_inherited(&running->kept, inherited);
	engine_each_socket(running->engine, NULL, add, &making);
	tell(running, &making);
}

void
keep_change(struct running *running, const struct engine_change *change)
{
	struct making making = { .error = 0 };

	if (!notify_is_wanted())
		return;
	engine_each_socket(running->engine, change, add, &making);
	tell(running, &making);
}

void
keep_nothing(struct running *running)
{
	struct making making = { .error = 0 };

	if (notify_is_wanted())
		tell(running, &making);
}
