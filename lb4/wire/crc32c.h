/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * CRC32c (Castagnoli), as RFC 3720, appendix B.4, defines it: the checksum of a
 * PROXY header.
 */
#ifndef LB4_WIRE_CRC32C_H
#define LB4_WIRE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what `sum` is the checksum of (0: of nothing), followed by
 * these bytes. */
uint32_t crc32c(uint32_t sum, const void *bytes, size_t len);

#endif
