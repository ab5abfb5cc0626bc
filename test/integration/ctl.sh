# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# What the tests of lb4ctl share, after lib.sh; LB4_CONTROL names the socket.
# Each leaves what lb4ctl has said in $said.

ctl=$LB4CTL
said=$T/said
# says REGEX WORD...: lb4ctl leaves with 0, and a line matches
says()
{
	local regex=$1

	shift
	"$ctl" "$@" >"$said" 2>&1 || fail "lb4ctl $*: status $?: $(cat "$said")"
	grep -qE -- "$regex" "$said" || fail "lb4ctl $*: $(cat "$said")"
}
# json SCHEMA CONDITION WORD...: likewise, as JSON; CONDITION is Python about a
json()
{
	local schema=$1 condition=$2

	shift 2
	"$ctl" "$@" --json >"$said" ||
		fail "lb4ctl $* --json: status $?: $(cat "$said")"
	validate "$schema" "$condition" <"$said" ||
		fail "lb4ctl $* --json: $(cat "$said")"
}
validate()
{
	"$here/validate.py" "$here/../../etc/schema" "$@"
}
# leaves STATUS CODE WORD...: with that status, and the error of that code; as
# JSON it is one of the schema
leaves()
{
	local want=$1 code=$2 status=0

	shift 2
	"$ctl" "$@" >"$said" 2>&1 || status=$?
	same "$want" $status "status of lb4ctl $*"
	grep -q "^lb4ctl: error: $code: " "$said" ||
		fail "lb4ctl $*: $(cat "$said")"
	status=0
	"$ctl" --json "$@" >"$said" 2>&1 || status=$?
	same "$want" $status "status of lb4ctl --json $*"
	validate error "a['error']['code'] == '$code'" <"$said" ||
		fail "lb4ctl $* --json: $(cat "$said")"
}
