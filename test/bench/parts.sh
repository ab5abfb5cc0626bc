# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# What the benches beside test/bench/run share. They have $tmp, a directory.
#
#   await COMMAND...     until it succeeds, for $patience seconds (20)
#   run NAME COMMAND...  in the background; its output is in $tmp/NAME.log, its
#                        id in $pids
#   median               of the column of numbers in the standard input
#   median_of KIND FIELD the middle one of " FIELD=N" in $tmp/KIND.lines

patience=20
pids=()

await()
{
	local tries

	for ((tries = 0; tries < 50 * patience; tries++)); do
		! "$@" || return 0
		sleep 0.02
	done
	echo "${0##*/}: waited in vain: $*" >&2
	exit 1
}

run()
{
	"${@:2}" >"$tmp/$1.log" 2>&1 </dev/null &
	pids+=($!)
}

median()
{
	sort -g | awk '{ a[NR] = $1 }
	    END { print (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 }'
}

median_of()
{
	grep -o " $2=[0-9]*" "$tmp/$1.lines" | cut -d = -f 2 | sort -n |
	    awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
