# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# What the integration tests share. A test is a bash script that begins with
# `. "$(dirname "$0")/lib.sh"`; it runs under `set -eu`, so that a command
# which fails fails the test. test/integration/run gives it
#   T      its own directory, empty; what is started here logs to $T/NAME.log
#   LB4    the lb4 binary; lb4ctl stands beside it as $LB4CTL
#   TOOLS  the directory of tcpact, sessions, flood, hello, freeport
#   MODE   the relay mode: auto, copy, splice or peek
# and makes these up if it is run by hand. At the end all that was started is
# ended, and a report of a sanitizer in any log fails the test.
#
# start NAME CMD...     runs CMD in the background
# stop NAME [SIGNAL]    ends it with TERM, or SIGNAL, and waits; fails if it had
#                       ended by itself before with a status that is not 0
# join NAME [SECONDS]   waits until it has ended by itself; fails if not with 0
# pid_of NAME           its process id
# running NAME          true if it runs
# gone PID              true if there is no such process, not even a zombie.
#                       Asks no /proc: Linux 6.18 can stall for seconds when it
#                       reaps a process whose /proc entry others look up
# port_of NAME          waits for the file $T/NAME.port and prints its line
# lb4_start [ARG...]    starts lb4 with --relay=$MODE, and --core, so that its
#                       /proc can be read; returns when it is ready
# lb4_stop              ends it with TERM; fails unless it leaves with 0
# adopt NAME PID        PID has taken over from NAME's process, which leaves with
#                       0; from now on PID is NAME's
# lb4_as NAME FUNC...   another lb4: lb4_as b lb4_start -c "$T/b.ini"
# free_port [N]         prints N ports that nobody uses, and that no other test
#                       of the same run is given before this one has ended
# wait_for CMD [SEC]    evaluates CMD every 20 ms, and after half a second every
#                       100 ms, until it is true, for 10 s, or three times as
#                       long on a machine that is busy; of time in which this
#                       test does not run, little counts
# log_has REGEX [NAME]  true if $T/lb4.log, or NAME's, has such a line
# log_gets REGEX [NAME] waits until it has
# access_field NAME [REGEX]  the value of NAME= on the last line of the access
#                       log (with REGEX, the last one that matches)
# preload_build NAME    builds NAME.c of this directory as $T/NAME.so
# same WANT GOT WHAT    fails unless both are equal
# fails CMD...          true if CMD fails by itself (not by a signal)
# fail MSG, skip MSG    ends the test

set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC1091
. "$here/busy.sh"
BUILD=${BUILD:-$here/../../build}
LB4=${LB4:-$BUILD/lb4}
LB4CTL=${LB4CTL:-$(dirname "$LB4")/lb4ctl}
TOOLS=${TOOLS:-$BUILD/tools}
MODE=${MODE:-auto}
if [ -z "${T:-}" ]; then
	T=$(mktemp -d "${TMPDIR:-/tmp}/lb4-test.XXXXXX")
	t_is_ours=1
fi
export BUILD LB4 LB4CTL TOOLS MODE T
slow=${SANITIZED:+3}
slow=${slow:-1}
lb4_name=lb4
ACCESS_LOG=${ACCESS_LOG:-}

# The order in which things were started, and the pid of each.
started=()
declare -A pids=() adopted=()

# The reports of the sanitizers go into the test's own directory: the runner's
# may not be ours to write.
report=log_path=$T/report
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}$report"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}$report"
export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}$report"

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

skip()
{
	echo "$*"
	exit 77
}

# CC may be several words; a cache of theirs may not be ours to write.
preload_build()
{
	local cc

	read -ra cc <<<"${CC:-cc}"
	command -v "${cc[0]}" >/dev/null || skip "no C compiler"
	CCACHE_DISABLE=1 "${cc[@]}" -shared -fPIC -O2 -o "$T/$1.so" \
	    "$here/$1.c"
}

same()
{
	[ "$1" = "$2" ] || fail "${3:-value}: expected '$1', got '$2'"
}

fails()
{
	local status=0

	"$@" || status=$?
	[ $status -gt 0 ] && [ $status -lt 128 ]
}

# The names are unlike those that the condition may have.
wait_for()
{
	local wait_since=${EPOCHREALTIME/./} wait_cpu wait_step
	local wait_most=$((${2:-10} * slow * 1000000)) wait_more=2
	local wait_us=0 wait_last=$wait_since wait_pause=0.02

	machine_waits
	wait_cpu=$machine_waits
	until eval "$1"; do
		[ $wait_us -lt 500000 ] || wait_pause=0.1
		sleep $wait_pause
		# what a step takes longer than a second, nothing has run
		wait_step=$((${EPOCHREALTIME/./} - wait_last))
		wait_last=$((wait_last + wait_step))
		wait_us=$((wait_us +
		    (wait_step < 1000000 ? wait_step : 1000000)))
		[ $wait_us -ge $wait_most ] || continue
		[ $wait_more -gt 0 ] && was_busy "$wait_since" "$wait_cpu" ||
			fail "timed out waiting for: $1"
		wait_most=$((wait_most * (1 + wait_more)))
		wait_more=0
	done
}

start()
{
	local name=$1

	shift
	[ -z "${pids[$name]:-}" ] || fail "start $name: it runs already"
	"$@" >>"$T/$name.log" 2>&1 </dev/null &
	pids[$name]=$!
	started+=("$name")
}

