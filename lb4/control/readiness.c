/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The thread that answers `node`: see readiness.h. */
#include "lb4/control/readiness.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/mailbox.h"
#include "common/pulse.h"
#include "common/timer.h"
#include "common/why.h"
#include "lb4/control/node.h"
#include "lb4/control/running.h"
#include "lb4/control/threads.h"

enum { TAG_MAILBOX, TAG_LENT };

/* The only question that is understood, and how many are read at once. */
static const char question[] = "node\n";
#define QUESTION_LEN (sizeof(question) - 1)
#define QUESTIONS_MAX 8

#define SILENT_MS 5000 /* a caller silent for this long is given back */

struct readiness {
	/* set before the thread starts */
	const struct running *running;
	struct mailbox *back;
	int epfd;
	struct mailbox lent; /* struct lent, from control */
	pthread_t thread;

	_Atomic bool stop; /* writer: control */

	/* owned by the thread; by index; fd -1: none */
	struct lent caller[READINESS_CALLERS_MAX];
	uint64_t asked_ms[READINESS_CALLERS_MAX]; /* when it asked last */
};

/* ---- the thread ---------------------------------------------------------- */

static void
give_back(struct readiness *readiness, struct lent *lent)
{
	bool posted;

	(void)loop_remove(readiness->epfd, lent->fd);
	posted = mailbox_post(readiness->back, lent);
	assert(posted);
	lent->fd = -1;
}

static void
take_lent(struct readiness *readiness)
{
	struct lent lent;

	mailbox_open(&readiness->lent);
	while (mailbox_take(&readiness->lent, &lent)) {
		struct lent *place = &readiness->caller[lent.index];

		*place = lent;
		readiness->asked_ms[lent.index] = timer_now_ms();
		if (loop_add(readiness->epfd, lent.fd, EPOLLIN,
			loop_tag(TAG_LENT, lent.index, lent.generation)) < 0)
			give_back(readiness, place);
	}
}

/* Returns how many questions wait; 0 if anything else waits, too. */
static unsigned
count_questions(int fd)
{
	char text[QUESTIONS_MAX * QUESTION_LEN];
	ssize_t len = recv(fd, text, sizeof(text), MSG_PEEK | MSG_DONTWAIT);

	if (len <= 0 || (size_t)len % QUESTION_LEN != 0)
		return 0;
	for (size_t at = 0; at < (size_t)len; at += QUESTION_LEN)
		if (memcmp(text + at, question, QUESTION_LEN) != 0)
			return 0;
	return (unsigned)((size_t)len / QUESTION_LEN);
}

/* Answers one question and consumes it.  Returns false if the socket did not
 * accept the answer; the question stays unread. */
static bool
answer(const struct readiness *readiness, int fd)
{
	char text[NODE_TEXT_MAX];
	struct why why;
	char line[NODE_TEXT_MAX + 2], taken[QUESTION_LEN];
	enum node_state state = node_state(readiness->running, &why);
	int len = snprintf(line, sizeof(line), "%s\n\n",
	    node_text(state, why.text, text, sizeof(text)));

	if (send(fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
		return false;
	return recv(fd, taken, sizeof(taken), MSG_DONTWAIT) ==
	    (ssize_t)sizeof(taken);
}

static void
on_readable(struct readiness *readiness, struct lent *lent)
{
	unsigned questions = count_questions(lent->fd);
	bool more = questions > 0;

	readiness->asked_ms[lent->index] = timer_now_ms();
	while (more && questions-- > 0)
		more = answer(readiness, lent->fd);
	if (!more)
		give_back(readiness, lent);
}

/* Gives back callers that have been silent for too long.  Returns the time
 * until the next one is, or -1 if there is none. */
static int
look_at_time(struct readiness *readiness)
{
	const uint64_t now_ms = timer_now_ms();
	uint64_t sleep_ms = UINT64_MAX;

	for (unsigned i = 0; i < READINESS_CALLERS_MAX; i++) {
		struct lent *lent = &readiness->caller[i];
		uint64_t silent_ms = now_ms - readiness->asked_ms[i];

		if (lent->fd < 0)
			continue;
		if (silent_ms >= SILENT_MS)
			give_back(readiness, lent);
		else if (SILENT_MS - silent_ms < sleep_ms)
			sleep_ms = SILENT_MS - silent_ms;
	}
	return sleep_ms == UINT64_MAX ? -1 : (int)sleep_ms;
}

static void *
readiness_main(void *argument)
{
	struct readiness *readiness = argument;
	struct epoll_event events[READINESS_CALLERS_MAX];
	struct pulse *pulse = threads_readiness(readiness->running->threads);

	(void)pthread_setname_np(pthread_self(), "lb4-ready");
	pulse_start(pulse);
	while (!atomic_load_explicit(&readiness->stop, memory_order_acquire)) {
		int wait_ms = look_at_time(readiness), count;

		pulse_due(pulse,
		    wait_ms < 0 ? 0 : timer_now_ms() + (uint64_t)wait_ms);
		count = loop_wait(readiness->epfd, events,
		    READINESS_CALLERS_MAX, wait_ms);
		pulse_due(pulse, timer_now_ms());
		for (int i = 0; i < count; i++) {
			const uint64_t tag = events[i].data.u64;
			struct lent *lent =
			    &readiness->caller[loop_tag_index(tag)];

			if (loop_tag_kind(tag) == TAG_MAILBOX)
				take_lent(readiness);
			else if (lent->fd >= 0 &&
			    lent->generation == loop_tag_generation(tag))
				on_readable(readiness, lent);
		}
	}
	return NULL;
}

/* ---- for control --------------------------------------------------------- */

static int
start(struct readiness *readiness)
{
	int error = mailbox_init(&readiness->lent, READINESS_CALLERS_MAX,
	    sizeof(struct lent));

	if (error < 0)
		return error;
	readiness->epfd = loop_open();
	error = readiness->epfd < 0
	    ? readiness->epfd
	    : loop_add(readiness->epfd, readiness->lent.fd, EPOLLIN,
		  loop_tag(TAG_MAILBOX, 0, 0));
	if (error == 0)
		error = -pthread_create(&readiness->thread, NULL,
		    readiness_main, readiness);
	if (error == 0)
		return 0;
	if (readiness->epfd >= 0)
		(void)close(readiness->epfd);
	mailbox_done(&readiness->lent);
	return error;
}

struct readiness *
readiness_new(const struct running *running, struct mailbox *back)
{
	struct readiness *readiness;
	int error;

	readiness = aligned_alloc(_Alignof(struct readiness),
	    sizeof(*readiness));
	if (readiness == NULL)
		return NULL;
	memset(readiness, 0, sizeof(*readiness));
	readiness->running = running;
	readiness->back = back;
	for (unsigned i = 0; i < READINESS_CALLERS_MAX; i++)
		readiness->caller[i].fd = -1;
	error = start(readiness);
	if (error == 0)
		return readiness;
	free(readiness);
	errno = -error;
	return NULL;
}

void
readiness_free(struct readiness *readiness)
{
	if (readiness == NULL)
		return;
	atomic_store_explicit(&readiness->stop, true, memory_order_release);
	mailbox_ring(&readiness->lent);
	(void)pthread_join(readiness->thread, NULL);
	(void)close(readiness->epfd);
	mailbox_done(&readiness->lent);
	free(readiness);
}

void
readiness_lend(struct readiness *readiness, const struct lent *lent)
{
	bool posted = mailbox_post(&readiness->lent, lent);

	assert(posted);
}
