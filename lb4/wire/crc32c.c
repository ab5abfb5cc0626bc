/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* CRC32c of a PROXY header: see crc32c.h.  Called by proxy.c. */
#include "lb4/wire/crc32c.h"

#define POLYNOMIAL 0x82f63b78U /* with its bits reversed */

/* Bit by bit: a header has about a hundred bytes. */
uint32_t
crc32c(uint32_t sum, const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;

	sum = ~sum;
	for (size_t i = 0; i < len; i++) {
		sum ^= byte[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (POLYNOMIAL & (0 - (sum & 1)));
	}
	return ~sum;
}
