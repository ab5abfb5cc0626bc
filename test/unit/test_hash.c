/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * SipHash-1-3 against other implementations' results, and its look: even over
 * buckets, and every input bit moves every output bit half of the time.
 */
#include "common/hash.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"

struct vector {
	size_t len; /* of the bytes 0, 1, 2, ... 255, 0, 1, ... */
	uint64_t hash;
};

/* The reference's key of bytes 0 to 15, as published with SipHash and its
 * variants. */
static const struct hash_key reference_key = {
	.k0 = 0x0706050403020100,
	.k1 = 0x0f0e0d0c0b0a0908,
};
static const struct vector reference[] = {
	{ 0, 0xabac0158050fc4dc },
	{ 1, 0xc9f49bf37d57ca93 },
	{ 2, 0x82cb9b024dc7d44d },
	{ 3, 0x8bf80ab8e7ddf7fb },
	{ 4, 0xcf75576088d38328 },
	{ 5, 0xdef9d52f49533b67 },
	{ 6, 0xc50d2b50c59f22a7 },
	{ 7, 0xd3927d989bb11140 },
	{ 8, 0x369095118d299a8e },
	{ 9, 0x25a48eb36c063de4 },
	{ 10, 0x79de85ee92ff097f },
	{ 11, 0x70c118c1f94dc352 },
	{ 12, 0x78a384b157b4d9a2 },
	{ 13, 0x306f760c1229ffa7 },
	{ 14, 0x605aa111c0f95d34 },
	{ 15, 0xd320d86d2a519956 },
	{ 16, 0xcc4fdd1a7d908b66 },
	{ 17, 0x9cf2689063dbd80c },
	{ 31, 0x2370dd1f8c21d1bc },
	{ 32, 0x81157b6c16a7b60d },
	{ 63, 0x9d199062b7bbb3a8 },
};

/* What CPython 3.11 makes of bytes with PYTHONHASHSEED=0 and 42; the latter
 * gives this key. */
static const struct hash_key python_zero_key;
static const struct vector python_zero[] = {
	{ 1, 0x68a914128e01e473 },
	{ 2, 0x010bac45c41e3669 },
	{ 3, 0x4d4c9a4a8ef6e0ad },
	{ 4, 0x7cc43f98813e4dbd },
	{ 5, 0x5abe2169dff36275 },
	{ 6, 0xe3c25f87624f1cdb },
	{ 7, 0x2f098ab0c751325a },
	{ 8, 0xead411e67ebe2eea },
	{ 9, 0x75927f9d95124362 },
	{ 15, 0xf30eb725bb91c9ea },
	{ 16, 0x8972188433a5c5b7 },
	{ 17, 0x4883c49a2c009c1d },
	{ 20, 0x639e355ae68c0100 },
	{ 63, 0x385d3e39e5f37359 },
	{ 64, 0x75e05fd5bbc870c6 },
	{ 255, 0x5dc1f93ea135eb43 },
	{ 256, 0x31ae646afba70308 },
	{ 300, 0x4a3ee92cf03a1ab4 },
};
static const struct hash_key python_42_key = {
	.k0 = 0xdc504fd368cd90af,
	.k1 = 0xb920bb9ffe99e9c1,
};
static const struct vector python_42[] = {
	{ 1, 0xce880c366bcf3489 },
	{ 2, 0xef32fbc0469f0756 },
	{ 3, 0xef4b9dcae9b04417 },
	{ 4, 0x79793200f3b3b3db },
	{ 5, 0xbe8653fc64f95fbd },
	{ 6, 0xb32b5a11619800dd },
	{ 7, 0xce280fabc397fbda },
	{ 8, 0x60866c3c108c6afb },
	{ 9, 0x68814005f7469e03 },
	{ 15, 0x94ace24d68c18cf8 },
	{ 16, 0x339176f3ac59ce05 },
	{ 17, 0xed2706b414c296f1 },
	{ 20, 0xa7dbb0b1fa0842a3 },
	{ 63, 0x06e24d6f0d014c37 },
	{ 64, 0x91639ef7de8d52cb },
	{ 255, 0xd02008474fae02c8 },
	{ 256, 0x0d0624090d255259 },
	{ 300, 0x5d61c2bcdcce71cc },
};

static void
check_vectors(const struct hash_key *key, const struct vector *vectors,
    size_t count)
{
	unsigned char bytes[300];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(hash_sip(key, bytes, vectors[i].len),
		    vectors[i].hash);
}

#define CHECK_VECTORS(key, vectors) \
	check_vectors(&(key), (vectors), sizeof(vectors) / sizeof((vectors)[0]))

START_TEST(test_vectors)
{
	CHECK_VECTORS(reference_key, reference);
	CHECK_VECTORS(python_zero_key, python_zero);
	CHECK_VECTORS(python_42_key, python_42);
}
END_TEST

/* Bytes beyond the length do not count, and neither does the alignment. */
START_TEST(test_any_alignment)
{
	unsigned char text[64];
	uint64_t want;

	for (size_t len = 0; len <= 40; len++) {
		memset(text, 'x', sizeof(text));
		want = hash_sip(&reference_key, text, len);
		for (size_t offset = 0; offset < 16; offset++) {
			memset(text, '#', sizeof(text));
			memset(text + offset, 'x', len);
			ck_assert_uint_eq(hash_sip(&reference_key,
					      text + offset, len),
			    want);
		}
	}
}
END_TEST

/* A byte of zero is not the same as no byte. */
START_TEST(test_length_counts)
{
	static const unsigned char zeros[64];
	uint64_t seen[64];

	for (size_t len = 0; len < 64; len++) {
		seen[len] = hash_sip(&reference_key, zeros, len);
		for (size_t i = 0; i < len; i++)
			ck_assert_uint_ne(seen[i], seen[len]);
	}
}
END_TEST

