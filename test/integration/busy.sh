# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# Whether the machine was busy: what the tests and their runner share. What a
# test has seen of times says nothing then.
#
#   cpu_waits             sets $cpu_waits: for how many us so far somebody has
#                         waited for a CPU (proc(5), pressure); nothing where
#                         the kernel does not say
#   was_busy SINCE WAITS  whether somebody waited for half of the time since
#                         that EPOCHREALTIME in us, when that was $cpu_waits

cpu_waits()
{
	local line=''

	read -r line </proc/pressure/cpu || true
	cpu_waits=${line##*total=}
} 2>/dev/null

was_busy()
{
	cpu_waits
	[ -n "$2" ] && [ -n "$cpu_waits" ] &&
		[ $((2 * (cpu_waits - $2))) -gt $((${EPOCHREALTIME/./} - $1)) ]
}
