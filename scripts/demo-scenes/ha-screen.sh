# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# What the scene ha shows while it runs: one screen that is drawn again and
# again, on a terminal of at least 80 columns and 24 lines, else a line for each
# thing that happens. It reads the scene's variables and ha-client's facts.
#
# screen_open, screen_close   between them there is the screen, if there can be
# tick            waits a moment, and keeps facts and screen up to date
# pause SECONDS   for those who look on
# say TEXT        what happens now
# say_row         the last row of the table
# table           the table, as text
# play_on         lets who looks on choose the faults, until they have enough

screen='' now='' key='' drawn=0 happened='' hint='q ends it'
exec 3>&1 4>&2

screen_open()
{
	shopt -s checkwinsize
	(:) # now LINES and COLUMNS are known
	if [ ! -t 1 ] || [ ! -t 0 ] || [ "${COLUMNS:-0}" -lt 80 ] ||
	    [ "${LINES:-0}" -lt 24 ]; then
		return
	fi
	screen=yes
	printf '\e[?1049h\e[?25l' >&3
}

screen_close()
{
	[ -n "$screen" ] || return 0
	screen=''
	printf '\e[?25h\e[?1049l' >&3
}

say()
{
	now=$1
	happened=''
	[ -n "$screen" ] || echo "  $1"
}

say_row()
{
	local what outage failed cut before after kept held

	[ -z "$screen" ] || return 0
	IFS='|' read -r what outage failed cut before after kept held \
	    <<<"${rows[-1]}"
	echo "    outage $outage, $failed connects failed, $cut conns cut;" \
	    "served by $before, then $after;"
	echo "    same backend: $kept; held conns that broke: $held"
}

tick()
{
	read_facts
	if [ -z "$screen" ]; then
		sleep 0.03
		return
	fi
	if [ $((${EPOCHREALTIME/./} - drawn)) -gt 150000 ]; then
		draw
		drawn=${EPOCHREALTIME/./}
	fi
	key=''
	IFS='' read -rsn 1 -t 0.03 key || true
	if [ "$key" = q ]; then
		screen_close
		echo "demo: ended"
		exit 130
	fi
}

pause()
{
	local until=$((${EPOCHREALTIME/./} + $1 * 1000000))

	[ -n "$screen" ] && [ -z "$once" ] || return 0
	while [ "${EPOCHREALTIME/./}" -lt $until ]; do
		tick
	done
}

# ---- the table --------------------------------------------------------------

row() # COLUMNS FIELD...: those that fit
{
	local columns=$1

	shift
	printf '%-25s %8s %6s %4s  ' "${@:1:4}"
	if [ "$columns" -lt 106 ]; then
		printf '%-9s %-9s %10s' "$(brief "$5")" "$(brief "$6")" "$7"
	else
		printf '%-15s %-15s %10s %9s' "${@:5:4}"
	fi
}

brief() # lb-a lb-b: lb-a,b
{
	echo "${1// lb-/,}"
}

title_row() # COLUMNS
{
	row "$1" FAULT OUTAGE FAILED CUT SERVED THEN KEPT HELD
}

table() # of what has happened, as wide as there is room
{
	local one fields columns=106

	[ ! -t 1 ] || columns=$((COLUMNS - 2))
	title_row $columns
	echo
	for one in "${rows[@]}"; do
		IFS='|' read -ra fields <<<"$one"
		row $columns "${fields[@]}"
		echo
	done
}

# ---- the screen -------------------------------------------------------------

red='' green='' yellow=''
if [ -t 1 ]; then
	red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m'
fi

# at LINE COLUMN TEXT [HOW]: puts it there, in $frame
at()
{
	frame+=$'\e['"$1;$2H${4:-}$3$plain"
}

