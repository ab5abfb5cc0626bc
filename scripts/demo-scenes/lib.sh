# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# What the scenes of the demo share: scripts/demo starts one of them in the
# root of the tree, with LB4, TOOLS, and `once` if nobody is to play.
#
#   dir         a directory of the scene's own, gone at the end
#   pid[NAME]   what was started, by name; ended at the end
#   port[NAME]  a port that nobody else uses, see take_ports
# The last command of a scene is `the_end COMMAND`.

set -u
bold='' dim='' plain=''
if [ -t 1 ]; then
	bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
fi
declare -A pid=() port=()
doubts=0
dir=$(mktemp -d)
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cleanup()
{
	local one

	trap - EXIT
	for one in "${pid[@]}"; do
		kill "$one" 2>/dev/null
		wait "$one" 2>/dev/null
	done
	rm -rf "$dir"
}

die()
{
	echo "demo: $*" >&2
	[ ! -s "$dir/lb4.log" ] || tail "$dir/lb4.log" >&2
	exit 1
}

title()
{
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

indent()
{
	sed '/./s/^/  /'
}

# claim TEXT COMMAND...: says whether it is so.
claim()
{
	local text=$1
	shift

	if "$@"; then
		echo "  yes: $text"
	else
		echo "  NO:  $text"
		doubts=$((doubts + 1))
	fi
}

# until_true SECONDS COMMAND...: 0 as soon as it succeeds.
until_true()
{
	local end=$((SECONDS + $1))
	shift

	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

take_ports()	# NAME...
{
	local name free

	mapfile -t free < <("$TOOLS/freeport" $#)
	[ ${#free[@]} -eq $# ] || die "no free ports"
	for name; do
		port[$name]=${free[0]}
		free=("${free[@]:1}")
	done
}

kill_hard()	# NAME
{
	kill -KILL "${pid[$1]}"
	wait "${pid[$1]}" 2>/dev/null
	unset "pid[$1]"
}

start_lb4()	# [OPTION...]
{
	: >"$dir/lb4.log"
	"$LB4" ${MODE:+"--relay=$MODE"} -f "$dir/lb4.ini" "$@" \
	    2>>"$dir/lb4.log" &
	pid[lb4]=$!
	until_true 30 grep -qw ready "$dir/lb4.log" || die "lb4 is not ready"
	"${LB4}ctl" -s "$dir/lb4.sock" node >/dev/null ||
	    die "lb4ctl does not reach it"
}

# noticed BACKEND STATE: the log's last word on it; the line is shown.
noticed()
{
	local line

	line=$(grep -w "$1" "$dir/lb4.log" | tail -n 1)
	grep -qw -- "$2" <<<"$line" && echo "  $dim$line$plain"
}

# What lb4ctl says of the lb4 that runs here.
ctl_hints()
{
	local ctl

	ctl="$(realpath "$(dirname "$LB4")")/lb4ctl -s $dir/lb4.sock"
	cat <<END
$ctl status
$ctl monitor
$ctl help
END
}

# Says whether all was as claimed, and returns 0 if so; unless once, only after
# Ctrl-C, and COMMAND says what there is to play with.
the_end()
{
	local word="All as claimed."

	[ $doubts -eq 0 ] || word="$doubts not as claimed."
	title "$word"
	if [ -z "${once:-}" ]; then
		trap 'echo; exit $((doubts > 0))' INT TERM
		title "lb4 is running. To try, in another terminal:"
		{
			"$1"
			ctl_hints
		} | indent
		echo
		echo "Ctrl-C ends it all."
		wait "${pid[lb4]}"
	fi
	[ $doubts -eq 0 ]
}
