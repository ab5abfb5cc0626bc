/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A set of prefixes as a sorted list of points: see prefixes.h.  Building takes
 * O(n log n): the prefixes are sorted, so that one is followed by those that it
 * contains, and a stack of the open ones says what holds after the end of each.
 */
#include "common/prefixes.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 8	      /* in a node: a cache line */
#define LEVELS_MAX 24 /* more than any memory has room for */

/* An address as a number. */
struct point {
	uint64_t high, low;
};

/* The points of one address family.  Points with equal upper halves form a
 * group; level[0] has the groups' upper halves.  For IPv4 a key is the point
 * << 32 | the value from it on: a look-up touches one cache line less. */
struct family {
	uint64_t *level[LEVELS_MAX]; /* owned; padded with UINT64_MAX */
	int levels;
	uint32_t groups;
	bool flat;	 /* each group is one point, whose lower half is 0 */
	uint32_t *start; /* of each group, and the end; NULL if flat */
	uint64_t *low;	 /* of each point; NULL if flat */
	uint32_t *value; /* from each point on; NULL for IPv4 */
	size_t bytes;
};

struct prefixes {
	struct family four, six;
};

/* ---- the points --------------------------------------------------------- */

/* The prefixes in order, and the list that is made of them. */
struct building {
	const char *at;
	size_t stride;
	uint32_t *order; /* indexes */
	size_t count;
	struct point *point;
	uint32_t *value;
	size_t points;
};

static const struct prefix *
prefix_at(const struct building *building, uint32_t index)
{
	return (const struct prefix *)(building->at + index * building->stride);
}

static struct point
point_of(const uint8_t ip[16])
{
	struct point point;

	memcpy(&point.high, ip, sizeof(point.high));
	memcpy(&point.low, ip + sizeof(point.high), sizeof(point.low));
	point.high = be64toh(point.high);
	point.low = be64toh(point.low);
	return point;
}

/* Of IPv4 the number alone, so that all of it is in the upper half. */
static struct point
point_in(const uint8_t ip[16], uint8_t family)
{
	struct point point = point_of(ip);

	if (family == AF_INET)
		point = (struct point){ point.low & UINT32_MAX, 0 };
	return point;
}

/* The last address of a prefix. */
static struct point
end_of(const struct prefix *prefix)
{
	struct point point = point_in(prefix->ip, prefix->family);

	if (prefix->family == AF_INET) {
		point.high |= (UINT64_C(1) << (128 - prefix->bits)) - 1;
	} else if (prefix->bits > 64) {
		point.low |= prefix->bits == 128
		    ? 0
		    : UINT64_MAX >> (prefix->bits - 64);
	} else {
		point.low = UINT64_MAX;
		if (prefix->bits < 64)
			point.high |= UINT64_MAX >> prefix->bits;
	}
	return point;
}

static bool
is_above(struct point a, struct point b)
{
	return a.high > b.high || (a.high == b.high && a.low > b.low);
}

/* The next address; false if there is none. */
static bool
step(struct point *point, uint8_t family)
{
	if (family == AF_INET)
		return ++point->high <= UINT32_MAX;
	if (++point->low == 0)
		point->high++;
	return point->low != 0 || point->high != 0;
}

/* From this point on the prefix `value` is the longest. */
static void
emit(struct building *building, struct point point, uint32_t value)
{
	const size_t n = building->points;

	if (n > 0 && building->point[n - 1].high == point.high &&
	    building->point[n - 1].low == point.low) {
		building->value[n - 1] = value;
	} else if (n == 0 || building->value[n - 1] != value) {
		building->point[n] = point;
		building->value[n] = value;
		building->points++;
	}
}

/* Closes the last open prefix. */
static void
close_one(struct building *building, const uint32_t *open, int count)
{
	const struct prefix *prefix = prefix_at(building, open[count - 1]);
	struct point next = end_of(prefix);

	if (step(&next, prefix->family))
		emit(building, next,
		    count > 1 ? open[count - 2] : PREFIXES_NONE);
}

