/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * SipHash-1-3 and a finaliser: what the table and the bounded sets of sources
 * hash addresses and names with.
 */
#include "common/hash.h"

#include <endian.h>
#include <string.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t
rotate_left(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v2 = rotate_left(s->v2, 32);
}

/* One round for each word: the 1 of 1-3. */
static inline void
sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

uint64_t
hash_sip(const struct hash_key *key, const void *data, size_t len)
{
	const unsigned char *p = data;
	struct sip s = {
		.v0 = key->k0 ^ 0x736f6d6570736575,
		.v1 = key->k1 ^ 0x646f72616e646f6d,
		.v2 = key->k0 ^ 0x6c7967656e657261,
		.v3 = key->k1 ^ 0x7465646279746573,
	};
	uint64_t word;
	size_t left = len;

	for (; left >= sizeof(word); left -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sip_word(&s, le64toh(word));
		p += sizeof(word);
	}

	/* The last word: the bytes left over, below the length's low byte. */
	word = (uint64_t)len << 56;
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)p[i] << 8 * i;
	sip_word(&s, word);

	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t
hash_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}