#define BUCKETS 64
#define PER_BUCKET 1024

/* Pearson's chi-square over BUCKETS: 63 degrees of freedom, so 63 on average
 * and 11.2 the standard deviation.  Too even is as wrong as too uneven. */
static void
check_even(const unsigned *counts)
{
	double sum = 0;

	for (int i = 0; i < BUCKETS; i++) {
		double off = (double)counts[i] - PER_BUCKET;

		sum += off * off / PER_BUCKET;
	}
	ck_assert_double_gt(sum, 63 - 5 * 11.2);
	ck_assert_double_lt(sum, 63 + 5 * 11.2);
}

/* Clients that differ in a few bits only: by port, by the last address bytes,
 * by the first ones. */
START_TEST(test_even_over_buckets)
{
	static const size_t where[] = { 16, 14, 12, 0 };
	unsigned low[BUCKETS];
	unsigned reduced[BUCKETS];
	struct endpoint client;
	unsigned char bytes[sizeof(client)];
	uint64_t hash;

	for (size_t shape = 0; shape < 4; shape++) {
		memset(&bytes, 0, sizeof(bytes));
		memset(low, 0, sizeof(low));
		memset(reduced, 0, sizeof(reduced));
		for (unsigned i = 0; i < BUCKETS * PER_BUCKET; i++) {
			bytes[where[shape]] = (unsigned char)i;
			bytes[where[shape] + 1] = (unsigned char)(i >> 8);
			hash = hash_sip(&reference_key, bytes, 18);
			low[hash % BUCKETS]++;
			reduced[hash_reduce(hash, BUCKETS)]++;
		}
		check_even(low);
		check_even(reduced);
	}
}
END_TEST

START_TEST(test_mix_even_over_buckets)
{
	unsigned low[BUCKETS] = { 0 };
	unsigned reduced[BUCKETS] = { 0 };

	for (uint64_t i = 0; i < BUCKETS * PER_BUCKET; i++) {
		low[hash_mix(i) % BUCKETS]++;
		reduced[hash_reduce(hash_mix(i), BUCKETS)]++;
	}
	check_even(low);
	check_even(reduced);
}
END_TEST

#define SAMPLES 2048
#define INPUT_BYTES 18

/* Flips bit `bit` of the key (0 to 127) or of the input behind it. */
static uint64_t
hash_flipped(uint64_t sample, unsigned bit)
{
	struct hash_key key = reference_key;
	unsigned char input[INPUT_BYTES] = { 0 };

	memcpy(input, &sample, sizeof(sample));
	if (bit < 64)
		key.k0 ^= (uint64_t)1 << bit;
	else if (bit < 128)
		key.k1 ^= (uint64_t)1 << (bit - 64);
	else
		input[(bit - 128) / 8] ^= (unsigned char)(1 << bit % 8);
	return hash_sip(&key, input, sizeof(input));
}

/* Each pair of input and output bit: flips are a coin thrown SAMPLES times, so
 * 1024 on average with a deviation of 22.6; among 17,408 pairs, none is off by
 * six deviations. */
START_TEST(test_avalanche)
{
	unsigned bits = 128 + INPUT_BYTES * 8;

	for (unsigned bit = 0; bit < bits; bit++) {
		unsigned flips[64] = { 0 };

		for (uint64_t n = 0; n < SAMPLES; n++) {
			unsigned char input[INPUT_BYTES] = { 0 };
			uint64_t sample = hash_mix(n);
			uint64_t changed;

			memcpy(input, &sample, sizeof(sample));
			changed = hash_flipped(sample, bit) ^
			    hash_sip(&reference_key, input, sizeof(input));
			for (int i = 0; i < 64; i++)
				flips[i] += changed >> i & 1;
		}
		for (int i = 0; i < 64; i++) {
			ck_assert_uint_gt(flips[i], SAMPLES / 2 - 136);
			ck_assert_uint_lt(flips[i], SAMPLES / 2 + 136);
		}
	}
}
END_TEST

/* splitmix64's first three numbers from seed 0. */
START_TEST(test_mix_vectors)
{
	uint64_t step = 0x9e3779b97f4a7c15;

	ck_assert_uint_eq(hash_mix(0), 0xe220a8397b1dcdaf);
	ck_assert_uint_eq(hash_mix(step), 0x6e789e6aa1b965f4);
	ck_assert_uint_eq(hash_mix(2 * step), 0x06c45d188009454f);
}
END_TEST

START_TEST(test_reduce_bounds)
{
	static const uint32_t sizes[] = { 1, 2, 3, 4099, 2000003, UINT32_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ck_assert_uint_eq(hash_reduce(0, sizes[i]), 0);
		ck_assert_uint_eq(hash_reduce(UINT64_MAX, sizes[i]),
		    sizes[i] - 1);
	}
	ck_assert_uint_eq(hash_reduce((uint64_t)1 << 63, 10), 5);
}
END_TEST

static Suite *
hash_suite(void)
{
	Suite *suite = suite_create("hash");
	TCase *tc = tcase_create("hash");

	tcase_add_test(tc, test_vectors);
	tcase_add_test(tc, test_any_alignment);
	tcase_add_test(tc, test_length_counts);
	tcase_add_test(tc, test_even_over_buckets);
	tcase_add_test(tc, test_mix_even_over_buckets);
	tcase_add_test(tc, test_avalanche);
	tcase_add_test(tc, test_mix_vectors);
	tcase_add_test(tc, test_reduce_bounds);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(hash_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
