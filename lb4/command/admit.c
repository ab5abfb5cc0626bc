/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Places at the control socket: see admit.h. */
#include "lb4/command/admit.h"

#include <assert.h>

#define TOO_MANY "too many callers"

static_assert(ADMIT_USER_MAX == 16, "the text says how many");
#define TOO_MANY_OF_USER "too many callers: your user has 16 already"

/* The most places of other users at this level and below. */
static const size_t level_max[LEVEL_COUNT] = {
	[LEVEL_NONE] = 4, /* they only read why they are turned away */
	[LEVEL_READ] = 40,
	[LEVEL_OPERATE] = 48,
	[LEVEL_ADMIN] = ADMIT_OTHERS_MAX,
};

/* In the order in which callers make room. */
enum rank {
	RANK_STRANGER,
	RANK_IDLE,
	RANK_BUSY, /* it waits, is told events, or does not read */
	RANK_OWN_IDLE,
	RANK_OWN_BUSY,
	RANK_KEPT,
};

static enum rank
rank_of(const struct caller *caller, uint64_t now_ms)
{
	const bool busy = caller->job.step != NULL || caller->monitors ||
	    caller_pending(caller) > 0;

	if (caller->level == LEVEL_NONE)
		return RANK_STRANGER;
	if (caller->lent || now_ms - caller->seen_ms < ADMIT_AGE_MS)
		return RANK_KEPT;
	if (caller->own)
		return busy ? RANK_OWN_BUSY : RANK_OWN_IDLE;
	return busy ? RANK_BUSY : RANK_IDLE;
}

static bool
is_of_user(const struct caller *caller, uid_t uid)
{
	return caller->fd >= 0 && !caller->own && caller->uid == uid;
}

static size_t
count_user(const struct caller *callers, size_t count, uid_t uid)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += is_of_user(&callers[i], uid);
	return found;
}

/* Whether other users have places left at the newcomer's level and at every
 * level above it. */
static bool
has_level(const struct caller *callers, size_t count, enum level mine)
{
	for (int level = mine; level < LEVEL_COUNT; level++) {
		size_t found = 0;

		for (size_t i = 0; i < count; i++)
			found += callers[i].fd >= 0 && !callers[i].own &&
			    callers[i].level <= (enum level)level;
		if (found >= level_max[level])
			return false;
	}
	return true;
}

static struct caller *
free_place(struct caller *callers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (callers[i].fd < 0)
			return &callers[i];
	return NULL;
}

/* Which of the two makes room first. */
static struct caller *
sooner(struct caller *one, struct caller *other, uint64_t now_ms)
{
	enum rank rank, than;

	if (one == NULL)
		return other;
	rank = rank_of(one, now_ms);
	than = rank_of(other, now_ms);
	if (than < rank || (than == rank && other->seen_ms < one->seen_ms))
		return other;
	return one;
}

/* The caller that makes room first, of those up to that rank and level. */
static struct caller *
first_of_all(struct caller *callers, size_t count, enum rank rank,
    enum level level, uint64_t now_ms)
{
	struct caller *found = NULL;

	for (size_t i = 0; i < count; i++)
		if (callers[i].fd >= 0 && callers[i].level <= level &&
		    rank_of(&callers[i], now_ms) <= rank)
			found = sooner(found, &callers[i], now_ms);
	return found;
}

static struct caller *
first_of_user(struct caller *callers, size_t count, uid_t uid, uint64_t now_ms)
{
	struct caller *found = NULL;

	for (size_t i = 0; i < count; i++)
		if (is_of_user(&callers[i], uid) &&
		    rank_of(&callers[i], now_ms) <= RANK_BUSY)
			found = sooner(found, &callers[i], now_ms);
	return found;
}

/* A caller of the user with the most places, which has at least as many left
 * then as the newcomer's user; at most at the newcomer's level. */
static struct caller *
first_of_bigger(struct caller *callers, size_t count,
    const struct newcomer *newcomer, uint64_t now_ms)
{
	const size_t mine = count_user(callers, count, newcomer->uid);
	struct caller *found = NULL;
	size_t biggest = mine + 2;

	for (size_t i = 0; i < count; i++) {
		struct caller *caller = &callers[i];
		size_t has;

		if (caller->fd < 0 || caller->level > newcomer->level ||
		    rank_of(caller, now_ms) > RANK_BUSY)
			continue;
		has = count_user(callers, count, caller->uid);
		if (has > biggest || (found == NULL && has == biggest))
			found = caller;
		else if (found != NULL && has == biggest)
			found = sooner(found, caller, now_ms);
		biggest = has > biggest ? has : biggest;
	}
	return found;
}

static struct caller *
place_for_other(struct caller *callers, size_t count,
    const struct newcomer *newcomer, uint64_t now_ms, const char **why)
{
	struct caller *place = NULL;

	*why = TOO_MANY;
	if (newcomer->level != LEVEL_NONE &&
	    count_user(callers, count, newcomer->uid) >= ADMIT_USER_MAX) {
		*why = TOO_MANY_OF_USER;
		return first_of_user(callers, count, newcomer->uid, now_ms);
	}
	if (has_level(callers, count, newcomer->level))
		place = free_place(callers, count);
	if (place != NULL || newcomer->level == LEVEL_NONE)
		return place;
	place = first_of_all(callers, count, RANK_IDLE, newcomer->level,
	    now_ms);
	return place != NULL
	    ? place
	    : first_of_bigger(callers, count, newcomer, now_ms);
}

struct caller *
admit_place(struct caller *callers, size_t count,
    const struct newcomer *newcomer, uint64_t now_ms, const char **why)
{
	struct caller *place;

	if (!newcomer->own)
		return place_for_other(callers, count, newcomer, now_ms, why);
	*why = TOO_MANY;
	place = free_place(callers, count);
	if (place == NULL)
		place = first_of_all(callers, count, RANK_OWN_BUSY, LEVEL_ADMIN,
		    now_ms);
	return place;
}