centred() # LINE COLUMN TEXT [HOW]
{
	local column=$(($2 - ${#3} / 2))

	at "$1" $((column > 1 ? column : 1)) "$3" "${4:-}"
}

# A line between the outermost of these columns, with a joint at each.
joined() # LINE COLUMN...
{
	local line=$1 first=$2 last=${*: -1} bar column

	shift
	printf -v bar '%*s' $((last - first + 1)) ''
	bar=${bar// /-}
	shift
	for column in "$first" "$@"; do
		bar=${bar:0:column - first}+${bar:column - first + 1}
	done
	at "$line" "$first" "$bar" "$dim"
}

draw_node() # COLUMN NODE
{
	local rate=${fact[rate_$2]:-0}

	centred 5 "$1" "$(names_of "$2") (zone ${zone[$2]})" "$bold"
	if [ -n "${state[$2]:-}" ]; then
		centred 6 "$1" "${state[$2]}" "$red"
	elif [ "$rate" -gt 0 ]; then
		centred 6 "$1" serves "$green"
	else
		centred 6 "$1" waits "$yellow"
	fi
	centred 7 "$1" "$rate/s" "$([ "$rate" -gt 0 ] || echo "$dim")"
}

draw_backend() # COLUMN BACKEND
{
	local rate=${fact[rate_$2]:-0}

	centred 9 "$1" "$2 (zone ${zone[$2]})" "$bold"
	if [ -n "${state[$2]:-}" ]; then
		centred 10 "$1" "${state[$2]}" "$red"
	else
		centred 10 "$1" "$rate/s"
	fi
}

draw_cluster() # WIDTH
{
	local columns=() i who='all nodes hold'

	[ "$engine" = bgp ] || who='one node holds'
	centred 3 $(($1 / 2)) \
	    "100 clients, a new conn every 10 ms, to $vip4, which $who"
	for i in 0 1 2; do
		columns+=($(((2 * i + 1) * $1 / 6)))
		draw_node "${columns[i]}" "${nodes[i]}"
	done
	joined 4 "${columns[@]}"
	columns=()
	for i in 0 1 2 3; do
		columns+=($(((2 * i + 1) * $1 / 8)))
		draw_backend "${columns[i]}" "${backends[i]}"
	done
	joined 8 "${columns[@]}"
}

draw_clients() # WIDTH
{
	local room=$(($1 - 9)) strip=${fact[strip]:-}
	local long

	strip=${strip:${#strip} > room ? ${#strip} - room : 0}
	at 13 1 clients "$bold"
	# one colour for each run would cost more than it shows
	at 13 10 "$strip" "$green"
	[[ $strip != *[x-]* ]] || at_wrong 13 10 "$strip"
	long=$(sum_of long "${nodes[@]}")
	at 14 10 "outage ${fact[lasts]:-0} ms, ${fact[failed]:-0} connects failed, $(
	    sum_of cut "${nodes[@]}") of $long kept conns broken"
}

# What went wrong, over what is there, in red.
at_wrong() # LINE COLUMN STRIP
{
	local before=${3%%[x-]*} rest=$3 column=$2 run

	while [[ $rest == *[x-]* ]]; do
		before=${rest%%[x-]*}
		rest=${rest:${#before}}
		run=${rest%%[!x-]*}
		column=$((column + ${#before}))
		at "$1" "$column" "$run" "$red"
		column=$((column + ${#run}))
		rest=${rest:${#run}}
	done
}

draw_table() # WIDTH
{
	local room=$((LINES - 16)) line=17 first fields i

	at 16 1 "$(title_row "$1")" "$bold"
	first=$((${#rows[@]} > room ? ${#rows[@]} - room : 0))
	for ((i = first; i < ${#rows[@]}; i++)); do
		IFS='|' read -ra fields <<<"${rows[i]}"
		at $line 1 "$(row "$1" "${fields[@]}")"
		line=$((line + 1))
	done
}

draw()
{
	local frame='' width=$((COLUMNS < 120 ? COLUMNS : 120)) i ago=''

	for ((i = 1; i <= LINES; i++)); do
		frame+=$'\e['"$i;1H"$'\e[2K'
	done
	at 1 1 "lb4 $kind" "$bold"
	at 1 $((width - ${#hint} + 1)) "$hint" "$dim"
	draw_cluster "$width"
	if [ -n "$happened" ]; then
		ago=$(((${EPOCHREALTIME/./} - happened) / 100000))
		ago=", ${ago:0:${#ago} - 1}.${ago: -1} s ago"
		ago=${ago/, ./, 0.}
	fi
	at 12 1 "now" "$bold"
	at 12 10 "$now$ago"
	draw_clients "$width"
	draw_table "$width"
	printf '%s' "$frame" >&3
}

# ---- afterwards -------------------------------------------------------------

play_on()
{
	local i menu=''

	[ -n "$screen" ] && [ -z "$once" ] || return 0
	for i in "${!faults[@]}"; do
		menu+=" $((i + 1)) ${faults[i]}"
	done
	hint=''
	while :; do
		say "keys:$menu e end"
		tick
		case $key in
		e) return ;;
		[1-9])
			[ "$key" -gt ${#faults[@]} ] ||
				play "${faults[key - 1]}"
			;;
		esac
	done
}
