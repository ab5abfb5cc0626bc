/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A table of sources: see sources.h. */
#include "common/sources.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#define WAYS 16
#define ENTRIES_MIN 65536
#define ENTRIES_MAX (UINT64_C(1) << 30)

/* struct entry.word */
#define CONNS_BITS 24
#define CONNS_MAX ((UINT64_C(1) << CONNS_BITS) - 1)

/* struct entry.time: units of 64 ns, which last for nine years */
#define TIME_BITS 52
#define TIME_MAX ((UINT64_C(1) << TIME_BITS) - 1)
#define UNIT_NS 64

#define SKEW_NS UINT64_C(1000000000)

/* Attempts before a source that many workers enter at once is not tracked. */
#define ATTEMPTS 1000

struct entry {
	_Atomic uint64_t word; /* writers: workers, compare-and-swap */
	_Atomic uint64_t time; /* the same */
};

struct set {
	_Alignas(64) struct entry way[WAYS];
};

struct sources {
	struct hash_key key;
	uint64_t sets; /* a power of 2 */
	struct set *set;
	_Alignas(64) _Atomic uint64_t untracked; /* workers, fetch-and-add */
};

struct sources *
sources_new(uint64_t conns, const struct hash_key *key)
{
	struct sources *sources = aligned_alloc(_Alignof(struct sources),
	    sizeof(*sources));
	uint64_t entries = ENTRIES_MIN;
	void *memory;

	if (sources == NULL)
		return NULL;
	while (entries < 4 * conns && entries < ENTRIES_MAX)
		entries *= 2;
	memory = mmap(NULL, entries * sizeof(struct entry),
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	    -1, 0);
	if (memory == MAP_FAILED) {
		free(sources);
		return NULL;
	}
	sources->key = *key;
	sources->sets = entries / WAYS;
	sources->set = memory;
	atomic_init(&sources->untracked, 0);
	return sources;
}

void
sources_free(struct sources *sources)
{
	if (sources == NULL)
		return;
	(void)munmap(sources->set, sources->sets * sizeof(struct set));
	free(sources);
}

uint64_t
sources_hash(const struct sources *sources, const void *who, size_t len)
{
	return hash_sip(&sources->key, who, len);
}

/* ---- bits --------------------------------------------------------------- */

static uint64_t
tag_of(uint64_t hash)
{
	const uint64_t tag = hash >> CONNS_BITS;

	return tag != 0 ? tag : 1; /* 0: an empty entry */
}

/* The set and the check are made of other bits than the tag. */
static uint64_t
set_of(const struct sources *sources, uint64_t hash)
{
	return hash_mix(hash) & (sources->sets - 1);
}

static uint64_t
check_of(uint64_t hash)
{
	return (hash_mix(hash) >> TIME_BITS) << TIME_BITS;
}

static uint64_t
conns_in(uint64_t word)
{
	return word & CONNS_MAX;
}

static bool
is_tagged(uint64_t word, uint64_t hash)
{
	return word >> CONNS_BITS == tag_of(hash);
}

/* ---- the rate ----------------------------------------------------------- */

/* A time that no source can reach with these limits is of earlier, stricter
 * ones: as if the burst had just been used up.  The clocks of two workers
 * differ by less than `skew`. */
static uint64_t
within(uint64_t time, uint64_t latest, uint64_t interval, uint64_t skew)
{
	return time > latest + interval + skew ? latest : time;
}

/* The arrival time after another conn, or 0 if it comes too early. */
static uint64_t
next_time(uint64_t time, uint64_t now, uint64_t interval, uint64_t slack,
    uint64_t skew)
{
	time = within(time, now + slack, interval, skew);
	if (time > now + slack)
		return 0;
	return (time > now ? time : now) + interval;
}