static void
list_points(struct building *building)
{
	uint32_t open[129]; /* one for each length */
	int count = 0;

	emit(building, (struct point){ 0, 0 }, PREFIXES_NONE);
	for (size_t i = 0; i < building->count; i++) {
		const struct prefix *prefix = prefix_at(building,
		    building->order[i]);
		const struct point start = point_in(prefix->ip, prefix->family);

		for (; count > 0 &&
		     is_above(start,
			 end_of(prefix_at(building, open[count - 1])));
		     count--)
			close_one(building, open, count);
		if (count > 0 &&
		    prefix_at(building, open[count - 1])->bits == prefix->bits)
			continue; /* an equal one came first */
		open[count++] = building->order[i];
		emit(building, start, building->order[i]);
	}
	for (; count > 0; count--)
		close_one(building, open, count);
}

/* By address, then the shorter one, then the earlier one. */
static int
compare(const void *left, const void *right, void *context)
{
	const uint32_t a = *(const uint32_t *)left;
	const uint32_t b = *(const uint32_t *)right;
	const struct prefix *x = prefix_at(context, a);
	const struct prefix *y = prefix_at(context, b);
	int order = memcmp(x->ip, y->ip, sizeof(x->ip));

	if (order == 0)
		order = x->bits - y->bits;
	return order != 0 ? order : (a > b) - (a < b);
}

/* ---- the tree ----------------------------------------------------------- */

static void *
get(struct family *family, size_t count, size_t size)
{
	const size_t bytes = (count * size + 63) / 64 * 64;
	void *memory = aligned_alloc(64, bytes > 0 ? bytes : 64);

	if (memory != NULL)
		family->bytes += bytes;
	return memory;
}

/* Adds a level of `count` keys, `from` being the level below (NULL: none, the
 * caller fills it). */
static uint64_t *
add_level(struct family *family, size_t count, const uint64_t *from)
{
	const size_t room = (count + KEYS - 1) / KEYS * KEYS;
	uint64_t *level = get(family, room, sizeof(*level));

	if (level == NULL)
		return NULL;
	for (size_t i = 0; from != NULL && i < count; i++)
		level[i] = from[i * KEYS];
	for (size_t i = count; i < room; i++)
		level[i] = UINT64_MAX;
	family->level[family->levels++] = level;
	return level;
}

static size_t
count_groups(const struct building *building)
{
	size_t groups = 0;

	for (size_t i = 0; i < building->points; i++)
		groups += i == 0 ||
		    building->point[i].high != building->point[i - 1].high;
	return groups;
}

static bool
is_flat(const struct building *building)
{
	for (size_t i = 0; i < building->points; i++)
		if (building->point[i].low != 0)
			return false;
	return true;
}

static int
fill_packed(struct family *family, const struct building *building)
{
	uint64_t *key = add_level(family, family->groups, NULL);

	if (key == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < building->points; i++)
		key[i] = building->point[i].high << 32 | building->value[i];
	return 0;
}

static int
fill_groups(struct family *family, const struct building *building)
{
	uint64_t *high = add_level(family, family->groups, NULL);
	const size_t points = building->points;
	uint32_t group = 0;

	family->flat = is_flat(building);
	family->value = get(family, points, sizeof(*family->value));
	if (!family->flat) {
		family->start = get(family, family->groups + 1,
		    sizeof(*family->start));
		family->low = get(family, points, sizeof(*family->low));
	}
	if (high == NULL || family->value == NULL ||
	    (!family->flat && (family->start == NULL || family->low == NULL)))
		return -ENOMEM;
	memcpy(family->value, building->value, points * sizeof(*family->value));
	for (size_t i = 0; i < points; i++) {
		if (i > 0 &&
		    building->point[i].high != building->point[i - 1].high)
			group++;
		high[group] = building->point[i].high;
		if (family->flat)
			continue;
		if (i == 0 || high[group] != building->point[i - 1].high)
			family->start[group] = (uint32_t)i;
		family->low[i] = building->point[i].low;
	}
	if (!family->flat)
		family->start[family->groups] = (uint32_t)points;
	return 0;
}

