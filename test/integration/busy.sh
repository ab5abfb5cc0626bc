# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# Whether the machine was busy: what the tests and their runner share. What a
# test has seen of times says nothing then.
#
#   machine_waits         sets $machine_waits: for how many us so far somebody
#                         has waited for a CPU or for a disk (proc(5),
#                         pressure), or the host of this machine has taken a
#                         CPU away (proc(5), steal: the mean of the CPUs); what
#                         the kernel does not tell is 0
#   was_busy SINCE WAITS  whether somebody waited for half of the time since
#                         that EPOCHREALTIME in us, when that was
#                         $machine_waits

busy_cpus=$(getconf _NPROCESSORS_ONLN)

# Stolen time is told in ticks of 10 ms, of all CPUs together.
machine_waits()
{
	local cpu='' io='' steal=0

	read -r cpu </proc/pressure/cpu || true
	read -r io </proc/pressure/io || true
	read -r _ _ _ _ _ _ _ _ steal _ </proc/stat || true
	cpu=${cpu##*total=} io=${io##*total=}
	machine_waits=$((${cpu:-0} + ${io:-0} + \
	    ${steal:-0} * 10000 / busy_cpus))
} 2>/dev/null

was_busy()
{
	machine_waits
	[ $((2 * (machine_waits - $2))) -gt $((${EPOCHREALTIME/./} - $1)) ]
}
