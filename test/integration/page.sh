# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# What the tests of the status page share, after lib.sh: a Chromium, driven by
# page.py.
#
# page_start            starts it
# page COMMAND WORD...  a command of page.py; what it tells is in $told
# page_close            ends it

page_start()
{
	mkfifo "$T/ask" "$T/hear"
	# shellcheck disable=SC2016 # the other bash evaluates it
	HOME=$T start browser bash -c 'exec "$0" <"$1" >"$2"' \
	    "$here/page.py" "$T/ask" "$T/hear"
	exec 3>"$T/ask" 4<"$T/hear"
}

page()
{
	local line answer

	line=$(IFS=$'\x1f' && printf '%s' "$*")
	printf '%s\n' "${line//$'\n'/ }" >&3
	read -r -t 600 answer told <&4 ||
		fail "page.py: $(cat "$T/browser.log")"
	[ "$answer" = ok ] || fail "page $*: $told"
}

page_close()
{
	printf 'quit\n' >&3
	join browser 30
}