bool
sources_pace(_Atomic uint64_t *time_ns, const struct sources_limit *limit,
    uint64_t now_ns)
{
	uint64_t time = atomic_load(time_ns), next;

	if (limit->interval_ns == 0)
		return true;
	do {
		next = next_time(time, now_ns, limit->interval_ns,
		    limit->slack_ns, SKEW_NS);
		if (next == 0)
			return false;
	} while (!atomic_compare_exchange_weak(time_ns, &time, next));
	return true;
}

/* An interval of at least one unit, rounded to the nearest. */
static uint64_t
units(uint64_t ns)
{
	const uint64_t rounded = (ns + UNIT_NS / 2) / UNIT_NS;

	return ns > 0 && rounded == 0 ? 1 : rounded;
}

/* Takes the next conn of a source whose entry the caller holds. */
static bool
take_time(struct entry *entry, uint64_t hash, const struct sources_limit *limit,
    uint64_t now_ns)
{
	const uint64_t check = check_of(hash);
	uint64_t before = atomic_load(&entry->time), next;

	if (limit->interval_ns == 0)
		return true;
	do {
		const bool own = before >> TIME_BITS == check >> TIME_BITS;

		next = next_time(own ? before & TIME_MAX : 0, now_ns / UNIT_NS,
		    units(limit->interval_ns), units(limit->slack_ns),
		    SKEW_NS / UNIT_NS);
		if (next == 0)
			return false;
		next = (next & TIME_MAX) | check;
	} while (!atomic_compare_exchange_weak(&entry->time, &before, next));
	return true;
}

/* ---- entries ------------------------------------------------------------ */

/* The entry of the source, with conns if `live` is set; NULL if there is
 * none. */
static struct entry *
find(struct set *set, uint64_t hash, bool live, const struct entry *other)
{
	for (int i = 0; i < WAYS; i++) {
		const uint64_t word = atomic_load(&set->way[i].word);

		if (&set->way[i] != other && is_tagged(word, hash) &&
		    (!live || conns_in(word) > 0))
			return &set->way[i];
	}
	return NULL;
}

/* The entry that a new source may take, and its present word; NULL if all have
 * conns. */
static struct entry *
find_room(struct set *set, uint64_t now_ns, uint64_t *word)
{
	uint64_t first = UINT64_MAX;
	struct entry *found = NULL;

	for (int i = 0; i < WAYS && first > 0; i++) {
		struct entry *entry = &set->way[i];
		const uint64_t present = atomic_load(&entry->word);
		uint64_t time = atomic_load(&entry->time) & TIME_MAX;

		if (conns_in(present) > 0)
			continue;
		if (present == 0)
			time = 0;
		else if (time <= now_ns / UNIT_NS)
			time = 1;
		if (time < first) {
			first = time;
			found = entry;
			*word = present;
		}
	}
	return found;
}

/* Counts a conn down.  The source stays, for the sake of its time. */
static void
count_down(struct entry *entry)
{
	const uint64_t before = atomic_fetch_sub(&entry->word, 1);

	assert(conns_in(before) > 0);
}

/* Counts a conn up in an entry of the source; false if the entry has become
 * another's.  *full says whether that would exceed the limit. */
static bool
count_up(struct entry *entry, uint64_t hash, uint64_t most, bool *full)
{
	uint64_t word = atomic_load(&entry->word);

	do {
		if (!is_tagged(word, hash))
			return false;
		*full = conns_in(word) >= most;
	} while (!*full &&
	    !atomic_compare_exchange_weak(&entry->word, &word, word + 1));
	return true;
}

/* Takes back what count_up() or count_conn() did, and empties an entry that
 * nobody else has used, so that the source is in one entry only. */
static void
take_back(struct entry *entry, uint64_t hash)
{
	uint64_t word = atomic_load(&entry->word), next;

	do {
		assert(is_tagged(word, hash) && conns_in(word) > 0);
		next = conns_in(word) == 1 ? 0 : word - 1;
	} while (!atomic_compare_exchange_weak(&entry->word, &word, next));
}