pid_of()
{
	[ -n "${pids[$1]:-}" ] || fail "$1 was not started"
	echo "${pids[$1]}"
}

running()
{
	[ -n "${pids[$1]:-}" ] && kill -0 "${pids[$1]}" 2>/dev/null
}

gone()
{
	! kill -0 "$1" 2>/dev/null
}

# Waits for its end and leaves its exit status in $status.
reap()
{
	local pid

	pid=$(pid_of "$1")
	wait_for "! kill -0 $pid 2>/dev/null" "${2:-10}"
	status=0
	[ -n "${adopted[$1]:-}" ] || wait "$pid" || status=$?
	unset "pids[$1]" "adopted[$1]"
}

# When an upgrade has taken its place. Whoever did not start a process cannot
# learn its status.
adopt()
{
	join "$1"
	pids[$1]=$2
	adopted[$1]=yes
}

stop()
{
	local signal=${2:-TERM} number

	number=$(kill -l "$signal")
	kill -"$signal" "$(pid_of "$1")" 2>/dev/null || true
	reap "$1"
	[ $status -eq 0 ] || [ $status -eq $((128 + number)) ] ||
		fail "$1 ended with status $status: $(tail -n 5 "$T/$1.log")"
}

join()
{
	reap "$1" "${2:-10}"
	[ $status -eq 0 ] ||
		fail "$1 ended with status $status: $(tail -n 5 "$T/$1.log")"
}

port_of()
{
	wait_for "[ -s '$T/$1.port' ]"
	head -n 1 "$T/$1.port"
}

free_port()
{
	"$TOOLS/freeport" "${1:-1}"
}

log_has()
{
	grep -Eq -- "$1" "$T/${2:-$lb4_name}.log"
}

# A log's lines are written behind what they tell of.
log_gets()
{
	gets=("$@")
	# shellcheck disable=SC2016 # for eval
	wait_for 'log_has "${gets[@]}"'
}

# Ready is what lb4 itself calls so: the log line that goes with READY=1.
lb4_ready()
{
	log_has '(^|[^a-z])ready([^a-z]|$)'
}

lb4_start()
{
	[ -x "$LB4" ] || fail "there is no $LB4"
	: >"$T/$lb4_name.log"
	start "$lb4_name" "$LB4" --core --relay="$MODE" "$@"
	wait_for "lb4_ready || ! running $lb4_name"
	running "$lb4_name" ||
		fail "lb4 did not start: $(tail -n 5 "$T/$lb4_name.log")"
}

lb4_stop()
{
	kill -TERM "$(pid_of "$lb4_name")" 2>/dev/null || true
	reap "$lb4_name" 15
	[ $status -eq 0 ] || fail "lb4 left with status $status"
	no_reports
}

lb4_as()
{
	local lb4_name=$1

	shift
	"$@"
}

access_field()
{
	local log=${ACCESS_LOG:-$T/$lb4_name.log} line

	line=$(grep -E '(^| )client=' "$log" | grep -E -- "${2:-.}" |
	    tail -n 1) || fail "no line of the access log matches ${2:-}"
	sed -nE "s/^(.* )?$1=(\"[^\"]*\"|[^ ]*).*/\2/p" <<<"$line" |
	    sed 's/^"\(.*\)"$/\1/'
}

# Fails if an assertion has failed or a sanitizer wrote a report.
no_reports()
{
	local file bad=

	for file in "$T"/report*; do
		[ -e "$file" ] || continue
		# said when a thread ends while leaks are looked for
		grep -v 'Unable to get registers from thread' "$file" || continue
		bad=1
	done
	if grep -aHE 'ERROR: AddressSanitizer|ThreadSanitizer|runtime error:|LeakSanitizer|: Assertion .* failed' \
	    "$T"/*.log 2>/dev/null; then
		bad=1
	fi
	[ -z "$bad" ] || fail "an assertion failed, or a sanitizer wrote a report"
}

# Ends what still runs: lb4 by TERM first, so that leaks are looked for.
end_all()
{
	local name pid tries

	for name in "${started[@]}"; do
		running "$name" || continue
		pid=${pids[$name]}
		if [ "$(readlink "/proc/$pid/exe")" = "$(realpath -- "$LB4")" ]
		then
			# The first begins to drain, the second stops at once.
			for ((tries = 0; tries < 250 * slow; tries++)); do
				[ $((tries % 25)) -ne 0 ] ||
					kill -TERM "$pid" 2>/dev/null || true
				kill -0 "$pid" 2>/dev/null || break
				sleep 0.02
			done
		fi
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

show_logs()
{
	local log

	for log in "$T"/*.log; do
		[ -s "$log" ] || continue
		echo "--- the end of ${log##*/}"
		tail -n 20 "$log"
	done
}

on_exit()
{
	local status=$1

	trap - EXIT ERR
	set +e
	end_all
	(no_reports) || status=1
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ] || show_logs
	[ -z "${t_is_ours:-}" ] || rm -rf "$T"
	exit "$status"
}

trap 'on_exit $?' EXIT
trap 'echo "$0: line $LINENO: failed: $BASH_COMMAND" >&2' ERR
trap 'exit 143' TERM
trap 'exit 130' INT