static int
make_family(struct family *family, const struct building *building, bool packed)
{
	size_t count;
	int error;

	family->groups = (uint32_t)count_groups(building);
	error = packed ? fill_packed(family, building)
		       : fill_groups(family, building);
	for (count = family->groups; error == 0 && count > KEYS;) {
		const uint64_t *below = family->level[family->levels - 1];

		count = (count + KEYS - 1) / KEYS;
		if (add_level(family, count, below) == NULL)
			error = -ENOMEM;
	}
	return error;
}

static void
free_family(struct family *family)
{
	for (int i = 0; i < family->levels; i++)
		free(family->level[i]);
	free(family->start);
	free(family->low);
	free(family->value);
}

static int
build_family(struct family *family, struct building *building, size_t all,
    uint8_t which)
{
	int error = -ENOMEM;

	building->count = building->points = 0;
	for (size_t i = 0; i < all; i++)
		if (prefix_at(building, (uint32_t)i)->family == which)
			building->order[building->count++] = (uint32_t)i;
	if (building->count == 0)
		return 0;
	qsort_r(building->order, building->count, sizeof(*building->order),
	    compare, building);
	building->point = calloc(2 * building->count + 1,
	    sizeof(*building->point));
	building->value = calloc(2 * building->count + 1,
	    sizeof(*building->value));
	if (building->point != NULL && building->value != NULL) {
		list_points(building);
		error = make_family(family, building, which == AF_INET);
	}
	free(building->point);
	free(building->value);
	return error;
}

int
prefixes_build(struct prefixes **out, const struct prefix *at, size_t count,
    size_t stride)
{
	struct building building = { (const char *)at, stride,
		calloc(count + 1, sizeof(*building.order)), 0, NULL, NULL, 0 };
	struct prefixes *set = calloc(1, sizeof(*set));
	int error = -ENOMEM;

	assert(count < PREFIXES_NONE / 2);
	if (building.order != NULL && set != NULL)
		error = build_family(&set->four, &building, count, AF_INET);
	if (error == 0)
		error = build_family(&set->six, &building, count, AF_INET6);
	free(building.order);
	if (error == 0)
		*out = set;
	else
		prefixes_free(set);
	return error;
}

void
prefixes_free(struct prefixes *set)
{
	if (set == NULL)
		return;
	free_family(&set->four);
	free_family(&set->six);
	free(set);
}

size_t
prefixes_size(const struct prefixes *set)
{
	return sizeof(*set) + set->four.bytes + set->six.bytes;
}

/* ---- looking up --------------------------------------------------------- */

/* The last group whose key is not above `most`. */
static uint32_t
find_group(const struct family *family, uint64_t most)
{
	uint32_t at = 0; /* the node, then the key */

	if (most == UINT64_MAX) /* the padding is not above it either */
		return family->groups - 1;
	for (int i = family->levels - 1; i >= 0; i--) {
		const uint64_t *key = &family->level[i][at * KEYS];
		uint32_t below = 0;

		for (int j = 0; j < KEYS; j++)
			below += key[j] <= most;
		/* no address is below the first key of all, and a node's
		 * first key brought the search to it */
		at = at * KEYS + below - 1;
	}
	return at;
}

/* The last point that is not above the address. */
static uint32_t
find_point(const struct family *family, struct point point)
{
	const uint32_t group = find_group(family, point.high);
	uint32_t low, high;

	if (family->flat)
		return group;
	low = family->start[group];
	high = family->start[group + 1];
	if (family->level[0][group] != point.high)
		return high - 1;
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (family->low[middle] <= point.low)
			low = middle + 1;
		else
			high = middle;
	}
	/* before the group's first point the group before holds; the very first
	 * point is 0 */
	return low - 1;
}

static uint32_t
find_four(const struct family *four, struct point point)
{
	const uint64_t most = point.high << 32 | UINT32_MAX;

	return (uint32_t)four->level[0][find_group(four, most)];
}

uint32_t
prefixes_find(const struct prefixes *set, const struct endpoint *ip)
{
	const struct family *family;
	struct point point;

	if (set == NULL || ip->family == AF_UNIX)
		return PREFIXES_NONE;
	family = ip->family == AF_INET ? &set->four : &set->six;
	if (family->groups == 0)
		return PREFIXES_NONE;
	point = point_in(ip->ip, ip->family);
	return family == &set->four ? find_four(family, point)
				    : family->value[find_point(family, point)];
}