/* Counts a conn of the source; NULL if all entries have conns.  *full: the
 * source has as many as it may. */
static struct entry *
count_conn(struct set *set, uint64_t hash, uint64_t most, uint64_t now_ns,
    bool *full)
{
	*full = false;
	for (int i = 0; i < ATTEMPTS; i++) {
		struct entry *entry = find(set, hash, false, NULL);
		uint64_t word;

		if (entry != NULL) {
			if (!count_up(entry, hash, most, full))
				continue;
			if (*full)
				return entry;
		} else {
			entry = find_room(set, now_ns, &word);
			if (entry == NULL)
				return NULL;
			if (!atomic_compare_exchange_strong(&entry->word, &word,
				tag_of(hash) << CONNS_BITS | 1))
				continue;
		}
		if (find(set, hash, true, entry) == NULL)
			return entry;
		take_back(entry, hash);
	}
	return NULL;
}

enum sources_verdict
sources_enter(struct sources *sources, uint64_t hash,
    const struct sources_limit *limit, uint64_t now_ns, sources_entry *out)
{
	const uint64_t index = set_of(sources, hash);
	struct set *set = &sources->set[index];
	const uint64_t most = limit->conns != 0 ? limit->conns : CONNS_MAX;
	struct entry *entry;
	bool full;

	*out = 0;
	entry = count_conn(set, hash, most, now_ns, &full);
	if (full)
		return SOURCES_CONNS;
	if (entry == NULL) {
		(void)atomic_fetch_add_explicit(&sources->untracked, 1,
		    memory_order_relaxed);
		return SOURCES_PASS;
	}
	if (!take_time(entry, hash, limit, now_ns)) {
		count_down(entry);
		return SOURCES_RATE;
	}
	*out = (sources_entry)(index * WAYS + (uint64_t)(entry - set->way) + 1);
	return SOURCES_PASS;
}

static struct entry *
entry_of(const struct sources *sources, sources_entry entry)
{
	return &sources->set[(entry - 1) / WAYS].way[(entry - 1) % WAYS];
}

void
sources_leave(struct sources *sources, sources_entry entry)
{
	if (entry != 0)
		count_down(entry_of(sources, entry));
}

void
sources_undo(struct sources *sources, sources_entry entry, uint64_t interval_ns)
{
	uint64_t time;

	if (entry == 0)
		return;
	/* the entry is held, so the time is this source's, if there is one */
	time = atomic_load(&entry_of(sources, entry)->time);
	while ((time & TIME_MAX) >= units(interval_ns) &&
	    !atomic_compare_exchange_weak(&entry_of(sources, entry)->time,
		&time, time - units(interval_ns)))
		;
	count_down(entry_of(sources, entry));
}

uint32_t
sources_look(const struct sources *sources, uint64_t hash,
    const struct sources_limit *limit, uint64_t now_ns, uint64_t *wait_ns)
{
	const struct entry *entry = find(&sources->set[set_of(sources, hash)],
	    hash, false, NULL);
	uint64_t time, due;

	*wait_ns = 0;
	if (entry == NULL)
		return 0;
	time = atomic_load(&entry->time);
	due = now_ns / UNIT_NS + units(limit->slack_ns);
	if (limit->interval_ns != 0 &&
	    time >> TIME_BITS == check_of(hash) >> TIME_BITS) {
		time = within(time & TIME_MAX, due, units(limit->interval_ns),
		    SKEW_NS / UNIT_NS);
		if (time > due)
			*wait_ns = (time - due) * UNIT_NS;
	}
	return (uint32_t)conns_in(atomic_load(&entry->word));
}

uint64_t
sources_untracked(const struct sources *sources)
{
	return atomic_load_explicit(&sources->untracked, memory_order_relaxed);
}

uint64_t
sources_room(const struct sources *sources)
{
	return sources->sets * WAYS;
}
